//go:build unix

package redisadapter_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
	"github.com/realtime-go/realtime/redisadapter"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// TestEveryBreakIsAGap kills the subscriptions of two nodes fifty times (R61).
func TestEveryBreakIsAGap(t *testing.T) { bothWires(t, testEveryBreakIsAGap) }

func testEveryBreakIsAGap(t *testing.T, wire redisadapter.Wire) {
	server := redistest.Start(t)
	cfg := options(server.Addr)
	cfg.Wire = wire
	a, b := startPeer(t, cfg), startPeer(t, cfg)
	connected(t, a, b)
	const kills = 50
	for i := range kills {
		before := time.Now()
		if n := server.KillClients("pubsub"); n != 2 {
			t.Fatalf("kill %d: %d subscriptions, want 2", i, n)
		}
		after := time.Now()
		for _, p := range []*peer{a, b} {
			p.await("a gap", func() bool { return gapCount(p) > i && p.last() == realtime.AdapterGap })
			g := p.gaps()[i]
			if g.Count != -1 || g.From.After(after) || g.To.Before(before) {
				t.Errorf("gap %d: %+v does not hold the kill between %v and %v", i, g, before, after)
			}
		}
	}
	connected(t, a, b)
	for _, p := range []*peer{a, b} {
		if n := len(p.gaps()); n != kills {
			t.Errorf("%d gaps, want %d", n, kills)
		}
		if n := p.Stats().Breaks; n != kills {
			t.Errorf("%d breaks, want %d", n, kills)
		}
	}
}

// gapCount is the number of gaps told. p.mu is held.
func gapCount(p *peer) (n int) {
	for _, s := range p.states {
		if s.Status == realtime.AdapterGap {
			n++
		}
	}
	return n
}

// gapTotal is how many messages the gaps hold that a node was told of. p.mu is held.
func gapTotal(p *peer) (n int) {
	for _, s := range p.states {
		if s.Status == realtime.AdapterGap {
			n += s.Gap.Count
		}
	}
	return n
}

// TestPublisherComesBack kills the connections that publish, and the subscriptions stay.
func TestPublisherComesBack(t *testing.T) { bothWires(t, testPublisherComesBack) }

func testPublisherComesBack(t *testing.T, wire redisadapter.Wire) {
	server := redistest.Start(t)
	cfg := options(server.Addr)
	cfg.Wire = wire
	a, b := startPeer(t, cfg), startPeer(t, cfg)
	connected(t, a, b)
	for range 10 {
		server.KillClients("normal")
		connected(t, a, b)
	}
	if n := b.Stats().Breaks + a.Stats().Breaks; n != 0 {
		t.Errorf("%d subscriptions were lost", n)
	}
	for _, g := range append(a.gaps(), b.gaps()...) {
		if g.Node == "" || g.Count <= 0 {
			t.Errorf("gap %+v, want one of a publisher", g)
		}
	}
}

// TestRedisDies kills Redis, and starts it again empty (R65, R66).
func TestRedisDies(t *testing.T) { bothWires(t, testRedisDies) }

func testRedisDies(t *testing.T, wire redisadapter.Wire) {
	server := redistest.Start(t)
	cfg := options(server.Addr)
	cfg.Wire = wire
	a, b := startPeer(t, cfg), startPeer(t, cfg)
	connected(t, a, b)
	for round := range 2 {
		server.Kill()
		for _, p := range []*peer{a, b} {
			p.await("the bus is down", func() bool { return p.last() == realtime.AdapterDown })
		}
		// The failures that open the breaker are accepted; from then on there is an error.
		var err error
		redistest.Await(t, "an error of Publish", func() bool {
			err = a.emit("lost")
			return err != nil
		})
		if !errors.Is(err, redisadapter.ErrUnavailable) {
			t.Errorf("Publish without Redis: %v", err)
		}
		if _, err := a.Ask(t.Context(), &realtime.Message{Op: realtime.OpFetch, Namespace: "/"}, nil); !errors.Is(err, redisadapter.ErrUnavailable) {
			t.Errorf("Ask without Redis: %v", err)
		}
		if _, err := a.Nodes(t.Context()); !errors.Is(err, redisadapter.ErrUnavailable) {
			t.Errorf("Nodes without Redis: %v", err)
		}
		if err := a.OpenNamespace(t.Context(), fmt.Sprintf("/during%d", round)); err != nil {
			t.Errorf("OpenNamespace without Redis: %v", err)
		}
		server.Restart()
		for _, p := range []*peer{a, b} {
			p.await("the bus is up", func() bool { return p.last() != realtime.AdapterDown && gapCount(p) > round })
		}
		connected(t, a, b)
	}
	if n := a.Stats().Unsent; n < 5 {
		t.Errorf("%d messages unsent: the breaker has opened after fewer failures than five", n)
	}
	ours := 0
	redistest.Await(t, "a gap of what was not sent", func() bool {
		ours = 0
		for _, g := range a.gaps() {
			if g.Node == a.self.ID {
				ours += g.Count
			}
		}
		return ours >= int(a.Stats().Unsent)
	})
	if ours != int(a.Stats().Unsent) {
		t.Errorf("gaps hold %d messages, %d were not sent", ours, a.Stats().Unsent)
	}
	// What was opened without Redis is heard now.
	if err := b.Publish(t.Context(), &realtime.Message{Op: realtime.OpBroadcast, Namespace: "/during1", Data: []byte(`["opened"]`)}); err != nil {
		t.Fatal(err)
	}
	a.await("a message of the namespace that was opened meanwhile", func() bool { return a.hears("opened") })
}

