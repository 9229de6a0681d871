//go:build unix

package redisadapter_test

import (
	"errors"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
	"github.com/realtime-go/realtime/redisadapter"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// impatient is a configuration that finds out soon that nothing passes.
func impatient(cfg redisadapter.Config) redisadapter.Config {
	cfg.PublishTimeout = 300 * time.Millisecond
	cfg.Redis.ConnWriteTimeout = 500 * time.Millisecond
	cfg.Redis.Dialer.Timeout = 300 * time.Millisecond
	return cfg
}

// TestPartitionLossLiesInAGap cuts one of three nodes off, for less than a call to Redis may take and for longer, while all
// talk (R67).
func TestPartitionLossLiesInAGap(t *testing.T) {
	bothWires(t, func(t *testing.T, wire redisadapter.Wire) {
		server := redistest.Start(t)
		proxy := redistest.StartProxy(t, server.Addr)
		cfg := impatient(options(server.Addr))
		cfg.Wire = wire
		apart := cfg
		apart.Redis.InitAddress = []string{proxy.Addr}
		h := newHistory(t, cfg, cfg, apart)
		cut := h.nodes[2]
		h.through(func() {
			proxy.Partition()
			redistest.Await(t, "talk that does not arrive", h.talked(200))
			proxy.Heal()
		})
		lost := h.through(func() {
			proxy.Partition()
			cut.await("that it is felt", func() bool { return cut.last() == realtime.AdapterDown })
			proxy.Heal()
		})
		if lost == 0 {
			t.Error("nothing was lost, so nothing was tested")
		}
		for _, p := range h.nodes[:2] {
			for _, g := range p.gaps() {
				if wire == redisadapter.NodeClassic || g.Node != cut.self.ID {
					t.Errorf("%s was told of a gap %+v, and only %s was cut off", p.self.ID, g, cut.self.ID)
				}
			}
		}
	})
}

// TestPartitionedServer cuts a whole server off: its own clients go on as if nothing was, who emits is told at once, and when
// the network heals, both sides see the truth again, with whoever came and went meanwhile.
func TestPartitionedServer(t *testing.T) {
	bothWires(t, func(t *testing.T, wire redisadapter.Wire) {
		redis := redistest.Start(t)
		proxy := redistest.StartProxy(t, redis.Addr)
		cfg := impatient(options(redis.Addr))
		cfg.Wire = wire
		apart := cfg
		apart.Redis.InitAddress = []string{proxy.Addr}
		a, b := startServer(t, cfg), startServer(t, apart)
		ctx := t.Context()
		ann, bob := a.as("ann"), b.as("bob")
		sees := func(s *server, users ...string) {
			t.Helper()
			redistest.Await(t, "the truth about who is online", func() bool {
				n, err := s.Presence().Count(ctx)
				online, onlineErr := s.Presence().Online(ctx, users...)
				return errors.Join(err, onlineErr) == nil && n == len(users) && len(online) == len(users)
			})
		}
		sees(a, "ann", "bob")
		sees(b, "ann", "bob")

		proxy.Partition()
		emitted := 0
		redistest.Await(t, "an error of Emit", func() bool {
			err := b.Emit(ctx, "n", emitted)
			if got := realtimetest.Expect[int](bob, "n"); got != emitted {
				t.Fatalf("a client of the server that was cut off got %d, want %d", got, emitted)
			}
			emitted++
			if err != nil && !errors.Is(err, redisadapter.ErrUnavailable) {
				t.Fatalf("Emit: %v", err)
			}
			return err != nil
		})
		cid, dan := b.as("cid"), a.as("dan")
		bob.Close()
		proxy.Heal()

		sees(a, "ann", "cid", "dan")
		sees(b, "ann", "cid", "dan")
		redistest.Await(t, "an event that reaches everyone again", func() bool {
			return a.Emit(ctx, "back") == nil && len(cid.Pending()) > 0
		})
		for name, c := range map[string]*realtimetest.Client{"ann": ann, "cid": cid, "dan": dan} {
			if reason := c.Reason(); reason != "" {
				t.Errorf("%s was closed: %s", name, reason)
			}
		}
	})
}
