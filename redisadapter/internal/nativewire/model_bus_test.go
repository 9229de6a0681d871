package nativewire

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// publish lets a sender publish a batch.
func (w *world) publish(s *sender) {
	for range 1 + w.r.IntN(4) {
		m := text(0)
		for range w.r.IntN(4) {
			m.Rooms = append(m.Rooms, fmt.Sprintf("room:%d", w.r.IntN(9)))
		}
		add(w.t, s.Outbox, m, w.layout.Route(nil, "/", m.Rooms, nil)...)
	}
	for _, sealed := range s.Seal(nil, w.now) {
		sealed.Frame = slices.Clone(sealed.Frame)
		w.cross(s, sealed)
		s.recent = append(s.recent, recent{sealed, w.now})
	}
	if w.chance(w.cfg.repeat) {
		w.again(s)
	}
}

// cross takes one frame over the bus, for the first time or again.
func (w *world) cross(s *sender, sealed Sealed) {
	var f Frame
	if err := f.Decode(string(sealed.Frame), sealed.Channel, nil); err != nil {
		w.t.Fatal(err)
	}
	p := w.current(sealed.Channel)
	for i := range f.Messages {
		id := item{s.origin, f.Channel, f.Stream, f.Seq + uint64(i)}
		if w.items[id] == nil {
			w.items[id] = &fate{sent: w.now, period: p}
		} else if fate := w.items[id]; p != nil && !fate.arrived && !fate.reported {
			fate.period = p
		}
	}
	if p == nil || w.now.Before(w.broken) || w.now.Before(s.muted) || !w.calm && w.chance(w.cfg.drop) {
		return
	}
	w.send(sealed.Channel, arrival{frame: &sealed, origin: s.origin}, w.now.Add(w.delay()))
}

// again publishes a frame and the later ones of its channel once more.
func (w *world) again(s *sender) {
	s.recent = slices.DeleteFunc(s.recent, func(r recent) bool { return w.now.Sub(r.at) > w.cfg.settle-w.cfg.delay })
	if len(s.recent) == 0 {
		return
	}
	from := w.r.IntN(len(s.recent))
	for _, r := range s.recent[from:] {
		if r.Channel == s.recent[from].Channel {
			w.cross(s, r.Sealed)
		}
	}
}

// beat lets a sender send its heartbeat.
func (w *world) beat(s *sender, last bool) {
	var h Heartbeat
	s.Heartbeat(&h, w.now, last)
	wire, err := AppendHeartbeat(nil, &h, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	s.next = w.now.Add(DefaultEvery)
	if w.now.Before(w.broken) || w.now.Before(s.muted) || !w.calm && w.chance(w.cfg.drop) {
		return
	}
	w.send(Nodes(), arrival{beat: string(wire), origin: s.origin}, w.now.Add(w.delay()))
}

// arrive hands over what is due.
func (w *world) arrive() {
	slices.SortFunc(w.queue, func(a, b arrival) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.order, b.order))
	})
	for len(w.queue) > 0 && !w.queue[0].at.After(w.now) {
		a := w.queue[0]
		w.queue = w.queue[1:]
		before := len(w.gaps)
		for _, s := range w.senders {
			if s.origin == a.origin && s.dead.IsZero() {
				s.told = false // its lease lives
			}
		}
		switch {
		case a.sub != nil:
			a.sub.confirmed = a.at
			w.tracker.Subscribed(a.sub.channel, a.at)
		case a.end != nil:
			a.end.closed = true
			w.tracker.Unsubscribed(a.end.channel, a.at)
		case a.frame != nil:
			w.frame(a)
		default:
			w.heartbeat(a)
		}
		w.check(before)
	}
}

// frame is the listener's way with one.
func (w *world) frame(a arrival) {
	var f Frame
	if err := f.Decode(string(a.frame.Frame), a.frame.Channel, nil); err != nil {
		w.t.Fatal(err)
	}
	v, gaps := w.tracker.Frame(&f.Header, f.Messages, a.at, w.gaps)
	w.gaps = gaps
	for i := v.Skip; i < f.Messages; i++ {
		fate := w.items[item{f.Origin, f.Channel, f.Stream, f.Seq + uint64(i)}]
		switch {
		case v.Outcome == Unsubscribed && !fate.arrived:
			fate.period = nil // it was on its way when interest ended
		case v.Outcome == Fresh && fate.arrived:
			w.t.Fatalf("%+v is delivered twice", f.Header)
		case v.Outcome == Fresh:
			fate.arrived = true
		}
	}
	if v.Outcome != Fresh {
		return
	}
	list := w.periods[f.Channel]
	p := list[slices.IndexFunc(list, func(p *period) bool { return !p.confirmed.IsZero() && !p.closed })]
	if stream := (item{f.Origin, f.Channel, f.Stream, 0}); p.begun[stream] == 0 {
		p.begun[stream] = f.Seq + uint64(v.Skip)
	}
	f.Discard(v.Skip)
	for {
		var m Message
		more, err := f.Next(&m)
		if err != nil {
			w.t.Fatal(err)
		}
		if !more {
			return
		}
		if m.Copy == 0 {
			continue
		}
		deliver, gaps := w.tracker.Copy(&f.Header, m.Copy, a.at, w.gaps)
		w.gaps = gaps
		if id := (copyID{f.Origin, m.Copy}); deliver == w.copies[id] {
			w.t.Fatalf("copy %+v: delivered %v, before %v", id, deliver, w.copies[id])
		}
		w.copies[copyID{f.Origin, m.Copy}] = true
	}
}

func (w *world) heartbeat(a arrival) {
	var h Heartbeat
	if err := h.Decode(a.beat, nil); err != nil {
		w.t.Fatal(err)
	}
	w.gaps = w.tracker.Heartbeat(&h, a.at, w.gaps)
	for _, s := range w.senders {
		if s.origin == h.Origin && h.Last {
			s.unclean = false
		}
	}
	for _, pos := range h.Positions {
		if p := w.current(pos.Channel); p != nil && !p.confirmed.IsZero() {
			due := a.at.Add(max(0, w.cfg.settle-pos.Age) + time.Second)
			p.told = append(p.told, told{item{h.Origin, pos.Channel, pos.Stream, 0}, pos.Last, due})
		}
	}
}
