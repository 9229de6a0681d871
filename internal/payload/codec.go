package payload

import (
	"bytes"
	"encoding/json"
	"sync"
)

// Limits of what is decoded (requirement R34).
const (
	MaxArgs  = 128    // arguments of one packet
	MaxNodes = 50_000 // JSON values that one packet may put into interface values
)

// Codec turns one argument into JSON and back. Its methods are called
// concurrently. Marshal returns exactly one JSON value, which the caller does
// not change; Unmarshal must not keep data.
//
// A codec other than [JSON] sees no attachments: a []byte or Binary that is a
// whole argument does not come to it, and a Binary deeper inside is to it the
// []byte that it is.
type Codec interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// JSON is the default codec: encoding/json without HTML escaping. It is the one
// codec with which a Binary may stand anywhere in an argument.
var JSON Codec = jsonCodec{}

// jsonCodec is a type of its own so that it is recognised by type: whether
// nested Binary works must not hang on the value of a variable.
type jsonCodec struct{}

func (jsonCodec) Marshal(v any) ([]byte, error) {
	return appendJSON(nil, v)
}

func (jsonCodec) Unmarshal(data []byte, v any) error {
	return json.Unmarshal(data, v)
}

// isDefault tells whether nested Binary works with c.
func isDefault(c Codec) bool {
	_, ok := c.(jsonCodec)
	return ok || c == nil
}

// encoder appends to out what a json.Encoder writes. It is kept in a pool since
// an Encoder is the only way to have HTML escaping off, and is not free.
type encoder struct {
	out     []byte // destination of one call, never kept
	scratch []byte // JSON that still has base64 where placeholders go
	json    *json.Encoder
}

// maxScratch is how large a scratch buffer may be to go back into the pool.
const maxScratch = 256 << 10

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.json = json.NewEncoder(e)
	e.json.SetEscapeHTML(false)
	return e
}}

// Write implements io.Writer for the json.Encoder.
func (e *encoder) Write(p []byte) (int, error) {
	e.out = append(e.out, p...)
	return len(p), nil
}

// encode appends the JSON of v to dst. On error dst comes back as it was.
func (e *encoder) encode(dst []byte, v any) ([]byte, error) {
	e.out = dst
	err := e.json.Encode(v)
	out := e.out
	e.out = nil
	if err != nil {
		return dst, err
	}
	return out[:len(out)-1], nil // the Encoder ends each value with a newline
}

// release returns e to the pool. A panicking MarshalJSON leaves its encoder to
// the garbage collector.
func (e *encoder) release() {
	if cap(e.scratch) > maxScratch {
		e.scratch = nil
	}
	encoders.Put(e)
}

// appendJSON appends the plain JSON of v.
func appendJSON(dst []byte, v any) ([]byte, error) {
	e := encoders.Get().(*encoder)
	dst, err := e.encode(dst, v)
	e.release()
	return dst, err
}

// appendCoded appends what a custom codec makes of v.
func appendCoded(dst []byte, c Codec, v any) ([]byte, error) {
	data, err := c.Marshal(v)
	if err != nil {
		return dst, err
	}
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return dst, errEmptyJSON
	}
	return append(dst, data...), nil
}
