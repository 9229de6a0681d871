package nativewire

import (
	"fmt"
	"testing"
	"time"
)

// TestEpochs: a later epoch of a node ends the one before, for good (requirement R72).
func TestEpochs(t *testing.T) {
	w := newWatch(t, TrackerConfig{})
	h := Header{Origin: Origin{Node: "a", Epoch: 2}, Channel: lobby, Stream: 1, Seq: 1}
	w.Subscribed(lobby, sec(0))
	w.frame(1, 7, 1, 60)
	w.beat(2, 1, 7, 1)
	w.says("fresh from 0", w.from(10, &h, 1))
	w.want("ended: -1 from 0, 0 to 10")
	w.says("stale", w.frame(11, 8, 1, 1))
	w.beat(12, 2, 9, 5)
	h.Seq = 2
	w.says("fresh from 0", w.from(13, &h, 1))
	w.want()
	h.Epoch, h.Seq = 5, 1
	w.from(20, &h, 1)
	w.want("ended: -1 from 0, 0 to 20")
	for epoch := range uint64(3) {
		w.gaps = w.End(Origin{Node: "a", Epoch: epoch + 1}, sec(21), w.gaps)
	}
	w.want("ended: -1 from 0, 0 to 21") // of the third, of which nothing has come
	w.gaps = w.End(Origin{Node: "a", Epoch: 6}, sec(22), w.gaps)
	w.want("ended: -1 from 0, 0 to 22")
	w.gaps = w.End(Origin{Node: "a", Epoch: 5}, sec(23), w.gaps)
	w.gaps = w.End(Origin{Node: "a", Epoch: 5}, sec(24), w.gaps)
	w.want("ended: -1 from 0, 0 to 23")
}

// TestEnd: a node that is taken for dead may have sent what nobody has seen; one that took
// its leave has told all.
func TestEnd(t *testing.T) {
	w := newWatch(t, TrackerConfig{})
	w.gaps = w.End(Origin{Node: "nobody listens"}, sec(0), nil)
	w.want()
	w.Subscribed(lobby, sec(1))
	w.frame(2, 1, 1, 0)
	w.gaps = w.End(Origin{Node: "a"}, sec(5), nil)
	w.want("ended: -1 from 0, 1 to 5") // it has never told its positions
	w.gaps = w.End(Origin{Node: "a"}, sec(6), nil)
	w.want()

	w.says("fresh from 0", w.frame(20, 4, 1, 18)) // it was frozen, and goes on where it was
	w.want("jump: 2 from 2, 0 to 20")
	w.beat(21, 1, 4, 1)
	w.beat(23, 2, 4, 3)
	w.gaps = w.End(Origin{Node: "a"}, sec(40), nil)
	w.want("ended: -1 from 0, 21 to 40")

	w.beat(50, 16, 6, 2, true)
	w.want("heartbeat: 2 from 5, 21 to 50")
	w.gaps = w.End(Origin{Node: "a"}, sec(60), nil)
	w.want()
	w.gaps = w.End(Origin{Node: "unheard"}, sec(61), nil)
	w.want("ended: -1 from 0, 1 to 61")

	w.tick(50 + DefaultRemember.Seconds() + 1)
	if w.Nodes() != 0 {
		t.Errorf("%d nodes are kept", w.Nodes())
	}
}

