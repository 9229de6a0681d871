package nativewire

import (
	"strings"
	"time"
)

// publisher returns the node of an origin, and ends its earlier epoch. It is nil if the
// epoch is over.
func (t *Tracker) publisher(o Origin, now time.Time, gaps []Gap) (*publisher, []Gap) {
	p := t.nodes[o.Node]
	switch {
	case p == nil:
		if len(t.nodes) >= t.cfg.MaxNodes {
			gaps = t.evict(now, gaps)
		}
	case o.Epoch < p.Epoch:
		return nil, gaps
	case o.Epoch == p.Epoch:
		p.heard, p.ended = now, false // a node that was taken for dead may have been frozen
		return p, gaps
	default:
		gaps = t.end(p, now, gaps)
	}
	next := &publisher{Origin: o, heard: now}
	next.Node = strings.Clone(o.Node) // the frame that it is a part of need not stay
	if p != nil {
		next.prior = p.Epoch
	}
	t.nodes[next.Node] = next
	return next, gaps
}

// End tells that a node is taken for dead, as when its lease has ended; an epoch of 0 means
// the one that was heard last. What it sent last may be lost without anybody knowing, so
// that is a gap unless the node has taken its leave. If it is heard again in the same epoch
// it goes on where it was; what it sends until then is counted only if it is.
func (t *Tracker) End(o Origin, now time.Time, gaps []Gap) []Gap {
	p := t.nodes[o.Node]
	switch {
	case p == nil || o.Epoch > p.Epoch, o.Epoch > p.prior && o.Epoch < p.Epoch:
		p = &publisher{Origin: o} // nothing of it has ever come, but there may have been something
	case o.Epoch > 0 && o.Epoch < p.Epoch:
		return gaps // it was ended by its successor
	}
	return t.end(p, now, gaps)
}

func (t *Tracker) end(p *publisher, now time.Time, gaps []Gap) []Gap {
	if p.ended || p.left {
		p.ended = true
		return gaps
	}
	p.ended = true
	listening := false
	for _, sub := range t.channels {
		listening = listening || sub.ended.IsZero()
	}
	if !listening {
		return gaps
	}
	from := t.began
	if confirmed := p.chain.confirmed.Add(-t.cfg.Settle); confirmed.After(from) {
		from = confirmed
	}
	return append(gaps, Gap{Origin: p.Origin, Count: -1, From: from, To: now, Cause: CauseEnded})
}

// evict forgets the node that has been silent longest, one that has ended before any other.
func (t *Tracker) evict(now time.Time, gaps []Gap) []Gap {
	var victim *publisher
	for _, p := range t.nodes {
		over, than := p.ended || p.left, victim != nil && (victim.ended || victim.left)
		if victim == nil || over && !than || over == than && p.heard.Before(victim.heard) {
			victim = p
		}
	}
	if !victim.ended && !victim.left {
		t.forgot = now
	}
	gaps = t.end(victim, now, gaps)
	delete(t.nodes, victim.Node)
	return gaps
}

// Nodes is the number of nodes that are kept, those that have ended included.
func (t *Tracker) Nodes() int { return len(t.nodes) }

// chain tells up to when all messages of a node are accounted for, but for claims. A
// heartbeat names each stream in which something was published in its window. So as long as
// one follows the other within it, nothing can have been missed between; after a longer
// silence it takes a whole cycle.
type chain struct {
	confirmed time.Time // zero: never
	start     time.Time // of the run
	last      time.Time // when the last heartbeat came
	beat      uint64
	cycle     int  // the longest in this run
	run       int  // heartbeats in a row, until the cycle is complete; 0: it is
	whole     bool // since the start each heartbeat came within the window of the next
}

func (c *chain) add(h *Heartbeat, now time.Time, settle time.Duration) {
	within := now.Sub(c.last)+settle <= h.Window
	switch {
	case c.run == 0 && c.whole && within:
		c.confirmed = now
	case c.run > 0 && h.Beat == c.beat+1:
		c.run++
		c.cycle, c.whole = max(c.cycle, h.Cycle), c.whole && within
	default:
		c.run, c.cycle, c.whole, c.start = 1, h.Cycle, true, now
	}
	c.last, c.beat = now, h.Beat
	if c.run == 0 || c.run < c.cycle {
		return
	}
	c.run, c.confirmed = 0, c.start
	if c.whole {
		c.confirmed = now
	}
}
