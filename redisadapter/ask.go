package redisadapter

import (
	"context"
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
	audience := n.wire.audience(m.Namespace)
	counts, err := n.client.count(ctx, audience)
	if err != nil {
		return 0, err
	}
	others := int(counts[0]) - 1
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
	watch := newMourner(n, n.wire.audience(q.m.Namespace), t)
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
	n        *node
	t        *tally
	audience string
	every    time.Duration
	asked    int // subscribers of the audience that are accounted for, this node included
	missing  int // fewer than that, at the last looks
	looks    int // in a row that have found just as many
}

func newMourner(n *node, audience string, t *tally) *mourner {
	return &mourner{n: n, t: t, audience: audience, every: max(n.cfg.Heartbeat/2, time.Millisecond), asked: t.expected + 1}
}

// look counts the nodes, and buries the dead when maxMissed looks in a row have missed
// as many: one that only has lost its connection is back by then.
func (m *mourner) look(ctx context.Context) {
	named := m.t.named()
	channels := []string{m.audience}
	for _, id := range named {
		channels = append(channels, m.n.peers.channel(id))
	}
	counts, err := m.n.client.count(ctx, channels...)
	if err != nil {
		return // nothing is known then
	}
	missing := m.asked - int(counts[0])
	if missing != m.missing {
		m.missing, m.looks = missing, 0
	}
	m.looks++
	if missing <= 0 || m.looks < maxMissed {
		return
	}
	var dead []string
	for i, id := range named {
		if counts[i+1] == 0 {
			dead = append(dead, id)
		}
	}
	m.t.bury(missing, dead)
	m.asked -= missing
	m.missing, m.looks = 0, 0
}
