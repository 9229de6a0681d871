package game

import (
	"math"
	"math/bits"
)

// failRate is how often an evil player on a quest is taken to let it fail.
const failRate = 0.7

// world is one way to spread evil over the seats: bit i is set if seat i is evil.
type world uint16

func (w world) evil(seat int) bool { return w>>seat&1 == 1 }

// among counts the evil of some seats.
func (w world) among(seats []int) int {
	n := 0
	for _, seat := range seats {
		if w.evil(seat) {
			n++
		}
	}
	return n
}

// suspicion returns, by seat, how likely it is to be evil as far as the player of v can tell: every world that fits what
// the player knows counts as much as it makes the quests so far likely.
func suspicion(v *View) []float64 {
	odds := make([]float64, v.Size)
	total := 0.0
	for w := range world(1) << v.Size {
		if bits.OnesCount16(uint16(w)) != v.EvilCount() || !fits(v, w) {
			continue
		}
		weight := likelihood(v, w)
		total += weight
		for seat := range odds {
			if w.evil(seat) {
				odds[seat] += weight
			}
		}
	}
	for seat := range odds {
		odds[seat] /= max(total, math.SmallestNonzeroFloat64)
	}
	return odds
}

// fits reports whether a world agrees with what the player knows without any quest.
func fits(v *View, w world) bool {
	if w.evil(v.Seat) != (v.Role.Side() == Evil) {
		return false
	}
	marked := 0 // evil among Merlin and Morgana
	for _, s := range v.Knows {
		switch {
		case s.As == MarkMerlinOrMorgana && w.evil(s.Seat):
			marked++
		case s.As == MarkEvil && !w.evil(s.Seat):
			return false
		}
	}
	return v.Role != Percival || marked == len(v.Knows)-1 // one of them is Merlin
}

// likelihood returns how likely the quests so far are in a world.
func likelihood(v *View, w world) float64 {
	p := 1.0
	for i := range v.Quests {
		q := &v.Quests[i]
		if q.Result == "" {
			break
		}
		evil := w.among(q.Team)
		if q.Fails > evil {
			return 0
		}
		p *= choose(evil, q.Fails) * math.Pow(failRate, float64(q.Fails)) * math.Pow(1-failRate, float64(evil-q.Fails))
	}
	return p
}

// choose is the binomial coefficient of small numbers.
func choose(n, k int) float64 {
	c := 1.0
	for i := range k {
		c = c * float64(n-i) / float64(i+1)
	}
	return c
}
