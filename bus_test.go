package realtime_test

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/memadapter"
)

// bus joins servers of one test.
type bus struct{ memadapter.Bus }

// node returns an adapter for one more server.
func (b *bus) node() *busNode {
	return &busNode{Adapter: b.Node(), bus: b, open: map[string]bool{}, rooms: map[string]bool{}}
}

// busNode is one server's adapter, with an eye on what the server tells it, and the server's handler at hand.
type busNode struct {
	*memadapter.Adapter
	bus     *bus
	self    realtime.Node
	handler realtime.AdapterHandler
	fail    error                   // of Publish
	heard   func(*realtime.Message) // changes the answers that the server gets

	mu    sync.Mutex
	open  map[string]bool
	rooms map[string]bool
}

func (n *busNode) Start(ctx context.Context, self realtime.Node, h realtime.AdapterHandler) error {
	n.self, n.handler = self, h
	return n.Adapter.Start(ctx, self, h)
}

// deafen lets the node receive and answer nothing from now on.
func (n *busNode) deafen() { n.bus.Partition(n.Adapter) }

func (n *busNode) Publish(ctx context.Context, m *realtime.Message) error {
	if n.fail != nil {
		return n.fail
	}
	return n.Adapter.Publish(ctx, m)
}

func (n *busNode) Ask(ctx context.Context, m *realtime.Message, reply func(*realtime.Message)) (int, error) {
	return n.Adapter.Ask(ctx, m, func(r *realtime.Message) {
		if n.heard != nil {
			n.heard(r)
		}
		reply(r)
	})
}

func (n *busNode) set(names map[string]bool, name string, on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if on {
		names[name] = true
	} else {
		delete(names, name)
	}
}

func (n *busNode) has(names map[string]bool, name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return names[name]
}

func (n *busNode) OpenNamespace(ctx context.Context, ns string) error {
	n.set(n.open, ns, true)
	return n.Adapter.OpenNamespace(ctx, ns)
}

func (n *busNode) CloseNamespace(ctx context.Context, ns string) error {
	n.set(n.open, ns, false)
	return n.Adapter.CloseNamespace(ctx, ns)
}

func (n *busNode) RoomOpened(ns, room string) {
	n.set(n.rooms, ns+room, true)
	n.Adapter.RoomOpened(ns, room)
}

func (n *busNode) RoomClosed(ns, room string) {
	n.set(n.rooms, ns+room, false)
	n.Adapter.RoomClosed(ns, room)
}

var errBusDown = &net.OpError{Op: "dial", Err: errors.New("bus down")}
