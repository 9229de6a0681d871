//go:build unix

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// goServer is a server of this library.
type goServer struct {
	realtime.Server
	adapter *redisadapter.Adapter
	url     string
}

// users lets clients say who they are.
type users struct{}

func (users) Authenticate(_ context.Context, h *realtime.Handshake) (*realtime.Identity, error) {
	var auth struct{ User string }
	if len(h.Auth) > 0 {
		if err := json.Unmarshal(h.Auth, &auth); err != nil {
			return nil, err
		}
	}
	return &realtime.Identity{UserID: auth.User, IssuedAt: time.Now()}, nil
}

func startGo(t testing.TB, cfg redisadapter.Config, configure func(realtime.Server)) *goServer {
	t.Helper()
	cfg.Heartbeat = 200 * time.Millisecond
	a, err := redisadapter.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := realtime.New(realtime.Config{
		Adapter: a, Auth: users{}, RawRooms: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if configure != nil {
		configure(srv)
	}
	web := httptest.NewServer(srv)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), watchdog)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		web.Close()
	})
	if err := srv.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &goServer{srv, a, web.URL}
}

// mixed is a cluster of two Node.js servers, one with each Redis package, and two Go
// servers, with a client on each. All clients live in the process of node A.
type mixed struct {
	testing.TB
	a, b *node
	g, h *goServer
	ids  map[string]string   // of the clients a1, b1, g1 and h1
	cfg  redisadapter.Config // of the Go servers
}

var everybody = []string{"a1", "b1", "g1", "h1"}

// newMixed starts the cluster on the Redis servers at these addresses.
func newMixed(t testing.TB, cluster bool, addrs ...string) *mixed {
	t.Helper()
	node := nodeConfig{Package: "redis", Addresses: addrs, Cluster: cluster, Options: map[string]any{"key": "mixed", "publishOnSpecificResponseChannel": true}}
	m := &mixed{TB: t, ids: map[string]string{}}
	m.a = startNode(t, node)
	node.Package, node.Options = "ioredis", map[string]any{"key": "mixed"}
	m.b = startNode(t, node)
	cfg := redisadapter.Config{Redis: rueidis.ClientOption{InitAddress: addrs}, Prefix: "mixed"}
	m.cfg = cfg
	m.g = startGo(t, cfg, m.handlers("g"))
	cfg.PublishOnSpecificResponseChannel = true
	m.h = startGo(t, cfg, m.handlers("h"))
	redistest.Await(t, "four servers that see each other", func() bool {
		return value[int](m.a, `return io.of("/").adapter.serverCount()`) == 4
	})
	m.populate()
	return m
}

// handlers registers what the servers do when other servers ask.
func (m *mixed) handlers(name string) func(realtime.Server) {
	return func(srv realtime.Server) {
		srv.OnServerSide("who", func(_ context.Context, ev *realtime.Event) (any, error) {
			var n int
			if err := ev.Bind(&n); err != nil {
				return nil, err
			}
			return fmt.Sprintf("%s %d", name, n), nil
		})
		srv.OnServerSide("nothing", func(context.Context, *realtime.Event) (any, error) { return nil, nil })
	}
}

// populate connects the clients and puts them into rooms.
func (m *mixed) populate() {
	m.Helper()
	rooms := map[string][]string{"a1": {"room1"}, "b1": {"room1", "room2"}, "g1": {"room1", "room3"}, "h1": {"room2"}}
	for _, name := range everybody {
		m.connect(name)
		list, err := json.Marshal(rooms[name])
		if err != nil {
			m.Fatal(err)
		}
		switch name[0] {
		case 'a':
			m.a.run(`io.sockets.sockets.get(%q).join(%s)`, m.ids[name], list)
		case 'b':
			m.b.run(`io.sockets.sockets.get(%q).join(%s)`, m.ids[name], list)
		default:
			conn, ok := m.server(name).Conn(m.ids[name])
			if !ok {
				m.Fatalf("%s is not connected", name)
			}
			if err := conn.Join(m.Context(), rooms[name]...); err != nil {
				m.Fatal(err)
			}
		}
	}
}

