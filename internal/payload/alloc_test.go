package payload

import (
	"encoding/json"
	"io"
	"testing"
)

type vote struct {
	Room   string   `json:"room"`
	Choice int      `json:"choice"`
	Tags   []string `json:"tags"`
	Weight float64  `json:"weight"`
}

func newVote() *vote {
	return &vote{Room: "lobby", Choice: 3, Tags: []string{"a", "b"}, Weight: 1.5}
}

// allocs is testing.AllocsPerRun, but tolerates the odd collection that empties
// the pools in between, by taking the least of several runs.
func allocs(f func()) float64 {
	least := testing.AllocsPerRun(100, f)
	for range 4 {
		least = min(least, testing.AllocsPerRun(100, f))
	}
	return least
}

// TestAllocs compares with what encoding/json itself needs. It cannot run in
// parallel, and under the race detector sync.Pool drops things at random, so
// there only the calls are made.
func TestAllocs(t *testing.T) {
	v, dst := newVote(), make([]byte, 0, 1024)
	args := []any{v}
	enc := json.NewEncoder(io.Discard)
	enc.SetEscapeHTML(false)
	var text, blob, note Args = list{[]byte(plainJSON(t, v))}, texts(ph(0)), texts(`{"img":` + ph(0) + `,"note":"n"}`)
	atts := abc()
	encodeJSON := func() { _ = enc.Encode(v) }
	decodeJSON := func() {
		var out vote
		_ = json.Unmarshal(text.Raw(0), &out)
	}
	tests := []struct {
		name string
		base func() // what encoding/json needs
		more float64
		f    func()
	}{
		{"encode struct", encodeJSON, 0, func() { _, _, _ = AppendArgs(dst, nil, args, nil) }},
		{"encode untyped", func() { _ = enc.Encode(untypedVote) }, 0, func() { _, _, _ = AppendArgs(dst, nil, untypedArgs, nil) }},
		{"encode scalars", func() {}, 0, func() { _, _, _ = AppendArgs(dst, nil, scalarArgs, nil) }},
		{"encode bytes", func() {}, 1, func() { _, _, _ = AppendArgs(dst, nil, blobArgs, nil) }},
		{"decode struct", decodeJSON, 0, func() {
			var out vote
			_ = Bind(nil, text, nil, &out)
		}},
		{"decode into", decodeJSON, 0, func() {
			var out vote
			_ = BindInto(nil, text, nil, &out)
		}},
		{"decode bytes", func() {}, 1, func() {
			var out []byte
			_ = Bind(nil, blob, atts, &out)
		}},
		{"decode nested Binary", func() {
			var out struct{ Note string }
			_ = json.Unmarshal(note.Raw(0), &out)
		}, 2, func() {
			var out inner
			_ = BindInto(nil, note, atts, &out)
		}},
	}
	for _, tt := range tests {
		base, got := allocs(tt.base), allocs(tt.f)
		t.Logf("%s: %v, encoding/json alone %v", tt.name, got, base)
		if got > base+tt.more && !raceEnabled {
			t.Errorf("%s: %v allocations, encoding/json alone %v", tt.name, got, base)
		}
	}
}

var (
	untypedVote = map[string]any{"room": "lobby", "choice": 3, "tags": []any{"a", "b"}}
	untypedArgs = []any{untypedVote}
	scalarArgs  = []any{"lobby", 42, true, nil}
	blobArgs    = []any{make([]byte, 100)}
)

func BenchmarkAppendArgs(b *testing.B) {
	for _, bb := range []struct {
		name string
		arg  any
	}{
		{"struct", newVote()},
		{"untyped", untypedVote},
		{"string", "lobby"},
		{"bytes", make([]byte, 1000)},
		{"field", &inner{Img: make(Binary, 1000), Note: "n"}},
		{"large field", &inner{Img: make(Binary, 500_000), Note: "n"}},
		{"untyped binary", map[string]any{"room": "lobby", "img": make(Binary, 1000), "n": 5}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			args, dst := []any{bb.arg}, make([]byte, 0, 4096)
			var atts [4][]byte
			for b.Loop() {
				if _, _, err := AppendArgs(dst, nil, args, atts[:0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("struct by encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		v, enc := newVote(), json.NewEncoder(io.Discard)
		for b.Loop() {
			_ = enc.Encode(v)
		}
	})
}

func BenchmarkBindInto(b *testing.B) {
	atts := abc()
	text := []byte(plainJSON(b, newVote()))
	run := func(name string, args list, bind func(args list) error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := bind(args); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("struct", list{text}, func(args list) error {
		var v vote
		return BindInto(nil, args, nil, &v)
	})
	run("struct by encoding/json", list{text}, func(args list) error {
		var v vote
		return json.Unmarshal(args[0], &v)
	})
	run("untyped", list{text}, func(args list) error {
		var v any
		return BindInto(nil, args, nil, &v)
	})
	run("bytes", texts(ph(0)), func(args list) error {
		var v Binary
		return BindInto(nil, args, atts, &v)
	})
	run("field", texts(`{"img":`+ph(0)+`,"note":"n"}`), func(args list) error {
		var v inner
		return BindInto(nil, args, atts, &v)
	})
	run("untyped binary", texts(`{"img":`+ph(0)+`,"note":"n"}`), func(args list) error {
		var v any
		return BindInto(nil, args, atts, &v)
	})
	run("positional", texts(`"K"`, `{"X":1,"Y":2}`, ph(0), `"n"`, ph(1)), func(args list) error {
		var v move
		return BindInto(nil, args, atts, &v)
	})
}
