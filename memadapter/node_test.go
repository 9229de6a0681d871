package memadapter_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/memadapter"
)

// node is a node without a server, which writes down what it hears. It lives in a synctest bubble.
type node struct {
	*memadapter.Adapter
	t     *testing.T
	self  realtime.Node
	onAsk func(m *realtime.Message, reply func(*realtime.Message))
	onMsg func(m *realtime.Message)

	mu     sync.Mutex
	news   []string // in the order of the calls
	states []realtime.AdapterState
	last   *realtime.Message
}

// started starts a node for the rest of the test.
func started(t *testing.T, b *memadapter.Bus, name string) *node {
	t.Helper()
	n := &node{Adapter: b.Node(), t: t, self: realtime.Node{ID: name, Name: name, Meta: map[string]string{"zone": "1"}}}
	t.Cleanup(func() { _ = n.Close(context.Background()) }) // some tests have closed it
	if err := n.Start(t.Context(), n.self, n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *node) OnMessage(m *realtime.Message) {
	n.write("%s:%s", m.Node, m.Data)
	n.mu.Lock()
	n.last = m
	n.mu.Unlock()
	if n.onMsg != nil {
		n.onMsg(m)
	}
}

func (n *node) OnAsk(m *realtime.Message, reply func(*realtime.Message)) {
	n.write("%s?", m.Node)
	if n.onAsk != nil {
		n.onAsk(m, reply)
	}
}

func (n *node) OnNode(other realtime.Node, up bool) {
	n.write("%s %s", map[bool]string{true: "+", false: "-"}[up], other.ID)
	other.Meta["zone"] = "changed" // nobody else may see it
}

func (n *node) OnState(s realtime.AdapterState) {
	n.write("%s", s.Status)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.states = append(n.states, s)
}

func (*node) OnPresence(realtime.PresenceChange, bool) {}

func (*node) OnRivals(realtime.PresenceEntry, []realtime.PresenceConn) {}

func (n *node) write(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.news = append(n.news, fmt.Sprintf(format, args...))
}

// heard waits until nothing happens any more, and compares what the node has heard since the last time.
func (n *node) heard(want ...string) {
	n.t.Helper()
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	if diff := cmp.Diff(want, n.news); diff != "" {
		n.t.Errorf("what %s heard (-want +got):\n%s", n.self.ID, diff)
	}
	n.news = nil
}

// gaps returns the gaps that the node was told of.
func (n *node) gaps() (gaps []realtime.Gap) {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.states {
		if s.Gap != nil {
			gaps = append(gaps, *s.Gap)
		}
	}
	return gaps
}

// message is a broadcast of a number.
func (n *node) message(i int, rooms ...string) *realtime.Message {
	data := json.RawMessage(fmt.Sprintf(`[%d]`, i))
	return &realtime.Message{Op: realtime.OpBroadcast, Node: n.self.ID, Namespace: "/", Rooms: rooms, Data: data}
}

// publish publishes a number.
func (n *node) publish(i int, rooms ...string) {
	n.t.Helper()
	if err := n.Publish(n.t.Context(), n.message(i, rooms...)); err != nil {
		n.t.Errorf("Publish of %s: %v", n.self.ID, err)
	}
}

// ask asks with a deadline and returns who has answered.
func (n *node) ask(op realtime.Op, timeout time.Duration) (answers []string, expected int, err error) {
	ctx, cancel := context.WithTimeout(n.t.Context(), timeout)
	defer cancel()
	expected, err = n.Ask(ctx, &realtime.Message{Op: op, Node: n.self.ID, Namespace: "/"}, func(r *realtime.Message) {
		answers = append(answers, r.Node)
	})
	slices.Sort(answers)
	return answers, expected, err
}

// answering makes the node answer questions at once.
func (n *node) answering() *node {
	n.onAsk = func(_ *realtime.Message, reply func(*realtime.Message)) {
		reply(&realtime.Message{Op: realtime.OpAnswer, Node: n.self.ID})
	}
	return n
}

// pass lets fake time go by.
func pass(d time.Duration) {
	time.Sleep(d) // the fake clock of synctest
	synctest.Wait()
}
