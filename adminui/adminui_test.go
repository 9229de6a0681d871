package adminui_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/adminui"
	"github.com/realtime-go/realtime/memadapter"
	"github.com/realtime-go/realtime/realtimetest"
)

const password = "correct horse"

var hash = sync.OnceValue(func() string {
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		panic(err)
	}
	return string(h)
})

// site is a server with an Admin UI, in fake time.
type site struct {
	realtime.Server

	t    *testing.T
	host *realtimetest.Server
}

func mount(t *testing.T, cfg realtime.Config, o adminui.Options) *site {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	srv, err := realtime.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	o.Username, o.PasswordHash = "admin", hash()
	if o.Logger == nil {
		o.Logger = cfg.Logger
	}
	ui, err := adminui.Mount(srv, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ui.Close)
	return &site{srv, t, realtimetest.Serve(t, srv)}
}

var credentials = map[string]string{"username": "admin", "password": password}

func (s *site) page() *realtimetest.Client {
	s.t.Helper()
	return s.host.Connect(realtimetest.Options{Namespace: "/admin", Auth: credentials})
}

// said is an event with its arguments as they came.
type said struct {
	realtime.Positional
	A, B, C, D, E json.RawMessage
}

func (s said) text(event string) string {
	line := event
	for _, arg := range []json.RawMessage{s.A, s.B, s.C, s.D, s.E} {
		if arg != nil {
			line += " " + string(arg)
		}
	}
	return line
}

// next returns all that a page was told so far, without the reports of servers.
func next(c *realtimetest.Client) (lines []string) {
	synctest.Wait()
	for _, event := range c.Pending() {
		args := realtimetest.Expect[said](c, event)
		if event != "server_stats" {
			lines = append(lines, args.text(event))
		}
	}
	return lines
}

func TestLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mount(t, realtime.Config{}, adminui.Options{})
		for _, auth := range []any{
			nil,
			map[string]string{"username": "admin", "password": "wrong"},
			map[string]string{"username": "root", "password": password},
			map[string]string{"sessionId": "8aa647be50f80ace"},
			map[string]any{"username": 1},
		} {
			_, err := s.host.TryConnect(realtimetest.Options{Namespace: "/admin", Auth: auth})
			var refused *realtime.ConnectError
			if !errors.As(err, &refused) || refused.Message != "invalid credentials" || refused.Data != nil {
				t.Errorf("%v: %v", auth, err)
			}
		}
		page := s.page()
		id := realtimetest.Expect[string](page, "session")
		page.Close()
		again := s.host.Connect(realtimetest.Options{Namespace: "/admin", Auth: map[string]string{"sessionId": id}})
		want := []string{`config {"supportedFeatures":["EMIT","JOIN","LEAVE","DISCONNECT","MJOIN","MLEAVE","MDISCONNECT","AGGREGATED_EVENTS"]}`}
		if diff := cmp.Diff(want, next(again)); diff != "" {
			t.Error(diff)
		}
		time.Sleep(25 * time.Hour) // synctest
		if _, err := s.host.TryConnect(realtimetest.Options{Namespace: "/admin", Auth: map[string]string{"sessionId": id}}); err == nil {
			t.Error("a session of yesterday")
		}
	})
}

