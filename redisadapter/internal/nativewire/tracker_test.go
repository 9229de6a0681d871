package nativewire

import (
	"fmt"
	"testing"
	"time"
)

// sec is a time after the start, in seconds.
func sec(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }

// watch is a tracker with the gaps that it has found.
type watch struct {
	t *testing.T
	*Tracker
	gaps []Gap
}

func newWatch(t *testing.T, cfg TrackerConfig) *watch { return &watch{t: t, Tracker: NewTracker(cfg)} }

// frame is a frame of node a, epoch 1, stream 1; age is of the message before, in seconds.
func (w *watch) frame(at float64, seq, n int, age float64) string {
	return w.from(at, &Header{
		Origin: Origin{Node: "a", Epoch: 1}, Channel: lobby, Stream: 1, Seq: uint64(seq), Age: time.Duration(age * float64(time.Second)),
	}, n)
}

func (w *watch) from(at float64, h *Header, n int) string {
	v, gaps := w.Frame(h, n, sec(at), w.gaps)
	w.gaps = gaps
	switch v.Outcome {
	case Fresh:
		return fmt.Sprintf("fresh from %d", v.Skip)
	case Stale:
		return "stale"
	case Own:
		return "own"
	}
	return "unsubscribed"
}

// beat is a heartbeat of node a that tells the last number of stream 1.
func (w *watch) beat(at float64, number, last int, age float64, leave ...bool) {
	w.gaps = w.Heartbeat(&Heartbeat{
		Origin: Origin{Node: "a", Epoch: 1}, Beat: uint64(number), Every: DefaultEvery, Window: DefaultWindow, Cycle: 1, Last: len(leave) > 0,
		Positions: []Position{{Channel: lobby, Stream: 1, Last: uint64(last), Age: time.Duration(age * float64(time.Second))}},
	}, sec(at), w.gaps)
}

// want compares the gaps since the last call: cause, first and count, and the span in
// seconds.
func (w *watch) want(gaps ...string) {
	w.t.Helper()
	var got []string
	for _, g := range w.gaps {
		got = append(got, fmt.Sprintf("%s: %d from %d, %v to %v", [...]string{
			"", "jump", "heartbeat", "first", "ended", "copy",
		}[g.Cause], g.Count, g.First, g.From.Sub(start).Seconds(), g.To.Sub(start).Seconds()))
	}
	w.gaps = nil
	same(w.t, gaps, got)
}

func (w *watch) says(want, got string) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("%s, want %s", got, want)
	}
}

func (w *watch) tick(at float64) { w.gaps = w.Tick(sec(at), w.gaps) }

func TestInOrder(t *testing.T) {
	w := newWatch(t, TrackerConfig{Self: "self"})
	w.says("unsubscribed", w.frame(0, 1, 1, 0))
	w.Subscribed(lobby, sec(1))
	w.says("fresh from 0", w.frame(2, 5, 1, 60))
	w.says("fresh from 0", w.frame(3, 6, 4, 1))
	w.says("stale", w.frame(4, 6, 4, 1))
	w.says("stale", w.frame(4, 2, 1, 1))
	w.says("fresh from 2", w.frame(5, 8, 4, 1)) // one more was in the batch that was sent twice
	w.want()
	w.says("fresh from 0", w.frame(6, 15, 1, 1))
	w.want("jump: 3 from 12, 3 to 6")
	w.says("stale", w.frame(6, 13, 2, 1)) // too late: it was lost
	w.says("own", w.from(7, &Header{Origin: Origin{Node: "self", Epoch: 1}, Channel: lobby, Stream: 1, Seq: 9}, 1))
	w.gaps = w.Heartbeat(&Heartbeat{Origin: Origin{Node: "self", Epoch: 1}, Beat: 1, Cycle: 1}, sec(7), w.gaps)
	w.want()
	if w.Nodes() != 1 {
		t.Errorf("%d nodes: it counts itself", w.Nodes())
	}
	w.Unsubscribed(lobby, sec(8))
	w.says("unsubscribed", w.frame(9, 16, 1, 1))
	w.want()
}

