package siowire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	. "github.com/realtime-go/realtime/internal/siowire"
)

// FuzzPlaceholder holds the search for placeholders against one that works on
// decoded values, as the official parser does.
func FuzzPlaceholder(f *testing.F) {
	for _, c := range golden(f, "decode") {
		for _, in := range c.Inputs {
			if in.Text != nil {
				if i := strings.IndexByte(*in.Text, '{'); i >= 0 && strings.Contains(*in.Text, "laceholder") {
					f.Add([]byte(strings.TrimSuffix((*in.Text)[i:], "]")), uint8(len(c.Inputs)))
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, count uint8) {
		num, ok := ParsePlaceholder(raw) // ends whatever it is given
		if _, err := Valid(raw, DefaultDepth-1); err != nil {
			return
		}
		wantNum, want := -1, false
		if bytes.TrimSpace(raw)[0] == '{' {
			wantNum, want = naivePlaceholder(rawObject(t, raw))
		}
		if num != wantNum || ok != want {
			t.Fatalf("%s: %d, %v, want %d, %v", raw, num, ok, wantNum, want)
		}
		n := int(count%10) + 1
		text := append(AppendHeader(nil, Event, n, "/", 0, false), `["x",`...)
		text = append(append(text, raw...), ']')
		var d Decoder
		_, _, err := d.Text(text)
		switch legal, repeated := naiveSearch(t, raw, n); {
		case legal && err != nil && !repeated:
			t.Fatalf("%s: %v", text, err)
		case !legal && !errors.Is(err, ErrPlaceholder):
			t.Fatalf("%s was accepted: %v", text, err)
		}
	})
}

// naivePlaceholder is the official rule applied to decoded members, but for
// fractions and numbers of more than 32 characters.
func naivePlaceholder(members map[string]json.RawMessage) (num int, ok bool) {
	if string(members["_placeholder"]) != "true" {
		return -1, false
	}
	raw := members["num"]
	if len(raw) == 0 || len(raw) > 32 || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return -1, true
	}
	f := number(string(raw))
	if f < 0 || f > math.MaxInt32 || f != math.Trunc(f) {
		return -1, true
	}
	return int(f), true
}

// naiveSearch tells whether all placeholders in raw are legal, as far as they
// outlive decoding, and whether a repeated key hides anything.
func naiveSearch(t *testing.T, raw json.RawMessage, count int) (legal, repeated bool) {
	t.Helper()
	raw = bytes.TrimSpace(raw)
	var inner []json.RawMessage
	switch raw[0] {
	case '[':
		inner = rawArray(t, raw)
	case '{':
		members := rawObject(t, raw)
		if num, ok := naivePlaceholder(members); ok {
			return num >= 0 && num < count, repeated
		}
		for _, v := range members {
			inner = append(inner, v)
		}
		own, _ := measure(t, raw)
		for _, v := range inner {
			n, _ := measure(t, v)
			own -= n
		}
		repeated = own != 1 // some values are gone
	}
	legal = true
	for _, v := range inner {
		l, r := naiveSearch(t, v, count)
		legal, repeated = legal && l, repeated || r
	}
	return legal, repeated
}