func TestOptions(t *testing.T) {
	srv, err := realtime.New(realtime.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []adminui.Options{
		{},
		{Username: "admin"},
		{Username: "admin", PasswordHash: "plain"},
		{PasswordHash: hash()},
		{Username: "admin", PasswordHash: hash(), Sockets: -1},
		{Username: "admin", PasswordHash: hash(), EventRate: -1},
	} {
		if _, err := adminui.Mount(srv, o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func TestReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mount(t, realtime.Config{}, adminui.Options{ServerID: "srv-1", ReadOnly: true})
		page := s.page()
		user := s.host.Connect(realtimetest.Options{Transport: realtimetest.Polling})
		time.Sleep(2 * time.Second) // synctest
		next(page)
		user.Emit("x", 1)
		synctest.Wait()
		user.Close()
		time.Sleep(2 * time.Second) // synctest
		synctest.Wait()
		got := realtimetest.Expect[report](page, "server_stats")
		counts := map[string]int{}
		for _, a := range got.AggregatedEvents {
			if a.Timestamp != time.Now().Unix()*1000 {
				t.Errorf("%s of %d", a.Type, a.Timestamp)
			}
			counts[strings.TrimSpace(a.Type+" "+a.SubType)] = a.Count
		}
		delete(counts, "packetsOut") // what pages are sent themselves
		delete(counts, "bytesOut")
		want := map[string]int{"rawDisconnection transport error": 1, "packetsIn": 1, "bytesIn": len(`2["x",1]`)}
		if diff := cmp.Diff(want, counts); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]count{{"/", 0}, {"/admin", 1}}, got.Namespaces); diff != "" {
			t.Error(diff)
		}
		if got.ServerID != "srv-1" || got.Hostname == "" || got.Pid != os.Getpid() || got.Uptime != 4 || got.ClientsCount != 1 || got.PollingClientsCount != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// report is what the page reads of "server_stats".
type report struct {
	ServerID, Hostname                     string
	Pid, ClientsCount, PollingClientsCount int
	Uptime                                 float64
	AggregatedEvents                       []struct {
		Timestamp     int64
		Type, SubType string
		Count         int
	}
	Namespaces []count
}

type count struct {
	Name         string
	SocketsCount int
}

// TestReadOnly: nothing listens to commands.
func TestReadOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mount(t, realtime.Config{}, adminui.Options{ReadOnly: true})
		user, page := s.host.Connect(realtimetest.Options{}), s.page()
		if diff := cmp.Diff([]string{`config {"supportedFeatures":["AGGREGATED_EVENTS"]}`}, next(page)[1:]); diff != "" {
			t.Error(diff)
		}
		page.Emit("join", "/", "r")
		page.Emit("_disconnect", "/", false)
		synctest.Wait()
		if c, ok := s.Conn(user.ID()); !ok || len(c.Rooms()) != 0 {
			t.Error("a command was obeyed")
		}
	})
}

// TestCommandsMakeNothing: a namespace that is not there stays so, and a dynamic one is not kept.
func TestCommandsMakeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mount(t, realtime.Config{}, adminui.Options{Mode: adminui.Development})
		s.OfFunc(func(name string) bool { return strings.HasPrefix(name, "/table-") })
		page := s.page()
		user := s.host.Connect(realtimetest.Options{Namespace: "/table-1"})
		page.Emit("join", "/table-1", "r", user.ID())
		page.Emit("join", "/table-2", "r", nil)
		page.Emit("emit", "/table-1") // without an event
		user.Close()
		synctest.Wait()
		for _, n := range s.Namespaces() {
			if n.Dynamic {
				t.Errorf("%s is there", n.Name)
			}
		}
	})
}

// TestDevelopment goes through the capture of the reference: what a page is told of a client that comes, talks, moves and is ended, in
// the order and the shape of the capture.
func TestDevelopment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mount(t, realtime.Config{RawRooms: true}, adminui.Options{Mode: adminui.Development, ServerID: "srv-1"})
		realtime.On(s, "hello", func(ctx context.Context, c *realtime.Conn, n int) error { return c.Emit(ctx, "reply", n) })
		first := s.host.Connect(realtimetest.Options{Header: secret})
		page := s.page()
		if lines := next(page); len(lines) != 3 || !strings.HasPrefix(lines[2], `all_sockets [{"id":`) || strings.Contains(lines[2], "token") {
			t.Errorf("%q", lines)
		}
		user := s.host.Connect(realtimetest.Options{Transport: realtimetest.Upgrade})
		conn, _ := s.Conn(user.ID())
		synctest.Wait()
		user.Emit("hello", 1)
		synctest.Wait()
		ctx := t.Context()
		steps := []func() error{
			func() error { return conn.Join(ctx, "room1") },
			func() error { return conn.SetPublic(map[string]int{"count": 1}) },
			func() error { return conn.Leave(ctx, "room1") },
			func() error { page.Emit("emit", "/", user.ID(), "from-admin", map[string]int{"x": 1}); return nil },
			func() error { page.Emit("emit", "/", nil, "to-all"); return nil },
			func() error { page.Emit("join", "/", "r2", user.ID()); return nil },
			func() error { page.Emit("leave", "/", "r2", user.ID()); return nil },
			func() error { return s.Emit(ctx, "broadcast", 1) },
			func() error { page.Emit("_disconnect", "/", false, user.ID()); return nil },
		}
		for _, step := range steps {
			if err := step(); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		got := shapes(t, next(page), map[string]string{user.ID(): "USER", first.ID(): "FIRST"})
		if diff := cmp.Diff(golden(t), got); diff != "" {
			t.Error(diff)
		}
	})
}

