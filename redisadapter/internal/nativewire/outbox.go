package nativewire

import (
	"errors"
	"slices"
	"time"
)

// The bounds of a frame that an Outbox fills. A message that is larger has a frame alone.
const (
	fillBytes    = 64 << 10
	fillMessages = 256

	// keptBuffer is the largest buffer that is kept for the next batch.
	keptBuffer = 256 << 10
)

// OutboxConfig is how a node publishes. Zero durations and numbers mean the defaults.
type OutboxConfig struct {
	Origin Origin
	Layout Layout
	Keys   *Keys // nil: nothing is signed
	// Every, Window and Retain are times of heartbeats: see [DefaultEvery] and its
	// neighbours. Every is only told to the others; the caller keeps it.
	Every, Window, Retain time.Duration
	// Quiet is the number of positions in a heartbeat beyond those of the window.
	Quiet int
}

// Outbox makes frames and heartbeats of what one node publishes. It belongs to whoever
// publishes and must not be used concurrently.
//
// # Order
//
// The frames of a batch are to be published in the order in which Seal returns them, on
// one connection. Then messages that one node publishes about a room arrive in order. A
// message for several channels begins new frames on them, before which the older ones are
// published, so where all channels share one order (on a single Redis) it keeps its place
// among the messages of each of its rooms. On a Redis Cluster each channel has an order of
// its own, and such a message comes with the first of its copies.
//
// # Time
//
// A frame is published within the Settle time of receivers ([TrackerConfig]) after Seal, or
// not at all: they conclude from ages what they ought to have got. A frame that was not
// published is a gap, which the others notice. It may be published again, if all later ones
// of its channel are published again after it.
type Outbox struct {
	cfg     OutboxConfig
	streams streams
	copies  uint64

	frames  []frame // of this batch; beyond its length there are buffers to use again
	sealed  bool
	route   []Channel // of the message before
	scratch []byte
}

// frame is a frame that is being filled.
type frame struct {
	stream *stream
	seq    uint64
	n      int
	body   []byte
	out    []byte
}

// Sealed is a frame to be published.
type Sealed struct {
	Channel  Channel
	Name     string // of the channel
	Frame    []byte // of the Outbox, until the next call of Add
	Messages int
}

// NewOutbox returns an Outbox. An origin without a name, or with one that is too long, and
// an origin without an epoch are errors.
func NewOutbox(cfg OutboxConfig) (*Outbox, error) {
	if !cfg.Origin.good() {
		return nil, errors.New("nativewire: a node needs an epoch and a name of at most 255 bytes")
	}
	if cfg.Layout.shards == 0 {
		cfg.Layout, _ = NewLayout(DefaultPrefix, 0, 0) // cannot fail
	}
	o := &Outbox{cfg: cfg}
	o.Restart(cfg.Origin.Epoch)
	return o, nil
}

// Restart begins a new epoch, which must be greater than the one before: as a node must
// that has been taken for dead, for instance because it was frozen. What has been added
// and not sealed is dropped.
func (o *Outbox) Restart(epoch uint64) {
	o.cfg.Origin.Epoch = epoch
	o.copies = 0
	o.reset()
	o.streams = streams{
		every: orDefault(o.cfg.Every, DefaultEvery), window: orDefault(o.cfg.Window, DefaultWindow),
		retain: orDefault(o.cfg.Retain, DefaultRetain), quiet: min(orDefault(o.cfg.Quiet, DefaultQuiet), MaxPositions/2),
	}
}

// orDefault is v, or def if v is not set.
func orDefault[N int | time.Duration](v, def N) N {
	if v <= 0 {
		return def
	}
	return v
}

