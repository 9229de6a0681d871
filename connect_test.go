package realtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// transports runs a test over each way to connect.
func transports(t *testing.T, cfg realtime.Config, test func(f *fixture, o realtimetest.Options)) {
	t.Helper()
	for name, tr := range map[string]realtimetest.Transport{
		"websocket": realtimetest.WebSocket, "polling": realtimetest.Polling, "upgrade": realtimetest.Upgrade,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, cfg, func(f *fixture) { test(f, realtimetest.Options{Transport: tr}) })
		})
	}
}

func TestConnectReplyComesFirst(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		f.OnConnect(func(ctx context.Context, c *realtime.Conn) error {
			return c.Emit(ctx, "welcome", c.ID())
		})
		c := f.host.Connect(o)
		if len(c.ID()) != 20 {
			f.Errorf("id %q has not 20 characters", c.ID())
		}
		if got := realtimetest.Expect[string](c, "welcome"); got != c.ID() {
			f.Errorf("welcome %q, want the id %q", got, c.ID())
		}
	})
}

func TestHandshakeIsWhatTheClientSent(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		c := f.host.Connect(realtimetest.Options{
			Auth: map[string]int{"n": 7}, Query: map[string][]string{"room": {"1", "2"}}, Address: "203.0.113.9",
			Header: map[string][]string{"X-Device": {"phone"}},
		})
		h := f.conn(c).Handshake()
		var auth struct{ N int }
		if err := h.BindAuth(&auth); err != nil || auth.N != 7 {
			f.Errorf("auth %+v, %v", auth, err)
		}
		if h.Header.Get("X-Device") != "phone" || h.Address != "203.0.113.9" || h.Secure || h.XDomain {
			f.Errorf("handshake %+v %s", h.Header, h)
		}
		if diff := cmp.Diff([]string{"1", "2"}, h.Query["room"]); diff != "" {
			f.Error(diff)
		}
		h.Query.Set("room", "changed")
		if f.conn(c).Handshake().Query.Get("room") != "1" {
			f.Error("a caller changed the connection's handshake")
		}
	})
}

func TestHandshakeShowsNoCredentials(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		c := f.host.Connect(realtimetest.Options{
			Auth: token("s3cret"), Query: map[string][]string{"token": {"s3cret"}},
			Header: map[string][]string{"Authorization": {"Bearer s3cret"}},
		})
		h := f.conn(c).Handshake()
		asJSON, err := json.Marshal(h)
		if err != nil {
			f.Fatal(err)
		}
		for _, text := range []string{h.String(), h.GoString(), h.LogValue().String(), string(asJSON)} {
			if strings.Contains(text, "s3cret") {
				f.Errorf("a credential stands in %q", text)
			}
		}
		c.Close()
		synctest.Wait()
		if strings.Contains(f.log.String(), "s3cret") {
			f.Error("a credential stands in the log")
		}
	})
}

func TestUseRefusesWithConnectError(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		want string // the CONNECT_ERROR
	}{
		{"exact", &realtime.ConnectError{Message: "full", Data: map[string]int{"seats": 10}}, `full {"seats":10}`},
		{"exact without data", &realtime.ConnectError{Message: "full"}, `full <nil>`},
		{"public", realtime.Errorf("banned", "until %s", "Monday"), `until Monday {"code":"banned"}`},
		{"public with data", &realtime.Error{Code: "c", Message: "m", Data: 5}, `m {"code":"c","data":5}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
				f.Use(func(context.Context, *realtime.Conn) error { return tc.err })
				f.OnConnect(func(context.Context, *realtime.Conn) error { t.Error("OnConnect ran"); return nil })
				f.OnDisconnect(func(context.Context, *realtime.Conn, realtime.Disconnected) { t.Error("OnDisconnect ran") })
				if o.Transport == realtimetest.Upgrade {
					o.Transport = realtimetest.Polling
				}
				if got := refusalText(f.host.TryConnect(o)); got != tc.want {
					f.Errorf("got %s, want %s", got, tc.want)
				}
			})
		})
	}
}

func refusalText(_ *realtimetest.Client, err error) string {
	var refused *realtime.ConnectError
	if !errors.As(err, &refused) {
		return "not refused: " + errorText(err)
	}
	if raw, ok := refused.Data.(json.RawMessage); ok {
		return refused.Message + " " + string(raw)
	}
	return refused.Message + " <nil>"
}

func errorText(err error) string {
	if err == nil {
		return "<nil>"
	}
	return err.Error()
}

func TestInternalErrorOfUseStaysOnTheServer(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		f.Use(func(context.Context, *realtime.Conn) error { return errors.New("dsn=secret") })
		text := refusalText(f.host.TryConnect(realtimetest.Options{}))
		if strings.Contains(text, "secret") || !strings.HasPrefix(text, `internal error {"code":"internal","id":"`) {
			f.Fatalf("client saw %s", text)
		}
		id := strings.Split(text, `"id":"`)[1][:12]
		if len(f.log.lines(id, "dsn=secret")) != 1 {
			f.Errorf("the log does not tell of %s:\n%s", id, f.log)
		}
	})
}