var secret = http.Header{"Cookie": {"token=1"}, "Authorization": {"Bearer token"}}

// shapes makes lines comparable: ids get names, times are left out, of a socket its keys stay. Events to several sockets are sorted.
func shapes(t *testing.T, lines []string, names map[string]string) (out []string) {
	t.Helper()
	for _, line := range lines {
		event, args, _ := strings.Cut(line, " ")
		for id, name := range names {
			args = strings.ReplaceAll(args, id, name)
		}
		switch event {
		case "socket_connected":
			var sock struct {
				ID        string
				Handshake map[string]any
			}
			var all map[string]any
			object := args[:strings.LastIndexByte(args, ' ')]
			if err := errors.Join(json.Unmarshal([]byte(object), &sock), json.Unmarshal([]byte(object), &all)); err != nil {
				t.Fatal(err, object)
			}
			args = fmt.Sprint(sock.ID, " ", keys(all), keys(sock.Handshake))
		case "socket_updated":
		default:
			args = args[:strings.LastIndexByte(args, ' ')]
		}
		out = append(out, event+" "+args)
	}
	for i := 1; i < len(out); i++ { // which socket of a broadcast comes first is nobody's promise
		if a, b := out[i-1], out[i]; strings.HasPrefix(a, "event_sent") && contents(a) == contents(b) && a > b {
			out[i-1], out[i] = b, a
		}
	}
	return out
}

func keys(m map[string]any) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// golden is the same of the capture, from the user's coming to the user's end.
func golden(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/admin-ui.json")
	if err != nil {
		t.Fatal(err)
	}
	var capture struct {
		Cases []struct {
			Name string
			Log  []struct {
				Received []json.RawMessage `json:"admin_received"`
			}
		}
	}
	if err := json.Unmarshal(text, &capture); err != nil {
		t.Fatal(err)
	}
	var lines []string
	names := map[string]string{}
	for _, c := range capture.Cases {
		if c.Name != "development" {
			continue
		}
		for _, l := range c.Log {
			if len(l.Received) < 2 {
				continue
			}
			event, args := strings.Trim(string(l.Received[0]), `"`), l.Received[1:]
			switch event {
			case "config", "server_stats":
				continue
			case "all_sockets":
				var list []struct{ ID string }
				if err := json.Unmarshal(args[0], &list); err != nil {
					t.Fatal(err)
				}
				names[list[0].ID] = "FIRST"
				lines = nil // before that it was about the page itself
				continue
			case "room_joined":
				if id := strings.Trim(string(args[2]), `"`); len(lines) == 0 {
					names[id] = "USER"
				}
			}
			line := event
			for _, a := range args {
				line += " " + compact(t, a)
			}
			lines = append(lines, line)
		}
	}
	return shapes(t, lines, names)
}

