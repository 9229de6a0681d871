package nodewire

import (
	"encoding/binary"
	"math"
)

// kind is what a msgpack value is.
type kind uint8

const (
	kindNil kind = iota
	kindFalse
	kindTrue
	kindUint
	kindInt // negative
	kindFloat
	kindString
	kindBinary
	kindArray
	kindMap
	kindExtension
)

// value is one msgpack value, or the head of a container.
type value struct {
	kind kind
	ext  int8    // type of an extension
	n    int     // elements of an array, members of a map
	bits uint64  // of a number; an int64 for kindInt
	f    float64 // of kindFloat
	text string  // of a string, a binary value, an extension
}

// reader reads msgpack. Nothing that it returns is longer than what it was given,
// and it allocates nothing.
type reader struct {
	s   string
	pos int
}

func (r *reader) left() int { return len(r.s) - r.pos }

// next reads a value, or the head of a container.
func (r *reader) next() (v value, err error) {
	if r.pos == len(r.s) {
		return v, fault(ErrTruncated, r.pos)
	}
	c := r.s[r.pos]
	r.pos++
	switch {
	case c < 0x80:
		return value{kind: kindUint, bits: uint64(c)}, nil
	case c < 0x90:
		return r.container(kindMap, uint64(c&0xf))
	case c < 0xa0:
		return r.container(kindArray, uint64(c&0xf))
	case c < 0xc0:
		return r.blob(kindString, uint64(c&0x1f))
	case c >= 0xe0:
		return value{kind: kindInt, bits: uint64(int64(int8(c)))}, nil
	}
	return r.coded(c)
}

// coded reads the value of one of the codes from 0xc0 to 0xdf.
func (r *reader) coded(c byte) (v value, err error) {
	switch c {
	case 0xc0:
		return value{kind: kindNil}, nil
	case 0xc2:
		return value{kind: kindFalse}, nil
	case 0xc3:
		return value{kind: kindTrue}, nil
	case 0xc4, 0xc5, 0xc6:
		return r.sized(kindBinary, c-0xc4)
	case 0xc7, 0xc8, 0xc9:
		return r.extension(c - 0xc7)
	case 0xca, 0xcb:
		return r.float(c)
	case 0xcc, 0xcd, 0xce, 0xcf:
		bits, err := r.uint(c - 0xcc)
		return value{kind: kindUint, bits: bits}, err
	case 0xd0, 0xd1, 0xd2, 0xd3:
		return r.int(c - 0xd0)
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8:
		return r.typed(1 << (c - 0xd4)) // 1, 2, 4, 8, 16 bytes
	case 0xd9, 0xda, 0xdb:
		return r.sized(kindString, c-0xd9)
	case 0xdc, 0xdd:
		return r.counted(kindArray, c-0xdc+1)
	case 0xde, 0xdf:
		return r.counted(kindMap, c-0xde+1)
	}
	return v, fault(ErrCode, r.pos-1)
}

// take returns the next n bytes.
func (r *reader) take(n uint64) (string, error) {
	if n > uint64(r.left()) {
		return "", fault(ErrTruncated, r.pos)
	}
	s := r.s[r.pos : r.pos+int(n)]
	r.pos += int(n)
	return s, nil
}

// uint reads a big-endian number of 1, 2, 4 or 8 bytes (size is their logarithm).
func (r *reader) uint(size byte) (uint64, error) {
	s, err := r.take(1 << size)
	if err != nil {
		return 0, err
	}
	var b [8]byte
	copy(b[8-len(s):], s)
	return binary.BigEndian.Uint64(b[:]), nil
}

// int reads a signed number.
func (r *reader) int(size byte) (v value, err error) {
	bits, err := r.uint(size)
	if err != nil {
		return v, err
	}
	shift := 64 - 8<<size
	if n := int64(bits<<shift) >> shift; n < 0 {
		return value{kind: kindInt, bits: uint64(n)}, nil
	}
	return value{kind: kindUint, bits: bits}, nil
}

func (r *reader) float(c byte) (v value, err error) {
	if c == 0xca {
		bits, err := r.uint(2)
		return value{kind: kindFloat, f: float64(math.Float32frombits(uint32(bits)))}, err
	}
	bits, err := r.uint(3)
	return value{kind: kindFloat, f: math.Float64frombits(bits)}, err
}

// sized reads a string or a binary value behind its length.
func (r *reader) sized(k kind, size byte) (v value, err error) {
	n, err := r.uint(size)
	if err != nil {
		return v, err
	}
	return r.blob(k, n)
}

func (r *reader) blob(k kind, n uint64) (v value, err error) {
	text, err := r.take(n)
	return value{kind: k, text: text}, err
}

// counted reads the head of a large array or map.
func (r *reader) counted(k kind, size byte) (v value, err error) {
	n, err := r.uint(size)
	if err != nil {
		return v, err
	}
	return r.container(k, n)
}

// container believes a number of elements only if there is a byte for each.
func (r *reader) container(k kind, n uint64) (v value, err error) {
	least := n
	if k == kindMap {
		least = 2 * n
	}
	if least > uint64(r.left()) {
		return v, fault(ErrTruncated, r.pos)
	}
	return value{kind: k, n: int(n)}, nil
}

func (r *reader) extension(size byte) (v value, err error) {
	n, err := r.uint(size)
	if err != nil {
		return v, err
	}
	return r.typed(n)
}

// typed reads the type of an extension and its n bytes.
func (r *reader) typed(n uint64) (v value, err error) {
	t, err := r.take(1)
	if err != nil {
		return v, err
	}
	v, err = r.blob(kindExtension, n)
	v.ext = int8(t[0])
	return v, err
}

// skip passes over one value of any kind, whose containers may nest depth deep.
func (r *reader) skip(depth int) error {
	v, err := r.next()
	if err != nil {
		return err
	}
	n := v.n
	switch v.kind {
	case kindMap:
		n *= 2
	case kindArray:
	default:
		return nil
	}
	if depth == 0 {
		return fault(ErrDepth, r.pos)
	}
	for range n {
		if err := r.skip(depth - 1); err != nil {
			return err
		}
	}
	return nil
}

// end fails unless everything has been read.
func (r *reader) end() error {
	if r.pos != len(r.s) {
		return fault(ErrTrailing, r.pos)
	}
	return nil
}