func TestPanicWhileConnectingRefuses(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		f.Use(func(context.Context, *realtime.Conn) error { panic("boom") })
		if text := refusalText(f.host.TryConnect(realtimetest.Options{})); !strings.Contains(text, `"code":"internal"`) {
			f.Errorf("client saw %s", text)
		}
		if len(f.log.lines("boom", "stack=")) != 1 {
			f.Errorf("one line with the stack expected:\n%s", f.log)
		}
	})
}

func TestErrorOfOnConnectTellsAndDisconnects(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return realtime.Errorf("full", "no seat") },
		"panic": func() error { panic("boom") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, realtime.Config{}, func(f *fixture) {
				ended := make(chan realtime.Disconnected, 1)
				f.OnConnect(func(context.Context, *realtime.Conn) error { return fail() })
				f.OnDisconnect(func(_ context.Context, _ *realtime.Conn, why realtime.Disconnected) { ended <- why })
				c := f.connect()
				body := realtimetest.Expect[struct{ Error struct{ Code string } }](c, "exception")
				if want := map[string]string{"error": "full", "panic": "internal"}[name]; body.Error.Code != want {
					f.Errorf("code %q, want %q", body.Error.Code, want)
				}
				if reason := c.WaitClosed(); reason != realtimetest.ReasonServer {
					f.Errorf("reason %q", reason)
				}
				if why := <-ended; why.Cause != realtime.CauseServerDisconnect {
					f.Errorf("cause %v", why)
				}
			})
		})
	}
}

func TestAuthenticatorGivesIdentity(t *testing.T) {
	bubble(t, realtime.Config{Auth: userByToken{}}, func(f *fixture) {
		if got := refusalText(f.host.TryConnect(realtimetest.Options{})); got != `log in first {"code":"unauthorized"}` {
			f.Errorf("refused with %s", got)
		}
		c := f.host.Connect(realtimetest.Options{Auth: token("ann")})
		conn := f.conn(c)
		if conn.UserID() != "ann" {
			f.Errorf("user %q", conn.UserID())
		}
		if claims, ok := realtime.ClaimsOf[struct{ Token string }](conn); !ok || claims.Token != "ann" {
			f.Errorf("claims %+v %v", claims, ok)
		}
		if _, ok := realtime.ClaimsOf[int](conn); ok {
			f.Error("claims of another type")
		}
		f.Of("/open").SetAuth(nil)
		open := f.connect("/open")
		if open.ID() == "" {
			f.Error("SetAuth(nil) did not open the namespace")
		}
	})
}

func TestNamespaces(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		whereAmI := func(r realtime.Router) {
			r.HandleEvent("where", func(_ context.Context, c *realtime.Conn, ev *realtime.Event) error {
				return ev.Reply(c.Namespace().Name())
			})
		}
		whereAmI(f.Server)
		whereAmI(f.Of("admin")) // a leading slash is added
		root := f.host.Connect(o)
		admin := root.Join(realtimetest.Options{Namespace: "/admin"})
		for c, want := range map[*realtimetest.Client]string{root: "/", admin: "/admin"} {
			if got := realtimetest.Call[string](c, "where"); got != want {
				f.Errorf("handled in %q, want %q", got, want)
			}
		}
		if root.ID() == admin.ID() {
			f.Error("two namespaces, one id")
		}
		if got := refusalText(root.TryJoin(realtimetest.Options{Namespace: "/nope"})); got != "Invalid namespace <nil>" {
			f.Errorf("unknown namespace: %s", got)
		}
		admin.Disconnect() // D18: the link stays, and the namespace can be joined again
		synctest.Wait()
		if again := root.Join(realtimetest.Options{Namespace: "/admin"}); again.ID() == admin.ID() {
			f.Error("the id was used twice")
		}
		if got := realtimetest.Call[string](root, "where"); got != "/" {
			f.Errorf("the other namespace suffered: %q", got)
		}
	})
}

func TestDynamicNamespaces(t *testing.T) {
	bubble(t, realtime.Config{Limits: realtime.Limits{DynamicNamespaces: 2}}, func(f *fixture) {
		tables := f.OfFunc(func(name string) bool { return strings.HasPrefix(name, "/table-") })
		ended := make(chan string, 10)
		tables.OnDisconnect(func(_ context.Context, c *realtime.Conn, _ realtime.Disconnected) { ended <- c.Namespace().Name() })
		realtime.Handle(tables, "where", func(_ context.Context, c *realtime.Conn, _ any) (string, error) {
			return c.Namespace().Name(), nil
		})
		one, two := f.connect("/table-1"), f.connect("/table-2")
		if got := realtimetest.Call[string](two, "where"); got != "/table-2" {
			f.Errorf("handled in %q", got)
		}
		if err := f.Of("/table-1").Emit(f.Context(), "only"); err != nil {
			f.Error(err)
		}
		realtimetest.Expect[any](one, "only")
		if got := pending(two); got != "" {
			f.Errorf("the other namespace heard %s", got)
		}
		if got := refusalText(f.host.TryConnect(realtimetest.Options{Namespace: "/table-3"})); got != `too many namespaces {"code":"too_many"}` {
			f.Errorf("above the limit: %s", got)
		}
		if n := f.Stats().Namespaces; n != 3 {
			f.Errorf("%d namespaces, want 3", n)
		}
		two.Close()
		if name := <-ended; name != "/table-2" {
			f.Errorf("ended %s", name)
		}
		synctest.Wait()
		if n := f.Stats().Namespaces; n != 2 {
			f.Errorf("%d namespaces after the last client left, want 2", n)
		}
		f.connect("/table-3") // there is room again
	})
}

