package realtime_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// ledger counts what an observer was told, as lines. Bytes and times are left out where they are not the point.
type ledger struct {
	mu    sync.Mutex
	lines map[string]int
}

func (l *ledger) note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lines == nil {
		l.lines = make(map[string]int)
	}
	l.lines[fmt.Sprintf(format, args...)]++
}

// take returns the lines that begin with one of the words, and forgets everything.
func (l *ledger) take(words ...string) []string {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	for _, line := range slices.Sorted(maps.Keys(l.lines)) {
		if word, _, _ := strings.Cut(line, " "); len(words) == 0 || slices.Contains(words, word) {
			lines = append(lines, fmt.Sprintf("%s ×%d", line, l.lines[line]))
		}
	}
	clear(l.lines)
	return lines
}

func (l *ledger) expect(t *testing.T, words string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, l.take(strings.Fields(words)...)); diff != "" {
		t.Error(diff)
	}
}

func (l *ledger) observer() *realtime.Observer {
	return &realtime.Observer{
		Connected: func(ns, transport string) { l.note("connected %s %s", ns, transport) },
		Disconnected: func(ns string, cause realtime.Cause, lifetime time.Duration) {
			l.note("disconnected %s %s %s", ns, cause, lifetime)
		},
		Refused: func(rule string) { l.note("refused %s", rule) },
		Handled: func(ns, event string, size int, took time.Duration, code string) {
			l.note("handled %s %s %d %s %q", ns, event, size, took, code)
		},
		Emitted: func(ns, event string, queued, skipped, size int) {
			l.note("emitted %s %s %d %d %d", ns, event, queued, skipped, size)
		},
		Acked:        func(ns, event string, took time.Duration, ok bool) { l.note("acked %s %s %s %t", ns, event, took, ok) },
		Received:     func(transport string, size int) { l.note("received %s %d", transport, size) },
		Written:      func(transport string, messages, size int) { l.note("written %s %d %d", transport, messages, size) },
		Pinged:       func(transport string, late time.Duration) { l.note("pinged %s %s", transport, late) },
		Ponged:       func(transport string, took time.Duration) { l.note("ponged %s %s", transport, took) },
		Published:    func(op realtime.Op, _ time.Duration, err error) { l.note("published %s %v", op, err) },
		Delivered:    func(op realtime.Op, receivers int) { l.note("delivered %s %d", op, receivers) },
		AdapterState: func(s realtime.AdapterState) { l.note("state %s", s.Status) },
		NodeChanged:  func(n realtime.Node, up bool) { l.note("node %s %t", n.Name, up) },
		Anomaly:      func(kind realtime.AnomalyKind) { l.note("anomaly %s", kind) },
		Panicked:     func() { l.note("panicked") },
		HookLost:     func() { l.note("lost") },
	}
}

// watched runs a test against a server that writes a ledger.
func watched(t *testing.T, cfg realtime.Config, test func(f *fixture, l *ledger)) {
	t.Helper()
	l := &ledger{}
	cfg.Observer = l.observer()
	bubble(t, cfg, func(f *fixture) { test(f, l) })
}

func TestObserverLife(t *testing.T) {
	watched(t, realtime.Config{Auth: userByToken{}}, func(f *fixture, l *ledger) {
		f.OfFunc(func(name string) bool { return strings.HasPrefix(name, "/table-") })
		ann := f.host.Connect(realtimetest.Options{Auth: token("ann")})
		bob := f.host.Connect(realtimetest.Options{Auth: token("bob"), Transport: realtimetest.Polling, Namespace: "/table-7"})
		if _, err := f.host.TryConnect(realtimetest.Options{}); err == nil {
			f.Error("let in without a token")
		}
		pass(5 * time.Second)
		ann.Disconnect()
		bob.Close()
		l.expect(f.T, "connected disconnected refused",
			"connected (dynamic) polling ×1", "connected / websocket ×1", "disconnected (dynamic) transport_error 5s ×1",
			"disconnected / client_disconnect 5s ×1", "refused connect:unauthorized ×1")
	})
}

