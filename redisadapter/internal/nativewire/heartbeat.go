package nativewire

import "time"

// The times of heartbeats, unless configured.
const (
	// DefaultEvery is the time between two heartbeats.
	DefaultEvery = 2 * time.Second
	// DefaultWindow is how long each heartbeat repeats the position of a stream.
	DefaultWindow = 10 * time.Second
	// DefaultRetain is how long a stream is remembered in which nothing is published.
	DefaultRetain = 5 * time.Minute
	// DefaultQuiet is how many positions beyond those of the window a heartbeat has.
	DefaultQuiet = 128
)

// Heartbeat tells that a node lives, and how far it has come on the channels on which it
// has published. Those of the last Window are in every heartbeat, the others take turns:
// Cycle heartbeats in a row name each of them at least once.
type Heartbeat struct {
	Origin
	Minor uint8  // version of the sender; not looked at by AppendHeartbeat
	Beat  uint64 // from 1, one more each time
	// Last is set in the one with which a node takes its leave.
	Last bool
	// Shards is the number of shards of the sender's layout.
	Shards int
	// Every is the time between two heartbeats.
	Every  time.Duration
	Window time.Duration
	Cycle  int // from 1
	// Streams is the number of streams that the node keeps, Messages how many it has
	// published in its epoch, copies counted.
	Streams, Messages uint64
	Positions         []Position
}

// Position is how far a stream has come.
type Position struct {
	Channel Channel
	Stream  uint64
	Last    uint64        // number of the last message
	Age     time.Duration // since it went out, rounded up to a millisecond
}

const lastBeat = 1 // the only flag

// AppendHeartbeat appends a heartbeat and signs it. It fails if it holds what a decoder
// would refuse. It allocates only when dst has to grow.
func AppendHeartbeat(dst []byte, h *Heartbeat, keys *Keys) ([]byte, error) {
	if !h.good() {
		return dst, fault(ErrValue)
	}
	if len(h.Positions) > MaxPositions {
		return dst, fault(ErrCount)
	}
	flags := uint64(0)
	if h.Last {
		flags = lastBeat
	}
	numbers := [...]uint64{
		h.Beat, flags, uint64(h.Shards), age(h.Every), age(h.Window), uint64(h.Cycle), h.Streams, h.Messages,
	}
	start, head := len(dst), h.len()
	for _, v := range numbers {
		head += numberLen(v)
	}
	dst = h.append(appendOpening(dst, kindHeartbeat, keys, head))
	for _, v := range numbers {
		dst = appendNumber(dst, v)
	}
	for i := range h.Positions {
		p := &h.Positions[i]
		if !p.Channel.numbered() || p.Stream-1 >= MaxNumber || p.Last-1 >= MaxNumber {
			return dst[:start], fault(ErrValue)
		}
		since := age(p.Age)
		dst = appendNumber(dst, uint64(channelLen(p.Channel)+numberLen(p.Stream)+numberLen(p.Last)+numberLen(since)))
		dst = appendNumber(appendChannel(dst, p.Channel), p.Stream)
		dst = appendNumber(appendNumber(dst, p.Last), since)
	}
	dst = keys.appendSignature(dst, start)
	if len(dst)-start > MaxSize {
		return dst[:start], fault(ErrSize)
	}
	return dst, nil
}

func (h *Heartbeat) good() bool {
	return h.Origin.good() && h.Beat-1 < MaxNumber && h.Shards >= 1 && h.Shards <= MaxShards &&
		h.Cycle >= 1 && h.Cycle <= MaxPositions && h.Streams <= MaxNumber && h.Messages <= MaxNumber
}

// Decode reads a heartbeat; Positions reuses its memory. What a newer version says of
// channels of a kind that is not known here is left out. Texts are parts of s. The error is
// an [*Error]; h is of no use then.
func (h *Heartbeat) Decode(s string, keys *Keys) error {
	*h = Heartbeat{Positions: h.Positions[:0]}
	o, err := open(s, kindHeartbeat, keys)
	if err != nil {
		return err
	}
	r := o.head
	h.Minor = o.minor
	h.Origin = r.origin()
	h.Beat = r.within(MaxNumber)
	at := r.pos
	flags := r.number()
	h.Last = flags&lastBeat != 0
	if flags&^lastBeat != 0 && !o.newer() {
		r.failAt(at, ErrValue, 0)
	}
	h.Shards = int(r.within(MaxShards))
	h.Every, h.Window = r.age(), r.age()
	h.Cycle = int(r.within(MaxPositions))
	h.Streams, h.Messages = r.atMost(MaxNumber, ErrValue), r.atMost(MaxNumber, ErrValue)
	r.finish(o.newer())
	body := o.body
	for body.left() > 0 && r.err == nil {
		at := body.pos
		p := body.part()
		h.position(&p, o.newer())
		if len(h.Positions) > MaxPositions {
			p.failAt(at, ErrCount, 0)
		}
		body.adopt(&p)
		r.adopt(&body)
	}
	return r.err
}

func (h *Heartbeat) position(r *reader, newer bool) {
	if newer && r.left() > 0 && ChannelKind(r.s[r.pos])-1 >= KindReply { // above the last kind, or 0
		return
	}
	p := Position{Channel: r.channel()}
	p.Stream, p.Last, p.Age = r.within(MaxNumber), r.within(MaxNumber), r.age()
	r.finish(newer)
	if r.err == nil {
		h.Positions = append(h.Positions, p)
	}
}
