//go:build unix

package redisadapter_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// history is what some nodes have said and heard. Each message has a number, and its node
// counts up for each room.
type history struct {
	t     testing.TB
	nodes []*peer
	rooms []string

	mu   sync.Mutex // guards what follows
	said []*said
}

// said is a message that Publish has accepted.
type said struct {
	from          *peer
	number        int
	room          string // "" for everyone
	before, after time.Time
}

// newHistory starts a node for each configuration.
func newHistory(t testing.TB, cfgs ...redisadapter.Config) *history {
	t.Helper()
	h := &history{t: t, rooms: []string{"", "a", "b", "c", "d"}}
	for _, cfg := range cfgs {
		p := startPeer(t, cfg)
		for _, room := range h.rooms[1:] {
			p.RoomOpened("/", room)
		}
		h.nodes = append(h.nodes, p)
	}
	connected(t, h.nodes...)
	return h
}

// speak lets all nodes publish at the same time until stop is closed, as fast as a ticker goes, and
// returns when they have ended.
func (h *history) speak(stop <-chan struct{}) {
	var all sync.WaitGroup
	for _, p := range h.nodes {
		all.Go(func() { // ends with stop
			ticker := time.NewTicker(500 * time.Microsecond)
			defer ticker.Stop()
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-ticker.C:
					h.say(p, h.rooms[i%len(h.rooms)])
				}
			}
		})
	}
	all.Wait()
}

// say publishes the next message of a node. What Publish refuses is not owed.
func (h *history) say(p *peer, room string) {
	h.mu.Lock()
	s := &said{from: p, number: len(h.said), room: room, before: time.Now()}
	h.said = append(h.said, s)
	h.mu.Unlock()
	m := &realtime.Message{Op: realtime.OpBroadcast, Node: p.self.ID, Namespace: "/", Data: json.RawMessage(fmt.Sprintf(`["h",%d]`, s.number))}
	if room != "" {
		m.Rooms = []string{room}
	}
	err := p.Publish(h.t.Context(), m)
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.after = time.Now(); err != nil {
		s.from = nil
	}
}

// heardBy returns the numbers that a node has heard, and fails the test for one that came twice or
// before an earlier one of the same node and room (R72).
func (h *history) heardBy(p *peer) map[int]bool {
	h.t.Helper()
	numbers := map[int]bool{}
	last := map[string]int{}
	for _, m := range p.heard {
		var n int
		if _, err := fmt.Sscanf(string(m.Data), `["h",%d]`, &n); err != nil {
			continue
		}
		if numbers[n] {
			h.t.Errorf("%s heard %d twice", p.self.ID, n)
		}
		numbers[n] = true
		key := m.Node + fmt.Sprint(m.Rooms)
		if before, ok := last[key]; ok && before > n {
			h.t.Errorf("%s heard %d after %d of the same node and room", p.self.ID, n, before)
		}
		last[key] = n
	}
	return numbers
}

// holds reports whether a message can lie in a gap.
func holds(g *realtime.Gap, s *said) bool {
	return (g.Node == "" || g.Node == s.from.self.ID) && (g.Namespace == "" || g.Namespace == "/") &&
		!g.From.After(s.after) && !g.To.Before(s.before)
}

// check waits until each message that a node has not heard lies in a gap that the node or the
// publisher was told of (R67), and returns how many those are.
func (h *history) check() (lost int) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.nodes {
		p.mu.Lock()
		numbers := h.heardBy(p)
		p.mu.Unlock()
		missing := slices.DeleteFunc(slices.Clone(h.said), func(s *said) bool { return s.from == nil || s.from == p || numbers[s.number] })
		lost += len(missing)
		var left []*said
		redistest.Await(h.t, fmt.Sprintf("gaps that hold the %d messages that %s has missed", len(missing), p.self.ID), func() bool {
			left = slices.DeleteFunc(slices.Clone(missing), func(s *said) bool {
				return slices.ContainsFunc(append(p.gaps(), s.from.gaps()...), func(g realtime.Gap) bool { return holds(&g, s) })
			})
			return len(left) == 0
		})
	}
	return lost
}

// TestNativeEveryLossLiesInAGap breaks what can break while three nodes talk.
func TestNativeEveryLossLiesInAGap(t *testing.T) { everyLossLiesInAGap(t, redisadapter.Native) }

// TestRollingEveryLossLiesInAGap does so while both wires are spoken.
func TestRollingEveryLossLiesInAGap(t *testing.T) { everyLossLiesInAGap(t, redisadapter.Rolling) }

// TestShardedEveryLossLiesInAGap does so with sharded publish and subscribe, whose connections break one by one.
func TestShardedEveryLossLiesInAGap(t *testing.T) {
	cluster := redistest.StartCluster(t, 3)
	cfg := impatient(options(cluster.Addrs...))
	cfg.Wire, cfg.ShardedPubSub = redisadapter.Native, true
	h := newHistory(t, cfg, cfg, cfg)
	lost := 0
	for _, kind := range []string{"pubsub", "normal"} {
		for _, server := range cluster.Servers {
			lost = h.through(func() { server.KillClients(kind) })
		}
	}
	if lost == 0 {
		t.Error("nothing was lost, so nothing was tested")
	}
	breaks := uint64(0)
	for _, p := range h.nodes {
		breaks += p.Stats().Breaks
	}
	t.Logf("%d messages, %d times one was missed, %d breaks", len(h.said), lost, breaks)
}

func everyLossLiesInAGap(t *testing.T, wire redisadapter.Wire) {
	faults := map[string]func(*redistest.Server){
		"subscriptions killed": func(s *redistest.Server) { s.KillClients("pubsub") },
		"publishers killed":    func(s *redistest.Server) { s.KillClients("normal") },
		"redis killed": func(s *redistest.Server) {
			s.Kill()
			s.Restart()
		},
		"redis stopped": func(s *redistest.Server) {
			s.Pause()
			<-time.After(700 * time.Millisecond) // longer than a call to Redis may take
			s.Resume()
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			cfg := options(server.Addr)
			cfg.Wire = wire
			cfg.PublishTimeout = 300 * time.Millisecond
			cfg.Redis.ConnWriteTimeout = 500 * time.Millisecond
			cfg.Redis.Dialer.Timeout = 300 * time.Millisecond
			h := newHistory(t, cfg, cfg, cfg)
			lost := 0
			for range 3 {
				lost = h.through(func() { fault(server) })
			}
			t.Logf("%d messages, %d times one was missed", len(h.said), lost)
			if lost == 0 && name != "publishers killed" {
				t.Error("nothing was lost, so nothing was tested")
			}
		})
	}
}

// through lets all nodes talk before, during and after a fault, checks what they have missed, and returns how many
// messages those are.
func (h *history) through(fault func()) (lost int) {
	h.t.Helper()
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() { // ends with stop
		defer close(ended)
		h.speak(stop)
	}()
	redistest.Await(h.t, "some talk", h.talked(500))
	fault()
	redistest.Await(h.t, "some talk", h.talked(500))
	close(stop)
	<-ended
	for _, p := range h.nodes {
		p.await("the bus is up", func() bool { return p.last() != realtime.AdapterDown })
	}
	connected(h.t, h.nodes...)
	return h.check()
}

// talked is true when so many more messages have been accepted.
func (h *history) talked(more int) func() bool {
	accepted := func() (n int) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, s := range h.said {
			if s.from != nil && !s.after.IsZero() {
				n++
			}
		}
		return n
	}
	until := accepted() + more
	return func() bool { return accepted() >= until }
}
