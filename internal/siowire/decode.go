package siowire

import "bytes"

// defaultNamespace is the one that is never written.
const defaultNamespace = "/"

// maxID is the largest ack id, the largest integer that JavaScript holds
// exactly, and maxIDDigits how many digits it has.
const (
	maxID       = 1<<53 - 1
	maxIDDigits = 16
)

// Decoder assembles the packets of one connection, one at a time. The zero
// value works with default limits, and an idle decoder owns no memory beyond
// itself. It is used by one goroutine at a time and needs no end; [Decoder.Discard]
// frees a packet that will never be whole.
//
// After the first error it refuses everything with [ErrUnusable]: what follows a
// protocol error has no meaning, and the connection is to be closed (requirement
// R36).
type Decoder struct {
	limits    *Limits
	namespace string   // the last one seen, so that it is allocated once
	partial   *partial // nil unless attachments are outstanding
	unusable  bool
}

// partial is a packet that waits for attachments.
type partial struct {
	packet  Packet
	bytes   int64 // attachments so far
	missing int
}

// Init sets the limits, which must not change any more. It is called before the
// first message or not at all; nil means all defaults.
func (d *Decoder) Init(limits *Limits) { d.limits = limits }

// Text decodes a text message, without the digit that Engine.IO puts in front.
// If whole is false, the packet announced attachments: they are to be given to
// [Decoder.Binary], and p is empty. The packet takes data over. The error is an
// [*Error]. A packet with up to four elements and a namespace seen last costs no
// allocation.
func (d *Decoder) Text(data []byte) (p Packet, whole bool, err error) {
	if d.unusable {
		return Packet{}, false, errUnusable
	}
	if d.partial != nil {
		return Packet{}, false, d.fail(ErrUnexpectedText, -1)
	}
	if !fitsSpan(len(data)) {
		return Packet{}, false, d.fail(ErrTooLarge, -1)
	}
	attachments := 0
	if fault, reason := d.parse(&p, &attachments, data); reason != nil {
		return Packet{}, false, d.fail(reason, fault)
	}
	if attachments == 0 {
		return p, true, nil
	}
	d.partial = &partial{packet: p, missing: attachments}
	return Packet{}, false, nil
}

// Binary takes the next attachment of the packet that is being assembled and
// returns the packet with the last one. The packet takes data over.
func (d *Decoder) Binary(data []byte) (p Packet, whole bool, err error) {
	if d.unusable {
		return Packet{}, false, errUnusable
	}
	in := d.partial
	if in == nil {
		return Packet{}, false, d.fail(ErrUnexpectedBinary, -1)
	}
	if int64(len(data)) > d.lim().attachmentBytes()-in.bytes {
		return Packet{}, false, d.fail(ErrAttachmentBytes, -1)
	}
	if in.packet.Attachments == nil {
		in.packet.Attachments = make([][]byte, 0, min(in.missing, DefaultAttachments))
	}
	in.packet.Attachments = append(in.packet.Attachments, data)
	in.bytes += int64(len(data))
	in.missing--
	if in.missing > 0 {
		return Packet{}, false, nil
	}
	d.partial = nil
	return in.packet, true, nil
}

// Partial returns the packet that is being assembled and how many of its
// attachments are missing, so that the caller can refuse its namespace, charge
// and time it out; nil and 0 if there is none. It is valid until the next call.
func (d *Decoder) Partial() (p *Packet, missing int) {
	if d.partial == nil {
		return nil, 0
	}
	return &d.partial.packet, d.partial.missing
}

// Discard frees the packet that is being assembled. The decoder is unusable from
// then on: the attachments still to come would belong to nothing.
func (d *Decoder) Discard() {
	d.partial = nil
	d.unusable = true
}

// fail ends the decoder's life with a broken rule.
func (d *Decoder) fail(reason error, offset int) error {
	d.Discard()
	return &Error{Reason: reason, Offset: offset}
}

// lim is the limits in force.
func (d *Decoder) lim() *Limits {
	if d.limits == nil {
		return &defaultLimits
	}
	return d.limits
}