// TestFirstFrame: what the first frame of a stream says of the messages before it depends on
// whether they were sent before the subscription.
func TestFirstFrame(t *testing.T) {
	for _, c := range []struct {
		at   float64
		seq  int
		age  float64
		want []string
	}{
		{at: 11, seq: 1},
		{at: 100, seq: 1},
		{at: 20, seq: 7, age: 10.1}, // before the subscription
		{at: 20, seq: 7, age: 8.1},  // perhaps before it
		{at: 20, seq: 7, age: 8, want: []string{"first: -1 from 0, 10 to 20"}},
		{at: 20, seq: 2, age: 8, want: []string{"first: 1 from 1, 10 to 20"}},
		{at: 20, seq: 2, age: 0, want: []string{"first: 1 from 1, 10 to 20"}},
	} {
		w := newWatch(t, TrackerConfig{})
		w.Subscribed(lobby, sec(10))
		w.says("fresh from 0", w.frame(c.at, c.seq, 1, c.age))
		w.want(c.want...)
		w.frame(c.at+1, c.seq+2, 1, 0)
		w.want(fmt.Sprintf("jump: 1 from %d, %v to %v", c.seq+1, c.at-2, c.at+1))
	}
}

// TestFirstHeartbeat: the same for a stream that is known by a heartbeat first.
func TestFirstHeartbeat(t *testing.T) {
	for name, c := range map[string]struct {
		at, age float64
		last    int
		want    []string
		then    []string // when the frame after comes at 30
	}{
		"may be from before": {at: 11.9, age: 0, last: 7},
		"sent before":        {at: 20, age: 11, last: 7, then: []string{"jump: 1 from 8, 18 to 30"}},
		"perhaps before":     {at: 20, age: 8.1, last: 7, then: []string{"jump: 1 from 8, 18 to 30"}},
		"sent after": {
			at: 20, age: 8, last: 7, want: []string{"first: -1 from 0, 10 to 20"}, then: []string{"jump: 1 from 8, 18 to 30"},
		},
		"the only one": {
			at: 20, age: 8, last: 1, want: []string{"first: 1 from 1, 10 to 20"}, then: []string{"jump: 1 from 2, 18 to 30"},
		},
		"may be on its way": {at: 20, age: 1, last: 7, then: []string{"first: -1 from 0, 10 to 21", "jump: 1 from 8, 18 to 30"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWatch(t, TrackerConfig{})
			w.Subscribed(lobby, sec(10))
			w.beat(c.at, 1, c.last, c.age)
			w.want(c.want...)
			w.tick(21)
			w.frame(30, c.last+2, 1, 18.5)
			w.want(c.then...)
		})
	}
}

// TestLossAtTheEnd: the last message is missed by the heartbeat after it, once, and if it
// comes after all it is delivered.
func TestLossAtTheEnd(t *testing.T) {
	w := newWatch(t, TrackerConfig{})
	w.Subscribed(lobby, sec(0))
	w.frame(1, 1, 1, 0)
	w.beat(2, 1, 3, 0.5) // 2 and 3 may be on their way
	w.tick(3)
	w.want()
	w.frame(3.2, 2, 1, 0.2)
	w.tick(3.5)
	w.want("heartbeat: 1 from 3, 1.2 to 3.5")
	w.beat(4, 2, 3, 2.5)
	w.tick(5)
	w.want()
	w.says("fresh from 0", w.frame(5, 3, 1, 0.5))
	w.says("fresh from 0", w.frame(6, 4, 1, 0.5))
	w.beat(7, 3, 6, 5)
	w.want("heartbeat: 2 from 5, 4 to 7")
	w.says("fresh from 0", w.frame(8, 7, 1, 0.5))
	w.want()
}

// TestTwoClaims: what a heartbeat tells while an earlier one is not decided is not forgotten,
// though no other follows.
func TestTwoClaims(t *testing.T) {
	w := newWatch(t, TrackerConfig{})
	w.Subscribed(lobby, sec(0))
	w.frame(1, 1, 1, 0)
	w.beat(4, 1, 2, 0.5)
	w.beat(4.5, 2, 3, 0)
	w.beat(5, 3, 4, 0)
	w.tick(5.5)
	w.want("heartbeat: 1 from 2, -1 to 5.5")
	w.frame(6, 3, 1, 1)
	w.tick(8)
	w.want("heartbeat: 1 from 4, 4 to 8")
}

