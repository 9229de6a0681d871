package nativewire

import (
	"math"
	"time"
	"unicode/utf8"
)

// messageReader reads the messages of one frame. Bytes are parts of one copy of the
// publish, made when the first are needed; texts are parts of the publish itself.
type messageReader struct {
	channel Channel
	newer   bool // the publish is of a newer minor version
	s       string
	copied  []byte
}

// bytes reads all that is left of r.
func (d *messageReader) bytes(r *reader) []byte {
	if r.left() == 0 {
		return []byte{}
	}
	if d.copied == nil {
		d.copied = []byte(d.s)
	}
	b := d.copied[r.pos:r.end:r.end]
	r.pos = r.end
	return b
}

// message reads a record into m, which is zero.
func (d *messageReader) message(r *reader, m *Message) {
	at := r.pos
	m.Op = Op(r.byte())
	if m.Op == 0 || m.Op > lastOp {
		r.failAt(at, ErrOp, uint64(m.Op))
	}
	if d.channel.Kind.hasNamespace() {
		m.Namespace = d.channel.Name
	}
	last := uint64(0)
	for {
		at := r.pos
		tag, v, ok := r.field(last)
		if !ok {
			return
		}
		last = tag
		switch {
		case tag <= tagNames:
			d.selection(&v, m, tag)
		case tag <= tagCount:
			scalar(&v, m, tag)
		case tag <= tagMeta:
			d.content(&v, m, tag)
		case tag == tagCopy:
			m.Copy = v.within(MaxNumber)
		case d.newer: // what the newer version added
			continue
		default:
			r.failAt(at, ErrField, 0)
			return
		}
		v.finish(false)
		if !r.adopt(&v) {
			return
		}
	}
}

// selection reads a field that says whom a message is for.
func (d *messageReader) selection(v *reader, m *Message, tag uint64) {
	switch tag {
	case tagFlags:
		d.flags(v, m)
	case tagNamespace:
		if d.channel.Kind.hasNamespace() {
			v.fail(ErrField)
		}
		if v.left() > MaxNamespace {
			v.fail(ErrSize)
		}
		m.Namespace = v.rest()
	case tagRooms:
		m.Rooms = v.list()
	case tagExcept:
		m.Except = v.list()
	case tagNames:
		m.Names = v.list()
	}
}

func (d *messageReader) flags(v *reader, m *Message) {
	at := v.pos
	bits := v.within(math.MaxUint64)
	if bits&^knownFlags != 0 && !d.newer || bits&(flagCompressOn|flagCompressSet) == flagCompressOn {
		v.failAt(at, ErrValue, 0)
		return
	}
	m.Volatile = bits&flagVolatile != 0
	m.Close = bits&flagClose != 0
	if bits&flagCompressSet != 0 {
		m.Compress = Off
	}
	if bits&flagCompressOn != 0 {
		m.Compress = On
	}
}

// scalar reads a field that is a number or a text.
func scalar(v *reader, m *Message, tag uint64) {
	switch tag {
	case tagAsk:
		m.Ask = v.within(MaxNumber)
	case tagTimeout:
		at := v.pos
		if m.Timeout = time.Duration(v.signed()); m.Timeout == 0 {
			v.failAt(at, ErrValue, 0)
		}
	case tagTime:
		m.Time = v.time()
	case tagReason:
		m.Reason = v.utf8()
	case tagConn:
		m.Conn = v.rest()
	case tagCount:
		m.Count = int(v.within(math.MaxInt32))
	default:
		v.fail(ErrField)
	}
}

// time reads a time that is not zero.
func (r *reader) time() time.Time {
	at := r.pos
	seconds := r.signed()
	nanos := r.atMost(999_999_999, ErrValue)
	if seconds < leastSecond || seconds > mostSecond || seconds == leastSecond && nanos == 0 {
		r.failAt(at, ErrValue, 0)
	}
	if r.err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, int64(nanos)).UTC()
}

// content reads a field that a message is about.
func (d *messageReader) content(v *reader, m *Message, tag uint64) {
	switch tag {
	case tagConns:
		m.Conns = d.conns(v)
	case tagData:
		if !utf8.ValidString(v.s[v.pos:v.end]) {
			v.fail(ErrText)
			return
		}
		m.Data = d.bytes(v)
	case tagAttachments:
		n := v.count(MaxAttachments)
		if n == 0 {
			return
		}
		m.Attachments = make([][]byte, n)
		for i := range m.Attachments {
			p := v.part()
			m.Attachments[i] = d.bytes(&p)
		}
	case tagMeta:
		m.Meta = v.meta()
	}
}

func (r *reader) meta() map[string]string {
	at := r.pos
	n := r.count(2 * MaxMeta)
	if n%2 != 0 {
		r.failAt(at, ErrTruncated, 0)
	}
	if r.err != nil {
		return nil
	}
	meta := make(map[string]string, n/2)
	last := ""
	for i := range n / 2 {
		at := r.pos
		key, value := r.part(), r.part()
		k, v := key.utf8(), value.utf8()
		if !r.adopt(&key) || !r.adopt(&value) {
			return nil
		}
		if i > 0 && k <= last {
			r.failAt(at, ErrField, 0)
			return nil
		}
		meta[k], last = v, k
	}
	return meta
}

func (d *messageReader) conns(v *reader) []Conn {
	at := v.pos
	n := v.count(MaxConns)
	if n*leastConn > v.left() {
		v.failAt(at, ErrValue, 0)
	}
	if n == 0 || v.err != nil {
		return nil
	}
	conns := make([]Conn, n)
	for i := range conns {
		p := v.part()
		d.conn(&p, &conns[i])
		if !v.adopt(&p) {
			return nil
		}
	}
	return conns
}

func (d *messageReader) conn(r *reader, c *Conn) {
	start, last := r.pos, uint64(0)
	for {
		at := r.pos
		tag, v, ok := r.field(last)
		if !ok {
			break
		}
		last = tag
		switch {
		case tag <= tagConnConnected:
			d.connField(&v, c, tag)
		case d.newer:
			continue
		default:
			r.failAt(at, ErrField, 0)
			return
		}
		v.finish(false)
		if !r.adopt(&v) {
			return
		}
	}
	if c.ID == "" {
		r.failAt(start, ErrValue, 0)
	}
}

func (d *messageReader) connField(v *reader, c *Conn, tag uint64) {
	switch tag {
	case tagConnID:
		c.ID = v.rest()
	case tagConnUser:
		c.User = v.rest()
	case tagConnNode:
		c.Node = v.rest()
	case tagConnRooms:
		c.Rooms = v.list()
	case tagConnPublic:
		at := v.pos
		c.Public = d.bytes(v)
		if !utf8.Valid(c.Public) {
			v.failAt(at, ErrText, 0)
		} else if !goodJSON(c.Public) {
			v.failAt(at, ErrJSON, 0)
		}
	case tagConnAddress:
		c.Address = v.utf8()
	case tagConnTransport:
		c.Transport = v.utf8()
	case tagConnSecure:
		if v.within(1) == 1 {
			c.Secure = true
		}
	case tagConnConnected:
		c.Connected = v.time()
	}
}