// Add takes a message, as [AppendMessage] encodes it without a copy for the first of the
// channels, which are those of [Layout.Route] or one other. It fails, with an [*Error] and
// without effect, if they are not, or if there is no room for the number of the copies. The
// message is not kept.
func (o *Outbox) Add(message []byte, channels ...Channel) error {
	if o.sealed {
		o.reset()
	}
	for i, c := range channels {
		if !c.numbered() {
			return fault(ErrValue)
		}
		if i > 0 && (c.Kind != KindShard || channels[0].Kind != KindShard || c.Name != channels[0].Name) {
			return fault(ErrChannel)
		}
	}
	if len(channels) == 0 {
		return fault(ErrChannel)
	}
	if len(channels) > 1 {
		o.scratch = appendNumberField(append(o.scratch[:0], message...), tagCopy, o.copies+1)
		message = o.scratch
	}
	if len(message) > MaxMessage {
		return fault(ErrSize)
	}
	if len(channels) > 1 {
		o.copies++
	}
	o.part(channels)
	for _, c := range channels {
		o.put(o.streams.of(c, &o.cfg.Layout), message)
	}
	return nil
}

// part closes the frames before which the next message must not be put, or beside which it
// would lose its place.
func (o *Outbox) part(channels []Channel) {
	if slices.Equal(channels, o.route) {
		return
	}
	o.route = append(o.route[:0], channels...)
	switch first := channels[0]; {
	case first.Kind == KindBroadcast:
		for i := range o.frames {
			if st := o.frames[i].stream; st.channel.Kind == KindShard && st.channel.Name == first.Name {
				st.open = -1
			}
		}
	case len(channels) == 1:
		return
	}
	for _, c := range channels {
		o.streams.of(c, &o.cfg.Layout).open = -1
	}
}

// put adds the message to the frame of a stream.
func (o *Outbox) put(st *stream, message []byte) {
	if st.open >= 0 {
		f := &o.frames[st.open]
		if f.n >= fillMessages || len(f.body)+len(message) > fillBytes {
			st.open = -1
		}
	}
	if st.open < 0 {
		st.open = len(o.frames)
		o.grow()
		f := &o.frames[st.open]
		f.stream, f.seq, f.n, f.body = st, st.last+1, 0, f.body[:0]
	}
	f := &o.frames[st.open]
	f.body = AppendRecord(f.body, message)
	f.n++
	st.last++
	o.streams.published++
}

// grow adds a frame, with the buffers of an earlier batch if there are any.
func (o *Outbox) grow() {
	if len(o.frames) < cap(o.frames) {
		o.frames = o.frames[:len(o.frames)+1]
		return
	}
	o.frames = append(o.frames, frame{})
}

// Seal ends the batch and appends its frames to dst, in the order in which they are to be
// published.
func (o *Outbox) Seal(dst []Sealed, now time.Time) []Sealed {
	if o.sealed {
		return dst
	}
	o.sealed = true
	for i := range o.frames {
		f := &o.frames[i]
		h := Header{Origin: o.cfg.Origin, Channel: f.stream.channel, Stream: f.stream.number, Seq: f.seq}
		if f.seq > 1 {
			h.Age = now.Sub(f.stream.at)
		}
		out, err := AppendFrame(f.out[:0], &h, f.n, f.body, o.cfg.Keys)
		f.stream.at, f.stream.open, f.out = now, -1, out
		if err != nil { // what Add has checked cannot fail; if it did, the numbers would tell the others
			continue
		}
		dst = append(dst, Sealed{Channel: h.Channel, Name: f.stream.name, Frame: out, Messages: f.n})
	}
	return dst
}

// reset makes the buffers free for the next batch.
func (o *Outbox) reset() {
	for i := range o.frames {
		f := &o.frames[i]
		f.stream.open = -1
		f.stream = nil
		if cap(f.body) > keptBuffer {
			f.body = nil
		}
		if cap(f.out) > keptBuffer {
			f.out = nil
		}
	}
	if cap(o.scratch) > keptBuffer {
		o.scratch = nil
	}
	o.frames, o.route, o.sealed = o.frames[:0], o.route[:0], false
}

// Heartbeat makes the next heartbeat. It is to be published with what has been sealed
// before, not ahead of it; last is for the one with which the node takes its leave.
func (o *Outbox) Heartbeat(h *Heartbeat, now time.Time, last bool) {
	o.streams.heartbeat(h, now)
	h.Origin, h.Shards, h.Last = o.cfg.Origin, o.cfg.Layout.shards, last
}
