package nativewire

import (
	"strings"
	"time"
)

// The bounds and times of a Tracker, unless configured.
const (
	DefaultSettle   = 2 * time.Second
	DefaultRemember = 5 * time.Minute
	DefaultMaxNodes = 1024
)

// TrackerConfig is how a node looks at what comes in. Zero means the default.
type TrackerConfig struct {
	Self string // the node's own name, whose frames are ignored
	// Settle is the longest that a publish takes from Seal of its sender to this tracker.
	// What takes longer is delivered still, but may have been reported as lost.
	Settle time.Duration
	// Remember is how long a node is kept that has ended, and a channel that is no longer
	// listened to: so long a repetition is recognised.
	Remember time.Duration
	// MaxNodes bounds how many nodes are kept. Above it the one that has been silent
	// longest is forgotten, with a gap.
	MaxNodes int
}

// Cause says how a gap was noticed.
type Cause uint8

// The causes of gaps.
const (
	CauseJump      Cause = 1 + iota // a frame's number was greater than expected
	CauseHeartbeat                  // a heartbeat told a number that has not come
	CauseFirst                      // what was heard first of a node told of messages before it
	CauseEnded                      // a node has ended without taking its leave: its last ones cannot be known
	CauseCopy                       // a copy came so late that it cannot be known whether it was delivered
)

// Gap tells what was lost, or may have been, between From and To by the tracker's clock.
type Gap struct {
	Origin
	Channel Channel // zero if any
	Stream  uint64  // 0 if any
	First   uint64  // number of the first message lost, 0 if unknown
	Count   int     // −1 if unknown
	From    time.Time
	To      time.Time
	Cause   Cause
}

// Outcome is what a Tracker says of a frame.
type Outcome uint8

// The outcomes. Only what is Fresh is to be delivered.
const (
	Fresh        Outcome = 1 + iota // at least one message is new
	Stale                           // all of it has been there, or it is of an earlier epoch
	Own                             // the node's own echo
	Unsubscribed                    // nobody listens to the channel
)

// Verdict is what to do with a frame.
type Verdict struct {
	Outcome Outcome
	Skip    int // messages at the beginning of a Fresh frame that have been there
}

// Tracker notices what is lost between nodes (requirement R67), and drops what comes
// twice (R72). It is told of subscriptions, frames, heartbeats and the ends of nodes, in
// the order in which they happen here, and appends what it finds to gaps. Times are those
// at which things came in, from one clock. It must not be used concurrently.
//
// # Where counting begins
//
// A message is owed from the moment at which the subscription of its channel is confirmed:
// what was sent before does not count as lost. Which messages of another node were before
// and which after is not known, since its numbers are its own; but each frame and each
// position tells how old the message before it is. So of the first frame of a stream, and
// of the first heartbeat that names it:
//
//   - if even with the longest delay the message before went out after the confirmation,
//     and it is not here, then it was lost: a gap, of unknown count unless it can only be
//     one;
//   - otherwise counting begins here.
//
// A heartbeat that comes within Settle of the confirmation says nothing, since it may have
// been made before. What remains unnoticed is a loss among the messages that went out
// within Settle after the confirmation, before the first that came.
//
// A broken connection changes nothing here: the tracker goes on counting from where it
// was, and so tells how many were missed. A channel that is given up (Unsubscribed) and
// taken up again begins anew, but remembers what has been delivered.
//
// # Heartbeats may overtake
//
// On a Redis Cluster a heartbeat may come before frames that were sent before it. The
// number that it tells is therefore a claim, which has until Settle after that message was
// sent. Then it is a gap, which Tick returns. A message that comes later still is
// delivered.
//
// # What it cannot know
//
// A sender forgets streams after its Retain. Who was cut off for longer does not learn what
// was lost at the end of such a stream; that it was cut off, it knows itself.
type Tracker struct {
	cfg      TrackerConfig
	began    time.Time // the first subscription
	forgot   time.Time // when a node was last forgotten that may be alive
	runs     uint64
	channels map[Channel]*subscription
	nodes    map[string]*publisher
	claimed  []*track // that have a claim, or had one
}

// subscription is a channel that is listened to, or was.
type subscription struct {
	channel Channel
	run     uint64    // number of this subscription
	since   time.Time // when it was confirmed
	ended   time.Time // zero while it lasts
}

// publisher is another node in its present epoch.
type publisher struct {
	Origin
	prior  uint64    // the epoch that this one has ended, 0: none
	heard  time.Time // when anything came from it
	left   bool      // it has taken its leave
	ended  bool      // it is taken for dead
	chain  chain
	window *window // of copies
	tracks map[Channel]*track
}

// track is a stream as this node knows it. Numbers below next are never delivered again;
// those below due have come, have been reported, or are not owed. next is at most due.
type track struct {
	publisher *publisher
	channel   Channel
	stream    uint64
	run       uint64 // of the subscription in which counting began
	next, due uint64
	assumed   bool      // due is where a heartbeat was when counting began: what comes before it may be owed
	seen      time.Time // what is not below due went out at most Settle before this, or later
	claims    [2]claim  // what is to come: the first that was told, and the latest
	listed    bool      // it is in Tracker.claimed
}

// claim is what a heartbeat told that has not come yet.
type claim struct {
	last uint64 // 0: there is none
	run  uint64 // of the subscription in which it was told
	told time.Time
	due  time.Time
}

