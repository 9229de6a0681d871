package siowire

import "math"

// Type is the kind of a packet; its digit on the wire is '0' plus the value
// (protocol revision 5, packet types).
type Type byte

// The packet types. Decoded packets never bear BinaryEvent or BinaryAck: those
// become Event and Ack with [Packet].Binary set once all attachments are there.
const (
	// Connect asks for a namespace, or grants it.
	Connect Type = iota
	// Disconnect leaves a namespace, or takes it away.
	Disconnect
	// Event carries a name and arguments.
	Event
	// Ack answers an event that bore an id.
	Ack
	// ConnectError refuses a namespace.
	ConnectError
	// BinaryEvent is an Event with attachments, on the wire only.
	BinaryEvent
	// BinaryAck is an Ack with attachments, on the wire only.
	BinaryAck
)

// Packet is one decoded packet. Its slices alias the messages that the decoder
// was given: it keeps them alive, and nobody may write to them. A packet that
// nobody changes may be read concurrently, and may be copied.
type Packet struct {
	// Namespace begins with a slash; "/" if the packet names none.
	Namespace string
	// Data is the payload as raw JSON without white space around it; nil if there
	// is none. That is legal for every type: an EVENT without data has no name.
	Data []byte
	// Attachments are the binary messages of a packet in order of arrival, to be
	// found through the placeholders in Data. Nil unless Binary.
	Attachments [][]byte
	// ID is the ack id, if HasID; at most 2^53−1.
	ID uint64
	// Nodes is the number of JSON values in Data, containers included.
	Nodes int
	// Args are the elements of Data if Type is Event or Ack.
	Args Args
	// Type is never BinaryEvent or BinaryAck.
	Type Type
	// Binary says that the packet came as BINARY_EVENT or BINARY_ACK. Only then do
	// placeholders in Data mean attachments; in other packets they are plain data.
	Binary bool
	// HasID says that the packet has an ack id, 0 included.
	HasID bool
}

// EventName returns the name of an Event: the bytes of its string without
// quotes and escapes, or, if the first element is a number, that number as
// JavaScript prints it (decision D19). A lone surrogate becomes U+FFFD. The
// name is nil if the packet is no Event or has no data. It aliases Data unless
// it had to be rewritten, and is not to be written to.
func (p *Packet) EventName() (name []byte, numeric bool) {
	if p.Type != Event || p.Args.Len() == 0 {
		return nil, false
	}
	raw := p.Args.Raw(p.Data, 0)
	if raw[0] != '"' {
		return numberName(raw), true
	}
	return unquote(raw), false
}

// inlineSpans is how many arguments a packet can point at without a slice of
// its own. Nearly every event has a name and one or two arguments.
const inlineSpans = 4

// denseSpans is how many arguments are all remembered by position. More are
// legal on the wire, but a megabyte of `[0,0,…` must not become a table several
// times its size (requirement R34): from there on only one in spanStride is
// remembered, so that the table stays below an eighth of the text and reading
// all arguments in turn still costs at most spanStride walks over it.
const (
	denseSpans = 128
	spanStride = 32
)

// Args are the elements of the array that an EVENT or ACK carries, the event's
// name included, kept as positions in [Packet].Data. The zero value is an empty
// list. An Args that nobody changes may be read concurrently; copies share the
// positions.
type Args struct {
	inline [inlineSpans]span
	more   []span // elements from inlineSpans on, from denseSpans on one in spanStride
	n      int
}

// span is a half-open range of bytes. 32 bits halve the size of a packet; the
// decoder refuses texts that do not fit.
type span struct{ start, end uint32 }

// Len is the number of elements.
func (a *Args) Len() int { return a.n }

// Raw returns element i as JSON without white space around it. The slice is
// part of data, which must be the Data of the packet that the Args belong to.
// It panics if i is out of range, as an index expression does. The first 128
// elements are found at once, later ones by walking over up to 31 others.
func (a *Args) Raw(data []byte, i int) []byte {
	if uint(i) >= uint(a.n) {
		panic("siowire: argument index out of range")
	}
	var s span
	walk := 0
	switch {
	case i < inlineSpans:
		s = a.inline[i]
	case i < denseSpans:
		s = a.more[i-inlineSpans]
	default:
		s = a.more[denseSpans-inlineSpans+(i-denseSpans)/spanStride]
		walk = (i - denseSpans) % spanStride
	}
	start, end := int(s.start), int(s.end)
	for range walk {
		start = skipSpace(data, skipSpace(data, end)+1) // over the comma
		end = SkipValue(data, start)
	}
	return data[start:end:end]
}

// add appends the element at data[start:end].
func (a *Args) add(start, end int) {
	s := span{start: uint32(start), end: uint32(end)}
	switch i := a.n; {
	case i < inlineSpans:
		a.inline[i] = s
	case i == inlineSpans:
		a.more = append(make([]span, 0, 2*inlineSpans), s)
	case i < denseSpans || (i-denseSpans)%spanStride == 0:
		a.more = append(a.more, s)
	}
	a.n++
}

// fitsSpan tells whether positions in a text of n bytes can be kept in a span.
func fitsSpan(n int) bool { return uint64(n) <= math.MaxUint32 }
