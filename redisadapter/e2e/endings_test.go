//go:build unix

package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

type ctx = context.Context

// listen hands on what server-side events bring.
func listen(m *mixed, s *goServer, heard chan<- string) {
	s.OnServerSide("note-go", func(_ ctx, ev *realtime.Event) (any, error) {
		var a, b, c raw
		if err := ev.Bind(&a, &b, &c); err != nil {
			m.Error(err)
		}
		heard <- fmt.Sprintf("%s %s %s", a, b, c)
		return nil, nil
	})
}

// raw is JSON as it came.
type raw []byte

// UnmarshalJSON keeps the text.
func (r *raw) UnmarshalJSON(text []byte) error {
	*r = append((*r)[:0], text...)
	return nil
}

// namespaces sends in one that both have, and in one that only one of them has.
func namespaces(m *mixed) {
	m.g.Of("/nested/ns").OnConnect(func(context.Context, *realtime.Conn) error { return nil })
	m.a.run(`io.of("/nested/ns"); io.of("/only-node")`)
	redistest.Await(m, "two servers of the namespace", func() bool { return value[int](m.a, `return io.of("/nested/ns").adapter.serverCount()`) == 2 })
	m.a.run(`await connect("gn", %q + "/nested/ns"); await connect("an", %q + "/nested/ns")`, m.g.url, m.a.url)
	m.a.run(`io.of("/nested/ns").emit("from-node"); io.of("/only-node").emit("lost")`)
	if err := m.g.Of("/nested/ns").Emit(m.Context(), "from-go", realtime.Binary{1}); err != nil {
		m.Fatal(err)
	}
	for _, name := range []string{"gn", "an"} {
		m.a.run(`await clients[%q].until("two events", (c) => c.events.length === 2)`, name)
	}
	for _, name := range everybody {
		if n := value[int](m.a, `return clients[%q].events.length`, name); n != 0 {
			m.Errorf("%s got something of another namespace", name)
		}
	}
	if n := value[int](m.a, `return (await io.of("/nested/ns").fetchSockets()).length`); n != 2 {
		m.Errorf("%d sockets of the namespace", n)
	}
	m.a.run(`clients.gn.socket.disconnect(); clients.an.socket.disconnect()`)
}

// ends waits for the end of a client, and returns the reason that it was told.
func (m *mixed) ends(client string) string {
	m.Helper()
	return value[string](m.a, `await clients[%q].until("the end", (c) => c.reasons.length > 0); return clients[%q].reasons.shift()`, client, client)
}

// disconnects ends connections of the other kind, in both directions.
func disconnects(m *mixed) {
	for i, c := range []struct {
		end    func()
		victim string
	}{
		{func() { m.a.run(`io.in(%q).disconnectSockets()`, m.ids["g1"]) }, "g1"},
		{func() { m.b.run(`io.in(%q).disconnectSockets(true)`, m.ids["h1"]) }, "h1"},
		{func() { m.a.run(`const [s] = await io.in(%q).fetchSockets(); s.disconnect(true)`, m.ids["g1"]) }, "g1"},
		{func() { m.must(m.g.ToConn(m.ids["a1"]).DisconnectAll(m.Context(), "bye")) }, "a1"},
		{func() { m.must(m.h.ToConn(m.ids["b1"]).CloseAll(m.Context(), "bye")) }, "b1"},
		{func() { m.must(m.g.User("user of b1").Revoke(m.Context(), "lost phone")) }, "b1"},
		{func() { m.a.run(`emitter.in(%q).disconnectSockets(true)`, m.ids["h1"]) }, "h1"},
	} {
		c.end()
		if got := m.ends(c.victim); got != "io server disconnect" {
			m.Errorf("end %d: %s was told %q", i, c.victim, got)
		}
		m.connect(c.victim)
	}
}

func (m *mixed) must(err error) {
	m.Helper()
	if err != nil {
		m.Error(err)
	}
}

// endings asks everyone to reconnect: those on Go servers do, and Node.js, which has no
// such operation, does nothing.
func endings(m *mixed) {
	m.must(m.g.ReconnectAll(m.Context(), "rolling restart"))
	for _, client := range []string{"g1", "h1"} {
		if got := m.ends(client); got != "transport close" {
			m.Errorf("%s was told %q", client, got)
		}
		m.connect(client)
	}
	m.must(m.g.Emit(m.Context(), "after"))
	for _, client := range everybody {
		m.took(client, "after")
	}
}

// TestNodeDies kills a Node.js server while it is asked: the others are waited for, and it
// is not.
func TestNodeDies(t *testing.T) {
	redis := redistest.Start(t)
	cfg := nodeConfig{Package: "ioredis", Addresses: []string{redis.Addr}, Options: map[string]any{"key": "mixed"}}
	n := startNode(t, cfg)
	g := startGo(t, redisadapter.Config{Redis: rueidis.ClientOption{InitAddress: []string{redis.Addr}}, Prefix: "mixed"}, nil)
	redistest.Await(t, "two servers that see each other", func() bool { return value[int](n, `return io.of("/").adapter.serverCount()`) == 2 })
	n.run(`io.on("never", () => {})`)
	ctx, cancel := context.WithTimeout(t.Context(), watchdog)
	defer cancel()
	asked := make(chan error, 1)
	n.run(`io.on("never", () => state.asked = true)`)
	go func() { // ends with the question
		_, err := g.ServerSideEmitWithAck(ctx, "never")
		asked <- err
	}()
	redistest.Await(t, "the question", func() bool { return value[bool](n, `return state.asked === true`) })
	n.kill()
	select {
	case err := <-asked:
		if err != nil {
			t.Errorf("the question: %v", err)
		}
	case <-time.After(watchdog):
		t.Fatal("a dead node is waited for")
	}
}

// TestNodeWithoutRedis takes Redis away from all of them.
func TestNodeWithoutRedis(t *testing.T) {
	redis := redistest.Start(t)
	m := newMixed(t, false, redis.Addr)
	redis.Kill()
	redistest.Await(t, "a server that knows", func() bool { return m.g.Health().Status == realtime.HealthDegraded })
	for range 20 {
		if err := m.g.Emit(t.Context(), "lost"); err != nil && !errors.Is(err, redisadapter.ErrUnavailable) {
			t.Error(err)
		}
	}
	m.took("g1", "lost")
	redis.Restart()
	redistest.Await(t, "four servers that see each other again", func() bool {
		return value[int](m.a, `return io.of("/").adapter.serverCount().catch(() => 0)`) == 4
	})
	all := selection{"everyone", ``, func(b realtime.Broadcaster) realtime.Broadcaster { return b }, everybody}
	for _, client := range everybody {
		m.a.run(`clients[%q].events = []`, client)
	}
	m.check(all, "again", realtime.Binary{1})
}
