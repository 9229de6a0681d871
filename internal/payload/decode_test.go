package payload

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// abc are the attachments of the tests.
func abc() [][]byte { return [][]byte{[]byte("A"), []byte("BB"), {}} }

// TestBind decodes one argument into a destination of each kind, from a packet
// with attachments.
func TestBind(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		raw  string
		dst  any
		want any
	}{
		{"number", `5`, new(int), 5},
		{"big number", `9223372036854775807`, new(int64), int64(1<<63 - 1)},
		{"number kept", `9223372036854775808`, new(json.Number), json.Number("9223372036854775808")},
		{"number beyond float64", `1e999`, new(json.Number), json.Number("1e999")},
		{"number in an interface", `3`, new(any), 3.0},
		{"raw", `{"a": 1}`, new(json.RawMessage), json.RawMessage(`{"a": 1}`)},
		{"raw placeholder", ph(1), new(json.RawMessage), json.RawMessage(ph(1))},
		{"unusual key", `{"__proto__":1}`, new(map[string]int), map[string]int{"__proto__": 1}},
		{"bytes", ph(1), new([]byte), []byte("BB")},
		{"bytes pointer", ph(1), new(*[]byte), ptr([]byte("BB"))},
		{"bytes from base64", `"QUI="`, new([]byte), []byte("AB")},
		{"bytes from null", `null`, ptr([]byte("x")), []byte(nil)},
		{"Binary", ph(0), new(Binary), Binary("A")},
		{"Binary empty", ph(2), new(Binary), Binary{}},
		{"Binary pointers", ph(0), new(**Binary), ptr(ptr(Binary("A")))},
		{"Binary from base64", `"QUI="`, new(Binary), Binary("AB")},
		{"Binary from empty text", `""`, new(Binary), Binary{}},
		{"Binary from null", `null`, ptr(Binary("x")), Binary(nil)},
		{"interface", ph(1), new(any), Binary("BB")},
		{"interface with something", ph(1), ptr(any(5)), Binary("BB")},
		{"escaped key", `{"\u005fplaceholder":true,"num":0}`, new(Binary), Binary("A")},
		{"other spelling", ` {"x":[1], "num" : 1.0 ,"_placeholder":true}`, new(any), Binary("BB")},
		{"other spelling inside", `[{"x":[1],"num":1.0,"_pl\u0061ceholder":true}]`, new([]any), []any{Binary("BB")}},
		{"field", `{"img":` + ph(0) + `,"note":"n"}`, new(inner), inner{Img: Binary("A"), Note: "n"}},
		{"field by other case", `{"IMG":` + ph(0) + `}`, new(inner), inner{Img: Binary("A")}},
		{"last of two", `{"img":` + ph(0) + `,"img":` + ph(1) + `}`, new(inner), inner{Img: Binary("BB")}},
		{"null after placeholder", `{"img":` + ph(0) + `,"img":null}`, new(inner), inner{}},
		{"missing field", `{"x":` + ph(0) + `}`, new(inner), inner{}},
		{"slice", `[` + ph(1) + `,null,"QQ==",` + ph(1) + `]`, new([]Binary), []Binary{Binary("BB"), nil, Binary("A"), Binary("BB")}},
		{"array", `[` + ph(0) + `,` + ph(1) + `,5]`, new([2]Binary), [2]Binary{Binary("A"), Binary("BB")}},
		{"map", `{"a":` + ph(0) + `,"b":null}`, new(map[string]Binary), map[string]Binary{"a": Binary("A"), "b": nil}},
		{"map of structs", `{"1":{"img":` + ph(0) + `}}`, new(map[int]inner), map[int]inner{1: {Img: Binary("A")}}},
		{"map of arrays", `{"1":[` + ph(0) + `]}`, new(map[textKey][1]Binary), map[textKey][1]Binary{{999}: {Binary("A")}}},
		{"map of named keys", `{"a":` + ph(0) + `}`, new(map[named]any), map[named]any{"a": Binary("A")}},
		{"named map", `{"a":[` + ph(0) + `]}`, new(object), object{"a": []any{Binary("A")}}},
		{"untyped", `{"a":[1,{"b":` + ph(1) + `},"s",null,true],"c":` + ph(0) + `}`, new(any), map[string]any{
			"a": []any{1.0, map[string]any{"b": Binary("BB")}, "s", nil, true}, "c": Binary("A"),
		}},
		{"untyped map", `{"a":` + ph(1) + `}`, new(map[string]any), map[string]any{"a": Binary("BB")}},
		{"untyped slice", `[` + ph(2) + `]`, new([]any), []any{Binary{}}},
		{"untyped field", `{"Any":[` + ph(0) + `],"Object":{"k":` + ph(1) + `},"Anys":[1]}`, new(containers), containers{
			Any: []any{Binary("A")}, Object: map[string]any{"k": Binary("BB")}, Anys: []any{1.0},
		}},
		{"not true", `{"_placeholder":"true","num":0}`, new(any), map[string]any{"_placeholder": "true", "num": 0.0}},
		{"text", `"{\"_placeholder\":true,\"num\":0}"`, new(any), `{"_placeholder":true,"num":0}`},
		{"embedded", `{"deep":` + ph(0) + `,"Promoted":` + ph(1) + `}`, new(struct {
			Shared
			lower
		}), struct {
			Shared
			lower
		}{Shared: Shared{Deep: Binary("A")}, lower: lower{Promoted: Binary("BB")}}},
		{"embedded pointer", `{"Img":` + ph(0) + `}`, new(struct{ *Shared }), struct{ *Shared }{&Shared{Img: Binary("A")}}},
		{"list", `{"Next":{"Next":{"Img":` + ph(0) + `}},"Kids":[{"Img":` + ph(1) + `}],"ByKey":{"k":{"Any":` + ph(0) + `}}}`, new(recursive), recursive{
			Next: &recursive{Next: &recursive{Img: Binary("A")}}, Kids: []recursive{{Img: Binary("BB")}}, ByKey: map[string]*recursive{"k": {Any: Binary("A")}},
		}},
		{"method with alias", `{"Img":` + ph(0) + `}`, new(alias), alias{Img: Binary("A"), Count: 7}},
		{"method chooses pointer", `{"kind":"pointer","body":{"img":` + ph(1) + `}}`, new(message), message{Body: &inner{Img: Binary("BB")}}},
		{"method chooses value", `{"kind":"value","body":{"img":` + ph(1) + `}}`, new(message), message{Body: inner{Img: Binary("BB")}}},
		{"pointer in an interface", `{"img":` + ph(0) + `}`, ptr(any(&inner{Note: "was here"})), &inner{Img: Binary("A"), Note: "was here"}},
		{"value in an interface", `{"img":` + ph(0) + `}`, ptr(any(inner{})), map[string]any{"img": Binary("A")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := Bind(nil, texts(tt.raw), abc(), tt.dst); err != nil {
				t.Fatal(err)
			}
			got := reflect.ValueOf(tt.dst).Elem().Interface()
			if diff := cmp.Diff(tt.want, got, private); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

type object map[string]any

// TestBindErrors: what is refused, in a packet with three attachments.
func TestBindErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		raw  string
		dst  any
		is   error
	}{
		{"type", `"x"`, new(int), nil},
		{"overflow", `300`, new(uint8), nil},
		{"float into an interface", `1e999`, new(any), nil},
		{"index", ph(3), new(Binary), ErrPlaceholder},
		{"index in bytes", ph(3), new([]byte), ErrPlaceholder},
		{"index in an interface", ph(3), new(any), ErrPlaceholder},
		{"index in a field", `{"img":` + ph(3) + `}`, new(inner), ErrPlaceholder},
		{"index in untyped", `[` + ph(3) + `]`, new(any), ErrPlaceholder},
		{"negative", `[{"_placeholder":true,"num":-1}]`, new([]Binary), ErrPlaceholder},
		{"negative untyped", `[{"_placeholder":true,"num":-1}]`, new([]any), ErrPlaceholder},
		{"fraction", `[{"_placeholder":true,"num":0.5}]`, new([]Binary), ErrPlaceholder},
		{"fraction untyped", `[{"_placeholder":true,"num":0.5}]`, new([]any), ErrPlaceholder},
		{"no number", `[{"_placeholder":true}]`, new([]Binary), ErrPlaceholder},
		{"text as number", `[{"_placeholder":true,"num":"0"}]`, new([]any), ErrPlaceholder},
		{"huge", `[{"_placeholder":true,"num":1e300}]`, new([]any), ErrPlaceholder},
		{"struct", ph(0), new(inner), ErrPlaceholder},
		{"map", ph(0), new(map[string]any), ErrPlaceholder},
		{"map inside", `[` + ph(0) + `]`, new([]map[string]any), ErrPlaceholder},
		{"string", ph(0), new(*string), ErrPlaceholder},
		{"interface with methods", ph(0), new(marshaler), ErrPlaceholder},
		{"nested bytes", `{"B":` + ph(0) + `}`, new(struct{ B []byte }), nil},
		{"object for Binary", `[{"num":0}]`, new([]Binary), nil},
		{"array for Binary", `[[1]]`, new([]Binary), nil},
		{"number for Binary", `[1]`, new([]Binary), nil},
		{"bad base64", `["!"]`, new([]Binary), nil},
		{"unexported", ph(0), new(optional[Binary]), ErrPlaceholder},
		{"unexported map", `{"a":` + ph(0) + `}`, new(optional[map[string]Binary]), ErrPlaceholder},
		{"unexported slice", `[{"img":` + ph(0) + `}]`, new(optional[[]*inner]), ErrPlaceholder},
		{"nil", `1`, nil, nil},
		{"no pointer", `1`, 5, nil},
		{"nil pointer", `1`, (*int)(nil), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := Bind(nil, texts("1", tt.raw), abc(), new(int), tt.dst)
			wantDecodeError(t, err, 1, tt.is)
			if err != nil && err.Error() == "" {
				t.Error("no text")
			}
		})
	}
	err := Bind(nil, texts(`{"B":`+ph(0)+`}`), abc(), new(struct{ B []byte }))
	if err == nil || !strings.Contains(err.Error(), "must be Binary") {
		t.Errorf("the error does not tell the remedy: %v", err)
	}
}

