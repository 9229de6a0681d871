package nativewire

import "time"

// Heartbeat takes the positions that a node tells.
func (t *Tracker) Heartbeat(h *Heartbeat, now time.Time, gaps []Gap) []Gap {
	if h.Node == t.cfg.Self {
		return gaps
	}
	p, gaps := t.publisher(h.Origin, now, gaps)
	if p == nil {
		return gaps
	}
	p.chain.add(h, now, t.cfg.Settle)
	for i := range h.Positions {
		if sub := t.subscribed(h.Positions[i].Channel); sub != nil {
			gaps = t.position(p, sub, &h.Positions[i], now, gaps)
		}
	}
	if h.Last {
		p.left = true
	}
	return gaps
}

// position compares what a stream should have come to with what has come.
func (t *Tracker) position(p *publisher, sub *subscription, pos *Position, now time.Time, gaps []Gap) []Gap {
	tr, ok := p.track(sub, pos.Stream)
	if !ok {
		return gaps
	}
	out := now.Add(-pos.Age) // the last message went out then, or up to Settle earlier
	if tr.run != sub.run {
		since := t.since(sub)
		switch {
		case now.Add(-t.cfg.Settle).Before(since):
			return gaps // it may have been made before the subscription
		case pos.Last < tr.next || out.Add(-t.cfg.Settle).Before(since):
			// Nothing up to here is missing, or none of it is owed for certain.
			tr.run, tr.due, tr.seen, tr.assumed = sub.run, max(pos.Last+1, tr.next), now, true
			return gaps
		}
	} else if pos.Last < tr.due {
		tr.seen = now
		return gaps
	}
	c := claim{last: pos.Last, run: sub.run, told: now, due: out.Add(t.cfg.Settle)}
	if !c.due.After(now) {
		return t.decide(tr, sub, c, now, gaps)
	}
	tr.expect(c)
	if !tr.listed {
		tr.listed = true
		t.claimed = append(t.claimed, tr)
	}
	return gaps
}

// expect notes a claim. Those between the first and the latest are implied by the latest.
func (tr *track) expect(c claim) {
	if tr.claims[0].last == 0 || tr.claims[0].run != c.run {
		tr.claims = [2]claim{c}
	} else if c.last > tr.claims[0].last {
		tr.claims[1] = c
	}
}

// decide reports what was claimed and has not come.
func (t *Tracker) decide(tr *track, sub *subscription, c claim, now time.Time, gaps []Gap) []Gap {
	switch {
	case sub == nil || c.run != sub.run:
		return gaps
	case tr.run == sub.run:
		gaps = t.missing(tr, c.last+1, CauseHeartbeat, now, gaps)
	default: // that it is owed was found before, so it went out late enough
		gaps = t.first(tr, sub, c.last+1, now.Add(t.cfg.Settle), now, gaps)
	}
	if c.told.After(tr.seen) {
		tr.seen = c.told
	}
	return gaps
}

// Tick decides the claims that have had their time, and forgets what is over. It is to be
// called about every second, and not ahead of frames that have come in already.
func (t *Tracker) Tick(now time.Time, gaps []Gap) []Gap {
	kept := t.claimed[:0]
	for _, tr := range t.claimed {
		for c := tr.claims[0]; c.last > 0 && !c.due.After(now); c = tr.claims[0] {
			tr.claims = [2]claim{tr.claims[1]}
			gaps = t.decide(tr, t.subscribed(tr.channel), c, now, gaps)
		}
		if tr.listed = tr.claims[0].last > 0; tr.listed {
			kept = append(kept, tr)
		}
	}
	clear(t.claimed[len(kept):])
	t.claimed = kept
	for c, sub := range t.channels {
		if !sub.ended.IsZero() && now.Sub(sub.ended) > t.cfg.Remember {
			delete(t.channels, c)
			for _, p := range t.nodes {
				delete(p.tracks, c)
			}
		}
	}
	for node, p := range t.nodes {
		if (p.ended || p.left) && now.Sub(p.heard) > t.cfg.Remember {
			delete(t.nodes, node)
		}
	}
	return gaps
}
