package memadapter

import (
	"context"
	"time"

	"github.com/realtime-go/realtime"
)

// The bounds of a queue. What does not fit is lost: to a node that is a gap, to who asks a missing answer.
const (
	queueMessages = 4096
	queueBytes    = 16 << 20
)

// parcel is one thing to be heard, in its turn and not before it is due.
type parcel struct {
	due  time.Time
	size int    // bytes of the message, 0 for news of the bus itself
	run  func() // called by whoever takes from the queue

	lost *losses // what did not fit after the parcels before this one; run is nil then
}

// queue is what one node, or one who asks, has not heard yet. It is guarded by Bus.mu and has one consumer.
// News of nodes, states and losses enter although it is full: there are as few of them as of the faults, and
// of losses one for each message that did fit.
type queue struct {
	parcels         []parcel
	messages, bytes int
	wake            chan struct{} // holds a token when there may be something new
}

func newQueue() queue { return queue{wake: make(chan struct{}, 1)} }

// push appends a parcel and reports whether it fitted. An empty queue takes a message of any size.
func (q *queue) push(p parcel) bool {
	if p.size > 0 {
		if q.messages >= queueMessages || q.messages > 0 && q.bytes+p.size > queueBytes {
			return false
		}
		q.messages++
		q.bytes += p.size
	}
	q.parcels = append(q.parcels, p)
	select {
	case q.wake <- struct{}{}:
	default: // there is a token
	}
	return true
}

// lose notes a message that did not fit, at its place in the order.
func (q *queue) lose(node string, m *realtime.Message, at time.Time) {
	last := len(q.parcels) - 1 // the queue is full, so there is one
	if q.parcels[last].lost == nil {
		q.push(parcel{lost: &losses{}})
		last++
	}
	q.parcels[last].lost.add(node, m, at)
}

// pop takes the first parcel if it is due; otherwise wait is when it will be, 0 if there is none.
func (q *queue) pop() (p parcel, wait time.Duration, ok bool) {
	if len(q.parcels) == 0 {
		return p, 0, false
	}
	p = q.parcels[0]
	if wait = time.Until(p.due); wait > 0 {
		return p, wait, false
	}
	q.parcels[0] = parcel{}
	q.parcels = q.parcels[1:]
	if p.size > 0 {
		q.messages--
		q.bytes -= p.size
	}
	return p, 0, true
}

// take waits for the next parcel of a queue, or for the end of ctx, whose cause it returns.
func (b *Bus) take(ctx context.Context, q *queue) (parcel, error) {
	for {
		b.mu.Lock()
		p, wait, ok := q.pop()
		b.mu.Unlock()
		if ok {
			return p, nil
		}
		if err := q.await(ctx, wait); err != nil {
			return parcel{}, err
		}
	}
}

// await waits until there may be a parcel, or until the first one is due.
func (q *queue) await(ctx context.Context, wait time.Duration) error {
	var due <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-q.wake:
	case <-due:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// losses are the messages that a node has missed and was not told of yet: one gap for each publishing node.
type losses []realtime.Gap

// add counts one more. A gap that spans several namespaces or rooms names none.
func (l *losses) add(node string, m *realtime.Message, at time.Time) {
	room := ""
	if len(m.Rooms) == 1 {
		room = m.Rooms[0]
	}
	for i := range *l {
		g := &(*l)[i]
		if g.Node != node {
			continue
		}
		g.Count++
		g.To = at
		if g.Namespace != m.Namespace {
			g.Namespace, g.Room = "", ""
		}
		if g.Room != room {
			g.Room = ""
		}
		return
	}
	*l = append(*l, realtime.Gap{Node: node, Namespace: m.Namespace, Room: room, Count: 1, From: at, To: at})
}

// tell reports each gap.
func (l losses) tell(h realtime.AdapterHandler) {
	for i := range l {
		h.OnState(realtime.AdapterState{Status: realtime.AdapterGap, Gap: &l[i]})
	}
}
