package redisadapter

import (
	"context"
	"slices"
	"time"

	"github.com/realtime-go/realtime"
)

// Ask hands a question to the other nodes and calls reply for each answer; see
// [realtime.Adapter]. Without a deadline in ctx it ends after RequestsTimeout. A node that
// dies meanwhile is not waited for any longer, but a Node.js node only as long as none
// other has answered: nothing tells them apart.
//
// The errors are those of the context, ErrUnavailable, ErrQueueFull, ErrTooManyRequests,
// ErrNamespaceClosed and ErrClosed.
func (a *Adapter) Ask(ctx context.Context, m *realtime.Message, reply func(*realtime.Message)) (expected int, err error) {
	n, err := a.running()
	if err != nil {
		return 0, err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.cfg.RequestsTimeout)
		defer cancel()
	}
	ctx, cancel := withLife(ctx, a.open)
	defer cancel(nil)
	if err := n.subscriber.hears(ctx, m.Namespace); err != nil {
		return 0, err
	}
	nodes, _, err := n.audience(ctx, m.Namespace)
	if err != nil {
		return 0, err
	}
	others := nodes - 1
	if others <= 0 {
		return 0, nil
	}
	q, err := n.asks.add(m, n.wire.newID())
	if err != nil {
		return 0, err
	}
	defer n.asks.remove(q)
	out, err := n.wire.question(m, q.id)
	if err != nil {
		return 0, err
	}
	if _, err := n.publisher.sendWait(ctx, out); err != nil {
		return others, err
	}
	t := newTally(m, others)
	err = n.collect(ctx, q, t, reply)
	return t.expected, err
}

// audience counts the nodes that serve a namespace, this one included, and at the same moment
// the subscribers of some more channels.
func (n *node) audience(ctx context.Context, namespace string, more ...string) (nodes int, counts []int64, err error) {
	a := n.wire.audience(namespace)
	counts, err = n.client.count(ctx, slices.Concat(a.heard, a.twice, more)...)
	if err != nil {
		return 0, nil, err
	}
	for i := range len(a.heard) {
		nodes += int(counts[i])
	}
	for i := range len(a.twice) {
		nodes -= int(counts[len(a.heard)+i])
	}
	return nodes, counts[len(a.heard)+len(a.twice):], nil
}

// withLife is ctx that also ends with life, with the cause of whichever ended first.
func withLife(ctx, life context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(life, func() { cancel(context.Cause(life)) })
	return ctx, func(cause error) {
		stop()
		cancel(cause)
	}
}

// collect hands answers over until all have come or ctx ends.
func (n *node) collect(ctx context.Context, q *ask, t *tally, reply func(*realtime.Message)) error {
	watch := newMourner(n, q.m.Namespace, t)
	ticker := time.NewTicker(watch.every)
	defer ticker.Stop()
	var batch []*realtime.Message
	for !t.complete() {
		select {
		case <-q.ready:
		case <-ticker.C:
			watch.look(ctx)
			continue
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		for batch = q.answers.Take(batch[:0], 0); len(batch) > 0; batch = q.answers.Take(batch[:0], 0) {
			for _, r := range batch {
				if t.add(r) {
					reply(r)
				}
			}
		}
	}
	return nil
}

// mourner looks during a question for nodes that die.
type mourner struct {
	n         *node
	t         *tally
	namespace string
	every     time.Duration
	asked     int // nodes of the audience that are accounted for, this node included
	missing   int // fewer than that, at the last looks
	looks     int // in a row that have found just as many
}

func newMourner(n *node, namespace string, t *tally) *mourner {
	return &mourner{n: n, t: t, namespace: namespace, every: max(n.cfg.Heartbeat/2, time.Millisecond), asked: t.expected + 1}
}

// look counts the nodes, and buries the dead when maxMissed looks in a row have missed
// as many: one that only has lost its connection is back by then.
func (m *mourner) look(ctx context.Context) {
	named := m.t.named()
	channels := make([]string, len(named))
	for i, id := range named {
		channels[i] = m.n.peers.channel(id)
	}
	nodes, counts, err := m.n.audience(ctx, m.namespace, channels...)
	if err != nil {
		return // nothing is known then
	}
	missing := m.asked - nodes
	if missing != m.missing {
		m.missing, m.looks = missing, 0
	}
	m.looks++
	if missing <= 0 || m.looks < maxMissed {
		return
	}
	var dead []string
	for i, id := range named {
		if counts[i] == 0 {
			dead = append(dead, id)
		}
	}
	m.t.bury(missing, dead)
	m.asked -= missing
	m.missing, m.looks = 0, 0
}