// TestBindLookalike: in a packet without attachments an object that looks like
// a placeholder is an object, and a Binary does not take it.
func TestBindLookalike(t *testing.T) {
	t.Parallel()
	type both struct {
		Any any
		Obj map[string]any
	}
	for _, raw := range []string{ph(0), `[` + ph(0) + `]`, `{"Any":` + ph(0) + `,"Obj":` + ph(0) + `}`} {
		for _, dst := range []any{new(any), new(map[string]any), new([]any), new([]map[string]any), new(both), new(json.RawMessage), new(inner)} {
			want := reflect.New(reflect.TypeOf(dst).Elem())
			wantErr := json.Unmarshal([]byte(raw), want.Interface())
			err := Bind(nil, texts(raw), nil, dst)
			if (err == nil) != (wantErr == nil) {
				t.Errorf("%s into %T: error %v, encoding/json %v", raw, dst, err, wantErr)
			}
			if err == nil {
				if diff := cmp.Diff(want.Interface(), dst); diff != "" {
					t.Errorf("%s into %T (-json +got):\n%s", raw, dst, diff)
				}
			}
		}
	}
	for _, dst := range []any{new(Binary), new([]byte), new(*Binary)} {
		wantDecodeError(t, Bind(nil, texts(ph(0)), nil, dst), 0, nil)
	}
	wantDecodeError(t, Bind(nil, texts(`[`+ph(0)+`]`), nil, new([]Binary)), 0, ErrPlaceholder)
	wantDecodeError(t, Bind(nil, texts(`{"\u005fplaceholder":true}`), nil, new(Binary)), 0, ErrPlaceholder)
	// The content of an attachment or of base64 is never taken for a marker.
	hostile := [][]byte{[]byte(newMarker(1)[:markerLen]), []byte("BB")}
	var got []Binary
	if err := Bind(nil, texts(`[`+ph(0)+`,"`+strings.Repeat("A", 32)+`",""]`), hostile, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Binary{hostile[0], make(Binary, 24), {}}, got); diff != "" {
		t.Error(diff)
	}
}

