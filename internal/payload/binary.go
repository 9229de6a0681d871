package payload

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"reflect"

	"github.com/realtime-go/realtime/internal/siowire"
)

// Binary is a value that travels as an attachment instead of as JSON, wherever
// in an argument it stands. nil is JSON null; an empty non-nil Binary is an
// attachment of length 0. Use it as the type of a field or an element; a struct
// that embeds it without a name takes over its UnmarshalJSON method, as with
// time.Time.
//
// A Binary that was received points into the received message: it may be kept
// and changed, but a small one that is kept keeps the whole message alive. Two
// placeholders of one packet may name the same attachment and then share its
// bytes.
//
// Elsewhere, encoding/json treats a Binary as any []byte: it becomes a base64
// string. Decoded with encoding/json alone, a base64 string gives its bytes and
// a placeholder, whose attachment is not there, an empty Binary.
type Binary []byte

// markerLen is the capacity of a marker: the secret and a number.
const markerLen = len(secret) + 8

// secret is known to this process only and never leaves it.
var secret = func() (s [16]byte) {
	_, _ = rand.Read(s[:]) // never fails, as documented
	return s
}()

// UnmarshalJSON takes null, a base64 string, or a placeholder object. While
// [Bind] decodes an argument, a placeholder leaves a marker that Bind replaces
// before it returns; an UnmarshalJSON method around a Binary sees it empty.
func (b *Binary) UnmarshalJSON(data []byte) error {
	data = bytes.TrimLeft(data, " \t\r\n")
	if len(data) > 0 {
		switch data[0] {
		case '{':
			num, ok := siowire.ParsePlaceholder(data)
			if !ok {
				return &json.UnmarshalTypeError{Value: "object", Type: binaryType}
			}
			*b = newMarker(num)
			return nil
		case '[':
			return &json.UnmarshalTypeError{Value: "array", Type: binaryType}
		}
	}
	var plain []byte
	if err := json.Unmarshal(data, &plain); err != nil {
		return err
	}
	*b = clip(plain)
	return nil
}

// newMarker returns a Binary that stands for attachment num until it is known.
//
// encoding/json offers a type's UnmarshalJSON no way to reach the attachments,
// so a Binary must remember the number for a moment. It does so outside of its
// contents: a marker has length 0, hides the number in its capacity, and is told
// from other empty slices by a secret next to it. No content can look like it,
// because content is what is inside the length, and no slice that this package
// makes for content has spare capacity. Whoever sees a marker sees an empty
// Binary, and appending to it does no harm.
func newMarker(num int) Binary {
	m := make([]byte, 0, markerLen)
	m = append(m, secret[:]...)
	m = binary.BigEndian.AppendUint64(m, uint64(num))
	return m[:0]
}

// markerNum returns the number in a marker; ok is false for any other slice.
func markerNum(b []byte) (num int, ok bool) {
	if len(b) != 0 || cap(b) != markerLen {
		return 0, false
	}
	m := b[:markerLen]
	if !bytes.Equal(m[:len(secret)], secret[:]) {
		return 0, false
	}
	return int(binary.BigEndian.Uint64(m[len(secret):])), true
}

// clip removes spare capacity, so that appending to the result cannot reach the
// neighbour's bytes, and keeps nil.
func clip(b []byte) []byte { return b[:len(b):len(b)] }

// attachment returns number num of atts as a value of its own.
func attachment(atts [][]byte, num int) (Binary, bool) {
	if num < 0 || num >= len(atts) {
		return nil, false
	}
	if atts[num] == nil {
		return Binary{}, true // what came as an attachment is not null
	}
	return clip(atts[num]), true
}

var (
	binaryType = reflect.TypeFor[Binary]()
	bytesType  = reflect.TypeFor[[]byte]()
)