// TestOnItsWay: a heartbeat overtakes the first frames of a stream that it tells of. They
// begin the counting.
func TestOnItsWay(t *testing.T) {
	w := newWatch(t, TrackerConfig{})
	w.Subscribed(lobby, sec(10))
	w.beat(12.5, 1, 5, 0.6)
	w.says("fresh from 0", w.frame(12.6, 2, 1, 1))
	w.want()
	w.says("fresh from 0", w.frame(12.7, 4, 1, 0.2))
	w.want("jump: 1 from 3, 10.6 to 12.7")
	w.says("fresh from 0", w.frame(14, 5, 1, 0.2))
	w.want()
}

// TestHeartbeatOvertakes: frames that come after the heartbeat that counts them are no gap.
func TestHeartbeatOvertakes(t *testing.T) {
	w := newWatch(t, TrackerConfig{})
	w.Subscribed(lobby, sec(0))
	w.frame(1, 1, 1, 0)
	for i := 2; i < 20; i++ {
		at := float64(2 * i)
		w.beat(at, i, i, 0)
		w.tick(at + 1)
		w.says("fresh from 0", w.frame(at+1.5, i, 1, 2))
		w.tick(at + 1.9)
	}
	w.want()
	if len(w.claimed) > 1 {
		t.Errorf("%d claims", len(w.claimed))
	}
}

// TestBrokenConnection: nobody tells the tracker; the numbers do, to the message.
func TestBrokenConnection(t *testing.T) {
	w := newWatch(t, TrackerConfig{})
	w.Subscribed(lobby, sec(0))
	w.frame(1, 1, 1, 0)
	w.beat(2, 1, 1, 1)
	// 2 to 6 are published in the break, and the subscription is renewed.
	w.Subscribed(lobby, sec(30))
	w.beat(31, 15, 6, 4)
	w.want("heartbeat: 5 from 2, 0 to 31")
	w.says("fresh from 0", w.frame(32, 7, 1, 5))
	w.Subscribed(lobby, sec(40))
	w.says("fresh from 0", w.frame(41, 8, 1, 5)) // nothing happened in this one
	w.want()
}

// TestTakenUpAgain: what is sent while nobody listens is no loss, and what was delivered
// before is not delivered again.
func TestTakenUpAgain(t *testing.T) {
	w := newWatch(t, TrackerConfig{})
	w.Subscribed(lobby, sec(0))
	w.frame(1, 1, 3, 0)
	w.beat(1.5, 1, 4, 0) // a claim that is of no interest any more
	w.Unsubscribed(lobby, sec(2))
	w.tick(10)
	w.Subscribed(lobby, sec(20))
	w.says("stale", w.frame(21, 3, 1, 0))
	w.says("fresh from 0", w.frame(22, 9, 1, 10))
	w.want()
	w.says("fresh from 0", w.frame(23, 11, 1, 0.5))
	w.want("jump: 1 from 10, 20 to 23")
	w.Unsubscribed(lobby, sec(30))
	w.Subscribed(lobby, sec(40))
	w.says("fresh from 0", w.frame(50, 12, 1, 5)) // 11 was sent after 40, or so it says, but it is here
	w.want()
	w.Unsubscribed(lobby, sec(60))
	w.tick(60 + DefaultRemember.Seconds() + 1)
	if len(w.channels) != 0 || len(w.nodes["a"].tracks) != 0 {
		t.Errorf("%d channels, %d tracks are kept", len(w.channels), len(w.nodes["a"].tracks))
	}
}

// TestNewStream: a sender that has forgotten a channel begins a new stream, all of which is
// owed to who has listened since before.
func TestNewStream(t *testing.T) {
	w := newWatch(t, TrackerConfig{})
	h := Header{Origin: Origin{Node: "a", Epoch: 1}, Channel: lobby, Stream: 4, Seq: 3, Age: time.Minute}
	w.Subscribed(lobby, sec(0))
	w.frame(1, 7, 1, 60)
	w.says("fresh from 0", w.from(600, &h, 1))
	w.want("jump: 2 from 1, -1 to 600")
	w.says("stale", w.frame(601, 8, 1, 0))
	w.beat(602, 1, 9, 5) // of the old stream
	w.want()
	w.Unsubscribed(lobby, sec(610))
	w.Subscribed(lobby, sec(620))
	h.Stream, h.Seq = 5, 10
	w.says("fresh from 0", w.from(630, &h, 1))
	w.want()
}