// TestBindNoMarkerStays: when decoding fails, no Binary is left behind that a
// later packet could fill.
func TestBindNoMarkerStays(t *testing.T) {
	t.Parallel()
	var dst struct {
		A Binary
		B int
		C map[string]Binary
		D []any
	}
	for _, raw := range []string{
		`{"A":` + ph(0) + `,"C":{"x":` + ph(0) + `},"B":"no number"}`,
		`{"A":` + ph(0) + `,"C":{"x":` + ph(9) + `}}`,
		`{"A":` + ph(9) + `,"C":{"x":` + ph(0) + `}}`,
	} {
		if err := Bind(nil, texts(raw), abc(), &dst); err == nil {
			t.Fatalf("%s was decoded", raw)
		}
		if _, ok := markerNum(dst.A); ok {
			t.Errorf("%s: a marker stayed", raw)
		}
		for _, b := range dst.C {
			if _, ok := markerNum(b); ok {
				t.Errorf("%s: a marker stayed in the map", raw)
			}
		}
	}
}

func TestBindArguments(t *testing.T) {
	t.Parallel()
	a, b, c := 1, 2, 3
	if err := Bind(nil, texts("10", "20"), nil, &a); err != nil || a != 10 {
		t.Errorf("more arguments: %v %d", err, a)
	}
	if err := Bind(nil, texts("11", "21"), nil, &a, &b, &c); err != nil || a != 11 || b != 21 || c != 3 {
		t.Errorf("fewer arguments: %v %d %d %d", err, a, b, c)
	}
	if err := Bind(nil, texts(), nil); err != nil {
		t.Error(err)
	}
	var many list
	for range MaxArgs {
		many = append(many, []byte("1"))
	}
	if err := Bind(nil, many, nil, &a); err != nil {
		t.Error(err)
	}
	many = append(many, []byte("1"))
	wantDecodeError(t, Bind(nil, many, nil, &a), MaxArgs, ErrTooManyArgs)
	wantDecodeError(t, BindInto(nil, many, nil, &a), MaxArgs, ErrTooManyArgs)
}

