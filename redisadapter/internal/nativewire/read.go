package nativewire

import "unicode/utf8"

// reader reads values from a part of a publish. The first fault sticks: whatever is read
// after it is zero. It allocates nothing but that fault.
type reader struct {
	s        string // the whole publish, so that positions in faults are those of it
	pos, end int
	err      error
}

func (r *reader) left() int { return r.end - r.pos }

// fail records a fault at the position of the reader.
func (r *reader) fail(reason error) { r.failAt(r.pos, reason, 0) }

func (r *reader) failAt(at int, reason error, value uint64) {
	if r.err == nil {
		r.err = &Error{Reason: reason, Offset: at, Value: value}
	}
	r.pos = r.end
}

// byte reads one byte.
func (r *reader) byte() byte {
	if r.pos >= r.end {
		r.fail(ErrTruncated)
		return 0
	}
	r.pos++
	return r.s[r.pos-1]
}

// number reads an unsigned varint in its shortest form.
func (r *reader) number() (v uint64) {
	at := r.pos
	if at < r.end && r.s[at] < 0x80 { // most are one byte
		r.pos++
		return uint64(r.s[at])
	}
	for shift := 0; ; shift += 7 {
		c := r.byte()
		if shift == 63 && c > 1 || shift > 0 && c == 0 && r.err == nil {
			r.failAt(at, ErrNumber, 0)
		}
		if r.err != nil {
			return 0
		}
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
}

// atMost reads a number that is at most limit.
func (r *reader) atMost(limit uint64, reason error) uint64 {
	at := r.pos
	v := r.number()
	if v > limit {
		r.failAt(at, reason, 0)
		return 0
	}
	return v
}

// within reads a number from 1 to limit.
func (r *reader) within(limit uint64) uint64 {
	at := r.pos
	v := r.atMost(limit, ErrValue)
	if v == 0 {
		r.failAt(at, ErrValue, 0)
	}
	return v
}

// signed reads a zigzag varint.
func (r *reader) signed() int64 {
	v := r.number()
	return int64(v>>1) ^ -int64(v&1)
}

// fixed reads eight bytes, the most significant first.
func (r *reader) fixed() (v uint64) {
	for range 8 {
		v = v<<8 | uint64(r.byte())
	}
	return v
}

// part reads a number of bytes and returns a reader of as many.
func (r *reader) part() reader {
	at := r.pos
	n := r.number()
	if n > uint64(r.left()) {
		r.failAt(at, ErrTruncated, 0)
	}
	if r.err != nil {
		return reader{s: r.s, err: r.err}
	}
	p := reader{s: r.s, pos: r.pos, end: r.pos + int(n)}
	r.pos = p.end
	return p
}

// text reads a text of at most limit bytes. It is a part of the publish.
func (r *reader) text(limit int) string {
	at := r.pos
	p := r.part()
	if p.left() > limit {
		r.failAt(at, ErrSize, 0)
		return ""
	}
	return p.rest()
}

// rest reads all that is left.
func (r *reader) rest() string {
	text := r.s[r.pos:r.end]
	r.pos = r.end
	return text
}

// utf8 reads all that is left, which must be UTF-8.
func (r *reader) utf8() string {
	at := r.pos
	text := r.rest()
	if !utf8.ValidString(text) {
		r.failAt(at, ErrText, 0)
		return ""
	}
	return text
}

// finish fails if something is left that only a newer version may have put there.
func (r *reader) finish(newer bool) {
	if r.err == nil && !newer && r.left() > 0 {
		r.fail(ErrTrailing)
	}
	r.pos = r.end
}

// adopt takes over the fault of a reader of a part.
func (r *reader) adopt(p *reader) bool {
	if p.err != nil && r.err == nil {
		r.err = p.err
		r.pos = r.end
	}
	return r.err == nil
}

// count counts the texts that fill the reader, and fails above limit.
func (r *reader) count(limit int) int {
	at, walk, n := r.pos, *r, 0
	for walk.left() > 0 {
		walk.part()
		n++
	}
	if !r.adopt(&walk) {
		return 0
	}
	if n > limit {
		r.failAt(at, ErrCount, 0)
		return 0
	}
	return n
}

// list reads the names that fill the reader.
func (r *reader) list() []string {
	n := r.count(MaxRooms)
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		p := r.part()
		list[i] = p.rest()
	}
	return list
}

// field reads the next field of a record, the last one read having been after. It is false
// at the end and after a fault.
func (r *reader) field(after uint64) (tag uint64, value reader, ok bool) {
	if r.left() == 0 {
		return 0, reader{}, false
	}
	at := r.pos
	tag = r.number()
	value = r.part()
	if r.err == nil && (tag <= after || value.left() == 0) {
		r.failAt(at, ErrField, 0)
	}
	return tag, value, r.err == nil
}
