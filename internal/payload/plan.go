package payload

import (
	"encoding"
	"encoding/json"
	"reflect"
	"sync"
)

// holds says what a value of a type can lead to.
type holds uint8

const (
	holdsBinary holds = 1 << iota // a Binary, at a place known from the type
	holdsAny                      // an interface, which can hold whatever
)

// plan is what is known about a type. It is made once per type, is immutable
// from then on, and is read concurrently.
type plan struct {
	enc holds // by the ways that encoding/json takes when it writes
	dec holds // by the ways that it takes when it reads

	marshals     bool // has MarshalJSON or MarshalText: what it writes is opaque
	marshalsAddr bool // has them on its pointer, so they serve addressable values
	unmarshals   bool // it or its pointer has UnmarshalJSON

	members map[string][]int // struct: JSON name → path of a field with something in enc
	slots   []int            // struct: fields with something in dec

	positional bool  // struct that embeds Positional
	fields     []int // positional: the fields that stand for arguments
}

// plans caches by reflect.Type. It grows with the types of the program, not
// with traffic: peers cannot make types.
var plans sync.Map

// planOf returns the plan of t.
func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p, _ := plans.LoadOrStore(t, newPlan(t))
	return p.(*plan)
}

var (
	positionalType    = reflect.TypeFor[Positional]()
	marshalerType     = reflect.TypeFor[json.Marshaler]()
	textMarshalerType = reflect.TypeFor[encoding.TextMarshaler]()
	unmarshalerType   = reflect.TypeFor[json.Unmarshaler]()
	anyMapType        = reflect.TypeFor[map[string]any]()
)

func newPlan(t reflect.Type) *plan {
	p := &plan{
		enc:          reach(t, true, map[reflect.Type]bool{}),
		dec:          reach(t, false, map[reflect.Type]bool{}),
		marshals:     marshals(t),
		marshalsAddr: t.Kind() != reflect.Pointer && marshals(reflect.PointerTo(t)),
		unmarshals:   unmarshals(t),
	}
	if t.Kind() != reflect.Struct {
		return p
	}
	p.members = map[string][]int{}
	for _, f := range jsonFields(t) {
		if reach(f.typ, true, map[reflect.Type]bool{}) != 0 {
			p.members[f.name] = f.index
		}
	}
	for _, i := range decodedFields(t) {
		if reach(t.Field(i).Type, false, map[reflect.Type]bool{}) != 0 {
			p.slots = append(p.slots, i)
		}
	}
	p.fields, p.positional = positionalFields(t)
	return p
}

// reach collects what can be reached from t when JSON is written (or, with
// writing false, read). Types that are in seen have been counted already, which
// also ends the walk of recursive types; for that reason only the result for the
// type that the walk began with is exact and kept.
func reach(t reflect.Type, writing bool, seen map[reflect.Type]bool) holds {
	switch {
	case t == binaryType:
		return holdsBinary
	case seen[t], writing && marshals(t):
		return 0
	case t.Kind() == reflect.Interface:
		return holdsAny
	}
	seen[t] = true
	var h holds
	for _, part := range parts(t, writing) {
		h |= reach(part, writing, seen)
	}
	return h
}

// parts returns the types that encoding/json goes on to from a t.
func parts(t reflect.Type, writing bool) []reflect.Type {
	var out []reflect.Type
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		out = append(out, t.Elem())
	case reflect.Struct:
		if writing {
			for _, f := range jsonFields(t) {
				out = append(out, f.typ)
			}
			return out
		}
		for _, i := range decodedFields(t) {
			out = append(out, t.Field(i).Type)
		}
	}
	return out
}

// decodedFields returns the fields of struct type t that reading JSON can reach.
// An UnmarshalJSON method may fill any field. Which of two fields wins a name
// does not matter: the other one stays without a marker.
func decodedFields(t reflect.Type) []int {
	var out []int
	all := unmarshals(t)
	for i := range t.NumField() {
		sf := t.Field(i)
		if all || sf.Tag.Get("json") != "-" && (sf.IsExported() || isEmbeddedStruct(sf)) {
			out = append(out, i)
		}
	}
	return out
}

// marshals tells whether encoding/json asks a method how to write a t. A type
// that has the method only on its pointer does not count: the method serves
// addressable values only, see opaque.
func marshals(t reflect.Type) bool {
	return t.Implements(marshalerType) || t.Implements(textMarshalerType)
}

// unmarshals tells whether encoding/json asks a method to read a t.
func unmarshals(t reflect.Type) bool {
	return t.Implements(unmarshalerType) || reflect.PointerTo(t).Implements(unmarshalerType)
}

// opaque tells whether a method writes v, so that nobody knows where in the JSON
// its parts are.
func (p *plan) opaque(addressable bool) bool {
	return p.marshals || p.marshalsAddr && addressable
}