// TestRedisHangs stops Redis without ending it: nothing waits longer than its own limit,
// and what waits is bounded (R64).
func TestRedisHangs(t *testing.T) { bothWires(t, testRedisHangs) }

func testRedisHangs(t *testing.T, wire redisadapter.Wire) {
	server := redistest.Start(t)
	cfg := options(server.Addr)
	cfg.Wire = wire
	cfg.PublishTimeout = 300 * time.Millisecond
	cfg.Redis.ConnWriteTimeout = 500 * time.Millisecond
	cfg.Redis.Dialer.Timeout = 300 * time.Millisecond
	cfg.Redis.Dialer.KeepAlive = 200 * time.Millisecond
	cfg.Limits.OutboundMessages = 100
	a, b := startPeer(t, cfg), startPeer(t, cfg)
	connected(t, a, b)
	server.Pause()
	full, open := false, false
	redistest.Await(t, "an open breaker", func() bool {
		for range 200 {
			err := a.emit("lost")
			full = full || errors.Is(err, redisadapter.ErrQueueFull)
			open = open || errors.Is(err, redisadapter.ErrUnavailable)
		}
		return open
	})
	if !full {
		t.Error("the queue was never full")
	}
	if n := a.Stats().Outbound; n > 100 {
		t.Errorf("%d messages wait", n)
	}
	for _, p := range []*peer{a, b} {
		p.await("the bus is down", func() bool { return p.last() == realtime.AdapterDown })
	}
	server.Resume()
	for _, p := range []*peer{a, b} {
		p.await("a gap", func() bool { return gapCount(p) > 0 && p.last() != realtime.AdapterDown })
	}
	connected(t, a, b)
}

// TestSilentSubscription keeps every connection alive and lets nothing be delivered: the
// node finds out by its own beats (R68).
func TestSilentSubscription(t *testing.T) { bothWires(t, testSilentSubscription) }

func testSilentSubscription(t *testing.T, wire redisadapter.Wire) {
	server := redistest.Start(t)
	cfg := options(server.Addr)
	cfg.Wire = wire
	b := startPeer(t, cfg)
	m := newMute(t, server.Addr)
	cfg.Redis.InitAddress = []string{m.addr}
	a := startPeer(t, cfg)
	connected(t, a, b)
	m.silent.Store(true)
	if err := b.emit("lost"); err != nil {
		t.Fatal(err)
	}
	a.await("the bus is down", func() bool { return a.last() == realtime.AdapterDown })
	m.silent.Store(false)
	a.await("a gap", func() bool { return gapCount(a) > 0 })
	connected(t, a, b)
	if n := m.pings.Load(); n == 0 {
		t.Error("no other reply has passed meanwhile: it was not a silent subscription")
	}
}