func TestObserverEvents(t *testing.T) {
	watched(t, realtime.Config{}, func(f *fixture, l *ledger) {
		realtime.On(f, "slow", func(context.Context, *realtime.Conn, int) error { pass(time.Second); return nil })
		realtime.On(f, "bad", func(context.Context, *realtime.Conn, int) error { return realtime.Errorf("no_seat", "none") })
		realtime.On(f, "worse", func(context.Context, *realtime.Conn, int) error { panic("worse") })
		a, b := f.connect(), f.connect()
		a.Emit("slow", 1)
		a.Emit("bad", 1)
		a.Emit("worse", 1)
		a.Emit("whatever a client says", 1)
		pass(2 * time.Second)
		l.expect(f.T, "handled panicked",
			`handled / (unregistered) 28 0s "unknown_event" ×1`, `handled / bad 9 0s "no_seat" ×1`,
			`handled / slow 10 1s "" ×1`, `handled / worse 11 0s "internal" ×1`, "panicked ×1")

		if err := f.Emit(f.Context(), "n", 1); err != nil { // a frame of 12 bytes: 2 of the header, then 42["n",1]
			f.Error(err)
		}
		synctest.Wait()
		b.Stall()
		for range 3 {
			if err := f.Server.Volatile().Emit(f.Context(), "v", 1); err != nil {
				f.Error(err)
			}
			synctest.Wait()
		}
		if err := f.conn(a).Emit(f.Context(), "one", 1); err != nil {
			f.Error(err)
		}
		b.Resume()
		l.expect(f.T, "emitted written",
			"emitted / n 2 0 11 ×1", "emitted / one 1 0 13 ×1", "emitted / v 1 1 11 ×1", "emitted / v 2 0 11 ×2",
			"written websocket 1 11 ×7", "written websocket 1 13 ×1")
	})
}

func TestObserverAcks(t *testing.T) {
	watched(t, realtime.Config{}, func(f *fixture, l *ledger) {
		a, b := f.connect(), f.connect()
		realtimetest.Answer(a, "ask", func(n int) int { pass(time.Second); return n })
		if _, err := f.conn(a).EmitWithAck(f.Context(), "ask", 1); err != nil {
			f.Error(err)
		}
		if _, err := f.conn(b).EmitWithAck(f.Context(), "ask", 1); err == nil {
			f.Error("b answers nothing")
		}
		if replies, err := f.Server.EmitWithAck(f.Context(), "ask", 1); len(replies) != 1 || err == nil {
			f.Error(replies, err)
		}
		l.expect(f.T, "acked", "acked / ask 1s true ×2", "acked / ask 5s false ×2")
	})
}

func TestObserverLink(t *testing.T) {
	watched(t, realtime.Config{Anomalies: realtime.AnomalyConfig{LateHeartbeat: time.Nanosecond}}, func(f *fixture, l *ledger) {
		a := f.connect()
		l.take()
		a.Emit("x", realtime.Binary{1, 2, 3})
		pass(26 * time.Second)
		l.expect(f.T, "received pinged ponged",
			"pinged websocket 0s ×1", "ponged websocket 0s ×1", "received websocket 3 ×1", "received websocket 38 ×1")
	})
}

func TestObserverCluster(t *testing.T) {
	l := &ledger{}
	twoNodes(t, realtime.Config{Observer: l.observer()}, func(a, b *fixture, busA, _ *busNode) {
		synctest.Wait()
		l.expect(a.T, "node state", "node a true ×1", "node b true ×1")
		client := b.connect()
		realtimetest.Answer(client, "ask", func(n int) int { return n })
		if _, err := a.Server.EmitWithAck(a.Context(), "ask", 1); err != nil {
			a.Error(err)
		}
		if err := a.Emit(a.Context(), "n", 1); err != nil {
			a.Error(err)
		}
		if err := a.To("nobody").Emit(a.Context(), "n", 1); err != nil {
			a.Error(err)
		}
		synctest.Wait()
		busA.fail = fmt.Errorf("no bus")
		if err := a.JoinAll(a.Context(), "x"); err == nil {
			a.Error("the bus is gone")
		}
		l.expect(a.T, "published delivered acked emitted",
			"acked / (cluster) 0s true ×1", "delivered broadcast 0 ×1", "delivered broadcast 1 ×1", "delivered broadcast_ack -1 ×1",
			"emitted / (cluster) 0 0 11 ×1", "emitted / (cluster) 1 0 11 ×1", "emitted / (cluster) 1 0 14 ×1",
			"emitted / ask 0 0 14 ×1", "emitted / n 0 0 11 ×2",
			"published broadcast <nil> ×2", "published broadcast_ack <nil> ×1", "published join no bus ×1")
	})
}