// TestChain: up to when a node's messages are accounted for.
func TestChain(t *testing.T) {
	type beat struct {
		at     float64
		number int
		window float64
		cycle  int
		want   float64 // −1: never
	}
	for name, beats := range map[string][]beat{
		"small":  {{0, 1, 10, 1, 0}, {2, 2, 10, 1, 2}, {10, 6, 10, 1, 10}, {19, 9, 10, 1, 19}, {40, 20, 10, 1, 40}},
		"cycles": {{0, 1, 10, 3, -1}, {2, 2, 10, 3, -1}, {4, 3, 10, 3, 4}, {8, 5, 10, 3, 8}, {30, 16, 10, 3, 8}, {32, 17, 10, 3, 8}, {34, 18, 10, 3, 34}},
		"one is missed in the cycle": {
			{0, 1, 10, 2, -1}, {4, 3, 10, 2, -1}, {6, 4, 10, 2, 6},
		},
		"the cycle grows": {{0, 1, 10, 2, -1}, {2, 2, 10, 3, -1}, {4, 3, 10, 3, 4}},
		"no window":       {{0, 1, 0, 2, -1}, {2, 2, 0, 2, 0}, {4, 3, 0, 2, 0}, {6, 4, 0, 2, 4}},
		"a window again":  {{0, 1, 0, 2, -1}, {2, 2, 0, 2, 0}, {4, 3, 10, 2, 0}, {6, 4, 10, 2, 6}, {8, 5, 10, 2, 8}},
	} {
		var c chain
		for _, b := range beats {
			h := Heartbeat{Beat: uint64(b.number), Window: time.Duration(b.window) * time.Second, Cycle: b.cycle}
			c.add(&h, sec(b.at), time.Second)
			want := time.Time{}
			if b.want >= 0 {
				want = sec(b.want)
			}
			if !c.confirmed.Equal(want) {
				t.Errorf("%s, at %v: %v, want %v", name, b.at, c.confirmed.Sub(start).Seconds(), b.want)
			}
		}
	}
}

// TestNodesAreBounded: epochs and nodes that come and go leave nothing, and above the bound
// the most silent one goes, not without a gap.
func TestNodesAreBounded(t *testing.T) {
	w := newWatch(t, TrackerConfig{MaxNodes: 10, Remember: time.Minute})
	w.Subscribed(lobby, sec(0))
	w.frame(0, 1, 1, 0)
	h := Header{Channel: lobby, Stream: 1, Seq: 1}
	for epoch := range 1000 {
		h.Origin = Origin{Node: "b", Epoch: uint64(epoch) + 1}
		w.from(1, &h, 1)
	}
	if w.Nodes() != 2 || len(w.gaps) != 999 {
		t.Errorf("%d nodes, %d gaps", w.Nodes(), len(w.gaps))
	}
	w.gaps = nil
	for i := range 1000 {
		at := 2 + float64(i)
		h.Origin = Origin{Node: fmt.Sprint("c", i), Epoch: 1}
		w.from(at, &h, 1)
		w.gaps = w.End(h.Origin, sec(at), nil)
		w.gaps = nil
		w.frame(at, 2+i, 1, 1)
		w.want() // a has been kept
		if w.Nodes() > 10 {
			t.Fatalf("%d nodes", w.Nodes())
		}
	}
	for i := range 9 { // all alive now: the tenth is a
		h.Origin = Origin{Node: fmt.Sprint("d", i), Epoch: 1}
		w.from(2000, &h, 1)
		w.gaps = nil
	}
	h.Origin.Node = "e"
	w.from(2001, &h, 1)
	w.want("ended: -1 from 0, 0 to 2001")
	w.gaps = nil
	w.says("fresh from 0", w.frame(2010, 1002, 1, 9)) // 1001 was here: that is not known any more, but from when on it would
	w.want("ended: -1 from 0, 0 to 2010")             // of d0, whose place it took
}

// TestCopies: one copy of each message is delivered, the first.
func TestCopies(t *testing.T) {
	w := newWatch(t, TrackerConfig{})
	w.Subscribed(lobby, sec(0))
	h := Header{Origin: Origin{Node: "a", Epoch: 1}, Channel: lobby, Stream: 1, Seq: 1}
	deliver := func(n uint64) (yes bool) {
		yes, w.gaps = w.Copy(&h, n, sec(5), w.gaps)
		return yes
	}
	if deliver(1) {
		t.Error("delivered before a frame was judged")
	}
	w.from(1, &h, 1)
	seen := map[uint64]bool{}
	for _, n := range []uint64{1, 2, 2, 5, 4, 1, 3, 4000, 4096, 64, 4097, 2, 5000, 905, 904, 4097, 4098, 4098, 20000, 15905, 19999, 20000, 15904} {
		late := n == 904 || n == 15904
		if got, want := deliver(n), !seen[n] && !late; got != want {
			t.Errorf("copy %d: %v", n, got)
		}
		seen[n] = true
	}
	w.want("copy: -1 from 0, 3 to 5", "copy: -1 from 0, 3 to 5")
	h.Epoch = 2
	if deliver(20001) {
		t.Error("delivered for an epoch that is not there")
	}
}