func TestBindNodes(t *testing.T) {
	t.Parallel()
	array := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("0,", n), ",") + "]" }
	var untyped any
	var typed []int
	if err := Bind(nil, texts(array(MaxNodes-1)), nil, &untyped); err != nil {
		t.Error(err)
	}
	wantDecodeError(t, Bind(nil, texts(array(MaxNodes)), nil, &untyped), 0, ErrTooManyNodes)
	if err := Bind(nil, texts(array(2*MaxNodes)), nil, &typed); err != nil {
		t.Errorf("a typed destination has no such limit: %v", err)
	}
	// Every kind of type that holds an interface; requirement R34's example.
	objects := "[" + strings.TrimSuffix(strings.Repeat(`{"a":0},`, 120_000), ",") + "]"
	for _, dst := range []any{new(any), new([]any), new([]map[string]any), new([]struct{ A any }), new(*[]recursive), new(optional[any])} {
		wantDecodeError(t, Bind(nil, texts("1", objects), nil, new(int), dst), 1, ErrTooManyNodes)
	}
	// Together, not each.
	wantDecodeError(t, Bind(nil, texts(array(30_000), array(30_000)), nil, new(any), new(any)), 1, ErrTooManyNodes)
	if err := Bind(nil, texts(array(30_000), array(30_000)), nil, new(any), new([]int)); err != nil {
		t.Error(err)
	}
	// A long text is one value.
	if err := Bind(nil, texts(`"`+strings.Repeat("x", 3*MaxNodes)+`"`), nil, new(any)); err != nil {
		t.Error(err)
	}
	wantDecodeError(t, Bind(nil, texts(strings.Repeat("[", 3*MaxNodes)), nil, new(any)), 0, nil)
}

func TestBindShares(t *testing.T) {
	t.Parallel()
	message := []byte("AAABBB")
	var a, b Binary
	var raw []byte
	if err := Bind(nil, texts(ph(0), `{"x":1}`), [][]byte{message[:3]}, &a, new(any)); err != nil {
		t.Fatal(err)
	}
	if &a[0] != &message[0] {
		t.Error("the attachment was copied")
	}
	if a = append(a, 'x'); string(message) != "AAABBB" {
		t.Error("appending reached the neighbour")
	}
	if err := Bind(nil, texts(ph(0), ph(0), ph(0)), [][]byte{nil}, &a, &b, &raw); err != nil || a == nil || b == nil || raw == nil {
		t.Errorf("an empty attachment became nil: %v %v %v %v", err, a, b, raw)
	}
}

// TestBindCycles: destinations that were there before may contain themselves.
func TestBindCycles(t *testing.T) {
	t.Parallel()
	ring := &recursive{}
	ring.Next = ring
	ring.Kids = []recursive{{Next: ring}}
	ring.ByKey = map[string]*recursive{"self": ring}
	if err := Bind(nil, texts(`{"Img":`+ph(0)+`}`), abc(), ring); err != nil || string(ring.Img) != "A" {
		t.Errorf("%v %v", err, ring.Img)
	}
	loop := map[string]any{}
	slice := []any{nil}
	slice[0] = slice
	loop["loop"], loop["slice"] = loop, slice
	if err := Bind(nil, texts(`{"b":`+ph(1)+`}`), abc(), &loop); err != nil || string(loop["b"].(Binary)) != "BB" {
		t.Errorf("%v %v", err, loop["b"])
	}
}

