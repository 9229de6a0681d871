//go:build unix

package redisadapter_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// watchdog is how long a test waits for what must happen.
const watchdog = 60 * time.Second

// prefixes counts, so that tests that share a Redis do not hear each other.
var prefixes atomic.Int64

// peer is a node without a server, which notes what its adapter tells it.
type peer struct {
	*redisadapter.Adapter
	realtime.AdapterHandler // nil: what is not implemented here is never called
	t                       testing.TB
	self                    realtime.Node

	mu      sync.Mutex    // guards what follows
	changed chan struct{} // closed and replaced with every note
	heard   []*realtime.Message
	asked   []*realtime.Message
	states  []realtime.AdapterState
	offline []string      // users whose going was told here, with decided
	hold    chan struct{} // OnMessage waits for it
}

// OnPresence is called when others change, whatever a test is about.
func (p *peer) OnPresence(c realtime.PresenceChange, decided bool) {
	if decided && !c.Online {
		p.note(func() { p.offline = append(p.offline, c.User) })
	}
}

// OnRivals is called for every user who comes.
func (p *peer) OnRivals(realtime.PresenceEntry, []realtime.PresenceConn) {}

// options are for one Redis server, with short times.
func options(addrs ...string) redisadapter.Config {
	return redisadapter.Config{
		Redis:     rueidis.ClientOption{InitAddress: addrs},
		Prefix:    fmt.Sprintf("test-%d", prefixes.Add(1)),
		Heartbeat: 200 * time.Millisecond,
	}
}

// newPeer makes a node that is not started. It is closed with the test.
func newPeer(t testing.TB, cfg redisadapter.Config) *peer {
	t.Helper()
	a, err := redisadapter.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprintf("node%d", prefixes.Add(1))
	p := &peer{Adapter: a, t: t, self: realtime.Node{ID: id, Name: id, Started: time.Now()}, changed: make(chan struct{})}
	t.Cleanup(func() { _ = p.end() }) // a test that cares for the result ends it itself
	return p
}

// startPeer makes a node that listens to "/".
func startPeer(t testing.TB, cfg redisadapter.Config) *peer {
	t.Helper()
	p := newPeer(t, cfg)
	p.begin()
	return p
}

// begin starts the node.
func (p *peer) begin() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), watchdog)
	defer cancel()
	if err := errors.Join(p.Start(ctx, p.self, p), p.OpenNamespace(ctx, "/")); err != nil {
		p.t.Fatal(err)
	}
}

// end closes the node in a time in which it must.
func (p *peer) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), watchdog)
	defer cancel()
	return p.Close(ctx)
}

func (p *peer) note(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

// await waits until cond, which runs under p.mu, is true.
func (p *peer) await(what string, cond func() bool) {
	p.t.Helper()
	timer := time.NewTimer(watchdog)
	defer timer.Stop()
	for {
		p.mu.Lock()
		ok, changed := cond(), p.changed
		p.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			p.t.Fatalf("%s: %s: not within %v", p.self.ID, what, watchdog)
		}
	}
}

func (p *peer) OnMessage(m *realtime.Message) {
	p.mu.Lock()
	hold := p.hold
	p.mu.Unlock()
	if hold != nil {
		<-hold
	}
	p.note(func() { p.heard = append(p.heard, m) })
}

func (p *peer) OnAsk(m *realtime.Message, reply func(*realtime.Message)) {
	p.note(func() { p.asked = append(p.asked, m) })
	answer := &realtime.Message{Op: realtime.OpAnswer, Node: p.self.ID, Namespace: m.Namespace}
	switch m.Op {
	case realtime.OpBroadcastAck:
		answer.Op = realtime.OpCount
	case realtime.OpFetch:
		answer.Conns = []realtime.ConnInfo{{ID: "conn-of-" + p.self.ID, Rooms: []string{"room:x", "user:ann"}, UserID: "ann"}}
	case realtime.OpCountMembers:
		answer.Count = 1
	default:
		answer.Data = json.RawMessage(`["` + p.self.ID + `"]`)
	}
	reply(answer)
}

func (p *peer) OnNode(realtime.Node, bool) {}

func (p *peer) OnState(s realtime.AdapterState) { p.note(func() { p.states = append(p.states, s) }) }

// emit publishes an event that is one word.
func (p *peer) emit(word string) error {
	return p.Publish(p.t.Context(), &realtime.Message{
		Op: realtime.OpBroadcast, Node: p.self.ID, Namespace: "/", Data: json.RawMessage(`["` + word + `"]`),
	})
}

// hears reports whether an event has come. p.mu is held.
func (p *peer) hears(word string) bool {
	for _, m := range p.heard {
		if string(m.Data) == `["`+word+`"]` {
			return true
		}
	}
	return false
}

// connected waits until what each node publishes reaches the others.
func connected(t testing.TB, peers ...*peer) {
	t.Helper()
	for _, from := range peers {
		redistest.Await(t, "messages of "+from.self.ID+" at all others", func() bool {
			word := fmt.Sprintf("probe%d", prefixes.Add(1))
			if from.emit(word) != nil {
				return false
			}
			for _, p := range peers {
				if p != from && !p.soon(func() bool { return p.hears(word) }) {
					return false
				}
			}
			return true
		})
	}
}

// soon waits a little for cond.
func (p *peer) soon(cond func() bool) bool {
	timer := time.NewTimer(100 * time.Millisecond)
	defer timer.Stop()
	for {
		p.mu.Lock()
		ok, changed := cond(), p.changed
		p.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-timer.C:
			return false
		}
	}
}

// gaps returns the gaps that the node was told of, and whether the bus was down before.
func (p *peer) gaps() (list []realtime.Gap) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.states {
		if s.Status == realtime.AdapterGap {
			list = append(list, *s.Gap)
		}
	}
	return list
}

// last is the last state that the node was told of. p.mu is held.
func (p *peer) last() realtime.AdapterStatus {
	if len(p.states) == 0 {
		return realtime.AdapterDown
	}
	return p.states[len(p.states)-1].Status
}

// bothWires runs a test with each wire.
func bothWires(t *testing.T, test func(*testing.T, redisadapter.Wire)) {
	for name, wire := range map[string]redisadapter.Wire{"classic": redisadapter.NodeClassic, "native": redisadapter.Native} {
		t.Run(name, func(t *testing.T) { test(t, wire) })
	}
}
