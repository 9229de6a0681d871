package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime/internal/siowire"
)

// tree makes an untyped value out of fuzz input, with whatever text the fuzzer
// comes up with in keys and strings.
type tree struct {
	data     []byte
	depth    int
	binaries int // non-nil ones
}

func (f *tree) next() byte {
	if len(f.data) == 0 {
		return 0
	}
	b := f.data[0]
	f.data = f.data[1:]
	return b
}

func (f *tree) bytes() []byte {
	n := min(int(f.next())%32, len(f.data))
	b := f.data[:n:n]
	f.data = f.data[n:]
	return append([]byte{}, b...)
}

// text is valid UTF-8, since other bytes do not survive JSON.
func (f *tree) text() string { return string(bytes.ToValidUTF8(f.bytes(), []byte("?"))) }

func (f *tree) value() any {
	f.depth++
	defer func() { f.depth-- }()
	kind := f.next() % 8
	if f.depth > 20 && kind >= 5 {
		kind = 0
	}
	switch kind {
	case 0:
		return nil
	case 1:
		return f.next()%2 == 0
	case 2:
		return float64(f.next())
	case 3:
		return f.text()
	case 4, 5:
		f.binaries++
		return Binary(f.bytes())
	case 6:
		m := map[string]any{}
		for range f.next() % 4 {
			k := f.text()
			if _, twice := m[k]; !twice {
				m[k] = f.value()
			}
		}
		return m
	default:
		s := []any{}
		for range f.next() % 4 {
			s = append(s, f.value())
		}
		return s
	}
}

// FuzzRoundTrip: what is sent is what arrives, unless it is refused because it
// looks like a placeholder.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x06\x02\x01a\x04\x03xyz\x01b\x07\x02\x03\x02hi\x04\x00"))
	f.Add([]byte("\x06\x01\x0c_placeholder\x01\x00"))
	f.Add([]byte("\x07\x02\x04\x01A\x06\x02\x0c_placeholder\x01\x00\x03num\x02\x00"))
	f.Add([]byte("\x06\x02\x0c_placeholder\x04\x01A\x03num\x02\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := tree{data: data}
		sent := in.value()
		text, atts, err := AppendArgs(nil, nil, []any{sent}, nil)
		if err != nil {
			if !errors.Is(err, ErrPlaceholder) || in.binaries == 0 {
				t.Fatal(err)
			}
			return
		}
		if len(atts) != in.binaries {
			t.Fatalf("%d attachments, want %d", len(atts), in.binaries)
		}
		if got, want := inline(string(text), atts), ","+plainJSON(t, sent); got != want && in.binaries > 0 {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
		var got any
		if err := Bind(nil, split(text), atts, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(sent, got) { // go-cmp takes for ever on deep trees
			t.Fatalf("sent %v\n got %v\n%s", sent, got, text)
		}
	})
}

// FuzzRoundTripTyped does the same with random values of the types of the zoo;
// what one round trip normalises, such as bytes that are not UTF-8, a second one
// must keep.
func FuzzRoundTripTyped(f *testing.F) {
	f.Add(uint64(1), byte(0))
	f.Add(uint64(2), byte(5))
	f.Add(uint64(3), byte(6))
	f.Fuzz(func(t *testing.T, seed uint64, kind byte) {
		likes := []any{inner{}, names{}, ties{}, tagWins{}, sameTwice{}, containers{}, recursive{}, alias{}, struct{ *Shared }{}}
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), sparse: true}
		v := g.fillLike(likes[int(kind)%len(likes)])
		first := cross(t, v)
		if !first.IsValid() {
			return
		}
		second := cross(t, first)
		if !second.IsValid() {
			return
		}
		if !reflect.DeepEqual(first.Interface(), second.Interface()) {
			t.Fatalf("(-first +second):\n%s", cmp.Diff(first.Interface(), second.Interface(), private))
		}
	})
}

