package payload

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strconv"
	"time"
)

// generator fills values of any type at random. With sparse set it leaves things
// out: nil pointers, nil and empty containers, empty strings.
type generator struct {
	*rand.Rand
	sparse bool
	made   []Binary // those that are long enough to be unique
}

// fillLike returns a random value of the type of like. It begins with a copy of
// like, which must hold the embedded pointers that reflection cannot set.
func (g *generator) fillLike(like any) reflect.Value {
	v := reflect.New(reflect.TypeOf(like)).Elem()
	v.Set(reflect.ValueOf(like))
	g.fill(v, 4)
	return v
}

// skip decides whether something stays empty.
func (g *generator) skip(depth int) bool {
	return depth <= 0 || g.sparse && g.IntN(4) == 0
}

func (g *generator) count() int {
	if g.sparse {
		return g.IntN(3)
	}
	return 1 + g.IntN(2)
}

func (g *generator) binary() Binary {
	if g.sparse && g.IntN(3) == 0 {
		return [...]Binary{nil, {}, Binary(ph(0))}[g.IntN(3)]
	}
	b := make(Binary, 12+g.IntN(20))
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	g.made = append(g.made, b)
	return b
}

func (g *generator) text() string {
	return [...]string{
		"plain", "<&>", "\u2028", "quote \" and \\", "\x00\x1f", "\xff", "日本", "_placeholder",
		`{"_placeholder":true,"num":0}`, "QUJD", "__proto__",
	}[g.IntN(11)] + strconv.Itoa(g.IntN(100))
}

func (g *generator) fill(v reflect.Value, depth int) {
	if special := g.special(v.Type()); special != nil {
		v.Set(reflect.ValueOf(special))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() || isEmbeddedStruct(v.Type().Field(i)) {
				g.fill(v.Field(i), depth-1)
			}
		}
	case reflect.Pointer:
		if v.IsNil() && v.CanSet() && !g.skip(depth) {
			v.Set(reflect.New(v.Type().Elem()))
		}
		if !v.IsNil() {
			g.fill(v.Elem(), depth-1)
		}
	case reflect.Interface:
		if x := g.any(depth); x != nil && v.CanSet() {
			v.Set(reflect.ValueOf(x))
		}
	default:
		if v.CanSet() {
			g.fillOther(v, depth)
		}
	}
}

// special returns a value for the types that are not filled part by part.
func (g *generator) special(t reflect.Type) any {
	switch t {
	case binaryType:
		return g.binary()
	case reflect.TypeFor[textKey]():
		return textKey{g.IntN(500)}
	case reflect.TypeFor[time.Time]():
		return time.Unix(int64(g.IntN(1e9)), 0).UTC()
	case reflect.TypeFor[marshaler]():
		return opaqueValue{Img: g.binary()}
	}
	return nil
}

func (g *generator) fillOther(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Slice:
		g.fillSlice(v, depth)
	case reflect.Array:
		for i := range v.Len() {
			g.fill(v.Index(i), depth-1)
		}
	case reflect.Map:
		g.fillMap(v, depth)
	case reflect.String:
		v.SetString(g.text())
		if v.Type() == reflect.TypeFor[json.Number]() {
			v.SetString("9223372036854775808")
		}
	case reflect.Int:
		v.SetInt(int64(g.IntN(1000)))
	case reflect.Uint8:
		v.SetUint(uint64(g.IntN(256)))
	}
}

func (g *generator) fillSlice(v reflect.Value, depth int) {
	switch v.Type() {
	case bytesType:
		v.SetBytes([]byte(g.text()))
		return
	case reflect.TypeFor[json.RawMessage]():
		v.SetBytes([]byte(`[1,{"a":"QUJD"}]`))
		return
	}
	if g.skip(depth) {
		return
	}
	n := g.count()
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		g.fill(v.Index(i), depth-1)
	}
}

func (g *generator) fillMap(v reflect.Value, depth int) {
	if g.skip(depth) {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for range g.count() {
		k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		g.fill(k, 1)
		g.fill(e, depth-1)
		v.SetMapIndex(k, e)
	}
}

// any returns what can stand in an interface, as encoding/json would decode it,
// apart from the typed values.
func (g *generator) any(depth int) any {
	if g.skip(depth) {
		return nil
	}
	n := 7
	if depth <= 1 {
		n = 4
	}
	switch g.IntN(n) {
	case 0:
		return g.binary()
	case 1:
		return g.text()
	case 2:
		return float64(g.IntN(1000))
	case 3:
		return g.IntN(2) == 0
	case 4:
		m := map[string]any{}
		for range g.count() {
			m[g.text()] = g.any(depth - 1)
		}
		return m
	case 5:
		s := make([]any, g.count())
		for i := range s {
			s[i] = g.any(depth - 1)
		}
		return s
	default:
		return &inner{Img: g.binary(), Note: g.text()}
	}
}