// NewTracker returns a tracker without subscriptions.
func NewTracker(cfg TrackerConfig) *Tracker {
	cfg.Settle = orDefault(cfg.Settle, DefaultSettle)
	cfg.Remember = orDefault(cfg.Remember, DefaultRemember)
	cfg.MaxNodes = orDefault(cfg.MaxNodes, DefaultMaxNodes)
	return &Tracker{cfg: cfg, channels: make(map[Channel]*subscription), nodes: make(map[string]*publisher)}
}

// Subscribed tells that Redis has confirmed a subscription. A channel that is subscribed to
// already, as after a broken connection, goes on being counted.
func (t *Tracker) Subscribed(c Channel, now time.Time) {
	sub := t.channels[c]
	if sub == nil {
		c.Name = strings.Clone(c.Name)
		sub = &subscription{channel: c}
		t.channels[c] = sub
	} else if sub.ended.IsZero() {
		return
	}
	if t.began.IsZero() {
		t.began = now
	}
	t.runs++
	sub.run, sub.since, sub.ended = t.runs, now, time.Time{}
}

// Unsubscribed tells that nothing is owed on a channel any more.
func (t *Tracker) Unsubscribed(c Channel, now time.Time) {
	if sub := t.channels[c]; sub != nil && sub.ended.IsZero() {
		sub.ended = now
	}
}

// subscribed is the subscription of a channel that is listened to.
func (t *Tracker) subscribed(c Channel) *subscription {
	if sub := t.channels[c]; sub != nil && sub.ended.IsZero() {
		return sub
	}
	return nil
}

// Frame judges a frame of n messages.
func (t *Tracker) Frame(h *Header, n int, now time.Time, gaps []Gap) (Verdict, []Gap) {
	if h.Node == t.cfg.Self {
		return Verdict{Outcome: Own}, gaps
	}
	sub := t.subscribed(h.Channel)
	if sub == nil {
		return Verdict{Outcome: Unsubscribed}, gaps
	}
	p, gaps := t.publisher(h.Origin, now, gaps)
	if p == nil {
		return Verdict{Outcome: Stale}, gaps
	}
	tr, ok := p.track(sub, h.Stream)
	if !ok {
		return Verdict{Outcome: Stale}, gaps
	}
	end := h.Seq + uint64(n)
	if end <= tr.next {
		return Verdict{Outcome: Stale}, gaps
	}
	skip := 0
	if h.Seq < tr.next {
		skip = int(tr.next - h.Seq)
	}
	if tr.run == sub.run {
		if tr.assumed && end <= tr.due { // it was on its way, and what follows it is owed
			tr.due = end
		}
		gaps = t.missing(tr, h.Seq, CauseJump, now, gaps)
	} else {
		gaps = t.first(tr, sub, h.Seq, now.Add(-h.Age), now, gaps)
	}
	tr.next, tr.due, tr.assumed = end, max(tr.due, end), false
	tr.seen = now
	return Verdict{Outcome: Fresh, Skip: skip}, gaps
}

// track returns the track of a stream; ok is false if the stream is one that its sender
// has forgotten since.
func (p *publisher) track(sub *subscription, stream uint64) (tr *track, ok bool) {
	tr = p.tracks[sub.channel]
	switch {
	case tr == nil:
		tr = &track{publisher: p, channel: sub.channel, stream: stream, next: 1, due: 1}
		if p.tracks == nil {
			p.tracks = make(map[Channel]*track)
		}
		p.tracks[sub.channel] = tr
	case stream < tr.stream:
		return nil, false
	case stream > tr.stream:
		// All of the new stream came after the old one. If that has been counted in this
		// subscription, all of the new one is owed, else it is as unknown as any.
		tr.stream, tr.next, tr.due, tr.assumed, tr.claims = stream, 1, 1, false, [2]claim{}
	}
	return tr, true
}

// missing reports what is owed below end, and moves due there.
func (t *Tracker) missing(tr *track, end uint64, cause Cause, now time.Time, gaps []Gap) []Gap {
	if end <= tr.due {
		return gaps
	}
	gaps = append(gaps, Gap{
		Origin: tr.publisher.Origin, Channel: tr.channel, Stream: tr.stream, First: tr.due, Count: int(min(end-tr.due, maxCount)),
		From: tr.seen.Add(-t.cfg.Settle), To: now, Cause: cause,
	})
	tr.due, tr.assumed = end, false
	return gaps
}

// maxCount is the greatest count of a gap.
const maxCount = 1<<31 - 1

// first begins counting at a number. Before it there is a message, unless it has been here,
// that went out at the time of before, or up to Settle earlier. If it is owed it is
// reported.
func (t *Tracker) first(tr *track, sub *subscription, at uint64, before, now time.Time, gaps []Gap) []Gap {
	since := t.since(sub)
	if at > tr.next && !before.Add(-t.cfg.Settle).Before(since) {
		g := Gap{
			Origin: tr.publisher.Origin, Channel: tr.channel, Stream: tr.stream, Count: -1, From: since, To: now, Cause: CauseFirst,
		}
		if at-tr.next == 1 {
			g.First, g.Count = tr.next, 1
		}
		gaps = append(gaps, g)
	}
	tr.run, tr.due, tr.assumed = sub.run, max(at, tr.next), false
	return gaps
}

// since is when messages on a channel began to be owed.
func (t *Tracker) since(sub *subscription) time.Time {
	if t.forgot.After(sub.since) {
		return t.forgot
	}
	return sub.since
}
