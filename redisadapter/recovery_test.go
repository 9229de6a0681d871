//go:build unix

package redisadapter_test

import (
	"flag"
	"slices"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

var recoveryRuns = flag.Int("recovery.runs", 1, "how often TestRecovery breaks Redis in each way; its log has the times")

// TestRecovery measures how long the service is away (R66): until messages cross in both directions, and until presence
// answers too. It fails if the service stays away; the times are for who reads the log, on a machine that does nothing else.
func TestRecovery(t *testing.T) {
	for name, begin := range map[string]func(*testing.T) (redisadapter.Config, func() *redistest.Server){
		"restart": restarts, "sentinel failover": failsOver, "cluster failover": losesMaster,
	} {
		t.Run(name, func(t *testing.T) {
			bothWires(t, func(t *testing.T, wire redisadapter.Wire) {
				if *recoveryRuns == 1 { // nobody reads the times
					t.Parallel()
				}
				var messages, presence, late []time.Duration
				for range *recoveryRuns {
					cfg, fault := begin(t)
					cfg.Wire = wire
					o := recovers(t, cfg, fault)
					messages, presence, late = append(messages, o.messages), append(presence, o.presence), append(late, o.late)
				}
				for what, list := range map[string][]time.Duration{
					"messages after": messages, "presence after": presence, "presence, since Redis serves again, after": late,
				} {
					slices.Sort(list)
					t.Logf("%s %v (%v to %v)", what, list[len(list)/2], list[0], list[len(list)-1])
				}
			})
		})
	}
}

// outage is how long the service was away.
type outage struct {
	messages, presence time.Duration // since the fault
	late               time.Duration // presence, since a master serves again
}

// recovers breaks Redis under two nodes that talk. fault returns who will be master.
func recovers(t *testing.T, cfg redisadapter.Config, fault func() *redistest.Server) (o outage) {
	t.Helper()
	a, b := startPeer(t, cfg), startPeer(t, cfg)
	connected(t, a, b)
	a.PresenceEnter(realtime.PresenceEntry{
		Namespace: "/", User: "ann", Grace: time.Minute, Remember: time.Hour, Conn: realtime.PresenceConn{ID: "c", Node: a.self.ID, Connected: time.Now()},
	})
	present := func() bool { n, err := b.PresenceCount(t.Context(), "/"); return n == 1 && err == nil }
	redistest.Await(t, "one user", present)
	master := fault()
	from := time.Now()
	served := make(chan time.Time, 1)
	go func() { // ends when there is a master, or with the test
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for ; !master.IsMaster() && t.Context().Err() == nil; <-ticker.C {
		}
		served <- time.Now()
	}()
	redistest.Await(t, "messages that cross", func() bool {
		return a.emit("to b") == nil && b.emit("to a") == nil &&
			a.soon(func() bool { return a.hears("to a") }) && b.soon(func() bool { return b.hears("to b") })
	})
	o.messages = time.Since(from)
	redistest.Await(t, "presence", present)
	now := time.Now()
	o.presence = now.Sub(from)
	select {
	case at := <-served:
		o.late = now.Sub(at)
	case <-time.After(watchdog):
		t.Fatal("presence answers, and no master does")
	}
	_, _ = a.end(), b.end()
	return o
}

func restarts(t *testing.T) (redisadapter.Config, func() *redistest.Server) {
	s := redistest.Start(t)
	return options(s.Addr), func() *redistest.Server {
		s.Kill()
		s.Restart()
		return s
	}
}

func failsOver(t *testing.T) (redisadapter.Config, func() *redistest.Server) {
	s := redistest.StartSentinel(t)
	cfg := options(s.Sentinel.Addr)
	cfg.Redis.Sentinel.MasterSet = s.MasterSet
	return cfg, func() *redistest.Server {
		s.Master.Kill()
		return s.Replica
	}
}

// losesMaster kills the one of three masters that has most of the keys, and whose replica takes them over.
func losesMaster(t *testing.T) (redisadapter.Config, func() *redistest.Server) {
	c := redistest.StartCluster(t, 3)
	return options(c.Addrs...), func() *redistest.Server {
		busiest := slices.MaxFunc(c.Servers, func(a, b *redistest.Server) int { return len(keysOf(t, a)) - len(keysOf(t, b)) })
		replica := c.AddReplica(busiest)
		busiest.Kill()
		return replica
	}
}
