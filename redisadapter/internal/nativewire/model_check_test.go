package nativewire

import (
	"slices"
	"time"
)

// check looks at new gaps: each is about something that is lost.
func (w *world) check(from int) {
	for _, g := range w.gaps[from:] {
		w.checked++
		switch {
		case g.Cause == CauseEnded:
			i := slices.IndexFunc(w.senders, func(s *sender) bool { return s.origin == g.Origin })
			if i < 0 || !w.senders[i].unclean {
				w.t.Fatalf("ended without reason: %+v", g)
			}
		case g.First == 0:
			w.unknown(g)
		default:
			for i := range g.Count {
				w.exact(g, g.First+uint64(i))
			}
		}
	}
}

// exact checks a number that was reported.
func (w *world) exact(g Gap, seq uint64) {
	fate := w.items[item{g.Origin, g.Channel, g.Stream, seq}]
	switch {
	case fate == nil:
		w.t.Fatalf("%d was never sent: %+v", seq, g)
	case fate.reported, fate.arrived:
		w.t.Fatalf("%d has arrived (%v) or was reported: %+v", seq, fate.arrived, g)
	case w.slow():
	case fate.period == nil || fate.period.closed:
		w.t.Fatalf("%d is not owed: %+v", seq, g)
	case fate.sent.Before(g.From) || fate.sent.After(g.To):
		w.t.Fatalf("%d was sent at %v: %+v", seq, fate.sent, g)
	}
	fate.reported = true
}

func (w *world) slow() bool { return w.cfg.delay > w.cfg.settle }

// unknown checks a gap without numbers: something owed is missing.
func (w *world) unknown(g Gap) {
	for id, fate := range w.items {
		if id.Origin == g.Origin && id.channel == g.Channel && id.stream == g.Stream && !fate.arrived && w.within(g, fate) &&
			fate.period != nil && !fate.period.closed {
			return
		}
	}
	if !w.slow() {
		w.t.Fatalf("nothing is missing: %+v", g)
	}
}

func (w *world) within(g Gap, f *fate) bool { return !f.sent.Before(g.From) && !f.sent.After(g.To) }

// settle ends the faults, gives everything its time and looks for what nobody reported.
func (w *world) settle() (lost, excused int) {
	w.calm = true
	for end := max(w.cfg.retain, 40*time.Second); end > 0; end -= 200 * time.Millisecond {
		w.step()
	}
	for id, fate := range w.items {
		if fate.reported && fate.arrived && !w.slow() {
			w.t.Fatalf("reported and arrived: %+v", id)
		}
		if fate.arrived || fate.period == nil {
			continue
		}
		lost++
		if fate.reported || w.covered(id, fate) {
			continue
		}
		if !w.excused(id, fate) {
			p := fate.period
			w.t.Fatalf("lost and not reported: %+v, sent at %v, period from %v to %v", id, fate.sent.Sub(start), p.confirmed.Sub(start), p.ended.Sub(start))
		}
		excused++
	}
	return lost, excused
}

func (w *world) covered(id item, f *fate) bool {
	return slices.ContainsFunc(w.gaps, func(g Gap) bool {
		switch g.Cause {
		case CauseEnded:
			return g.Node == id.Node && w.within(g, f)
		case CauseFirst:
			return g.Origin == id.Origin && g.Channel == id.channel && g.Stream == id.stream && w.within(g, f)
		}
		return false
	})
}

// excused are the losses that cannot be known, as the documentation of Tracker says: those
// of the first moments of a subscription, and those at its end that no two heartbeats and
// no frame told of before it ended.
func (w *world) excused(id item, f *fate) bool {
	p, stream := f.period, item{id.Origin, id.channel, id.stream, 0}
	first, begun := p.begun[stream]
	if p.confirmed.IsZero() || !f.sent.After(p.confirmed.Add(w.cfg.settle+time.Millisecond)) && (!begun || id.seq < first || w.slow()) {
		return true
	}
	if !p.over {
		return false
	}
	hints := 0
	for _, told := range p.told {
		if told.stream == stream && told.last >= id.seq && told.at.Before(p.ended) {
			hints++
		}
	}
	for other, of := range w.items {
		if other.Origin == id.Origin && other.channel == id.channel && other.stream == id.stream && other.seq > id.seq && of.arrived && of.period == p {
			return false
		}
	}
	return hints < 2
}
