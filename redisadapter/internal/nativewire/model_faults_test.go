package nativewire

import (
	"slices"
	"time"
)

// step lets some time pass and something happen.
func (w *world) step() {
	w.now = w.now.Add(time.Duration(w.r.Int64N(int64(400 * time.Millisecond))))
	w.arrive()
	before := len(w.gaps)
	if w.now.Sub(w.ticked) >= time.Second {
		w.gaps = w.tracker.Tick(w.now, w.gaps)
		w.ticked = w.now
		w.check(before)
	}
	for _, s := range slices.Clone(w.senders) {
		w.live(s)
	}
	if w.calm {
		return
	}
	c := Shard("/", w.r.IntN(w.layout.Shards()))
	switch {
	case w.cfg.breaks && w.chance(0.004):
		w.broken = w.now.Add(time.Duration(w.r.Int64N(int64(15 * time.Second))))
		w.queue = slices.DeleteFunc(w.queue, func(a arrival) bool { return a.frame != nil || a.beat != "" })
	case !w.cfg.resubscribe || !w.chance(0.02):
	case w.current(c) == nil:
		w.subscribe(c)
	default:
		w.unsubscribe(c)
	}
}

// live is what a sender does in a step, and what the listener learns of its lease.
func (w *world) live(s *sender) {
	silent := w.now.Sub(s.dead)
	if s.dead.IsZero() {
		silent = w.now.Sub(s.muted.Add(-12 * time.Second)) // it is muted for 12 s
		if silent > 12*time.Second {
			silent = 0
		}
	}
	if silent > 10*time.Second && !s.told {
		before := len(w.gaps)
		s.told = true
		w.gaps = w.tracker.End(s.origin, w.now, w.gaps)
		w.check(before)
	}
	switch {
	case !s.dead.IsZero():
		return
	case w.now.After(s.next):
		w.beat(s, false)
	case !w.calm && w.chance(0.3):
		w.publish(s)
	case !w.calm && w.cfg.crashes && !s.told && w.now.After(s.muted) && w.chance(0.002):
		w.trouble(s)
	}
}

// trouble ends a sender, or cuts it off for a while.
func (w *world) trouble(s *sender) {
	if s.unclean = true; w.chance(0.3) {
		s.muted, s.told = w.now.Add(12*time.Second), false
		return
	}
	s.dead = w.now
	if w.chance(0.5) {
		w.beat(s, true)
	}
	if w.chance(0.5) { // its successor may end it before its lease does
		w.born(s.origin.Node)
	} else {
		w.born("")
	}
}