func TestBindCodec(t *testing.T) {
	t.Parallel()
	c := plainCodec{}
	var b Binary
	var raw []byte
	var x, y any
	if err := Bind(c, texts(ph(0), ph(1), ph(0), `[`+ph(0)+`]`), abc(), &b, &raw, &x, &y); err != nil {
		t.Fatal(err)
	}
	if string(b) != "A" || string(raw) != "BB" || string(x.(Binary)) != "A" {
		t.Errorf("%q %q %v", b, raw, x)
	}
	if _, ok := y.([]any)[0].(map[string]any); !ok {
		t.Errorf("nested placeholder became %v", y)
	}
	var in inner
	wantDecodeError(t, Bind(c, texts(`{"img":`+ph(0)+`}`), abc(), &in), 0, ErrPlaceholder)
	if in.Img != nil {
		t.Errorf("something stayed: %v", in.Img)
	}
	if err := Bind(c, texts(`{"img":"QQ=="}`), abc(), &in); err != nil || string(in.Img) != "A" {
		t.Errorf("%v %v", err, in.Img)
	}
}

// TestBinaryAlone is what encoding/json does with a Binary without this package.
func TestBinaryAlone(t *testing.T) {
	t.Parallel()
	in := inner{Img: Binary("data")}
	text := plainJSON(t, in)
	if text != `{"img":"ZGF0YQ=="}` {
		t.Errorf("encoded: %s", text)
	}
	var out inner
	if err := json.Unmarshal([]byte(text), &out); err != nil || string(out.Img) != "data" {
		t.Errorf("%v %q", err, out.Img)
	}
	if err := json.Unmarshal([]byte(`{"img":`+ph(3)+`}`), &out); err != nil || len(out.Img) != 0 || out.Img == nil {
		t.Errorf("a placeholder gave %v %q", err, out.Img)
	}
	more := append(out.Img, "xyz"...)
	if string(more) != "xyz" {
		t.Errorf("appended: %q", more)
	}
	if got, atts := encode(t, out); got != `,{"img":`+ph(0)+`}` || len(atts[0]) != 0 {
		t.Errorf("sent: %s %v", got, atts)
	}
	var b Binary
	for _, bad := range []string{``, ` `, `x`, `{}`, `[]`, `1`, `true`, `"%"`, `{`, ` {"num":0}`} {
		if err := b.UnmarshalJSON([]byte(bad)); err == nil {
			t.Errorf("%q was decoded", bad)
		}
	}
	var wrong *json.UnmarshalTypeError
	if err := b.UnmarshalJSON([]byte(`{}`)); !errors.As(err, &wrong) {
		t.Errorf("error %v", err)
	}
}

func TestMarker(t *testing.T) {
	t.Parallel()
	for _, num := range []int{-1, 0, 9, 1 << 31} {
		if got, ok := markerNum(newMarker(num)); !ok || got != num {
			t.Errorf("%d: %d %v", num, got, ok)
		}
	}
	full := newMarker(1)[:markerLen]
	for _, b := range [][]byte{nil, {}, full, make([]byte, 0, markerLen), make([]byte, markerLen), clip(full[:0])} {
		if _, ok := markerNum(b); ok {
			t.Errorf("%v is taken for a marker", b)
		}
	}
}

// TestBindConcurrent decodes one packet from many goroutines, into types that
// nobody has seen before.
func TestBindConcurrent(t *testing.T) {
	t.Parallel()
	type second struct {
		A *inner
		M map[string]any
	}
	args := texts(`{"A":{"img":`+ph(0)+`},"M":{"x":[`+ph(1)+`]}}`, ph(1))
	want := second{A: &inner{Img: Binary("A")}, M: map[string]any{"x": []any{Binary("BB")}}}
	atts := abc()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { // ends by itself, joined below
			for range 200 {
				var got second
				var b Binary
				err := Bind(nil, args, atts, &got, &b)
				if err != nil || !reflect.DeepEqual(got, want) || string(b) != "BB" {
					t.Errorf("%v %v %q", err, got, b)
					return
				}
			}
		})
	}
	wg.Wait()
}
