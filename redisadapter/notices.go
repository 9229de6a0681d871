package redisadapter

import (
	"sync"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/internal/workq"
)

// maxNotices bounds what the handler has not been told yet. Beyond, gaps are merged into
// one, and news of nodes are dropped: the next look at the cluster brings them again.
const maxNotices = 1024

// notices tells the handler how the bus is and which nodes there are, one thing after the
// other and on a goroutine of its own, so that nobody who notices something waits for the
// handler.
type notices struct {
	handler realtime.AdapterHandler // set before the first notice
	queue   workq.Queue[func()]
	worker  *workq.Worker[func()]

	mu         sync.Mutex // guards what follows
	subscribed error      // why nothing is heard; nil: it is
	publishing error      // why nothing is sent; nil: it is
	told       realtime.AdapterStatus
	merged     *realtime.Gap // gaps for which there was no room
}

func newNotices(group *workq.Group) *notices {
	n := &notices{subscribed: ErrNotStarted, told: realtime.AdapterDown}
	n.queue.Init(maxNotices, 0)
	n.worker = workq.Drain(&n.queue, group, 0, func(batch []func()) {
		for _, tell := range batch {
			tell()
		}
		n.tellMerged()
	})
	return n
}

// hearing notes whether the subscription is up; err says why it is not.
func (n *notices) hearing(err error) { n.change(&n.subscribed, err) }

// sending notes whether messages can be published.
func (n *notices) sending(err error) { n.change(&n.publishing, err) }

func (n *notices) change(which *error, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	*which = err
	if s := n.state(); s.Status != n.told {
		n.told = s.Status
		n.push(func() { n.handler.OnState(s) })
	}
}

// state is how the bus is. The lock is held.
func (n *notices) state() realtime.AdapterState {
	for _, err := range []error{n.subscribed, n.publishing} {
		if err != nil {
			return realtime.AdapterState{Status: realtime.AdapterDown, Err: err}
		}
	}
	return realtime.AdapterState{Status: realtime.AdapterUp}
}

// gap tells of messages that may have been lost. A gap means that messages cross again; if
// they do not, that is told once more behind it.
func (n *notices) gap(g realtime.Gap) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.merged != nil || !n.push(n.tellGap(g)) {
		n.merge(g)
	}
}

// tellGap makes a notice of a gap. The lock is held.
func (n *notices) tellGap(g realtime.Gap) func() {
	after := n.state()
	return func() {
		n.handler.OnState(realtime.AdapterState{Status: realtime.AdapterGap, Gap: &g})
		if after.Status == realtime.AdapterDown {
			n.handler.OnState(after)
		}
	}
}

// merge adds a gap to the one that holds all for which there is no room. The lock is held.
func (n *notices) merge(g realtime.Gap) {
	m := n.merged
	if m == nil {
		n.merged = &g
		return
	}
	for _, of := range []struct{ have, is *string }{{&m.Node, &g.Node}, {&m.Namespace, &g.Namespace}, {&m.Room, &g.Room}} {
		if *of.have != *of.is {
			*of.have = "" // any
		}
	}
	if m.Count < 0 || g.Count < 0 {
		m.Count = -1
	} else {
		m.Count += g.Count
	}
	m.From, m.To = earlier(m.From, g.From), later(m.To, g.To)
}

// tellMerged tells of the merged gaps, on the worker.
func (n *notices) tellMerged() {
	n.mu.Lock()
	var tell func()
	if n.merged != nil {
		tell = n.tellGap(*n.merged)
		n.merged = nil
	}
	n.mu.Unlock()
	if tell != nil {
		tell()
	}
}

// node tells that a node came or went. It reports whether there was room for it.
func (n *notices) node(node realtime.Node, up bool) bool {
	return n.push(func() { n.handler.OnNode(node, up) })
}

func (n *notices) push(tell func()) bool { return n.queue.Push(1, tell) == nil }

// close drops what has not been told, and waits for the call that is running.
func (n *notices) close() {
	n.queue.Close()
	n.queue.Discard()
	n.worker.Wait()
}

// earlier is the first of two times; a zero one is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