func compact(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestCluster: a page sees connections of another node, their events too, and acts on them.
func TestCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memadapter.NewBus()
		options := adminui.Options{Mode: adminui.Development}
		options.ServerID = "here"
		here := mount(t, realtime.Config{Adapter: bus.Node()}, options)
		options.ServerID = "there"
		there := mount(t, realtime.Config{Adapter: bus.Node()}, options)
		for _, s := range []*site{here, there} {
			if err := s.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		user := there.host.Connect(realtimetest.Options{})
		page := here.page()
		if lines := next(page); !strings.Contains(lines[2], user.ID()) {
			t.Errorf("the list has no connection of the other node: %q", lines)
		}
		user.Emit("hi", 1)
		synctest.Wait()
		page.Emit("join", "/", "r", user.ID())
		want := []string{`event_received "/" USER ["hi",1]`, `room_joined "/" "r" USER`}
		if diff := cmp.Diff(want, shapes(t, next(page), map[string]string{`"` + user.ID() + `"`: "USER"})); diff != "" {
			t.Error(diff)
		}
		time.Sleep(2 * time.Second) // synctest
		synctest.Wait()
		servers := map[any]bool{}
		for range page.Pending() {
			servers[realtimetest.Expect[map[string]any](page, "server_stats")["serverId"]] = true
		}
		if !servers["here"] || !servers["there"] {
			t.Errorf("reports of %v", servers)
		}
	})
}

// TestBounds: of a flood pages get as much as the rate allows, the list of connections ends, and the log says so.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		s := mount(t, realtime.Config{}, adminui.Options{
			Mode: adminui.Development, Sockets: 2, EventRate: 10, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		users := []*realtimetest.Client{s.host.Connect(realtimetest.Options{}), s.host.Connect(realtimetest.Options{}), s.host.Connect(realtimetest.Options{})}
		page := s.page()
		if lines := next(page); strings.Count(lines[2], `"handshake"`) != 2 {
			t.Errorf("%q", lines[2])
		}
		time.Sleep(2 * time.Second) // synctest
		next(page)
		for range 100 {
			users[0].Emit("x", 1)
		}
		if lines := next(page); len(lines) != 20 {
			t.Errorf("%d lines", len(lines))
		}
		time.Sleep(2 * time.Second) // synctest
		synctest.Wait()
		for _, want := range []string{`msg="admin ui: lines left out" count=80`, `msg="admin ui: connections left out of a list" shown=2`} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("no %s in %s", want, log.String())
			}
		}
	})
}

// TestEmittedValuesStayThePrograms: what a program changes after Emit is not looked at again, and an event that is too large is shown without
// its arguments, so that its page stays.
func TestEmittedValuesStayThePrograms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mount(t, realtime.Config{}, adminui.Options{Mode: adminui.Development})
		for range 50 {
			s.host.Connect(realtimetest.Options{})
		}
		page := s.page()
		next(page)
		state := map[string]int{"round": 1}
		if err := s.Emit(t.Context(), "state", state); err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			state[fmt.Sprint(i)] = i
		}
		if err := s.Emit(t.Context(), "large", strings.Repeat("x", 60<<10)); err != nil {
			t.Fatal(err)
		}
		lines := next(page)
		if len(lines) != 100 || !strings.Contains(lines[0], `["state",{"round":1}]`) || !strings.Contains(lines[99], `["large","(not shown)"]`) {
			t.Errorf("%d lines, %.200q", len(lines), lines)
		}
		for range 5 { // more than a page may be told at once
			if err := s.Emit(t.Context(), "many", strings.Repeat("x", 15<<10)); err != nil {
				t.Fatal(err)
			}
		}
		next(page)
		if _, ok := s.Of("/admin").Conn(page.ID()); !ok {
			t.Error("the page was closed")
		}
	})
}

// TestQuiet: nothing is made up for pages while none is there.
func TestQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mount(t, realtime.Config{}, adminui.Options{Mode: adminui.Development})
		sent := 0
		s.Of("/admin").OnAnyOutgoing(func(_ context.Context, out realtime.Outgoing) {
			if out.Event != "server_stats" {
				sent++
			}
		})
		user := s.host.Connect(realtimetest.Options{})
		user.Emit("x", 1)
		synctest.Wait()
		if sent != 0 {
			t.Errorf("%d events for nobody", sent)
		}
	})
}

// contents is the part of a line that begins with the event's name and arguments.
func contents(line string) string {
	_, args, _ := strings.Cut(line, " [")
	return args
}
