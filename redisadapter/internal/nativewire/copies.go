package nativewire

import "time"

// copyWindow is how many messages with copies of one node are remembered.
const copyWindow = 4096

// window remembers which of the last numbers have been there.
type window struct {
	high uint64 // the greatest
	bits [copyWindow / 64]uint64
}

// first reports whether a number is there for the first time. Both are false if it is too
// old to know.
func (w *window) first(n uint64) (yes, known bool) {
	if n > w.high {
		if n-w.high >= copyWindow {
			clear(w.bits[:])
		} else {
			for gone := w.high + 1; gone <= n; gone++ {
				w.bits[gone/64%uint64(len(w.bits))] &^= 1 << (gone % 64)
			}
		}
		w.high = n
	} else if w.high-n >= copyWindow {
		return false, false
	}
	word, bit := &w.bits[n/64%uint64(len(w.bits))], uint64(1)<<(n%64)
	yes = *word&bit == 0
	*word |= bit
	return yes, true
}

// Copy judges a message of a Fresh frame that bears a number of a copy: deliver is true for
// the first of its copies, and only for that.
//
// Each copy is the whole message, for all of its rooms, so whichever comes first is
// delivered and the others are dropped, whatever members do between the two. The number is
// remembered, and one that is older than what is remembered is dropped as well: with a gap,
// since it cannot be known whether another copy has come. So no message is delivered twice,
// as long as its node is kept. Where it stands among other messages: see [Outbox].
func (t *Tracker) Copy(h *Header, n uint64, now time.Time, gaps []Gap) (deliver bool, _ []Gap) {
	p := t.nodes[h.Node]
	if p == nil || p.Epoch != h.Epoch { // there was no Fresh frame of it
		return false, gaps
	}
	if p.window == nil {
		p.window = new(window)
	}
	deliver, known := p.window.first(n)
	if !known {
		gaps = append(gaps, Gap{
			Origin: p.Origin, Channel: h.Channel, Stream: h.Stream, Count: -1, From: now.Add(-h.Age - t.cfg.Settle), To: now, Cause: CauseCopy,
		})
	}
	return deliver, gaps
}