func (m *mixed) server(client string) *goServer {
	if client[0] == 'g' {
		return m.g
	}
	return m.h
}

// connect connects a client to the server whose letter its name begins with.
func (m *mixed) connect(name string) {
	m.Helper()
	url := map[byte]string{'a': m.a.url, 'b': m.b.url, 'g': m.g.url, 'h': m.h.url}[name[0]]
	m.ids[name] = value[string](m.a, `return connect(%q, %q, {auth: {user: %q}})`, name, url, "user of "+name)
}

// took returns what a client got before the next event of a name.
func (m *mixed) took(client, before string) (events []any) {
	m.Helper()
	return value[[]any](m.a, `return clients[%q].take(%q)`, client, before)
}

// sender is one who can emit: a call in Go, or a snippet in Node.js, for the same thing.
type sender struct {
	name string
	emit func(to selection, payload []any)
}

// selection is a choice of receivers, as both languages say it.
type selection struct {
	name string
	js   string
	of   func(b realtime.Broadcaster) realtime.Broadcaster
	want []string
}

// senders are one server of each kind.
func (m *mixed) senders() []sender {
	list := []sender{}
	for name, n := range map[string]*node{"node with redis": m.a, "node with ioredis": m.b} {
		list = append(list, sender{name, func(to selection, payload []any) {
			args := ""
			for _, v := range payload {
				args += "," + js(m, v)
			}
			n.run(`io%s.emit("ev"%s)`, to.js, args)
		}})
	}
	list = append(list, sender{"go", func(to selection, payload []any) {
		if err := to.of(m.g).Emit(m.Context(), "ev", payload...); err != nil {
			m.Error(err)
		}
	}})
	return list
}

// js writes a value in JavaScript.
func js(t testing.TB, v any) string {
	if b, ok := v.(realtime.Binary); ok {
		return fmt.Sprintf("Buffer.from(%q, 'hex')", fmt.Sprintf("%x", []byte(b)))
	}
	if o, ok := v.(map[string]any); ok {
		text := "{"
		for k, v := range o {
			text += fmt.Sprintf("%q: %s,", k, js(t, v))
		}
		return text + "}"
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// seen is what peer.mjs makes of a payload that has arrived.
func seen(t testing.TB, v any) any {
	switch v := v.(type) {
	case realtime.Binary:
		return map[string]any{"$binary": fmt.Sprintf("%x", []byte(v))}
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			out[k] = seen(t, x)
		}
		return out
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// check emits from each kind of server, and looks who gets it: each once, and nobody else.
// A Node.js server in front of a Redis Cluster publishes through several of its nodes, and
// what it sends last may come first; so an event too many may be found only by the next
// check.
func (m *mixed) check(sel selection, payload ...any) {
	m.Helper()
	event := []any{"ev"}
	for _, v := range payload {
		event = append(event, seen(m, v))
	}
	everyone := selection{of: func(b realtime.Broadcaster) realtime.Broadcaster { return b }}
	for _, s := range m.senders() {
		s.emit(sel, payload)
		s.emit(everyone, []any{"fence"})
		for _, client := range everybody {
			want := []any{}
			if slices.Contains(sel.want, client) {
				want = []any{event}
			}
			got := value[[]any](m.a, `const c = clients[%q];
				const fence = ([name, arg]) => name === "ev" && arg === "fence";
				await c.until(%q, () => c.events.some(fence) && c.events.length > %d);
				const events = c.events;
				c.events = [];
				return events.filter((e) => !fence(e))`, client, fmt.Sprintf("%s from %s at %s", sel.name, s.name, client), len(want))
			if !reflect.DeepEqual(want, got) { // go-cmp is lost in deep slices
				m.Errorf("%s from %s at %s:\n got %.2000v\nwant %.2000v", sel.name, s.name, client, got, want)
			}
		}
	}
}
