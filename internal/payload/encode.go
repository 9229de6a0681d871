package payload

import (
	"reflect"
	"strconv"

	"github.com/realtime-go/realtime/internal/siowire"
)

// AppendArgs appends `,` and the JSON of each argument to dst, which is what
// follows the event's name in the array of an EVENT packet; for an ACK the
// caller drops the first comma. Binary values become placeholders, numbered from
// len(attachments) on in the order in which they stand in the text, and their
// bytes are appended to attachments. A nil codec means [JSON].
//
// The returned attachments share memory with the arguments: copy them before
// the caller gets the arguments back. Nothing else of the arguments is kept. On
// error, an [*EncodeError], both slices come back with their old contents. Any
// number of goroutines may encode the same arguments, as long as nobody changes
// them.
//
// One call makes the arguments of one packet. If there are attachments, data
// that looks like a placeholder is an error, because every peer would take it for
// one. How many attachments peers accept is not checked here (decision D11).
func AppendArgs(dst []byte, c Codec, args []any, attachments [][]byte) ([]byte, [][]byte, error) {
	out, atts := dst, attachments
	plain := isDefault(c)
	for i, arg := range args {
		out = append(out, ',')
		var err error
		if b, ok := topBinary(arg); ok {
			out, atts = appendBinary(out, b, atts)
		} else if plain {
			out, atts, err = appendValue(out, arg, atts)
		} else {
			out, err = appendCoded(out, c, arg)
		}
		if err != nil {
			return dst, attachments, &EncodeError{Arg: i, Err: err}
		}
	}
	if own := len(atts) - len(attachments); own > 0 && !onlyOwnPlaceholders(out[len(dst):], own) {
		return dst, attachments, &EncodeError{Arg: -1, Err: errLookalike}
	}
	return out, atts, nil
}

// topBinary returns the bytes of an argument that is an attachment as a whole.
// The types are exact: a json.RawMessage is a []byte by kind, and JSON.
func topBinary(arg any) (b []byte, ok bool) {
	switch arg := arg.(type) {
	case Binary:
		return arg, true
	case []byte:
		return arg, true
	}
	return nil, false
}

// appendBinary appends b as an attachment with its placeholder, or null.
func appendBinary(dst, b []byte, atts [][]byte) ([]byte, [][]byte) {
	if b == nil {
		return append(dst, "null"...), atts
	}
	return siowire.AppendPlaceholder(dst, len(atts)), append(atts, b)
}

// appendValue appends an argument with the default codec. The types that most
// arguments have need no encoding/json; named types do not match here, so their
// methods are respected.
func appendValue(dst []byte, arg any, atts [][]byte) ([]byte, [][]byte, error) {
	switch arg := arg.(type) {
	case nil:
		return append(dst, "null"...), atts, nil
	case string:
		return siowire.AppendString(dst, arg), atts, nil
	case bool:
		return strconv.AppendBool(dst, arg), atts, nil
	case int:
		return strconv.AppendInt(dst, int64(arg), 10), atts, nil
	case int64:
		return strconv.AppendInt(dst, arg, 10), atts, nil
	}
	if planOf(reflect.TypeOf(arg)).enc == 0 || !new(search).finds(arg) {
		dst, err := appendJSON(dst, arg)
		return dst, atts, err
	}
	return appendSpliced(dst, arg, atts)
}

// appendSpliced appends an argument that holds a Binary somewhere.
func appendSpliced(dst []byte, arg any, atts [][]byte) ([]byte, [][]byte, error) {
	e := encoders.Get().(*encoder)
	var err error
	e.scratch, err = e.encode(e.scratch[:0], arg)
	s := splicer{src: e.scratch, out: dst, atts: atts}
	if err == nil {
		_, err = s.value(reflect.ValueOf(arg), 0)
	}
	s.finish()
	e.release()
	return s.out, s.atts, err
}

// Bounds of a search. Behind them it is assumed that there is a Binary, which
// costs time and changes nothing.
const (
	searchSteps = 100_000
	searchDepth = 1_000 // about where encoding/json starts to look for cycles
)

// search looks for a Binary in a value, so that the much larger number of
// values without one needs no walk over the JSON. It may say yes wrongly, e.g.
// because of a field that is not written, but never no. A value that contains
// itself makes it give up, and then encoding/json reports the cycle.
type search struct {
	steps int
	depth int
}

// finds looks into x, with short cuts for what is common in untyped data.
func (s *search) finds(x any) bool {
	switch x := x.(type) {
	case nil, string, bool, float64, int:
		return false
	case Binary:
		return x != nil
	case map[string]any:
		if s.enter() {
			return true
		}
		for _, e := range x {
			if s.finds(e) {
				return true
			}
		}
		s.depth--
		return false
	case []any:
		if s.enter() {
			return true
		}
		for _, e := range x {
			if s.finds(e) {
				return true
			}
		}
		s.depth--
		return false
	}
	return s.value(reflect.ValueOf(x))
}

// enter counts a step into a container and tells whether to give up.
func (s *search) enter() bool {
	s.steps++
	s.depth++
	return s.steps > searchSteps || s.depth > searchDepth
}

// value is finds for what the short cuts do not cover.
func (s *search) value(v reflect.Value) bool {
	t := v.Type()
	if t == binaryType {
		return !v.IsNil()
	}
	p := planOf(t)
	switch {
	case p.enc == 0 || p.marshals:
		return false
	case (t.Kind() == reflect.Interface || t == anyMapType) && v.CanInterface():
		return s.finds(v.Interface())
	case s.enter():
		return true
	}
	found := s.parts(v, p)
	s.depth--
	return found
}

// parts looks into the parts of v.
func (s *search) parts(v reflect.Value, p *plan) bool {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		return !v.IsNil() && s.value(v.Elem())
	case reflect.Struct:
		for _, index := range p.members {
			field, err := v.FieldByIndexErr(index)
			if err == nil && s.value(field) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if s.value(v.Index(i)) {
				return true
			}
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			if s.value(iter.Value()) {
				return true
			}
		}
	}
	return false
}
