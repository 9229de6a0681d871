package realtime_test

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/realtime-go/realtime"
)

// bus joins servers of one test. It is small on purpose: what it shows is that every call of the Adapter
// contract is in place. Messages cross it encoded, so that nothing is shared by accident.
type bus struct {
	mu    sync.Mutex
	nodes []*busNode
}

// node returns an adapter for one more server.
func (b *bus) node() *busNode {
	return &busNode{bus: b, open: map[string]bool{}, rooms: map[string]bool{}}
}

func (b *bus) others(n *busNode) (list []*busNode) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, other := range b.nodes {
		if other != n {
			list = append(list, other)
		}
	}
	return list
}

// busNode is one server's adapter.
type busNode struct {
	bus     *bus
	self    realtime.Node
	handler realtime.AdapterHandler
	deaf    bool  // receives nothing and answers nothing
	fail    error // of Publish

	mu    sync.Mutex
	open  map[string]bool
	rooms map[string]bool
}

func (n *busNode) Start(_ context.Context, self realtime.Node, h realtime.AdapterHandler) error {
	n.self, n.handler = self, h
	for _, other := range n.bus.others(n) {
		other.handler.OnNode(self, true)
	}
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	n.bus.nodes = append(n.bus.nodes, n)
	return nil
}

func copied(m *realtime.Message) *realtime.Message {
	data, err := m.MarshalBinary()
	if err != nil {
		panic(err)
	}
	var c realtime.Message
	if err := c.UnmarshalBinary(data); err != nil {
		panic(err)
	}
	return &c
}

func (n *busNode) Publish(_ context.Context, m *realtime.Message) error {
	if n.fail != nil {
		return n.fail
	}
	for _, other := range n.bus.others(n) {
		if !other.deaf {
			other.handler.OnMessage(copied(m))
		}
	}
	return nil
}

func (n *busNode) Ask(ctx context.Context, m *realtime.Message, reply func(*realtime.Message)) (int, error) {
	others := n.bus.others(n)
	answers := make(chan *realtime.Message, 1000)
	due := map[string]int{}
	for _, other := range others {
		due[other.self.ID] = 1
		if !other.deaf {
			other.handler.OnAsk(copied(m), func(r *realtime.Message) { answers <- copied(r) })
		}
	}
	for len(due) > 0 {
		select {
		case r := <-answers:
			reply(r)
			if r.Op == realtime.OpCount {
				due[r.Node] += r.Count
			}
			if due[r.Node]--; due[r.Node] <= 0 {
				delete(due, r.Node)
			}
		case <-ctx.Done():
			return len(others), context.Cause(ctx)
		}
	}
	return len(others), nil
}

func (n *busNode) Nodes(context.Context) ([]realtime.Node, error) {
	nodes := []realtime.Node{n.self}
	for _, other := range n.bus.others(n) {
		nodes = append(nodes, other.self)
	}
	return nodes, nil
}

func (n *busNode) set(names map[string]bool, name string, on bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if on {
		names[name] = true
	} else {
		delete(names, name)
	}
	return nil
}

func (n *busNode) has(names map[string]bool, name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return names[name]
}

func (n *busNode) OpenNamespace(_ context.Context, ns string) error { return n.set(n.open, ns, true) }

func (n *busNode) CloseNamespace(_ context.Context, ns string) error { return n.set(n.open, ns, false) }

func (n *busNode) RoomOpened(ns, room string) { _ = n.set(n.rooms, ns+room, true) }

func (n *busNode) RoomClosed(ns, room string) { _ = n.set(n.rooms, ns+room, false) }

func (n *busNode) Close(context.Context) error {
	if n.handler == nil {
		return errors.New("not started")
	}
	n.bus.mu.Lock()
	var rest []*busNode
	for _, other := range n.bus.nodes {
		if other != n {
			rest = append(rest, other)
		}
	}
	n.bus.nodes = rest
	n.bus.mu.Unlock()
	for _, other := range rest {
		other.handler.OnNode(n.self, false)
	}
	return nil
}

var errBusDown = &net.OpError{Op: "dial", Err: errors.New("bus down")}
