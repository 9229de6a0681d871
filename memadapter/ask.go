package memadapter

import (
	"context"
	"fmt"

	"github.com/realtime-go/realtime"
)

// question is an Ask in progress.
type question struct {
	asker   *Adapter
	op      realtime.Op
	answers queue // guarded by bus.mu, as asker.questions is

	// Owned by the goroutine of Ask.
	reply    func(*realtime.Message)
	open     map[*Adapter]*progress // nodes that have not answered in full
	expected int
}

// progress is how far one node has come with its answers.
type progress struct {
	announced bool // the number of answers is known
	left      int  // answers still to come, less than 0 if some came before their number
}

// Ask hands m to the other nodes and collects their answers. Answers that are more than a node has announced
// are ignored. It returns the cause of ctx, or the reason why this node has left.
func (a *Adapter) Ask(ctx context.Context, m *realtime.Message, reply func(*realtime.Message)) (int, error) {
	data, err := m.MarshalBinary()
	if err != nil {
		return 0, fmt.Errorf("memadapter: encode question: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(a.life, func() { cancel(context.Cause(a.life)) })()
	q := &question{asker: a, op: m.Op, answers: newQueue(), reply: reply, open: make(map[*Adapter]*progress)}
	if err := q.send(m, data); err != nil {
		return 0, err
	}
	defer q.forget()
	for len(q.open) > 0 {
		p, err := a.bus.take(ctx, &q.answers)
		if err != nil {
			return q.expected, err
		}
		p.run()
	}
	return q.expected, nil
}

// send puts the question to every other node.
func (q *question) send(m *realtime.Message, data []byte) error {
	b := q.asker.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := q.asker.usable(); err != nil {
		return err
	}
	for _, other := range b.nodes {
		if other == q.asker {
			continue
		}
		q.open[other] = &progress{}
		b.send(q.asker, other, m, parcel{size: len(data), run: func() {
			other.handler.OnAsk(decode(data), func(r *realtime.Message) { q.answer(other, r) })
		}})
	}
	q.expected = len(q.open)
	q.asker.questions[q] = struct{}{}
	return nil
}

// forget makes later answers go nowhere.
func (q *question) forget() {
	b := q.asker.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(q.asker.questions, q)
}

// answer queues what a node says. That it gets lost needs no gap: who asks is told by the result of Ask.
func (q *question) answer(from *Adapter, r *realtime.Message) {
	data, err := r.MarshalBinary()
	if err != nil {
		return // as if it were lost: who asks will miss it
	}
	b := q.asker.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, open := q.asker.questions[q]; !open || from.gone != nil || b.cut(from, q.asker) {
		return
	}
	q.answers.push(parcel{due: b.dueNow(), size: len(data), run: func() { q.take(from, decode(data)) }})
}

// take counts an answer and passes it on.
func (q *question) take(from *Adapter, r *realtime.Message) {
	p := q.open[from]
	if p == nil {
		return // it has answered in full
	}
	q.reply(r)
	switch {
	case q.op != realtime.OpBroadcastAck:
		p.announced = true
	case r.Op == realtime.OpCount:
		p.announced = true
		p.left += r.Count
	default:
		p.left--
	}
	if p.announced && p.left <= 0 {
		delete(q.open, from)
	}
}

// lost notes, behind the answers that it has given, that a node is gone. The lock of the bus is held.
func (q *question) lost(n *Adapter) {
	q.answers.push(parcel{run: func() {
		if q.open[n] != nil {
			delete(q.open, n)
			q.expected--
		}
	}})
}