// R39: a name that nothing matches allocates no namespace.
func TestUnknownNamespacesLeaveNothing(t *testing.T) {
	bubble(t, realtime.Config{Limits: realtime.Limits{ConnectAttempts: -1}}, func(f *fixture) {
		c := f.connect()
		for range 5000 {
			if err := c.Send("0/x-" + strings.Repeat("y", 100) + ","); err != nil {
				f.Fatal(err)
			}
		}
		synctest.Wait()
		if n := f.Stats().Namespaces; n != 1 {
			f.Errorf("%d namespaces", n)
		}
	})
}

// D12: events sent before the CONNECT reply wait for it, and are dropped if it is a refusal.
func TestEventsBeforeConnectReply(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		handled := make(chan string, 10)
		f.Use(func(_ context.Context, c *realtime.Conn) error {
			<-time.After(time.Second)
			if c.Handshake().Auth != nil {
				return realtime.Errorf("no", "no")
			}
			return nil
		})
		realtime.On(f.Server, "early", func(_ context.Context, c *realtime.Conn, s string) error { handled <- s; return nil })
		spare := f.Of("/spare")
		realtime.Handle(spare, "alive", func(context.Context, *realtime.Conn, any) (bool, error) { return true, nil })
		host := f.connect("/spare")
		if err := host.Send("0", `2["early","a"]`, `2["early","b"]`); err == nil {
			synctest.Wait()
		}
		pass(2 * time.Second)
		if len(handled) != 2 || <-handled != "a" || <-handled != "b" {
			f.Error("early events were not handled in order")
		}

		refused := f.connect("/spare")
		if err := refused.Send(`0{"token":1}`, `2["early","c"]`); err != nil {
			f.Fatal(err)
		}
		pass(2 * time.Second)
		if len(handled) != 0 {
			f.Error("an event of a refused connection was handled")
		}
		if !realtimetest.Call[bool](refused, "alive") {
			f.Error("the link suffered")
		}
	})
}

// Rooms joined in Use count from the admission on: a refused connection leaves no OnJoin behind.
func TestJoinInUse(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		var trace []string
		note := func(sign string) func(context.Context, *realtime.Conn, string) {
			return func(_ context.Context, _ *realtime.Conn, room string) { trace = append(trace, sign+room) }
		}
		f.OnJoin(note("+"))
		f.OnLeave(note("-"))
		f.OnConnect(func(context.Context, *realtime.Conn) error { trace = append(trace, "connect"); return nil })
		f.Use(func(ctx context.Context, c *realtime.Conn) error {
			if err := errors.Join(c.Join(ctx, "a", "b", "c"), c.Leave(ctx, "b")); err != nil {
				return err
			}
			if !c.In("a") || c.In("b") {
				f.Error("In does not tell of what was joined")
			}
			if _, err := c.EmitWithAck(ctx, "early"); !errors.Is(err, realtime.ErrConnecting) {
				f.Errorf("EmitWithAck: %v", err)
			}
			if c.Handshake().Auth != nil {
				return realtime.Errorf("no", "no")
			}
			return nil
		})
		if _, err := f.host.TryConnect(realtimetest.Options{Auth: token("x")}); err == nil || len(trace) != 0 {
			f.Errorf("refused: %v, %v", err, trace)
		}
		c := f.connect()
		synctest.Wait()
		if n, err := f.Room("a").Len(f.Context()); n != 1 || err != nil {
			f.Errorf("%d in room a, %v", n, err)
		}
		c.Close()
		synctest.Wait()
		if diff := cmp.Diff([]string{"+a", "+c", "connect", "-a", "-c"}, trace); diff != "" {
			f.Error(diff)
		}
	})
}

func TestUpgradedHook(t *testing.T) {
	var upgraded chan []*realtime.Conn
	bubble(t, realtime.Config{Hooks: realtime.Hooks{Upgraded: func(conns []*realtime.Conn) { upgraded <- conns }}}, func(f *fixture) {
		upgraded = make(chan []*realtime.Conn, 1) // of this bubble
		c := f.host.Connect(realtimetest.Options{Transport: realtimetest.Upgrade})
		if conns := <-upgraded; len(conns) != 1 || conns[0].ID() != c.ID() || conns[0].Transport() != "websocket" {
			f.Errorf("told of %v", conns)
		}
	})
}