// TestObserverPanics: a function that panics is counted, and disturbs nobody.
func TestObserverPanics(t *testing.T) {
	panics := 0
	cfg := realtime.Config{Observer: &realtime.Observer{
		Connected: func(string, string) { panic("observer") },
		Received:  func(string, int) { panic("observer") },
		Panicked:  func() { panics++; panic("again") },
	}}
	bubble(t, cfg, func(f *fixture) {
		realtime.Handle(f, "double", func(_ context.Context, _ *realtime.Conn, n int) (int, error) { return 2 * n, nil })
		if got := realtimetest.Call[int](f.connect(), "double", 21); got != 42 {
			f.Error(got)
		}
		if stats := f.Stats(); panics != 0 || stats.Panics != 3 {
			f.Errorf("told of %d panics, counted %d", panics, stats.Panics)
		}
	})
}

// TestTracer: contexts of spans reach the program's functions, and spans end once with what became of the work.
func TestTracer(t *testing.T) {
	type key struct{}
	l := &ledger{}
	open := func(ctx context.Context, name string) (context.Context, func(error)) {
		parent, _ := ctx.Value(key{}).(string)
		return context.WithValue(ctx, key{}, name), func(err error) { l.note("%s in %q: %v", name, parent, err) }
	}
	cfg := realtime.Config{Tracer: &realtime.Tracer{
		Connect: func(ctx context.Context, c *realtime.Conn) (context.Context, func(error)) {
			return open(ctx, "connect "+c.Namespace().Name())
		},
		Event: func(ctx context.Context, _ *realtime.Conn, event string, _ *realtime.Event) (context.Context, func(error)) {
			return open(ctx, "event "+event)
		},
		Publish: func(ctx context.Context, m *realtime.Message) (context.Context, func(error)) {
			m.Meta = map[string]string{"parent": fmt.Sprint(ctx.Value(key{}))}
			return open(ctx, "publish "+m.Op.String())
		},
		Receive: func(ctx context.Context, m *realtime.Message) (context.Context, func(error)) {
			return open(context.WithValue(ctx, key{}, "remote "+m.Meta["parent"]), "receive "+m.Op.String())
		},
	}}
	twoNodes(t, cfg, func(a, b *fixture, _, _ *busNode) {
		b.OnServerSide("tell", func(ctx context.Context, _ *realtime.Event) (any, error) {
			l.note("OnServerSide in %q", ctx.Value(key{}))
			return nil, nil
		})
		a.OnConnect(func(ctx context.Context, _ *realtime.Conn) error {
			l.note("OnConnect in %q", ctx.Value(key{}))
			return nil
		})
		realtime.On(a, "go", func(ctx context.Context, _ *realtime.Conn, _ int) error {
			return a.ServerSideEmit(ctx, "tell", 1)
		})
		realtime.On(a, "fail", func(context.Context, *realtime.Conn, int) error { return realtime.Errorf("no_seat", "none") })
		client := a.connect()
		client.Emit("go", 1)
		client.Emit("fail", 1)
		client.Emit("what", 1)
		l.expect(a.T, "",
			`OnConnect in "connect /" ×1`, `OnServerSide in "receive server_side" ×1`, `connect / in "": <nil> ×1`,
			`event (unregistered) in "": unknown_event: no such event ×1`,
			`event fail in "": no_seat: none ×1`, `event go in "": <nil> ×1`,
			`publish server_side in "event go": <nil> ×1`, `receive server_side in "remote event go": <nil> ×1`)
	})
}

// TestTracerPanics: what panics opens no span.
func TestTracerPanics(t *testing.T) {
	cfg := realtime.Config{Tracer: &realtime.Tracer{
		Connect: func(context.Context, *realtime.Conn) (context.Context, func(error)) { panic("tracer") },
		Event: func(context.Context, *realtime.Conn, string, *realtime.Event) (context.Context, func(error)) {
			return nil, func(error) { panic("end") } //nolint:nilnil // that is the mistake
		},
	}}
	bubble(t, cfg, func(f *fixture) {
		realtime.Handle(f, "double", func(ctx context.Context, _ *realtime.Conn, n int) (int, error) { return 2 * n, ctx.Err() })
		if got := realtimetest.Call[int](f.connect(), "double", 21); got != 42 {
			f.Error(got)
		}
		synctest.Wait()
		if stats := f.Stats(); stats.Panics != 2 {
			f.Errorf("counted %d panics", stats.Panics)
		}
	})
}
