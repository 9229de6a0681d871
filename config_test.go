package realtime_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// mistakes are the rules of Validate: how each is broken, and what the error says. They can be made together.
var mistakes = []struct {
	make func(c *realtime.Config)
	says string
}{
	{func(c *realtime.Config) { c.Path = "socket.io?x" }, `Path: "socket.io?x" does not begin with a slash`},
	{func(c *realtime.Config) { c.Path = "socket.io?x" }, `Path: "socket.io?x" holds a query`},
	{func(c *realtime.Config) { c.Transports = 8 }, "Transports: unknown"},
	{func(c *realtime.Config) { c.Origins = append(c.Origins, "game.example.com") }, `origin "game.example.com"`},
	{func(c *realtime.Config) { c.Origins = append(c.Origins, "https://a.example/path") }, `origin "https://a.example/path"`},
	{func(c *realtime.Config) { c.Origins = append(c.Origins, "https://*.*.example") }, `origin "https://*.*.example"`},
	{func(c *realtime.Config) { c.Origins = append(c.Origins, "null") }, `origin "null"`},
	{func(c *realtime.Config) { c.Origins, c.Credentials = append(c.Origins, "*"), true }, `"*" together with Credentials`}, // R48
	{func(c *realtime.Config) { c.CORS.MaxAge = -1 }, "CORS.MaxAge: must not be negative"},
	{func(c *realtime.Config) { c.CORS.AllowedHeaders = []string{"X Y"} }, `CORS: "X Y"`},
	{func(c *realtime.Config) { c.CORS.ExposedHeaders = []string{"X\r\nY"} }, `CORS: "X\r\nY"`},
	{func(c *realtime.Config) { c.CORS.Methods = []string{""} }, `CORS: ""`},
	{func(c *realtime.Config) { c.Cookie = &http.Cookie{Name: "a b"} }, "Cookie.Name: not a cookie name"},
	{func(c *realtime.Config) { c.Compression.Threshold = -1 }, "Compression.Threshold"},
	{func(c *realtime.Config) { c.FlushDelay = -1 }, "FlushDelay: must be between"},
	{func(c *realtime.Config) { c.FlushDelay = time.Second + 1 }, "FlushDelay: must be between"},
	{func(c *realtime.Config) { c.AckTimeout = -1 }, "AckTimeout: must be positive"},
	{func(c *realtime.Config) { c.Heartbeat.Interval = -1 }, "Heartbeat.Interval: -1ns is under"},
	{func(c *realtime.Config) { c.Heartbeat.Timeout = time.Microsecond }, "Heartbeat.Timeout: 1µs is under"},
	{func(c *realtime.Config) { c.Heartbeat.ConnectTimeout = -1 }, "Heartbeat.ConnectTimeout: "},
	{func(c *realtime.Config) { c.Heartbeat.UpgradeTimeout = -1 }, "Heartbeat.UpgradeTimeout: "},
	{func(c *realtime.Config) { c.Limits.MessageSize = -1 }, "Limits.MessageSize: must be positive"},
	{func(c *realtime.Config) { c.Limits.ConnectMessageSize = 2_000_000 }, "Limits.ConnectMessageSize: is above MessageSize"},
	{func(c *realtime.Config) { c.Limits.Attachments = 11 }, "Limits.Attachments: must be 1 to 10"},
	{func(c *realtime.Config) { c.Limits.JSONDepth = -1 }, "Limits.JSONDepth: must be positive"},
	{func(c *realtime.Config) { c.Limits.ConnectJSONDepth = -1 }, "Limits.JSONDepth: must be positive"},
	{func(c *realtime.Config) { c.Limits.NameLength = -1 }, "Limits.NameLength: must be positive"},
	{func(c *realtime.Config) { c.Limits.OutboundMessages = -1 }, "Limits.Outbound*: every queue has a bound"},
	{func(c *realtime.Config) { c.Limits.OutboundBytes = -1 }, "Limits.Outbound*: every queue has a bound"},
	{func(c *realtime.Config) { c.Limits.InboundEvents = -1 }, "Limits.Inbound*: every queue has a bound"},
	{func(c *realtime.Config) { c.Limits.InboundBytes = -1 }, "Limits.Inbound*: every queue has a bound"},
	{func(c *realtime.Config) { c.Limits.EventBurst = -1 }, "Limits.EventBurst: must be positive"},
	{func(c *realtime.Config) { c.Limits.ByteBurst = -1 }, "Limits.ByteBurst: must be positive"},
	{func(c *realtime.Config) { c.Limits.FloodTimeout = -1 }, "Limits.FloodTimeout: must be positive"},
	{func(c *realtime.Config) { c.Limits.PartialPacket = -1 }, "Limits.PartialPacket: must be positive"},
	{func(c *realtime.Config) { c.Limits.Concurrent = -1 }, "Limits.Concurrent: must be positive"},
	{func(c *realtime.Config) { c.Limits.Handshakes = -1 }, "Limits.Handshake*: must be positive"},
	{func(c *realtime.Config) { c.Limits.HandshakeWait = -1 }, "Limits.Handshake*: must be positive"},
	{func(c *realtime.Config) { c.Limits.WriteTimeout = -1 }, "Limits.*Timeout: must be positive"},
	{func(c *realtime.Config) { c.Limits.MessageTimeout = -1 }, "Limits.*Timeout: must be positive"},
	{func(c *realtime.Config) { c.Limits.BodyTimeout = -1 }, "Limits.*Timeout: must be positive"},
	{func(c *realtime.Config) { c.Limits.PendingAcks = -1 }, "Limits.PendingAcks: must be positive"},
	{func(c *realtime.Config) { c.Expiry.Interval = -1 }, "Expiry.Interval: must be positive"},
	{func(c *realtime.Config) { c.Expiry.Remember = -1 }, "Expiry.Remember: must be positive"},
	{func(c *realtime.Config) { c.Sessions.Max = -1 }, "Sessions.Max: must not be negative"},
	{func(c *realtime.Config) { c.Anomalies.Window = -1 }, "Anomalies.Window: must be positive"},
	{func(c *realtime.Config) { c.Anomalies.Subjects = -1 }, "Anomalies.Subjects: must be positive"},
	{func(c *realtime.Config) { c.Anomalies.Addresses = 65 }, "Anomalies.Addresses: at most 64"},
	{func(c *realtime.Config) { c.Anomalies.LatencyJump = 0.5 }, "Anomalies.LatencyJump: must be above 1"},
	{func(c *realtime.Config) { c.Limits.ConnectionsPerAddress = 5 }, "Limits.ConnectionsPerAddress: needs TrustedProxies"},
}

