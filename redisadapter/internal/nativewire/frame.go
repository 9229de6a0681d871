package nativewire

import "time"

// The version of this package.
const (
	Major = 1
	Minor = 0
)

const (
	magic      = 'R'
	signedMark = 0x80

	kindFrame     = 1
	kindHeartbeat = 2

	// leastPublish is magic, version, kind and an empty head.
	leastPublish = 4
)

// Origin says who made a publish. Epochs of one node ascend: see [NewEpoch].
type Origin struct {
	Node  string // from 1 to MaxNode bytes
	Epoch uint64
}

// Header is the head of a frame.
type Header struct {
	Origin
	Channel Channel
	// Stream is the number of this stream of messages among those of the epoch. A sender
	// that has forgotten a channel begins a new stream on it, with a greater number.
	Stream uint64
	// Seq is the number of the frame's first message in the stream. The first message of
	// a stream has 1, and each message counts, so that a gap tells how many were lost.
	Seq uint64
	// Age is how long before this frame the message before it went out, 0 if there is
	// none. It is rounded up to a millisecond.
	Age time.Duration
}

// Frame is a decoded frame, which Next reads. A frame may be decoded into again; it must
// not be used concurrently.
type Frame struct {
	Header
	Minor    uint8 // version of the sender
	Messages int   // how many there are, from 1 to MaxMessages

	in   messageReader
	body reader
}

// maxAge bounds ages and the like: 139 years, so that sums do not overflow.
const maxAge = 1 << 42

// age is a duration as it stands on the wire.
func age(d time.Duration) uint64 {
	if d <= 0 {
		return 0
	}
	return min(uint64((d-1)/time.Millisecond)+1, maxAge)
}

// age reads a duration.
func (r *reader) age() time.Duration {
	return time.Duration(r.atMost(maxAge, ErrValue)) * time.Millisecond
}

// appendOpening appends what every publish begins with, up to its head.
func appendOpening(dst []byte, kind byte, keys *Keys, head int) []byte {
	return appendNumber(append(dst, magic, Major<<4|Minor, kind|keys.mark()), uint64(head))
}

func (o Origin) append(dst []byte) []byte {
	for shift := 56; shift >= 0; shift -= 8 {
		dst = append(dst, byte(o.Epoch>>shift))
	}
	return appendText(dst, o.Node)
}

func (o Origin) len() int { return 8 + textLen(len(o.Node)) }

func (o Origin) good() bool { return o.Node != "" && len(o.Node) <= MaxNode && o.Epoch > 0 }

// AppendFrame appends a frame of n messages, whose records (each with its length before it,
// as AppendRecord makes them) are in body, and signs it. It fails if the header holds what
// a decoder would refuse; body is taken as it is. It allocates only when dst has to grow.
func AppendFrame(dst []byte, h *Header, n int, body []byte, keys *Keys) ([]byte, error) {
	switch {
	case !h.good() || !h.Channel.numbered():
		return dst, fault(ErrValue)
	case h.Stream-1 >= MaxNumber || h.Seq-1 >= MaxNumber || (h.Seq == 1) && h.Age != 0:
		return dst, fault(ErrValue)
	case n < 1 || n > MaxMessages:
		return dst, fault(ErrCount)
	}
	start, since := len(dst), age(h.Age)
	head := h.len() + channelLen(h.Channel) + numberLen(h.Stream) + numberLen(h.Seq) + numberLen(since) + numberLen(uint64(n))
	dst = h.append(appendOpening(dst, kindFrame, keys, head))
	dst = appendChannel(dst, h.Channel)
	dst = appendNumber(appendNumber(dst, h.Stream), h.Seq)
	dst = appendNumber(appendNumber(dst, since), uint64(n))
	dst = keys.appendSignature(append(dst, body...), start)
	if len(dst)-start > MaxSize {
		return dst[:start], fault(ErrSize)
	}
	return dst, nil
}

