package adaptertest

import (
	"context"
	"sync"
	"testing"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/memadapter"
)

type (
	publishFunc = func(ctx context.Context, m *realtime.Message) error
	replyFunc   = func(*realtime.Message)
	askFunc     = func(ctx context.Context, m *realtime.Message, reply replyFunc) (int, error)
	startFunc   = func(ctx context.Context, self realtime.Node, h realtime.AdapterHandler) error
	nodesFunc   = func(ctx context.Context) ([]realtime.Node, error)
	nameFunc    = func(ctx context.Context, namespace string) error
	closeFunc   = func(ctx context.Context) error
)

// tampered is a working node whose calls, and those of its handler, can be replaced. What replaces one gets the
// one that works as next.
type tampered struct {
	real *memadapter.Adapter
	self realtime.Node

	start   func(next startFunc, ctx context.Context, self realtime.Node, h realtime.AdapterHandler) error
	publish func(next publishFunc, ctx context.Context, m *realtime.Message) error
	ask     func(next askFunc, ctx context.Context, m *realtime.Message, reply replyFunc) (int, error)
	nodes   func(next nodesFunc, ctx context.Context) ([]realtime.Node, error)
	shut    func(next nameFunc, ctx context.Context, namespace string) error
	close   func(next closeFunc, ctx context.Context) error

	presence presenceTampers

	message func(h realtime.AdapterHandler, m *realtime.Message)
	asked   func(h realtime.AdapterHandler, m *realtime.Message, reply replyFunc)
	news    func(h realtime.AdapterHandler, n realtime.Node, up bool)
	state   func(h realtime.AdapterHandler, s realtime.AdapterState)
}

func (a *tampered) Start(ctx context.Context, self realtime.Node, h realtime.AdapterHandler) error {
	a.self = self
	if a.start != nil {
		return a.start(a.real.Start, ctx, self, ears{a, h})
	}
	return a.real.Start(ctx, self, ears{a, h})
}

func (a *tampered) Publish(ctx context.Context, m *realtime.Message) error {
	if a.publish != nil {
		return a.publish(a.real.Publish, ctx, m)
	}
	return a.real.Publish(ctx, m)
}

func (a *tampered) Ask(ctx context.Context, m *realtime.Message, reply func(*realtime.Message)) (int, error) {
	if a.ask != nil {
		return a.ask(a.real.Ask, ctx, m, reply)
	}
	return a.real.Ask(ctx, m, reply)
}

func (a *tampered) Nodes(ctx context.Context) ([]realtime.Node, error) {
	if a.nodes != nil {
		return a.nodes(a.real.Nodes, ctx)
	}
	return a.real.Nodes(ctx)
}

func (a *tampered) OpenNamespace(ctx context.Context, namespace string) error {
	return a.real.OpenNamespace(ctx, namespace)
}

func (a *tampered) CloseNamespace(ctx context.Context, namespace string) error {
	if a.shut != nil {
		return a.shut(a.real.CloseNamespace, ctx, namespace)
	}
	return a.real.CloseNamespace(ctx, namespace)
}

func (a *tampered) Close(ctx context.Context) error {
	if a.close != nil {
		return a.close(a.real.Close, ctx)
	}
	return a.real.Close(ctx)
}

// ears stands between a tampered node and its handler.
type ears struct {
	a *tampered
	realtime.AdapterHandler
}

func (e ears) OnMessage(m *realtime.Message) {
	if e.a.message != nil {
		e.a.message(e.AdapterHandler, m)
		return
	}
	e.AdapterHandler.OnMessage(m)
}

func (e ears) OnAsk(m *realtime.Message, reply func(*realtime.Message)) {
	if e.a.asked != nil {
		e.a.asked(e.AdapterHandler, m, reply)
		return
	}
	e.AdapterHandler.OnAsk(m, reply)
}

func (e ears) OnNode(n realtime.Node, up bool) {
	if e.a.news != nil {
		e.a.news(e.AdapterHandler, n, up)
		return
	}
	e.AdapterHandler.OnNode(n, up)
}

func (e ears) OnState(s realtime.AdapterState) {
	if e.a.state != nil {
		e.a.state(e.AdapterHandler, s)
		return
	}
	e.AdapterHandler.OnState(s)
}

// interested is a tampered node that is told of rooms.
type interested struct {
	*tampered
	opened, closed func(a *tampered, namespace, room string)
}

func (a *interested) RoomOpened(namespace, room string) { a.opened(a.tampered, namespace, room) }

func (a *interested) RoomClosed(namespace, room string) { a.closed(a.tampered, namespace, room) }

// tamperedBus makes nodes with a mistake. The one that works underneath is closed at the end of the test.
type tamperedBus struct {
	t      testing.TB
	bus    *memadapter.Bus
	tamper func(a *tampered) realtime.Adapter

	mu   sync.Mutex
	real map[realtime.Adapter]*memadapter.Adapter
}

func newTamperedBus(t testing.TB, tamper func(a *tampered) realtime.Adapter) *tamperedBus {
	return &tamperedBus{t: t, bus: memadapter.NewBus(), tamper: tamper, real: map[realtime.Adapter]*memadapter.Adapter{}}
}

func (b *tamperedBus) Node() realtime.Adapter {
	a := &tampered{real: b.bus.Node()}
	b.t.Cleanup(func() { _ = a.real.Close(context.Background()) }) // closed by the kit, if there is no mistake about it
	var node realtime.Adapter = a
	if b.tamper != nil {
		node = b.tamper(a)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.real[node] = a.real
	return node
}

func (b *tamperedBus) of(a realtime.Adapter) *memadapter.Adapter {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.real[a]
}

func (b *tamperedBus) Crash(a realtime.Adapter) { b.bus.Crash(b.of(a)) }
func (b *tamperedBus) Sever(a realtime.Adapter) { b.bus.Partition(b.of(a)) }
func (b *tamperedBus) Mend(realtime.Adapter)    { b.bus.Heal() }