// R46: every mistake is told at once, by the name of its field, and New refuses what Validate does.
func TestValidateTellsEveryMistakeAtOnce(t *testing.T) {
	if err := (realtime.Config{}).Validate(); err != nil {
		t.Errorf("the zero value: %v", err)
	}
	var all realtime.Config
	for _, m := range mistakes {
		var one realtime.Config
		m.make(&one)
		m.make(&all)
		err := one.Validate()
		if err == nil || !strings.Contains(err.Error(), m.says) || !strings.HasPrefix(err.Error(), "realtime: Config.") {
			t.Errorf("want %q, got %v", m.says, err)
		}
		srv, newErr := realtime.New(one)
		if srv != nil || errorText(newErr) != errorText(err) {
			t.Errorf("%s: New returned %v, %v", m.says, srv, newErr)
		}
	}
	text := errorText(all.Validate())
	for _, m := range mistakes {
		if !strings.Contains(text, m.says) {
			t.Errorf("all at once: %q is missing in\n%s", m.says, text)
		}
	}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "realtime: Config.") {
			t.Errorf("no field is named in %q", line)
		}
	}
}

// The other side of each rule.
func TestValidateAccepts(t *testing.T) {
	for name, cfg := range map[string]realtime.Config{
		"origins":          {Origins: []string{"https://game.example.com", "http://localhost:3000", "https://*.example.com", "capacitor://localhost"}, Credentials: true},
		"every origin":     {Origins: []string{"*"}},
		"one transport":    {Transports: realtime.WebSocket},
		"other path":       {Path: "/rt"},
		"CORS":             {CORS: realtime.CORS{AllowedHeaders: []string{"X-Token"}, ExposedHeaders: []string{"X-Y"}, Methods: []string{"GET"}, MaxAge: time.Hour}},
		"cookie":           {Cookie: &http.Cookie{Name: "io", Path: "/", HttpOnly: true}},
		"short heartbeat":  {Heartbeat: realtime.Heartbeat{Interval: time.Millisecond, Timeout: time.Millisecond}},
		"small messages":   {Limits: realtime.Limits{MessageSize: 1000}}, // ConnectMessageSize follows
		"addresses":        {TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Limits: realtime.Limits{ConnectionsPerAddress: 5}},
		"rates off":        {Limits: realtime.Limits{EventRate: -1, EventBurst: -1, ByteRate: -1, ByteBurst: -1}},
		"one attachment":   {Limits: realtime.Limits{Attachments: 1}},
		"addresses denied": {Limits: realtime.Limits{ConnectionsPerAddress: -1}},
	} {
		if err := cfg.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The numbers of the contract; Stats shows what is in force (R46).
func TestDefaults(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		want := realtime.Limits{
			MessageSize: 1_000_000, ConnectMessageSize: 64 << 10,
			Attachments: 10, JSONDepth: 64, ConnectJSONDepth: 16, NameLength: 255,
			OutboundMessages: 4096, OutboundBytes: 1 << 20, OutboundMemory: 256 << 20,
			InboundEvents: 128, InboundBytes: 1 << 20, EventRate: 200, EventBurst: 1000, ByteRate: 1 << 20, ByteBurst: 4 << 20,
			FloodTimeout: 30 * time.Second, Concurrent: 16, PartialPacket: 15 * time.Second,
			Rooms: 256, Namespaces: 32, ConnectAttempts: 64, DynamicNamespaces: 10_000,
			PendingAcks: 256, UnknownAcks: 100, PublicData: 4 << 10,
			WriteTimeout: 10 * time.Second, MessageTimeout: 15 * time.Second, BodyTimeout: 10 * time.Second, ControlPackets: 1024,
			UnjoinedSessions: 4096, Handshakes: 256, HandshakeWait: 2 * time.Second,
		}
		if diff := cmp.Diff(want, f.Stats().Limits); diff != "" {
			f.Error(diff)
		}
		s := &rawSession{f: f}
		_, open := s.do(http.MethodGet, "")
		if rest := open[strings.Index(open, `","upgrades"`):]; rest != `","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":10000,"maxPayload":1000000}` {
			f.Errorf("open packet %s", open)
		}
		start := time.Now()
		pass(time.Minute) // R11: no namespace was joined
		if !f.log.has("no namespace joined in time") {
			f.Errorf("log:\n%s", f.log)
		}
		if n := f.Stats(); n.Sessions != 0 || n.Unjoined != 0 {
			f.Errorf("after %v: %+v", time.Since(start), n)
		}
		if nodes, err := f.Nodes(f.Context()); err != nil || len(nodes) != 1 || nodes[0].Name != nodes[0].ID || nodes[0].ID == "" {
			f.Errorf("%+v, %v", nodes, err)
		}
	})
}

