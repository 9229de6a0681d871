package nativewire

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// The model: some nodes publish through their outboxes, one node listens through a tracker,
// and between them is a bus that delays, drops, repeats and breaks. It knows what was sent,
// what arrived and what was owed, and so what the tracker ought to have said.

// world is one run.
type world struct {
	t       *testing.T
	r       *rand.Rand
	cfg     worldConfig
	now     time.Time
	layout  Layout
	tracker *Tracker
	senders []*sender
	births  int
	queue   []arrival // on the way to the listener
	order   int
	free    map[Channel]time.Time // when the last on a channel arrives
	broken  time.Time             // until then nothing crosses
	calm    bool                  // no more faults
	periods map[Channel][]*period
	items   map[item]*fate
	copies  map[copyID]bool
	gaps    []Gap
	checked int
	ticked  time.Time
}

type worldConfig struct {
	settle, delay   time.Duration
	drop, repeat    float64
	crashes, breaks bool
	resubscribe     bool
	quiet           int
	retain          time.Duration
	steps           int
}

// sender is a publishing node.
type sender struct {
	*Outbox
	origin  Origin
	next    time.Time // heartbeat
	muted   time.Time // until then nothing of it crosses
	dead    time.Time // it crashed or left
	told    bool      // the listener knows that it is over
	unclean bool      // End may be a gap
	recent  []recent
}

// recent is a frame that may be published again.
type recent struct {
	Sealed
	at time.Time
}

// arrival is something on its way.
type arrival struct {
	at     time.Time
	order  int
	frame  *Sealed
	beat   string
	sub    *period // a confirmation
	end    *period // the end of one
	origin Origin
}

// item is a message on a channel.
type item struct {
	Origin
	channel Channel
	stream  uint64
	seq     uint64
}

// fate is what became of it.
type fate struct {
	sent     time.Time
	period   *period // in which it was owed, nil if in none
	arrived  bool
	reported bool // by its number
}

type copyID struct {
	Origin
	n uint64
}

// period is a time in which a channel is subscribed to.
type period struct {
	channel          Channel
	confirmed, ended time.Time
	over             bool            // on the bus
	closed           bool            // for the tracker
	begun            map[item]uint64 // by stream: what arrived first
	told             []told
}

// told is a position that a heartbeat told, and when it had had its time.
type told struct {
	stream item
	last   uint64
	at     time.Time
}

func newWorld(t *testing.T, seed uint64, cfg worldConfig) *world {
	w := &world{
		t: t, r: rand.New(rand.NewPCG(seed, 5)), cfg: cfg, now: start, free: map[Channel]time.Time{},
		periods: map[Channel][]*period{}, items: map[item]*fate{}, copies: map[copyID]bool{},
	}
	l, err := NewLayout("p", 4, 2)
	if err != nil {
		t.Fatal(err)
	}
	w.layout = l
	w.tracker = NewTracker(TrackerConfig{Self: "self", Settle: cfg.settle})
	for range 3 {
		w.born("")
	}
	for shard := range l.Shards() {
		w.subscribe(Shard("/", shard))
	}
	w.subscribe(Broadcast("/"))
	return w
}

// born starts a sender; with a name it is a node that begins a new epoch.
func (w *world) born(node string) {
	w.births++
	if node == "" {
		node = fmt.Sprint("node", w.births)
	}
	o := Origin{Node: node, Epoch: uint64(w.births)}
	w.senders = append(w.senders, &sender{
		Outbox: outbox(w.t, OutboxConfig{Origin: o, Layout: w.layout, Quiet: w.cfg.quiet, Retain: w.cfg.retain}), origin: o, next: w.now,
	})
}

func (w *world) chance(p float64) bool { return w.r.Float64() < p }

func (w *world) delay() time.Duration { return time.Duration(w.r.Int64N(int64(w.cfg.delay))) }

// send puts something on the way, in the order of its channel.
func (w *world) send(c Channel, a arrival, at time.Time) {
	if f := w.free[c]; f.After(at) {
		at = f
	}
	w.free[c] = at
	w.put(a, at)
}

func (w *world) put(a arrival, at time.Time) {
	w.order++
	a.at, a.order = at, w.order
	w.queue = append(w.queue, a)
}

func (w *world) subscribe(c Channel) {
	p := &period{channel: c, begun: map[item]uint64{}}
	w.periods[c] = append(w.periods[c], p)
	w.send(c, arrival{sub: p}, w.now.Add(w.delay()))
}

// current is the period of a channel that is subscribed to on the bus.
func (w *world) current(c Channel) *period {
	if list := w.periods[c]; len(list) > 0 && !list[len(list)-1].over {
		return list[len(list)-1]
	}
	return nil
}

func (w *world) unsubscribe(c Channel) {
	p := w.current(c)
	if p == nil || p.confirmed.IsZero() {
		return
	}
	p.over, p.ended = true, w.now
	if w.chance(0.5) { // what is on the way is of no interest, or it is waited for
		p.closed = true
		w.tracker.Unsubscribed(c, w.now)
		return
	}
	w.send(c, arrival{end: p}, w.now.Add(w.delay()))
}