// parse reads the parts of a text message in their order into p, and the number
// of announced attachments. A reason means that the rule is broken at offset
// fault.
func (d *Decoder) parse(p *Packet, attachments *int, text []byte) (fault int, reason error) {
	if len(text) == 0 {
		return 0, ErrEmpty
	}
	if text[0] < '0' || text[0] > '0'+byte(BinaryAck) {
		return 0, ErrUnknownType
	}
	p.Type = Type(text[0] - '0')
	i := 1
	if p.Type == BinaryEvent || p.Type == BinaryAck {
		if *attachments, i, reason = parseCount(text, i, d.lim().attachments()); reason != nil {
			return i, reason
		}
		p.Type -= BinaryEvent - Event
		p.Binary = true
	}
	if i, reason = d.parseNamespace(p, text, i); reason != nil {
		return i, reason
	}
	if i, reason = parseID(p, text, i); reason != nil {
		return i, reason
	}
	if i == len(text) {
		return i, nil
	}
	if fault, reason = d.parsePayload(p, text[i:], *attachments); reason != nil {
		return i + fault, reason
	}
	return i, nil
}

// parseCount reads the attachment count at text[i] and the dash behind it.
func parseCount(text []byte, i, limit int) (count, next int, reason error) {
	start := i
	for i < len(text) && isDigit(text[i]) {
		// Above the limit the exact number does not matter any more.
		if count <= limit {
			count = count*10 + int(text[i]-'0')
		}
		i++
	}
	if i == start || i == len(text) || text[i] != '-' || count == 0 {
		return 0, i, ErrAttachmentCount
	}
	if count > limit {
		return 0, start, ErrTooManyAttachments
	}
	return count, i + 1, nil
}

// parseNamespace reads the namespace at text[i], up to a comma or the end. A
// query is part of the name, as for the official parser.
func (d *Decoder) parseNamespace(p *Packet, text []byte, i int) (next int, reason error) {
	p.Namespace = defaultNamespace
	if i == len(text) || text[i] != '/' {
		return i, nil
	}
	name := text[i:]
	next = len(text)
	if comma := bytes.IndexByte(name, ','); comma >= 0 {
		name = name[:comma]
		next = i + comma + 1
	}
	if len(name) > d.lim().nameLen() {
		return i, ErrNameTooLong
	}
	switch string(name) {
	case defaultNamespace:
	case d.namespace:
		p.Namespace = d.namespace
	default:
		d.namespace = string(name)
		p.Namespace = d.namespace
	}
	return next, nil
}

// parseID reads the ack id at text[i], if there is one. All types may bear one;
// where it has no meaning the caller ignores it.
func parseID(p *Packet, text []byte, i int) (next int, reason error) {
	start := i
	for i < len(text) && isDigit(text[i]) {
		if i-start == maxIDDigits {
			return start, ErrID
		}
		p.ID = p.ID*10 + uint64(text[i]-'0')
		i++
	}
	if p.ID > maxID {
		return start, ErrID
	}
	p.HasID = i > start
	return i, nil
}

// parsePayload checks data, the rest of the text and not empty, against the
// packet's type and keeps it with the positions of its elements.
func (d *Decoder) parsePayload(p *Packet, data []byte, attachments int) (fault int, reason error) {
	if !fitsType(p.Type, data[0]) {
		return 0, ErrPayload
	}
	s := scanner{b: data, max: d.lim().depth(p.Type), collect: p.Type == Event || p.Type == Ack}
	end, reason := s.run()
	if reason != nil {
		return end, reason
	}
	if rest := skipSpace(data, end); rest != len(data) {
		return rest, ErrJSON
	}
	p.Data = data[:end:end]
	p.Nodes = s.nodes
	p.Args = s.args
	if p.Type == Event {
		if fault, reason = d.checkEvent(p); reason != nil {
			return fault, reason
		}
	}
	if attachments > 0 {
		if fault = checkPlaceholders(p.Data, attachments); fault >= 0 {
			return fault, ErrPlaceholder
		}
	}
	return 0, nil
}

// fitsType tells whether a payload that begins with the byte open can belong to
// a packet of type t (requirement R28). JSON shows its kind in the first byte, so
// that a wrong one costs no scan. White space is no beginning: to the official
// parser it would be digits of an ack id.
func fitsType(t Type, open byte) bool {
	switch t {
	case Connect:
		return open == '{'
	case ConnectError:
		return open == '{' || open == '"'
	case Event, Ack:
		return open == '['
	}
	return false // Disconnect bears nothing
}

// checkEvent checks that the array of an event begins with a name.
func (d *Decoder) checkEvent(p *Packet) (fault int, reason error) {
	if p.Args.Len() == 0 {
		return 0, ErrPayload
	}
	return int(p.Args.inline[0].start), checkEventName(p.Args.Raw(p.Data, 0), d.lim().nameLen())
}
