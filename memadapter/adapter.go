package memadapter

import (
	"context"
	"fmt"
	"sync"

	"github.com/realtime-go/realtime"
)

// Adapter is one node of a [Bus]. It implements [realtime.Adapter], [realtime.RoomInterest],
// [realtime.PresenceStore] and [realtime.RevocationStore]. All methods may be called concurrently; Close waits for calls of the handler that are running, and so must not be
// waited for in one.
type Adapter struct {
	bus *Bus

	life context.Context // ends when the node is gone, with the reason as its cause
	end  context.CancelCauseFunc

	// Written by Start before anybody else can know of the node. The channels are made there too, so that a node
	// belongs to the synctest bubble in which it is started.
	done    chan struct{} // closed when the handler hears nothing any more
	self    realtime.Node
	handler realtime.AdapterHandler

	// Guarded by bus.mu.
	started   bool
	gone      error // why the node is a member no more
	closed    bool  // by Close
	down      bool  // a partition has been told
	inbox     queue
	missed    losses // during the partition
	questions map[*question]struct{}
	rooms     map[roomKey]struct{} // nil until the first one is told

	earlyMu         sync.Mutex // outside of the table's lock
	presenceStarted bool
	early           []func() // what was entered before Start
}

type roomKey struct{ namespace, room string }

var (
	_ realtime.Adapter      = (*Adapter)(nil)
	_ realtime.RoomInterest = (*Adapter)(nil)
)

func newAdapter(b *Bus) *Adapter {
	a := &Adapter{bus: b, questions: make(map[*question]struct{})}
	a.life, a.end = context.WithCancelCause(context.Background())
	return a
}

// Start makes the node a member of the cluster. It fails if ctx has ended, and may be called again then.
func (a *Adapter) Start(ctx context.Context, self realtime.Node, h realtime.AdapterHandler) error {
	if ctx.Err() != nil {
		return fmt.Errorf("memadapter: start: %w", context.Cause(ctx))
	}
	if err := a.join(self, h); err != nil {
		return err
	}
	a.startPresence()
	return nil
}

func (a *Adapter) join(self realtime.Node, h realtime.AdapterHandler) error {
	a.bus.mu.Lock()
	defer a.bus.mu.Unlock()
	switch {
	case a.gone != nil:
		return a.gone
	case a.started:
		return ErrStarted
	}
	a.started = true
	a.self, a.handler = copyNode(self), h
	a.done, a.inbox = make(chan struct{}), newQueue()
	a.bus.join(a)
	go a.listen() // owned by the node, ends with a.life; Close waits for it
	return nil
}

// listen lets the handler hear what is in the inbox, one thing after the other.
func (a *Adapter) listen() {
	defer close(a.done)
	for {
		p, err := a.bus.take(a.life, &a.inbox)
		if err != nil || a.life.Err() != nil { // what is left is for nobody
			return
		}
		if p.lost != nil {
			p.lost.tell(a.handler)
			continue
		}
		p.run()
	}
}

// tell queues news of the bus itself. The lock of the bus is held, as for the next two.
func (a *Adapter) tell(run func()) { a.inbox.push(parcel{run: run}) }

func (a *Adapter) state(s realtime.AdapterState) {
	a.tell(func() { a.handler.OnState(s) })
}

// usable is nil between Start and the end.
func (a *Adapter) usable() error {
	switch {
	case a.gone != nil:
		return a.gone
	case !a.started:
		return ErrNotStarted
	}
	return nil
}

// Publish hands m to the other nodes. It never waits. The error is ErrPartitioned if there are others and
// none of them can be reached; they count the message as lost nevertheless.
func (a *Adapter) Publish(_ context.Context, m *realtime.Message) error {
	data, err := m.MarshalBinary()
	if err != nil {
		return fmt.Errorf("memadapter: encode message: %w", err)
	}
	a.bus.mu.Lock()
	defer a.bus.mu.Unlock()
	if err := a.usable(); err != nil {
		return err
	}
	alone, reached := true, false
	for _, other := range a.bus.nodes {
		if other == a {
			continue
		}
		alone = false
		if a.bus.send(a, other, m, parcel{size: len(data), run: func() { other.hear(data) }}) {
			reached = true
		}
	}
	if !alone && !reached {
		return ErrPartitioned
	}
	return nil
}

