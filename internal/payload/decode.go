package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/realtime-go/realtime/internal/siowire"
)

// Args are the arguments of one packet as raw JSON, known to be valid. Raw(i)
// is called for 0 ≤ i < Len() only, and its result is not changed.
type Args interface {
	Len() int
	Raw(i int) []byte
}

// Bind decodes the arguments into dst, which are non-nil pointers: the first
// argument into the first one, and so on. A destination without an argument is
// left as it is, and arguments without a destination are ignored. A nil codec
// means [JSON].
//
// An attachment goes into a []byte or [Binary] (or a pointer to one) that takes
// a whole argument, into a Binary inside an argument, and into an interface,
// where it is a Binary. It is not copied: it shares memory with attachments.
// Nothing else of the packet is kept. In a packet without attachments, an object
// that looks like a placeholder is an object.
//
// Destinations are filled as encoding/json does it, so what is there already is
// merged with what comes, and must not be in use elsewhere meanwhile. A
// placeholder that the destination cannot take is an error where that can be
// seen; a struct inside an argument ignores it like any unknown members. How
// much memory a typed destination takes is up to its type: a slice of large
// structs is as cheap to ask for (`{},{},…`) as one of small ones.
//
// Errors are of type [*DecodeError], those with [ErrTooManyArgs] and
// [ErrTooManyNodes] included; destinations may then be partly filled.
func Bind(c Codec, args Args, attachments [][]byte, dst ...any) error {
	b, err := newBinder(c, args, attachments)
	if err != nil {
		return err
	}
	for i, d := range dst {
		v := reflect.ValueOf(d)
		if v.Kind() != reflect.Pointer || v.IsNil() {
			return &DecodeError{Arg: i, Err: &json.InvalidUnmarshalError{Type: reflect.TypeOf(d)}}
		}
		if err := b.bind(i, v); err != nil {
			return err
		}
	}
	return nil
}

// BindInto decodes the arguments into *dst and validates it. dst is a non-nil
// pointer. If it leads to a struct that embeds [Positional], each field takes
// one argument as with [Bind]; missing arguments leave fields as they are, and
// pointers on the way to the struct are set. Otherwise *dst takes the first
// argument if there is one, except that a struct without fields takes nothing.
//
// Then what has a method Validate() error (on the value or its pointer) is
// asked: for Positional each field that stands for an argument, and in any case
// *dst as a whole, also if arguments were missing. What is deeper inside is not
// asked, and neither is a nil pointer. The error is a [*ValidationError];
// everything else is a [*DecodeError].
func BindInto(c Codec, args Args, attachments [][]byte, dst any) error {
	b, err := newBinder(c, args, attachments)
	if err != nil {
		return err
	}
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return &DecodeError{Err: &json.InvalidUnmarshalError{Type: reflect.TypeOf(dst)}}
	}
	t := v.Type()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	p := planOf(t)
	switch {
	case p.positional:
		return b.bindFields(settle(v), p)
	case t.Kind() == reflect.Struct && t.NumField() == 0 && !p.unmarshals:
		return validate(v)
	}
	if err := b.bind(0, v); err != nil {
		return err
	}
	return validate(v.Elem())
}

// binder is one call of Bind or BindInto.
type binder struct {
	codec   Codec
	plain   bool // the default codec
	args    Args
	atts    [][]byte
	nodes   int  // JSON values given to untyped destinations so far
	counted bool // whether nodes must be counted: the packet is large enough
}

func newBinder(c Codec, args Args, atts [][]byte) (binder, error) {
	b := binder{codec: c, plain: isDefault(c), args: args, atts: atts}
	if c == nil {
		b.codec = JSON
	}
	n := args.Len()
	if n > MaxArgs {
		return b, &DecodeError{Arg: MaxArgs, Err: ErrTooManyArgs}
	}
	size := 0
	for i := range n {
		size += len(args.Raw(i))
	}
	// A JSON value takes at least two bytes with the comma or bracket next to it.
	b.counted = size/2+n > MaxNodes
	return b, nil
}

// settle follows pointers from v to a struct, and makes what is missing.
func settle(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	return v
}

// bindFields fills a Positional struct and validates it.
func (b *binder) bindFields(v reflect.Value, p *plan) error {
	for i, x := range p.fields {
		if err := b.bind(i, v.Field(x).Addr()); err != nil {
			return err
		}
	}
	for _, x := range p.fields {
		if err := validate(v.Field(x)); err != nil {
			return err
		}
	}
	return validate(v)
}

// bind decodes argument i, if there is one, into what the pointer dst points to.
func (b *binder) bind(i int, dst reflect.Value) error {
	if i >= b.args.Len() {
		return nil
	}
	if err := b.argument(b.args.Raw(i), dst); err != nil {
		return &DecodeError{Arg: i, Err: err}
	}
	return nil
}

func (b *binder) argument(raw []byte, dst reflect.Value) error {
	t := dst.Type().Elem()
	p := planOf(t)
	if p.dec&holdsAny != 0 && b.counted {
		if err := b.count(raw); err != nil {
			return err
		}
	}
	if len(b.atts) > 0 {
		if num, ok := siowire.ParsePlaceholder(raw); ok {
			if done, err := b.whole(num, dst.Elem()); done {
				return err
			}
		}
	}
	err := b.codec.Unmarshal(raw, dst.Interface())
	if p.dec == 0 || !mayHoldPlaceholder(raw) {
		return b.explain(err)
	}
	return b.resolve(dst.Elem(), err)
}

// count adds the JSON values in raw to those for untyped destinations, because
// an untyped value costs some 50 times its text.
func (b *binder) count(raw []byte) error {
	n, err := siowire.Valid(raw, maxDepth)
	if err != nil {
		return err
	}
	if b.nodes += n; b.nodes > MaxNodes {
		return ErrTooManyNodes
	}
	return nil
}

// maxDepth is how deep encoding/json decodes. The packet's decoder has applied
// the limit of the protocol already (requirement R33).
const maxDepth = 10_000

// whole puts attachment num, which is a whole argument, into v or where v's
// pointers lead. done is false if a method of the destination wants the JSON.
func (b *binder) whole(num int, v reflect.Value) (done bool, err error) {
	for {
		t := v.Type()
		if t == binaryType || t == bytesType || t.Kind() == reflect.Interface && t.NumMethod() == 0 {
			break
		}
		if planOf(t).unmarshals {
			return false, nil
		}
		if t.Kind() != reflect.Pointer {
			return true, fmt.Errorf("%w: a value of type %s cannot hold it", ErrPlaceholder, t)
		}
		if v.IsNil() {
			v.Set(reflect.New(t.Elem()))
		}
		v = v.Elem()
	}
	att, ok := attachment(b.atts, num)
	if !ok {
		return true, errNoAttachment
	}
	if v.Kind() == reflect.Interface {
		v.Set(reflect.ValueOf(att))
	} else {
		v.SetBytes(att)
	}
	return true, nil
}

// mayHoldPlaceholder tells whether there can be a placeholder in raw. Its key
// stands there as it is, or with escapes of ASCII letters.
func mayHoldPlaceholder(raw []byte) bool {
	return bytes.Contains(raw, []byte("_placeholder")) || bytes.Contains(raw, []byte(`\u00`))
}

// explain adds to the error of a nested []byte what would have helped.
func (b *binder) explain(err error) error {
	if err == nil || len(b.atts) == 0 {
		return err
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Value == "object" && wrong.Type == bytesType {
		return fmt.Errorf("%w (for a nested attachment the type must be Binary)", err)
	}
	return err
}
