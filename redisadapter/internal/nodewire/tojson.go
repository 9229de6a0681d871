package nodewire

import (
	"encoding/binary"
	"math"
	"strconv"
)

// unpacker turns msgpack into JSON: token by token, so that keys keep their order
// and integers all their digits (decision D36). Binary values are set aside, and a
// placeholder stands for each.
type unpacker struct {
	reader
	attachments [][]byte
}

// appendJSON appends the next value as JSON. defined is false if it was JavaScript's
// undefined, for which nothing is appended.
func (u *unpacker) appendJSON(dst []byte, depth int) (out []byte, defined bool, err error) {
	at := u.pos
	v, err := u.next()
	if err != nil {
		return dst, false, err
	}
	switch v.kind {
	case kindNil:
		return append(dst, "null"...), true, nil
	case kindFalse:
		return append(dst, "false"...), true, nil
	case kindTrue:
		return append(dst, "true"...), true, nil
	case kindUint:
		return strconv.AppendUint(dst, v.bits, 10), true, nil
	case kindInt:
		return strconv.AppendInt(dst, int64(v.bits), 10), true, nil
	case kindFloat:
		return appendFloat(dst, v.f), true, nil
	case kindString:
		return appendQuoted(dst, v.text), true, nil
	case kindBinary:
		dst, err = u.attach(dst, v.text, at)
		return dst, true, err
	case kindExtension:
		return u.extension(dst, v, at)
	}
	if depth == 0 {
		return dst, false, fault(ErrDepth, at)
	}
	if v.kind == kindArray {
		dst, err = u.array(dst, v.n, depth-1)
	} else {
		dst, err = u.object(dst, v.n, depth-1)
	}
	return dst, true, err
}

func (u *unpacker) array(dst []byte, n, depth int) (out []byte, err error) {
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		defined := false
		if dst, defined, err = u.appendJSON(dst, depth); err != nil {
			return dst, err
		}
		if !defined {
			dst = append(dst, "null"...)
		}
	}
	return append(dst, ']'), nil
}

func (u *unpacker) object(dst []byte, n, depth int) (out []byte, err error) {
	dst = append(dst, '{')
	first := true
	for range n {
		before := len(dst)
		if !first {
			dst = append(dst, ',')
		}
		if dst, err = u.key(dst); err != nil {
			return dst, err
		}
		dst = append(dst, ':')
		defined := false
		if dst, defined, err = u.appendJSON(dst, depth); err != nil {
			return dst, err
		}
		if !defined { // JSON has no such member
			dst = dst[:before]
			continue
		}
		first = false
	}
	return append(dst, '}'), nil
}

// key appends the next value as the name of a member: JavaScript makes a string of
// whatever it is.
func (u *unpacker) key(dst []byte) ([]byte, error) {
	at := u.pos
	v, err := u.next()
	if err != nil {
		return dst, err
	}
	switch v.kind {
	case kindString:
		return appendQuoted(dst, v.text), nil
	case kindUint:
		dst = strconv.AppendUint(append(dst, '"'), v.bits, 10)
	case kindInt:
		dst = strconv.AppendInt(append(dst, '"'), int64(v.bits), 10)
	case kindNil:
		dst = append(dst, `"null`...)
	case kindFalse:
		dst = append(dst, `"false`...)
	case kindTrue:
		dst = append(dst, `"true`...)
	default:
		return dst, fault(ErrShape, at)
	}
	return append(dst, '"'), nil
}

// attach sets a binary value aside.
func (u *unpacker) attach(dst []byte, data string, at int) ([]byte, error) {
	if len(u.attachments) == MaxAttachments {
		return dst, fault(ErrAttachments, at)
	}
	dst = appendPlaceholder(dst, len(u.attachments))
	u.attachments = append(u.attachments, []byte(data))
	return dst, nil
}

func appendPlaceholder(dst []byte, num int) []byte {
	dst = append(dst, `{"_placeholder":true,"num":`...)
	dst = strconv.AppendInt(dst, int64(num), 10)
	return append(dst, '}')
}

// The extension types that are read (decision D30).
const (
	extTime   = -1 // msgpack's own timestamp
	extLegacy = 0  // undefined, Date and ArrayBuffer of older codecs
)

// extension appends what an extension stands for.
func (u *unpacker) extension(dst []byte, v value, at int) (out []byte, defined bool, err error) {
	switch {
	case v.ext == extTime && len(v.text) == 4:
		return appendDate(dst, 1e3*float64(number(v.text))), true, nil
	case v.ext == extTime && len(v.text) == 8:
		bits := number(v.text)
		return appendDate(dst, date(int64(bits&(1<<34-1)), bits>>34)), true, nil
	case v.ext == extTime && len(v.text) == 12:
		return appendDate(dst, date(int64(number(v.text[4:])), number(v.text[:4]))), true, nil
	case v.ext == extLegacy && u.s[at] == 0xd4:
		return dst, false, nil
	case v.ext == extLegacy && u.s[at] == 0xd7:
		return appendDate(dst, float64(int64(number(v.text)))), true, nil
	case v.ext == extLegacy && u.s[at] < 0xca:
		dst, err = u.attach(dst, v.text, at)
		return dst, true, err
	}
	return dst, false, fault(ErrExtension, at)
}

// date is seconds and nanoseconds as JavaScript adds them up.
func date(sec int64, ns uint64) float64 { return math.Trunc(float64(sec)*1e3 + float64(ns)/1e6) }

// number reads up to eight bytes in network order.
func number(s string) uint64 {
	var b [8]byte
	copy(b[8-len(s):], s)
	return binary.BigEndian.Uint64(b[:])
}

// unpack is the JSON of a whole msgpack message that may come from anywhere.
func unpack(s string) (text []byte, attachments [][]byte, err error) {
	if len(s) > MaxSize {
		return nil, nil, fault(ErrSize, -1)
	}
	u := unpacker{reader: reader{s: s}}
	text, defined, err := u.appendJSON(make([]byte, 0, len(s)+len(s)/2), MaxDepth)
	if err == nil {
		err = u.end()
	}
	if err == nil && !defined {
		err = fault(ErrShape, 0)
	}
	return text, u.attachments, err
}
