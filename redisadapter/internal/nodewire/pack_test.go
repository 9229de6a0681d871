package nodewire

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func TestPack(t *testing.T) {
	blobs := [][]byte{{0xaa}, {}}
	for _, c := range []struct {
		name, text  string
		attachments [][]byte
		want        string
	}{
		{"large integers keep their digits", `[18446744073709551615,-9223372036854775808,9007199254740993]`, nil, "93 cf ffffffffffffffff d3 8000000000000000 cf 0020000000000001"},
		{"integers beyond 64 bits are floats", `[18446744073709551616,-9223372036854775809,1e21]`, nil, "93 cb 43f0000000000000 d3 8000000000000000 cb 444b1ae4d6e2ef50"},
		{"integers in other words", `[1.0,1e2,-0,-0.0,5e-1,1E+2]`, nil, "96 01 64 00 00 cb 3fe0000000000000 64"},
		{"numbers out of range", `[1e999,-1e999,1e-999]`, nil, "93 cb 7ff0000000000000 cb fff0000000000000 00"},
		{"keys keep their order, repeated ones too", ` { "b" : 1 , "a" : 2 , "b" : 3 } `, nil, "83 a1 62 01 a1 61 02 a1 62 03"},
		{"escapes", `"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800x\udc00"`, nil, "b5 22 5c 2f 08 0c 0a 0d 09 c3a9 f09f9880 efbfbd 78 efbfbd"},
		{"a surrogate before an escape", `"\ud800\n\ud800\ud800\udc00"`, nil, "ab efbfbd 0a efbfbd f0908080"},
		{"bytes that are not UTF-8", "\"a\xffb\"", nil, "a5 61 efbfbd 62"},
		{"placeholders", `["x",{"_placeholder":true,"num":1},{"a":{"num":0,"_placeholder":true,"more":[{}]}},[{}]]`, blobs, "94 a1 78 c4 00 81 a1 61 c4 01 aa 91 80"},
		{
			"what only looks like a placeholder", `[{"_placeholder":1,"num":0},{"_placeholder":true},{"_placeholder":true,"num":-1}]`, blobs,
			"93 82 ac 5f706c616365686f6c646572 01 a3 6e756d 00 81 ac 5f706c616365686f6c646572 c3 82 ac 5f706c616365686f6c646572 c3 a3 6e756d ff",
		},
		{"a placeholder where nothing is attached", `{"_placeholder":true,"num":0}`, nil, "82 ac 5f706c616365686f6c646572 c3 a3 6e756d 00"},
		{"nested containers", `{"a":[[],{},[[1]]],"b":{"c":{}}}`, nil, "82 a1 61 93 90 80 91 91 01 a1 62 81 a1 63 80"},
	} {
		got, err := appendPacked(nil, []byte(c.text), c.attachments)
		if want := strings.ReplaceAll(c.want, " ", ""); err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s: %x, %v, want %s", c.name, got, err, want)
		}
	}
}

// TestPackRefuses: nothing malformed is ever published, since it takes down a Node.js
// process that uses ioredis.
func TestPackRefuses(t *testing.T) {
	for _, c := range []struct {
		text string
		want error
	}{
		{``, ErrJSON},
		{` `, ErrJSON},
		{`[`, ErrJSON},
		{`[1`, ErrJSON},
		{`[1,`, ErrJSON},
		{`[1,]`, ErrJSON},
		{`[1}`, ErrJSON},
		{`[,1]`, ErrJSON},
		{`{`, ErrJSON},
		{`{"a"`, ErrJSON},
		{`{"a":`, ErrJSON},
		{`{"a":1`, ErrJSON},
		{`{"a":1,`, ErrJSON},
		{`{"a":1,}`, ErrJSON},
		{`{a:1}`, ErrJSON},
		{`{"a" 1}`, ErrJSON},
		{`{1:1}`, ErrJSON},
		{`"`, ErrJSON},
		{`"\`, ErrJSON},
		{`"\x"`, ErrJSON},
		{`"\u00g0"`, ErrJSON},
		{`"\u00`, ErrJSON},
		{"\"\n\"", ErrJSON},
		{`tru`, ErrJSON},
		{`nul`, ErrJSON},
		{`undefined`, ErrJSON},
		{`NaN`, ErrJSON},
		{`01`, ErrJSON},
		{`-`, ErrJSON},
		{`1.`, ErrJSON},
		{`.5`, ErrJSON},
		{`1e`, ErrJSON},
		{`1e+`, ErrJSON},
		{`+1`, ErrJSON},
		{`[1]]`, ErrTrailing},
		{`1 2`, ErrTrailing},
		{`truex`, ErrTrailing},
		{strings.Repeat("[", 71) + strings.Repeat("]", 71), ErrDepth},
		{strings.Repeat(`{"a":`, 71) + "1" + strings.Repeat("}", 71), ErrDepth},
	} {
		if got, err := appendPacked(nil, []byte(c.text), nil); !errors.Is(err, c.want) {
			t.Errorf("%.40q: %x, %v, want %v", c.text, got, err, c.want)
		}
		if _, err := whole([]byte(c.text)); !errors.Is(err, c.want) {
			t.Errorf("%.40q alone: %v, want %v", c.text, err, c.want)
		}
	}
	if _, err := appendPacked(nil, []byte(`{"_placeholder":true,"num":1}`), [][]byte{{1}}); !errors.Is(err, ErrShape) {
		t.Errorf("a placeholder without attachment: %v", err)
	}
	deepest := strings.Repeat("[", 70) + strings.Repeat("]", 70)
	if _, err := appendPacked(nil, []byte(deepest), nil); err != nil {
		t.Errorf("70 levels: %v", err)
	}
}