// AppendRecord appends a message with its length before it, as a frame has it.
func AppendRecord(dst, message []byte) []byte {
	return append(appendNumber(dst, uint64(len(message))), message...)
}

// opened is a publish whose signature has been checked.
type opened struct {
	minor  uint8
	head   reader
	body   reader
	copied []byte // the publish once more, if that was needed
}

// newer reports whether it may hold what this package does not know.
func (o *opened) newer() bool { return o.minor > Minor }

// open checks version, kind and signature, in this order, and finds the head.
func open(s string, kind byte, keys *Keys) (o opened, err error) {
	r := reader{s: s, end: len(s)}
	switch {
	case len(s) > MaxSize:
		return o, fault(ErrSize)
	case len(s) < leastPublish || s[0] != magic:
		return o, &Error{Reason: ErrFormat}
	case s[1]>>4 != Major:
		return o, &Error{Reason: ErrVersion, Offset: 1, Value: uint64(s[1])}
	case s[2]&^signedMark != kind:
		return o, &Error{Reason: ErrKind, Offset: 2, Value: uint64(s[2] &^ signedMark)}
	case s[2]&signedMark != 0:
		if r.end -= LeastKey; r.end < leastPublish {
			return o, &Error{Reason: ErrTruncated, Offset: len(s)}
		}
		if keys != nil {
			o.copied = []byte(s)
			if !keys.check(o.copied[:r.end], o.copied[r.end:]) {
				return o, fault(ErrForged)
			}
		}
	case keys != nil && !keys.unsigned:
		return o, fault(ErrUnsigned)
	}
	o.minor = s[1] & 0xf
	r.pos = 3
	o.head = r.part()
	o.body = r
	return o, r.err
}

func (r *reader) origin() (o Origin) {
	at := r.pos
	o.Epoch = r.fixed()
	o.Node = r.text(MaxNode)
	if r.err == nil && !o.good() {
		r.failAt(at, ErrValue, 0)
	}
	return o
}

// Decode reads a frame that came on a channel, all but the messages themselves. The error
// is an [*Error]; f is of no use then.
func (f *Frame) Decode(s string, on Channel, keys *Keys) error {
	*f = Frame{}
	o, err := open(s, kindFrame, keys)
	if err != nil {
		return err
	}
	r := o.head
	f.Minor = o.minor
	f.Origin = r.origin()
	f.Channel = r.channel()
	f.Stream = r.within(MaxNumber)
	at := r.pos
	f.Seq = r.within(MaxNumber)
	if f.Age = r.age(); f.Seq == 1 && f.Age != 0 {
		r.failAt(at, ErrValue, 0)
	}
	at = r.pos
	f.Messages = int(r.atMost(MaxMessages, ErrCount))
	if f.Messages == 0 {
		r.failAt(at, ErrValue, 0)
	}
	r.finish(o.newer())
	if r.err == nil && f.Channel != on {
		r.err = fault(ErrChannel)
	}
	if r.err != nil {
		return r.err
	}
	f.in = messageReader{channel: f.Channel, newer: o.newer(), s: s, copied: o.copied}
	f.body = o.body
	walk := f.body
	for range f.Messages {
		walk.part()
	}
	walk.finish(false)
	return walk.err
}

// Next reads the next message into m; more is false, and m zero, when there is none. An
// error, an [*Error], concerns this one message: m is zero then, and the others can be read.
//
// m's slices and map are new. Its texts are parts of the text that was decoded, its bytes
// parts of one copy of it.
func (f *Frame) Next(m *Message) (more bool, err error) {
	*m = Message{}
	if f.body.left() == 0 {
		return false, nil
	}
	r := f.body.part()
	f.in.message(&r, m)
	if r.err != nil {
		*m = Message{}
	}
	return true, r.err
}

// Discard passes over the next n messages.
func (f *Frame) Discard(n int) {
	for range n {
		if f.body.left() > 0 {
			f.body.part()
		}
	}
}
