package memadapter

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/internal/presence"
)

// The errors of a node's methods.
var (
	// ErrNotStarted means that the node's server has not started it yet.
	ErrNotStarted = errors.New("memadapter: not started")
	// ErrStarted means that Start was called a second time: each server needs a node of its own.
	ErrStarted = errors.New("memadapter: started already: each server needs a node of its own")
	// ErrClosed means that Close was called.
	ErrClosed = errors.New("memadapter: closed")
	// ErrCrashed means that Bus.Crash was called.
	ErrCrashed = errors.New("memadapter: crashed")
	// ErrPartitioned means that Bus.Partition keeps the node from all of the others (as the result of
	// Publish) or from some of them (in an AdapterState).
	ErrPartitioned = errors.New("memadapter: cut off by a partition")
)

// Bus carries messages between the nodes that it made. It has no goroutine of its own and needs no Close.
// All methods may be called concurrently, and from within calls of a node's handler.
type Bus struct {
	mu    sync.Mutex // a leaf: nobody waits, and no handler runs, while it is held
	nodes []*Adapter // started and alive, in the order of their start
	apart map[*Adapter]bool
	delay time.Duration

	revoked map[string]realtime.Revocation // by scope and user

	tableOnce sync.Once
	table     *presence.Table[realtime.PresenceConn] // its lock is outside of mu
}

// NewBus returns a bus without nodes.
func NewBus() *Bus { return &Bus{} }

// where returns the table of who is where.
func (b *Bus) where() *presence.Table[realtime.PresenceConn] {
	b.tableOnce.Do(func() { b.table = presence.New[realtime.PresenceConn](b.presenceChanged) })
	return b.table
}

// Node returns the adapter for one more server. It joins the others when that server starts.
func (b *Bus) Node() *Adapter { return newAdapter(b) }

// Delay makes every message, question and answer that is sent from now on arrive no sooner than d later.
// The order stays. News of nodes and states are not delayed by themselves, but follow what was sent before.
func (b *Bus) Delay(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.delay = d
}

// Partition cuts these nodes off from all others, in both directions; among themselves they can talk. An
// earlier partition is replaced. What is sent across is lost, but for what was under way already.
//
// A node that has somebody on the other side hears AdapterDown. When nobody is any more (Heal, or the others
// have gone) it hears AdapterUp and then, for each node whose messages it has missed, one AdapterGap with
// their number.
func (b *Bus) Partition(nodes ...*Adapter) {
	apart := make(map[*Adapter]bool)
	for _, n := range nodes {
		apart[n] = true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.apart = apart
	b.review()
}

// Heal ends the partition.
func (b *Bus) Heal() { b.Partition() }

// Crash ends a node as kill -9 ends its process: its handler hears nothing any more, its methods return
// ErrCrashed, and the other nodes learn that it is gone, as if their failure detector had just found out.
// What it has sent before arrives. A call of its handler that is running goes on. Close returns nil, once.
func (b *Bus) Crash(n *Adapter) { b.leave(n, ErrCrashed) }

// join makes a starting node a member. The lock is held.
func (b *Bus) join(a *Adapter) {
	for _, other := range b.nodes {
		other.tell(func() { other.handler.OnNode(copyNode(a.self), true) })
		a.tell(func() { a.handler.OnNode(copyNode(other.self), true) })
	}
	b.nodes = append(b.nodes, a)
	b.review()
}

// leave takes a node out for good, if it has not left before; why is what its methods return from now on.
func (b *Bus) leave(a *Adapter, why error) {
	defer a.end(why) // not under the lock: others may wait for the end of the context
	if b.remove(a, why) {
		b.where().DropNode(a.self.ID)
	}
}

// remove reports whether the node was a member.
func (b *Bus) remove(a *Adapter, why error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a.gone != nil {
		return false
	}
	a.gone = why
	if !a.started {
		return false
	}
	b.nodes = slices.DeleteFunc(b.nodes, func(n *Adapter) bool { return n == a })
	for _, other := range b.nodes {
		other.tell(func() { other.handler.OnNode(copyNode(a.self), false) })
		for q := range other.questions {
			q.lost(a)
		}
	}
	b.review()
	return true
}

// cut reports whether a partition separates two nodes. The lock is held, as for the next two.
func (b *Bus) cut(from, to *Adapter) bool { return b.apart[from] != b.apart[to] }

// review tells nodes that a partition has begun or ended for them.
func (b *Bus) review() {
	for _, a := range b.nodes {
		down := false
		for _, other := range b.nodes {
			down = down || b.cut(a, other)
		}
		switch {
		case down && !a.down:
			a.state(realtime.AdapterState{Status: realtime.AdapterDown, Err: ErrPartitioned})
		case !down && a.down:
			a.state(realtime.AdapterState{Status: realtime.AdapterUp})
			missed := a.missed
			a.missed = nil
			a.tell(func() { missed.tell(a.handler) })
		}
		a.down = down
	}
}

// send puts a message into the queue of one other node, and reports whether it is on its way. Who queues is
// told nothing of a full queue: that is between the bus and the receiver.
func (b *Bus) send(from, to *Adapter, m *realtime.Message, p parcel) bool {
	now := time.Now()
	if b.cut(from, to) {
		to.missed.add(from.self.ID, m, now)
		return false
	}
	p.due = b.dueNow()
	if !to.inbox.push(p) {
		to.inbox.lose(from.self.ID, m, now)
	}
	return true
}

// dueNow is when what is sent now may arrive.
func (b *Bus) dueNow() time.Time { return time.Now().Add(b.delay) }

func copyNode(n realtime.Node) realtime.Node {
	n.Meta = maps.Clone(n.Meta)
	return n
}
