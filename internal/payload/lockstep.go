package payload

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/realtime-go/realtime/internal/siowire"
)

// splicer copies JSON that encoding/json made of a value, and puts placeholders
// where the value holds a Binary. It walks the value and its JSON side by side:
// the JSON says which fields and elements were written, the value says which of
// them are binary. So nothing depends on what strings look like.
//
// JSON that does not match the value means that somebody changed the value
// meanwhile; that is an error, never a wrong packet.
type splicer struct {
	src    []byte // compact, as encoding/json writes it
	out    []byte
	copied int // how much of src is in out, or replaced
	atts   [][]byte
}

// finish copies the rest.
func (s *splicer) finish() { s.out = append(s.out, s.src[s.copied:]...) }

// value handles the JSON value at src[i], which was made of v, and returns the
// index after it.
func (s *splicer) value(v reflect.Value, i int) (int, error) {
	for {
		t := v.Type()
		if t == binaryType {
			return s.leaf(v.Bytes(), i)
		}
		p := planOf(t)
		if p.enc == 0 || p.opaque(v.CanAddr()) {
			return siowire.SkipValue(s.src, i), nil
		}
		switch t.Kind() {
		case reflect.Struct:
			return s.structure(v, p, i)
		case reflect.Array:
			return s.elements(v, i)
		}
		if v.IsNil() {
			return siowire.SkipValue(s.src, i), nil
		}
		switch t.Kind() {
		case reflect.Slice:
			return s.elements(v, i)
		case reflect.Map:
			return s.entries(v, i)
		}
		v = v.Elem() // pointer or interface
	}
}

// leaf replaces the base64 text of b at src[i] by a placeholder.
func (s *splicer) leaf(b []byte, i int) (int, error) {
	if b == nil && s.src[i] == 'n' {
		return siowire.SkipValue(s.src, i), nil
	}
	if b == nil || s.src[i] != '"' {
		return i, errChanged
	}
	// base64 has no escapes, so the next quote is the end of the text.
	size := bytes.IndexByte(s.src[i+1:], '"')
	if size != base64.StdEncoding.EncodedLen(len(b)) {
		return i, errChanged
	}
	s.out = append(s.out, s.src[s.copied:i]...)
	s.out = siowire.AppendPlaceholder(s.out, len(s.atts))
	s.copied = i + 1 + size + 1
	s.atts = append(s.atts, b)
	return s.copied, nil
}

// structure handles the members of an object that was made of struct v.
func (s *splicer) structure(v reflect.Value, p *plan, i int) (int, error) {
	return s.members(i, func(key []byte, i int) (int, error) {
		index, ok := p.members[string(key)]
		if !ok {
			return siowire.SkipValue(s.src, i), nil
		}
		field := v
		for _, x := range index {
			if field.Kind() == reflect.Pointer {
				if field.IsNil() {
					return i, errChanged
				}
				field = field.Elem()
			}
			field = field.Field(x)
		}
		return s.value(field, i)
	})
}

// members calls member for each member of the object at src[i], with the text
// between the key's quotes and the index of the value.
func (s *splicer) members(i int, member func(key []byte, i int) (int, error)) (int, error) {
	if s.src[i] != '{' {
		return i, errChanged
	}
	i++
	for s.src[i] != '}' {
		if s.src[i] == ',' {
			i++
		}
		end := siowire.SkipValue(s.src, i)
		var err error
		if i, err = member(s.src[i+1:end-1], end+1); err != nil {
			return i, err
		}
	}
	return i + 1, nil
}

// elements handles the array that was made of v.
func (s *splicer) elements(v reflect.Value, i int) (int, error) {
	if s.src[i] != '[' {
		return i, errChanged
	}
	i++
	for n := range v.Len() {
		if n > 0 && s.src[i] == ',' {
			i++
		} else if n > 0 || s.src[i] == ']' {
			return i, errChanged
		}
		var err error
		if i, err = s.value(v.Index(n), i); err != nil {
			return i, err
		}
	}
	if s.src[i] != ']' {
		return i, errChanged
	}
	return i + 1, nil
}

// entry is a key of a map, as encoding/json sorts it, and its value.
type entry struct {
	key   string
	value reflect.Value
}

// entries handles the object that was made of map v. encoding/json writes the
// entries sorted by key, so the n-th member belongs to the n-th key; the texts
// are compared too unless a key is not UTF-8 and was written differently.
func (s *splicer) entries(v reflect.Value, i int) (int, error) {
	sorted, err := sortedEntries(v)
	if err != nil {
		return i, err
	}
	i, err = s.members(i, func(key []byte, i int) (int, error) {
		if len(sorted) == 0 || !sameKey(key, sorted[0].key) {
			return i, errChanged
		}
		e := sorted[0].value
		sorted = sorted[1:]
		return s.value(e, i)
	})
	if err == nil && len(sorted) > 0 {
		err = errChanged
	}
	return i, err
}

// sortedEntries returns the entries of map v in the order of encoding/json.
func sortedEntries(v reflect.Value) ([]entry, error) {
	out := make([]entry, 0, v.Len())
	for iter := v.MapRange(); iter.Next(); {
		key, err := keyText(iter.Key())
		if err != nil {
			return nil, err
		}
		out = append(out, entry{key: key, value: iter.Value()})
	}
	slices.SortFunc(out, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	for n := 1; n < len(out); n++ {
		if out[n].key == out[n-1].key {
			return nil, errKeys
		}
	}
	return out, nil
}

// keyText is the text that encoding/json makes of a map's key. Keys of other
// kinds have been refused by it already.
func keyText(k reflect.Value) (string, error) {
	if k.Kind() == reflect.String {
		return k.String(), nil
	}
	if k.CanInterface() {
		if tm, ok := k.Interface().(encoding.TextMarshaler); ok {
			if k.Kind() == reflect.Pointer && k.IsNil() {
				return "", nil
			}
			text, err := tm.MarshalText()
			return string(text), err
		}
	}
	switch {
	case k.CanInt():
		return strconv.FormatInt(k.Int(), 10), nil
	case k.CanUint():
		return strconv.FormatUint(k.Uint(), 10), nil
	}
	return "", errChanged
}

// sameKey compares the text between the quotes of a JSON key with a map's key.
func sameKey(text []byte, key string) bool {
	if string(text) == key || !utf8.ValidString(key) {
		return true
	}
	if !slices.Contains(text, '\\') {
		return false
	}
	quoted := make([]byte, 0, len(text)+2)
	quoted = append(append(append(quoted, '"'), text...), '"')
	var s string
	return json.Unmarshal(quoted, &s) == nil && s == key
}
