package redisadapter

import (
	"github.com/realtime-go/realtime"
)

// tally keeps account of the nodes that answer one question: who has, who still owes
// answers, and when all have. Go nodes name themselves, Node.js nodes do not; those are
// numbered in the order in which they answer. It belongs to one goroutine.
type tally struct {
	counted  bool // nodes first tell how many answers they will give
	expected int  // nodes
	nodes    map[string]*debt
	order    []string // of the nameless
	early    int      // answers of the nameless that came before their number
}

// debt is what one node that has spoken still owes.
type debt struct {
	said     bool // an answer in full, or its number of answers
	left     int  // answers
	nameless bool
}

func newTally(m *realtime.Message, expected int) *tally {
	return &tally{counted: m.Op == realtime.OpBroadcastAck, expected: expected, nodes: make(map[string]*debt)}
}

// add accounts for an answer, and names its node if it is nameless. It is false for one
// that the node does not owe.
func (t *tally) add(r *realtime.Message) bool {
	if r.Node == "" {
		return t.addNameless(r)
	}
	d := t.nodes[r.Node]
	if d == nil {
		d = &debt{}
		t.nodes[r.Node] = d
	}
	if r.Op == realtime.OpCount || !t.counted {
		if d.said {
			return false
		}
		d.said = true
		d.left += r.Count
		if !t.counted {
			d.left = 0
		}
		return true
	}
	d.left--
	return !d.said || d.left >= 0
}

func (t *tally) addNameless(r *realtime.Message) bool {
	if r.Op == realtime.OpCount || !t.counted {
		r.Node = nameless(len(t.order) + 1).ID
		for i := range r.Conns {
			r.Conns[i].Node = r.Node
		}
		d := &debt{said: true, nameless: true}
		if t.counted {
			d.left = r.Count
			paid := min(t.early, d.left)
			d.left -= paid
			t.early -= paid
		}
		t.nodes[r.Node] = d
		t.order = append(t.order, r.Node)
		return true
	}
	for _, id := range t.order { // whose it is cannot be told: the first that owes one
		if d := t.nodes[id]; d.left > 0 {
			d.left--
			r.Node = id
			return true
		}
	}
	t.early++
	r.Node = nameless(len(t.order) + 1).ID
	return true
}

// complete reports whether every expected node has answered in full.
func (t *tally) complete() bool {
	said := 0
	for _, d := range t.nodes {
		if d.left > 0 {
			return false
		}
		if d.said {
			said++
		}
	}
	return said >= t.expected
}

// named returns the Go nodes that have spoken.
func (t *tally) named() (ids []string) {
	for id, d := range t.nodes {
		if !d.nameless {
			ids = append(ids, id)
		}
	}
	return ids
}

// bury takes dead nodes off the account. gone is how many of those that were asked are
// there no more, dead are those among them that have named themselves. Of the others
// that are gone as many may have answered in full as there are nameless answers: only
// what is above that number certainly owes an answer, and is not expected any longer.
func (t *tally) bury(gone int, dead []string) {
	nameless := len(t.order)
	for _, id := range dead {
		gone--
		if d := t.nodes[id]; !d.said || d.left > 0 {
			delete(t.nodes, id)
			t.expected--
		}
	}
	if silent := gone - nameless; silent > 0 {
		t.expected -= silent
	}
}
