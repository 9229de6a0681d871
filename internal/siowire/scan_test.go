package siowire_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	. "github.com/realtime-go/realtime/internal/siowire"
)

// jsonTexts are JSON values and what is nearly one; encoding/json is the judge.
var jsonTexts = []string{
	``, ` `, `null`, `true`, `false`, `nul`, `nulll`, `True`, `t`, `f`, `n`,
	`0`, `-0`, `1`, `-1`, `10`, `01`, `-01`, `00`, `1.`, `1.0`, `.1`, `1.e1`, `1e1`, `1E+1`, `1e-1`, `1e`, `1e+`, `-`, `--1`, `+1`, `1-`, `0x1`, `1_0`, `Infinity`, `NaN`, `1 2`,
	`""`, `"a"`, `"`, `"a`, `"\"`, `"\\"`, `"\\\"`, `"\/\b\f\n\r\t"`, `"\a"`, `"\u"`, `"\u1"`, `"\u12"`, `"\u123"`, `"\u1234"`, `"\uabcd"`, `"\uABCD"`, `"\u12g4"`, `"\ud800"`, `"\U1234"`,
	"\"\x00\"", "\"\x1f\"", "\"\x20\"", "\"\x7f\"", "\"\n\"", "\"\u2028\"", "\"é\"", `'a'`, `"a""b"`,
	`[]`, `[ ]`, `[1]`, `[1,2]`, `[ 1 , 2 ]`, `[,]`, `[1,]`, `[,1]`, `[1,,2]`, `[1 2]`, `[`, `]`, `[]]`, `[[]`, `[1`, `[1,`, `[}`, `[1}`, `[[],[[]],{}]`, `["]"]`, `[nul]`,
	`{}`, `{ }`, `{"a":1}`, `{ "a" : 1 }`, `{"a":1,"b":2}`, `{"a":1,"a":2}`, `{"":0}`, `{`, `}`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{a:1}`, `{1:1}`, `{"a" 1}`, `{"a"::1}`, `{"a":1 "b":2}`, `{]`, `{"a":1]`, `{"a":[}`, `{"a":{"b":[{"c":null}]}}`, `{"a\u0062":1}`, "{\"a\n\":1}", `{null:1}`, `{"a":1}}`,
	"\ufeff1", "1\u00a0", "\t\r\n 1 \t\r\n", "\v1", "\f1", `1,`, `1:`, `//`, `/**/1`, "1\x00",
}

func TestValid(t *testing.T) {
	for _, text := range jsonTexts {
		nodes, err := Valid([]byte(text), 0)
		if json.Valid([]byte(text)) != (err == nil) {
			t.Errorf("%q: error %v", text, err)
		}
		if err != nil && !errors.Is(err, ErrJSON) {
			t.Errorf("%q: error %v is not ErrJSON", text, err)
		}
		if err != nil && nodes != 0 {
			t.Errorf("%q: %d nodes with an error", text, nodes)
		}
	}
}

func TestValidDepth(t *testing.T) {
	for _, object := range []bool{false, true} {
		for _, c := range []struct {
			n, limit int
			ok       bool
		}{{1, 1, true}, {2, 1, false}, {64, 0, true}, {65, 0, false}, {64, -1, true}, {63, 63, true}, {64, 63, false}, {513, 513, true}, {600, 599, false}, {20_000, 20_000, true}} {
			nodes, err := Valid([]byte(nested(c.n, object)), c.limit)
			if c.ok && (err != nil || nodes != c.n) || !c.ok && !errors.Is(err, ErrDepth) {
				t.Errorf("%d deep, limit %d: %d nodes, %v", c.n, c.limit, nodes, err)
			}
		}
	}
	// The limit is met before the fault behind it, and nothing beyond is read.
	_, err := Valid([]byte(strings.Repeat("[", 65)+"nonsense"), 64)
	if e := (*Error)(nil); !errors.As(err, &e) || !errors.Is(err, ErrDepth) || e.Offset != 64 {
		t.Errorf("error %v", err)
	}
}

func TestSkipValue(t *testing.T) {
	for _, value := range []string{
		`1`, `-1.5e+3`, `true`, `null`, `""`, `"a\"]"`, `"\\"`, `[]`, `{}`, `[1,[2],{"a":"]}"}]`, `{"a\"":{"b":[]}}`,
	} {
		for _, before := range []string{"", " ", "\n\t "} {
			for _, after := range []string{"", ",1", " ,1", "]", "}", "\r\n", " ]"} {
				text := `["skipped",` + before + value + after
				if end, want := SkipValue([]byte(text), len(`["skipped",`)), len(text)-len(after); end != want {
					t.Errorf("%q: end %d, want %d", text, end, want)
				}
			}
		}
	}
	for _, text := range jsonTexts { // valid or not, it ends inside the text
		for i := range len(text) + 1 {
			if end := SkipValue([]byte(text), i); end < i || end > len(text) {
				t.Errorf("%q from %d: end %d", text, i, end)
			}
		}
	}
}