// hear delivers a message, if anybody here can want it.
func (a *Adapter) hear(data []byte) {
	if m := decode(data); a.wants(m) {
		a.handler.OnMessage(m)
	}
}

// decode makes a copy of a message that nobody shares.
func decode(data []byte) *realtime.Message {
	m := new(realtime.Message)
	if err := m.UnmarshalBinary(data); err != nil {
		panic("memadapter: a message that was encoded here does not decode: " + err.Error())
	}
	return m
}

// wants reports whether a broadcast can have receivers here. The rooms are those of this moment: whoever
// joined by a message before this one is known already. A network would look at the sender's end, and then
// has to see to it that a message cannot overtake the interest that its predecessor has caused.
func (a *Adapter) wants(m *realtime.Message) bool {
	if m.Op != realtime.OpBroadcast || len(m.Rooms) == 0 {
		return true
	}
	a.bus.mu.Lock()
	defer a.bus.mu.Unlock()
	if a.rooms == nil { // a wrapper hides RoomInterest, or nobody ever joined
		return true
	}
	for _, room := range m.Rooms {
		if _, open := a.rooms[roomKey{m.Namespace, room}]; open || mayBeConn(room) {
			return true
		}
	}
	return false
}

// mayBeConn reports whether a name could be a connection's id, 20 characters long, and so its own room,
// which no node tells of.
func mayBeConn(name string) bool { return len(name) == 20 }

// RoomOpened notes that a room has members here.
func (a *Adapter) RoomOpened(namespace, room string) {
	a.bus.mu.Lock()
	defer a.bus.mu.Unlock()
	if a.rooms == nil {
		a.rooms = make(map[roomKey]struct{})
	}
	a.rooms[roomKey{namespace, room}] = struct{}{}
}

// RoomClosed notes that a room has no members here any more.
func (a *Adapter) RoomClosed(namespace, room string) {
	a.bus.mu.Lock()
	defer a.bus.mu.Unlock()
	delete(a.rooms, roomKey{namespace, room})
}

// Nodes lists the live nodes in the order of their start, also those beyond a partition.
func (a *Adapter) Nodes(context.Context) ([]realtime.Node, error) {
	a.bus.mu.Lock()
	defer a.bus.mu.Unlock()
	if err := a.usable(); err != nil {
		return nil, err
	}
	nodes := make([]realtime.Node, 0, len(a.bus.nodes))
	for _, n := range a.bus.nodes {
		nodes = append(nodes, copyNode(n.self))
	}
	return nodes, nil
}

// OpenNamespace has nothing to do: every node hears every namespace.
func (a *Adapter) OpenNamespace(context.Context, string) error {
	a.bus.mu.Lock()
	defer a.bus.mu.Unlock()
	return a.usable()
}

// CloseNamespace has nothing to do either.
func (a *Adapter) CloseNamespace(context.Context, string) error {
	a.bus.mu.Lock()
	defer a.bus.mu.Unlock()
	return a.usable()
}

// Close leaves the cluster and waits until the handler hears nothing any more, or returns the cause of ctx
// if that ends first. What the node has sent arrives; what it has not heard yet is dropped. A second call
// returns ErrClosed.
func (a *Adapter) Close(ctx context.Context) error {
	a.bus.leave(a, ErrClosed)
	a.bus.mu.Lock()
	again, started := a.closed, a.started
	a.closed = true
	a.bus.mu.Unlock()
	if again {
		return ErrClosed
	}
	if !started {
		return nil
	}
	select {
	case <-a.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("memadapter: close: %w", context.Cause(ctx))
	}
}
