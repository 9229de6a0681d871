package payload

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAppendArgs(t *testing.T) {
	t.Parallel()
	for _, tt := range appendTests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text, atts := encode(t, tt.args...)
			if text != tt.text {
				t.Errorf("text\n got %s\nwant %s", text, tt.text)
			}
			if diff := cmp.Diff(tt.atts, atts); diff != "" {
				t.Errorf("attachments (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAppendArgsAgainstJSON encodes random values of all kinds of types. With
// the attachments put back, the text must be what encoding/json writes; and no
// Binary may be in the text unless a method wrote it.
func TestAppendArgsAgainstJSON(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		for _, like := range zoo() {
			g := &generator{Rand: rand.New(rand.NewPCG(seed, 0)), sparse: true}
			v := g.fillLike(like)
			_, methods := like.(opaques)
			for _, arg := range []any{v.Interface(), v.Addr().Interface(), []any{1, v.Interface()}, map[string]any{"x": v.Addr().Interface()}} {
				text, atts, err := AppendArgs(nil, nil, []any{arg}, nil)
				if errors.Is(err, errKeys) {
					continue // the generator may make equal keys that are not UTF-8
				}
				if err != nil {
					t.Fatalf("seed %d: %T: %v", seed, arg, err)
				}
				want := "," + plainJSON(t, arg)
				if got := inline(string(text), atts); got != want {
					t.Fatalf("seed %d: %T\n got %s\nwant %s", seed, arg, got, want)
				}
				if methods {
					continue
				}
				for _, b := range g.made {
					if strings.Contains(string(text), base64.StdEncoding.EncodeToString(b)) {
						t.Fatalf("seed %d: %T: a Binary was missed in\n%s", seed, arg, text)
					}
				}
			}
		}
	}
}

// TestAppendArgsLookalike sends data that peers would take for a placeholder
// next to a real one: it must not get out.
func TestAppendArgsLookalike(t *testing.T) {
	t.Parallel()
	lookalike := map[string]any{"_placeholder": true, "num": 99}
	for name, args := range map[string][]any{
		"beside":        {Binary("A"), lookalike},
		"before":        {[]any{lookalike}, Binary("A")},
		"around":        {map[string]any{"_placeholder": true, "num": 0, "x": Binary("A")}},
		"escaped":       {Binary("A"), json.RawMessage(`{"\u005fplaceholder":true}`)},
		"escaped upper": {Binary("A"), json.RawMessage(`[{"_pl\u0061ceholder" : true}]`)},
		"last counts":   {Binary("A"), json.RawMessage(`{"_placeholder":1,"_placeholder":true}`)},
		"struct": {Binary("A"), struct {
			P bool `json:"_placeholder"`
		}{true}},
	} {
		text, atts, err := AppendArgs([]byte("x"), nil, args, [][]byte{{1}})
		var e *EncodeError
		if !errors.As(err, &e) || !errors.Is(err, ErrPlaceholder) || e.Arg != -1 || e.Error() == "" {
			t.Errorf("%s: error %v", name, err)
		}
		if string(text) != "x" || len(atts) != 1 {
			t.Errorf("%s: slices changed: %q %v", name, text, atts)
		}
	}
	for name, arg := range map[string]any{
		"not true": json.RawMessage(`{"_placeholder":"true"}`), "null": json.RawMessage(`{"_placeholder":null,"a":{}}`),
		"first does not count": json.RawMessage(`{"_placeholder":true,"_placeholder":[]}`),
		"word":                 "_placeholder", "control character": "\x00",
	} {
		if _, _, err := AppendArgs(nil, nil, []any{Binary("A"), arg}, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOnlyOwnPlaceholdersEnds feeds it what is not JSON, as a broken codec might.
func TestOnlyOwnPlaceholdersEnds(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", ",", ",[}", ",{]", ",{5:1}", ",[,,", `,{"`, `,{"a`, `,{"a"`, `,{"a":`, `,{"a":1`, ",}}}", ",:", "x[{}", `,{"_placeholder"`,
	} {
		onlyOwnPlaceholders([]byte(s+"_placeholder"), 0)
	}
}

type failing struct{ B Binary }

func (failing) MarshalJSON() ([]byte, error) { return nil, errTest }

var errTest = errors.New("test")

// lies says that it is zero, so that encoding/json leaves out its cycle.
type lies struct {
	A, B *lies `json:",omitzero"`
	Img  Binary
}

func (*lies) IsZero() bool { return true }

func TestAppendArgsErrors(t *testing.T) {
	t.Parallel()
	cycle := map[string]any{"b": Binary("A")}
	cycle["self"] = cycle
	ring := &recursive{}
	ring.Next = ring
	tests := map[string]struct {
		arg any
		is  error
	}{
		"NaN":          {math.NaN(), nil},
		"NaN inside":   {map[string]any{"b": Binary("A"), "n": math.Inf(1)}, nil},
		"channel":      {make(chan int), nil},
		"func":         {[]any{func() {}}, nil},
		"complex":      {1i, nil},
		"cycle":        {cycle, nil},
		"ring":         {ring, nil},
		"method":       {[]any{failing{}, Binary("A")}, errTest},
		"equal keys":   {map[*textKey]Binary{{1}: Binary("A"), {1}: Binary("B")}, errKeys},
		"moody key":    {map[moodyKey]Binary{{ptr(1)}: Binary("A")}, errTest},
		"broken raw":   {json.RawMessage(`{`), nil},
		"map of any":   {map[any]any{1: Binary("A")}, nil},
		"number":       {json.Number("1x"), nil},
		"broken error": {struct{ E json.RawMessage }{json.RawMessage("x")}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dst, atts := []byte("keep"), [][]byte{{7}}
			text, got, err := AppendArgs(dst, nil, []any{Binary("first"), tt.arg}, atts)
			var e *EncodeError
			if !errors.As(err, &e) || e.Arg != 1 || e.Error() == "" {
				t.Fatalf("error %v", err)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v does not match %v", err, tt.is)
			}
			if string(text) != "keep" || len(got) != 1 {
				t.Errorf("slices changed: %q %v", text, got)
			}
		})
	}
}

// TestAppendArgsHiddenCycle: a cycle in fields that are not written must not
// keep the search for a Binary busy for ever.
func TestAppendArgsHiddenCycle(t *testing.T) {
	t.Parallel()
	a, b := &lies{Img: Binary("A")}, &lies{}
	a.A, a.B, b.A, b.B = a, b, a, b
	text, atts := encode(t, a)
	if text != `,{"Img":`+ph(0)+`}` || len(atts) != 1 {
		t.Errorf("got %s %v", text, atts)
	}
	a.Img = nil
	if text, atts = encode(t, a); text != `,{"Img":null}` || len(atts) != 0 {
		t.Errorf("got %s %v", text, atts)
	}
}

// TestAppendArgsLarge is beyond the bounds of the search.
func TestAppendArgsLarge(t *testing.T) {
	t.Parallel()
	many := make([]any, searchSteps+10)
	for i := range many {
		many[i] = []any{}
	}
	text, atts := encode(t, many)
	if want := "," + plainJSON(t, many); text != want || len(atts) != 0 {
		t.Errorf("%d bytes, want %d; %d attachments", len(text), len(want), len(atts))
	}
	many[len(many)-1] = Binary("A")
	if text, atts = encode(t, many); len(atts) != 1 || !strings.HasSuffix(text, ","+ph(0)+"]") {
		t.Errorf("a Binary behind many values was missed")
	}
	var deep any = Binary("A")
	for range searchDepth + 10 {
		deep = []any{deep}
	}
	if text, atts = encode(t, deep); len(atts) != 1 || inline(text, atts) != ","+plainJSON(t, deep) {
		t.Errorf("a Binary deep in slices was missed")
	}
	for range searchDepth + 10 {
		deep = map[string]any{"k": deep}
	}
	if text, atts = encode(t, deep); len(atts) != 1 || inline(text, atts) != ","+plainJSON(t, deep) {
		t.Errorf("a Binary deep in maps was missed")
	}
	large := inner{Img: bytes.Repeat([]byte("x"), 2*maxScratch)}
	if text, atts = encode(t, large); text != `,{"img":`+ph(0)+`}` || !bytes.Equal(atts[0], large.Img) {
		t.Errorf("a large Binary was changed")
	}
}

// TestSplicerMismatch gives the walk JSON that was made of something else, as it
// happens when a value is changed while it is encoded: an error, never a panic
// and never a placeholder for the wrong bytes.
func TestSplicerMismatch(t *testing.T) {
	t.Parallel()
	full := containers{
		Slice: []Binary{Binary("AAA")}, Map: map[string]Binary{"k": Binary("AAA")}, Any: map[string]any{"x": Binary("AAA")},
	}
	values := []any{
		Binary("AAA"),
		[]Binary{Binary("AAA"), Binary("B")},
		map[string]Binary{"k": Binary("AAA")},
		inner{Img: Binary("AAA")},
		full,
		embeds{},
		[]any{Binary("AAA")},
		map[string]any{"k": []any{Binary("AAA")}},
	}
	jsons := []string{
		`"QUFB"`, `null`, `1`, `{}`, `[]`, `[1]`, `["QUFB"]`, `["QUFB","Qg==","Qg=="]`, `{"k":"QUFB","l":1}`, `{"l":"QUFB"}`,
		`{"img":"Qg"}`, `{"img":[]}`, `{"Slice":{},"Map":[]}`, `{"k":[["QUFB"]]}`, `{"img":"QUFBQUFB"}`, `"x"`,
	}
	for _, v := range values {
		own := plainJSON(t, v)
		for _, text := range append(jsons, own) {
			s := splicer{src: []byte(text)}
			_, err := s.value(reflect.ValueOf(v), 0)
			s.finish()
			if err == nil && inline(string(s.out), s.atts) != text {
				t.Errorf("%#v with %s gave %s", v, text, s.out)
			}
			if text == own && err != nil {
				t.Errorf("%#v with its own JSON: %v", v, err)
			}
		}
	}
}

// plainCodec shows what reaches a custom codec.
type plainCodec struct{ out string }

func (c plainCodec) Marshal(v any) ([]byte, error) {
	if c.out == "" {
		return nil, errTest
	}
	if c.out == "json" {
		return json.MarshalIndent(v, " ", " ")
	}
	return []byte(c.out), nil
}

func (plainCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

func TestAppendArgsCodec(t *testing.T) {
	t.Parallel()
	text, atts, err := AppendArgs(nil, plainCodec{"json"}, []any{Binary("A"), inner{Img: Binary("B")}, []byte("C"), "s", nil}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "," + ph(0) + ",{\n  \"img\": \"Qg==\"\n },  " + ph(1) + `,"s",null`
	if got := string(text); got != strings.ReplaceAll(want, ",  {", ",{") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if diff := cmp.Diff([][]byte{[]byte("A"), []byte("C")}, atts); diff != "" {
		t.Error(diff)
	}
	for _, out := range []string{" \n", ""} {
		_, _, err = AppendArgs(nil, plainCodec{out}, []any{1}, nil)
		var e *EncodeError
		if !errors.As(err, &e) || out == "" && !errors.Is(err, errTest) {
			t.Errorf("codec output %q: error %v", out, err)
		}
	}
	_, _, err = AppendArgs(nil, plainCodec{"json"}, []any{Binary("A"), map[string]any{"_placeholder": true}}, nil)
	if !errors.Is(err, ErrPlaceholder) {
		t.Errorf("a look-alike with white space got out: %v", err)
	}
}

func TestJSONCodec(t *testing.T) {
	t.Parallel()
	b, err := JSON.Marshal(map[string]string{"a": "<&>"})
	if err != nil || string(b) != `{"a":"<&>"}` {
		t.Errorf("%s %v", b, err)
	}
	if _, err = JSON.Marshal(func() {}); err == nil {
		t.Error("a func was encoded")
	}
	var n int
	if err = JSON.Unmarshal([]byte("5"), &n); err != nil || n != 5 {
		t.Errorf("%d %v", n, err)
	}
}

// TestAppendArgsConcurrent encodes one set of values from many goroutines, with
// types that nobody has seen before.
func TestAppendArgsConcurrent(t *testing.T) {
	t.Parallel()
	type first struct {
		A, B *inner
		M    map[string]any
	}
	args := []any{
		&first{A: &inner{Img: Binary("A")}, M: map[string]any{"b": Binary("B"), "s": []any{Binary("C")}}},
		map[string]any{"k": inner{Img: Binary("D")}},
		Binary("E"), "s",
	}
	want := "," + plainJSON(t, args[0]) + "," + plainJSON(t, args[1]) + `,"RQ==","s"`
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { // ends by itself, joined below
			for range 200 {
				text, atts, err := AppendArgs(nil, nil, args, nil)
				if err != nil || inline(string(text), atts) != want || len(atts) != 5 {
					t.Errorf("%s %v %v", text, atts, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