// TestOverflowIsAGap blocks the handler: what finds no room is counted, and calls of the
// adapter go on (R63).
func TestOverflowIsAGap(t *testing.T) {
	server := redistest.Start(t)
	cfg := options(server.Addr)
	cfg.Limits.InboundMessages = 100
	a, b := startPeer(t, cfg), startPeer(t, cfg)
	connected(t, a, b)
	b.note(func() { b.hold = make(chan struct{}) })
	const sent = 1000
	for i := range sent {
		if err := a.emit(fmt.Sprintf("n%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	redistest.Await(t, "an overflow", func() bool { return b.Stats().Overflow > 0 && a.Stats().Outbound == 0 })
	// Answers do not wait behind messages, and beats still come.
	answers := 0
	if n, err := b.Ask(t.Context(), &realtime.Message{Op: realtime.OpServerSideAck, Namespace: "/", Data: []byte(`["who"]`)}, func(*realtime.Message) { answers++ }); n != 1 || err != nil || answers != 1 {
		t.Errorf("Ask while the handler hangs: %d nodes, %d answers, %v", n, answers, err)
	}
	close(b.hold)
	b.note(func() { b.hold = nil })
	heard := 0
	b.await("everything that was not dropped", func() bool {
		heard = 0
		last := -1
		for _, m := range b.heard {
			var n int
			if _, err := fmt.Sscanf(string(m.Data), `["n%d"]`, &n); err != nil {
				continue
			}
			if n <= last {
				t.Errorf("%d after %d", n, last)
			}
			last = n
			heard++
		}
		return heard+int(b.Stats().Overflow) >= sent
	})
	if dropped := int(b.Stats().Overflow); heard+dropped != sent {
		t.Errorf("%d heard, %d dropped, want %d together", heard, dropped, sent)
	}
	connected(t, a, b)
	redistest.Await(t, "gaps of all that was dropped", func() bool {
		sum := 0
		for _, g := range b.gaps() {
			sum += g.Count
		}
		return sum == int(b.Stats().Overflow)
	})
	if b.Stats().Breaks != 0 {
		t.Error("the subscription was lost")
	}
}

// TestStartWaitsForRedis starts a node before Redis.
func TestStartWaitsForRedis(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	cfg := options(server.Addr)
	p := newPeer(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := p.Start(ctx, p.self, p); !errors.Is(err, redisadapter.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Start without Redis: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Start(t.Context(), p.self, p) }() // ends when Redis is there
	server.Restart()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(watchdog):
		t.Fatal("Start has not returned although Redis is there")
	}
	if err := p.Start(t.Context(), p.self, p); !errors.Is(err, redisadapter.ErrStarted) {
		t.Errorf("a second Start: %v", err)
	}
}

// TestCloseWithoutRedis ends in time, says what was not done, and leaves nothing behind
// (R92); TestMain looks for goroutines.
func TestCloseWithoutRedis(t *testing.T) {
	for name, break_ := range map[string]func(*redistest.Server){
		"dead": (*redistest.Server).Kill, "hanging": (*redistest.Server).Pause,
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			p := startPeer(t, impatient(options(server.Addr)))
			break_(server)
			for i := range 10 {
				_ = p.emit(fmt.Sprint(i)) // accepted or not
			}
			done := make(chan error, 1)
			go func() { done <- p.end() }() // bounded by the limits of calls to Redis, which is tested
			select {
			case err := <-done:
				if err == nil {
					t.Error("no error, although nothing could be sent")
				}
			case <-time.After(watchdog):
				t.Fatal("Close hangs")
			}
			if err := p.emit("late"); !errors.Is(err, redisadapter.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		})
	}
}

// TestLocalClientsDoNotNotice emits on a server without Redis: its own clients get
// everything, and the caller an error.
func TestLocalClientsDoNotNotice(t *testing.T) {
	redis := redistest.Start(t)
	adapter, err := redisadapter.New(options(redis.Addr))
	if err != nil {
		t.Fatal(err)
	}
	states := make(chan realtime.AdapterState, 1000)
	srv, err := realtime.New(realtime.Config{Adapter: adapter, Hooks: realtime.Hooks{AdapterState: func(s realtime.AdapterState) { states <- s }}})
	if err != nil {
		t.Fatal(err)
	}
	host := realtimetest.Serve(t, srv)
	if err := srv.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := host.Connect(realtimetest.Options{Timeout: watchdog})
	if h := srv.Health(); h.Status != realtime.HealthOK {
		t.Errorf("health %+v", h)
	}
	redis.Kill()
	for s := range states {
		if s.Status == realtime.AdapterDown {
			break
		}
	}
	failed, emitted := 0, 0
	redistest.Await(t, "a hundred refusals", func() bool {
		if err := srv.Emit(t.Context(), "n", emitted); err != nil {
			failed++
			if !errors.Is(err, redisadapter.ErrUnavailable) {
				t.Errorf("Emit: %v", err)
			}
		}
		if got := realtimetest.Expect[int](c, "n"); got != emitted {
			t.Fatalf("got %d, want %d", got, emitted)
		}
		emitted++
		return failed == 100
	})
	if h := srv.Health(); h.Status != realtime.HealthDegraded || !strings.Contains(strings.Join(h.Causes, " "), "redis") {
		t.Errorf("health %+v", h)
	}
	if err := srv.Ready(t.Context()); err != nil {
		t.Errorf("not ready: %v (D32)", err)
	}
	redis.Restart() // so that the server can leave the cluster
	for s := range states {
		if s.Status == realtime.AdapterUp {
			break
		}
	}
}