// has reports whether a text was logged.
func (b *logBook) has(text string) bool { return strings.Contains(b.String(), text) }

func TestOutboundMemoryFollowsTheMemoryLimit(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	for limit, want := range map[int64]int64{400 << 20: 100 << 20, 8 << 30: 256 << 20, math.MaxInt64: 256 << 20} {
		debug.SetMemoryLimit(limit)
		srv, err := realtime.New(realtime.Config{Logger: (&logBook{}).logger()})
		if err != nil {
			t.Fatal(err)
		}
		if got := srv.Stats().Limits.OutboundMemory; got != want {
			t.Errorf("with a memory limit of %d: %d, want %d", limit, got, want)
		}
	}
}

// R46: every limit can be set and is seen in Stats.
func TestEveryLimitIsSeen(t *testing.T) {
	cfg := realtime.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	limits := reflect.ValueOf(&cfg.Limits).Elem()
	for i := range limits.NumField() {
		limits.Field(i).SetInt(int64(1000 + i))
	}
	cfg.Limits.MessageSize, cfg.Limits.Attachments = 2000, 9
	cfg.Logger = (&logBook{}).logger()
	srv, err := realtime.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(cfg.Limits, srv.Stats().Limits); diff != "" {
		t.Error(diff)
	}
}

// A negative number turns a limit off.
func TestLimitsThatAreOff(t *testing.T) {
	off := realtime.Config{Limits: realtime.Limits{
		EventRate: -1, ByteRate: -1, Rooms: -1, Namespaces: -1, ConnectAttempts: -1, DynamicNamespaces: -1, UnknownAcks: -1,
		PublicData: -1, UnjoinedSessions: -1, OutboundMemory: -1, ControlPackets: -1, ConnectionsPerAddress: -1,
	}}
	transports(t, off, func(f *fixture, o realtimetest.Options) {
		handled := make(chan struct{}, 10_000)
		realtime.On(f.Server, "n", func(context.Context, *realtime.Conn, int) error { handled <- struct{}{}; return nil })
		f.OfFunc(func(string) bool { return true })
		c := f.host.Connect(o)
		conn, start := f.conn(c), time.Now()

		if err := c.Send(burst(5000)...); err != nil { // EventRate
			f.Fatal(err)
		}
		for range 5000 {
			<-handled
		}
		for range 8 { // ByteRate
			if err := c.Send(`2["n",1,"` + strings.Repeat("x", 900_000) + `"]`); err != nil {
				f.Fatal(err)
			}
			<-handled
		}
		rooms := make([]string, 1000) // Rooms
		for i := range rooms {
			rooms[i] = fmt.Sprint("r", i)
		}
		if err := conn.Join(f.Context(), rooms...); err != nil {
			f.Error(err)
		}
		for i := range 100 { // Namespaces, ConnectAttempts, DynamicNamespaces
			c.Join(realtimetest.Options{Namespace: fmt.Sprint("/n", i)})
		}
		acks := make([]string, 500) // UnknownAcks
		for i := range acks {
			acks[i] = `3777["?"]`
		}
		if err := c.Send(acks...); err != nil {
			f.Fatal(err)
		}
		if err := conn.SetPublic(strings.Repeat("x", 100_000)); err != nil { // PublicData
			f.Error(err)
		}
		synctest.Wait()
		if err := f.Server.Emit(f.Context(), "x", strings.Repeat("x", 100_000)); err != nil { // OutboundMemory
			f.Error(err)
		}
		realtimetest.Expect[string](c, "x")
		if took := time.Since(start); took != 0 || c.Reason() != "" {
			f.Errorf("it took %v, %q", took, c.Reason())
		}
	})
	bubble(t, off, func(f *fixture) {
		s := f.raw()
		if status, _ := s.do(http.MethodPost, strings.Repeat("6\x1e", 5000)+"6"); status != http.StatusOK { // ControlPackets
			f.Errorf("status %d", status)
		}
		for range 100 { // UnjoinedSessions
			f.socket()
		}
		if st := f.Stats(); st.Sessions != 101 || st.Unjoined != 100 {
			f.Errorf("%+v", st)
		}
	})
}

