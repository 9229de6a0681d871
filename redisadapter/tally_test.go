package redisadapter

import (
	"testing"

	"github.com/realtime-go/realtime"
)

// spoken is one answer: a node's name ("" for Node.js), and the number that it announces,
// or -1 for an answer.
type spoken struct {
	node  string
	count int
}

func TestTally(t *testing.T) {
	for name, c := range map[string]struct {
		op       realtime.Op
		expected int
		answers  []spoken
		complete bool
		refused  int
	}{
		"nobody":                        {realtime.OpFetch, 0, nil, true, 0},
		"one is silent":                 {realtime.OpFetch, 2, []spoken{{"a", -1}}, false, 0},
		"all have answered":             {realtime.OpFetch, 2, []spoken{{"a", -1}, {"b", -1}}, true, 0},
		"one has answered twice":        {realtime.OpFetch, 2, []spoken{{"a", -1}, {"a", -1}}, false, 1},
		"all of Node.js":                {realtime.OpFetch, 2, []spoken{{"", -1}, {"", -1}}, true, 0},
		"one of each kind":              {realtime.OpFetch, 2, []spoken{{"", -1}, {"a", -1}}, true, 0},
		"more than expected":            {realtime.OpFetch, 1, []spoken{{"a", -1}, {"b", -1}}, true, 0},
		"announced and not given":       {realtime.OpBroadcastAck, 1, []spoken{{"a", 2}, {"a", -1}}, false, 0},
		"announced and given":           {realtime.OpBroadcastAck, 1, []spoken{{"a", 2}, {"a", -1}, {"a", -1}}, true, 0},
		"given before announced":        {realtime.OpBroadcastAck, 1, []spoken{{"a", -1}, {"a", 1}}, true, 0},
		"more than announced":           {realtime.OpBroadcastAck, 1, []spoken{{"a", 1}, {"a", -1}, {"a", -1}}, true, 1},
		"announced twice":               {realtime.OpBroadcastAck, 1, []spoken{{"a", 0}, {"a", 5}}, true, 1},
		"none to give":                  {realtime.OpBroadcastAck, 2, []spoken{{"a", 0}, {"", 0}}, true, 0},
		"of Node.js, in any order":      {realtime.OpBroadcastAck, 2, []spoken{{"", 1}, {"", 2}, {"", -1}, {"", -1}, {"", -1}}, true, 0},
		"of Node.js, before the number": {realtime.OpBroadcastAck, 2, []spoken{{"", -1}, {"", -1}, {"", 1}, {"", 1}}, true, 0},
		"of Node.js, one missing":       {realtime.OpBroadcastAck, 2, []spoken{{"", 1}, {"", 2}, {"", -1}, {"", -1}}, false, 0},
	} {
		tally := newTally(&realtime.Message{Op: c.op}, c.expected)
		refused := 0
		for _, a := range c.answers {
			m := &realtime.Message{Op: realtime.OpAnswer, Node: a.node}
			if a.count >= 0 {
				m.Op, m.Count = realtime.OpCount, a.count
			}
			if !tally.add(m) {
				refused++
			}
			if m.Node == "" {
				t.Errorf("%s: an answer without a node", name)
			}
		}
		if tally.complete() != c.complete || refused != c.refused {
			t.Errorf("%s: complete %t, %d refused; want %t, %d", name, tally.complete(), refused, c.complete, c.refused)
		}
	}
}

// TestTallyBuries: a dead node is not waited for, but only if it is sure that it owes an
// answer.
func TestTallyBuries(t *testing.T) {
	for name, c := range map[string]struct {
		op       realtime.Op
		answers  []spoken
		gone     int
		dead     []string
		expected int // of 3
		complete bool
	}{
		"silent":                           {realtime.OpFetch, []spoken{{"a", -1}, {"b", -1}}, 1, nil, 2, true},
		"after its answer":                 {realtime.OpFetch, []spoken{{"a", -1}, {"b", -1}}, 1, []string{"a"}, 3, false},
		"one after its answer, one silent": {realtime.OpFetch, []spoken{{"a", -1}, {"b", -1}}, 2, []string{"a"}, 2, true},
		"half answered":                    {realtime.OpBroadcastAck, []spoken{{"a", 0}, {"b", 0}, {"c", 3}}, 1, []string{"c"}, 2, true},
		"silent, or the one of Node.js":    {realtime.OpFetch, []spoken{{"", -1}, {"b", -1}}, 1, nil, 3, false},
		"two, one of them surely silent":   {realtime.OpFetch, []spoken{{"", -1}}, 2, nil, 2, false},
	} {
		tally := newTally(&realtime.Message{Op: c.op}, 3)
		for _, a := range c.answers {
			m := &realtime.Message{Op: realtime.OpAnswer, Node: a.node}
			if a.count >= 0 {
				m.Op, m.Count = realtime.OpCount, a.count
			}
			tally.add(m)
		}
		tally.bury(c.gone, c.dead)
		if tally.expected != c.expected || tally.complete() != c.complete {
			t.Errorf("%s: %d expected, complete %t; want %d, %t", name, tally.expected, tally.complete(), c.expected, c.complete)
		}
	}
}