// cross sends v and returns what arrives, or nothing if v cannot be sent.
func cross(t *testing.T, v reflect.Value) reflect.Value {
	text, atts, err := AppendArgs(nil, nil, []any{v.Interface()}, nil)
	if errors.Is(err, errKeys) {
		return reflect.Value{}
	}
	if err != nil {
		t.Fatal(err)
	}
	got := reflect.New(v.Type())
	if err := Bind(nil, split(text), atts, got.Interface()); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return got.Elem()
}

// FuzzBind decodes any JSON into destinations of all kinds. Nothing panics, and
// where there are no attachments the result is that of encoding/json.
func FuzzBind(f *testing.F) {
	for _, s := range []string{
		`1`, `null`, `"x"`, ph(0), `[` + ph(0) + `,` + ph(1) + `]`, `{"img":` + ph(0) + `,"note":"n"}`, `{"Any":{"k":` + ph(1) + `}}`,
		`{"Img":` + ph(0) + `,"Next":{"Kids":[{"ByKey":{"a":{"Any":[` + ph(0) + `]}}}]}}`, `{"kind":"pointer","body":{"img":` + ph(0) + `}}`,
		`{"kind":"value","body":{"img":` + ph(0) + `}}`, `{"\u005fplaceholder":true,"num":0}`, `{"_placeholder":true,"num":-1}`,
		`[1e999,9223372036854775808,{"a":[{}]}]`, `{"Map":{"a":` + ph(0) + `},"Texts":{"3":"QQ=="},"Numbered":{"1":{"img":` + ph(1) + `}}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := siowire.Valid(raw, 0); err != nil {
			return
		}
		raw = bytes.TrimSpace(raw)
		dsts := func() []any {
			return []any{
				new(any), new(map[string]any), new([]any), new(Binary), new([]byte), new([]Binary), new(map[string]Binary), new(inner), new(names),
				new(containers), new(recursive), new(alias), new(optional[Binary]), new(optional[any]), new(message), new(embeds), new(move), new(*square), new(string),
			}
		}
		for _, dst := range dsts() {
			for _, atts := range [][][]byte{nil, {[]byte("A")}, {[]byte("A"), {}}} {
				_ = Bind(nil, list{raw, raw}, atts, dst, new(any))
				_ = Bind(plainCodec{}, list{raw}, atts, dst)
				_ = BindInto(nil, list{raw, raw, raw}, atts, dst)
			}
		}
		for i, dst := range dsts() {
			want := dsts()[i]
			wantErr, err := json.Unmarshal(raw, want), Bind(nil, list{raw}, nil, dst)
			if errors.Is(err, ErrPlaceholder) {
				continue // a Binary without an attachment, where encoding/json leaves it empty
			}
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("%T: error %v, encoding/json %v", dst, err, wantErr)
			}
			if err == nil && !reflect.DeepEqual(dst, want) {
				t.Fatalf("%T: got %v, encoding/json %v", dst, dst, want)
			}
		}
	})
}

// FuzzOwnPlaceholders compares the count with that of decoded JSON.
func FuzzOwnPlaceholders(f *testing.F) {
	f.Add([]byte(`[{"_placeholder":true},{"a":{"\u005fplaceholder":true}},"_placeholder",{"_placeholder":1}]`))
	f.Add([]byte(`{ "_placeholder" : true , "x" : [ { "_placeholder":true } ] }`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var v any
		if json.Unmarshal(raw, &v) != nil {
			onlyOwnPlaceholders(append([]byte(","), raw...), 0)
			return
		}
		if again, err := json.Marshal(v); err != nil || len(again) > len(raw) || bytes.Contains(raw, []byte(`\`)) {
			return // duplicate keys are not comparable; escapes may make some
		} else if len(again) < len(bytes.ReplaceAll(raw, []byte(" "), nil)) {
			return
		}
		if n := lookalikes(v); !onlyOwnPlaceholders(append([]byte(","), raw...), n) {
			t.Fatalf("%s: there are %d", raw, n)
		}
	})
}

func lookalikes(v any) (n int) {
	switch v := v.(type) {
	case map[string]any:
		if isPlaceholder(v) {
			n++
		}
		for _, e := range v {
			n += lookalikes(e)
		}
	case []any:
		for _, e := range v {
			n += lookalikes(e)
		}
	}
	return n
}