// New copies what it was given.
func TestConfigIsCopied(t *testing.T) {
	cfg := realtime.Config{Origins: []string{"https://a.example"}, Cookie: &http.Cookie{Name: "io"}}
	bubble(t, cfg, func(f *fixture) {
		cfg.Origins[0], cfg.Cookie.Name = "https://b.example", "changed"
		for origin, want := range map[string]string{"https://a.example": "200", "https://b.example": "403"} {
			answer := f.get("/socket.io/?EIO=4&transport=polling", http.Header{"Origin": {origin}})
			if !strings.HasPrefix(answer, "HTTP/1.1 "+want) || want == "200" && !strings.Contains(answer, "\nSet-Cookie: io=") {
				f.Errorf("%s: %s", origin, answer)
			}
		}
	})
}

func TestSettingsOfTheEngineArriveThere(t *testing.T) {
	t.Run("path", func(t *testing.T) {
		bubble(t, realtime.Config{Path: "/rt/"}, func(f *fixture) {
			if c := f.host.Connect(realtimetest.Options{Path: "/rt/", Transport: realtimetest.Upgrade}); c.ID() == "" {
				f.Error("not connected")
			}
			if answer := f.get("/socket.io/?EIO=4&transport=polling", nil); !strings.HasPrefix(answer, "HTTP/1.1 404") {
				f.Error(answer)
			}
		})
	})
	for name, tc := range map[string]struct {
		only          realtime.Transport
		works, refuse realtimetest.Transport
	}{
		"websocket only": {realtime.WebSocket, realtimetest.WebSocket, realtimetest.Polling},
		"polling only":   {realtime.Polling, realtimetest.Polling, realtimetest.WebSocket},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, realtime.Config{Transports: tc.only}, func(f *fixture) {
				f.host.Connect(realtimetest.Options{Transport: tc.works})
				_, err := f.host.TryConnect(realtimetest.Options{Transport: tc.refuse})
				var refused *realtimetest.RefusedError
				if !errors.As(err, &refused) || refused.Status != http.StatusBadRequest || refused.Rule != "transport" {
					f.Errorf("%v", err)
				}
			})
		})
	}
	t.Run("heartbeat", func(t *testing.T) {
		cfg := realtime.Config{Heartbeat: realtime.Heartbeat{Interval: 5 * time.Second, Timeout: 2 * time.Second, ConnectTimeout: 3 * time.Second}}
		bubble(t, cfg, func(f *fixture) {
			ends := endings(f, f.Server)
			start := time.Now()
			f.connect().Cut()
			if e := one(f, ends); e.why.Cause != realtime.CausePingTimeout || e.at.Sub(start) > 7*time.Second {
				f.Errorf("%+v after %v", e.why, e.at.Sub(start))
			}
			s := f.socket()
			start = time.Now()
			if s.closed(); time.Since(start) != 3*time.Second {
				f.Errorf("connect timeout after %v", time.Since(start))
			}
		})
	})
	t.Run("addresses", func(t *testing.T) {
		cfg := realtime.Config{
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
			Limits:         realtime.Limits{ConnectionsPerAddress: 2},
		}
		bubble(t, cfg, func(f *fixture) {
			from := func(address string) realtimetest.Options {
				return realtimetest.Options{Header: http.Header{"X-Forwarded-For": {address}}}
			}
			first := f.host.Connect(from("198.51.100.1"))
			f.host.Connect(from("198.51.100.1"))
			_, err := f.host.TryConnect(from("198.51.100.1"))
			var refused *realtimetest.RefusedError
			if !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable || refused.Rule != "address" {
				f.Errorf("the third of one address: %v", err)
			}
			if c := f.host.Connect(from("198.51.100.2")); f.conn(c).Handshake().Address != "198.51.100.2" {
				f.Errorf("address %s", f.conn(c).Handshake().Address)
			}
			first.Close()
			synctest.Wait()
			f.host.Connect(from("198.51.100.1"))
		})
	})
}
