package payload

import (
	"fmt"
	"math"
	"reflect"
)

// Reasons why a Binary cannot get its attachment.
var (
	errNoAttachment = fmt.Errorf("%w: there is no such attachment", ErrPlaceholder)
	errNested       = fmt.Errorf("%w: inside an argument only the default codec takes one", ErrPlaceholder)
	errUnexported   = fmt.Errorf("%w: an unexported field cannot be filled", ErrPlaceholder)
	errMap          = fmt.Errorf("%w: a map cannot hold it", ErrPlaceholder)
)

// resolver puts attachments where decoding left markers, and where it left
// placeholder objects in interfaces. It goes on after an error, because a
// marker that stayed would be taken for one of a later packet.
type resolver struct {
	atts    [][]byte
	plain   bool  // the default codec; otherwise markers are errors
	untyped bool  // whether objects in interfaces can be placeholders
	filled  int   // how many values were changed
	err     error // the first error
	seen    map[visit]struct{}
}

// visit is something that the walk has been at. JSON makes no cycles, but a
// destination that was not empty, or an UnmarshalJSON method, can.
type visit struct {
	ptr uintptr
	len int
	typ reflect.Type
}

// resolve finishes the decoding of v, of which err is the result so far.
func (b *binder) resolve(v reflect.Value, err error) error {
	r := resolver{atts: b.atts, plain: b.plain, untyped: b.plain && len(b.atts) > 0}
	if err != nil {
		r.atts, r.untyped = nil, false // only remove the markers
	}
	r.value(v)
	if err == nil {
		return r.err
	}
	return b.explain(err)
}

// fail notes the first error.
func (r *resolver) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// enter notes that the walk comes to a pointer, map or slice, and tells whether
// it has been there before.
func (r *resolver) enter(v reflect.Value) bool {
	at := visit{ptr: v.Pointer(), typ: v.Type()}
	if v.Kind() == reflect.Slice {
		at.len = v.Len()
	}
	if _, ok := r.seen[at]; ok {
		return false
	}
	if r.seen == nil {
		r.seen = map[visit]struct{}{}
	}
	r.seen[at] = struct{}{}
	return true
}

// value handles v and everything it leads to.
func (r *resolver) value(v reflect.Value) {
	t := v.Type()
	if t == binaryType {
		r.leaf(v)
		return
	}
	p := planOf(t)
	if p.dec == 0 {
		return
	}
	switch t.Kind() {
	case reflect.Interface:
		r.dynamic(v)
	case reflect.Struct:
		for _, i := range p.slots {
			r.value(v.Field(i))
		}
	case reflect.Array:
		r.elements(v)
	default: // pointer, slice, map: what else leads somewhere
		if !v.IsNil() && r.enter(v) {
			r.behind(v)
		}
	}
}

// behind handles what v, a pointer, slice or map, leads to.
func (r *resolver) behind(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		r.value(v.Elem())
	case reflect.Slice:
		r.elements(v)
	case reflect.Map:
		r.entries(v)
	}
}

// leaf replaces a marker.
func (r *resolver) leaf(v reflect.Value) {
	num, ok := markerNum(v.Bytes())
	if !ok {
		return
	}
	if !v.CanSet() {
		r.fail(errUnexported)
		return
	}
	att, ok := attachment(r.atts, num)
	switch {
	case !ok:
		r.fail(errNoAttachment)
	case !r.plain:
		r.fail(errNested)
		att = nil
	}
	v.SetBytes(att)
	r.filled++
}

func (r *resolver) elements(v reflect.Value) {
	for i := range v.Len() {
		r.value(v.Index(i))
	}
}

// entries handles the values of a map, which cannot be changed in place.
func (r *resolver) entries(v reflect.Value) {
	if !v.CanInterface() {
		r.hiddenEntries(v)
		return
	}
	if v.CanConvert(anyMapType) {
		m := v.Convert(anyMapType).Interface().(map[string]any)
		if r.untyped && isPlaceholder(m) {
			r.fail(errMap)
			return
		}
		r.members(m)
		return
	}
	elem := reflect.New(v.Type().Elem()).Elem()
	for iter := v.MapRange(); iter.Next(); {
		elem.Set(iter.Value())
		before := r.filled
		r.value(elem)
		if r.filled > before {
			v.SetMapIndex(iter.Key(), elem)
		}
	}
}

// hiddenEntries handles a map behind an unexported field, which can be looked at
// but not changed.
func (r *resolver) hiddenEntries(v reflect.Value) {
	for iter := v.MapRange(); iter.Next(); {
		e := iter.Value()
		r.value(e)
		if e.Kind() == reflect.Interface {
			e = e.Elem()
		}
		if r.untyped && e.Kind() == reflect.Bool && e.Bool() && iter.Key().String() == "_placeholder" {
			r.fail(errUnexported)
		}
	}
}

// dynamic handles v, an interface.
func (r *resolver) dynamic(v reflect.Value) {
	if v.IsNil() {
		return
	}
	if !v.CanInterface() {
		r.value(v.Elem())
		return
	}
	before := r.filled
	x := r.content(v.Interface())
	if r.filled > before && v.CanSet() {
		v.Set(reflect.ValueOf(x))
	}
}

// content handles what is in an interface and returns what belongs there.
func (r *resolver) content(x any) any {
	switch x := x.(type) {
	case nil, string, float64, bool:
		return x
	case map[string]any:
		if r.untyped && isPlaceholder(x) {
			return r.placeholder(x)
		}
		if r.enter(reflect.ValueOf(x)) {
			r.members(x)
		}
		return x
	case []any:
		if r.enter(reflect.ValueOf(x)) {
			for i := range x {
				x[i] = r.content(x[i])
			}
		}
		return x
	}
	return r.foreign(reflect.ValueOf(x))
}

// foreign handles what encoding/json does not put into an interface by itself:
// a pointer that was there before, or what an UnmarshalJSON method chose.
func (r *resolver) foreign(v reflect.Value) any {
	if planOf(v.Type()).dec == 0 {
		return v.Interface()
	}
	if v.Kind() != reflect.Pointer { // a copy, since the original cannot be changed
		c := reflect.New(v.Type()).Elem()
		c.Set(v)
		v = c
	}
	r.value(v)
	return v.Interface()
}

// members handles the values of an untyped object.
func (r *resolver) members(m map[string]any) {
	for k, x := range m {
		before := r.filled
		if x = r.content(x); r.filled > before {
			m[k] = x
		}
	}
}

// isPlaceholder tells whether a decoded object is a placeholder.
func isPlaceholder(m map[string]any) bool {
	is, _ := m["_placeholder"].(bool)
	return is
}

// placeholder returns the attachment that stands for placeholder m.
func (r *resolver) placeholder(m map[string]any) any {
	num, ok := m["num"].(float64)
	if !ok || num != math.Trunc(num) || num < 0 || num >= float64(len(r.atts)) {
		r.fail(errNoAttachment)
		return m
	}
	att, _ := attachment(r.atts, int(num))
	r.filled++
	return att
}
