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
	for _, tt := range bindTests {
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
	for _, tt := range bindErrorTests {
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
