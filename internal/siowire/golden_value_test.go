package siowire_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"testing"

	. "github.com/realtime-go/realtime/internal/siowire"
)

// value is a packet with its JSON decoded, in a form in which both sides can be
// compared: numbers are float64, attachments stand where they belong.
type value struct {
	Type Type
	Nsp  string
	ID   any
	Data any
}

// attachment is the value of a placeholder.
type attachment string

// undefined is the value of {"$undefined":true} and of missing parts.
type undefined struct{}

func wantValues(t testing.TB, packets []goldenPacket) (values []value) {
	t.Helper()
	for _, p := range packets {
		v := value{Type: p.Type, Nsp: p.Nsp, ID: undefined{}, Data: undefined{}}
		if p.ID != nil {
			v.ID = untag(t, p.ID)
		}
		if p.Data != nil {
			v.Data = untag(t, p.Data)
		}
		values = append(values, v)
	}
	return values
}

func gotValues(t testing.TB, packets []Packet) (values []value) {
	t.Helper()
	for _, p := range packets {
		v := value{Type: p.Type, Nsp: p.Namespace, ID: undefined{}, Data: undefined{}}
		if p.HasID {
			v.ID = float64(p.ID)
		}
		if p.Data != nil {
			v.Data = resolve(t, p.Data, p)
		}
		values = append(values, v)
	}
	return values
}

// untag turns a golden value into comparable form.
func untag(t testing.TB, raw json.RawMessage) any {
	t.Helper()
	return walk(t, raw, func(object map[string]json.RawMessage) (any, bool) {
		if len(object) != 1 {
			return nil, false
		}
		for tag, raw := range object {
			switch tag {
			case "$binary":
				return attachment(text(t, raw)), true
			case "$undefined":
				return undefined{}, true
			case "$number":
				return number(text(t, raw)), true
			}
		}
		return nil, false
	})
}

// resolve turns a value of a decoded packet into comparable form, with the
// attachments put where ParsePlaceholder finds a placeholder.
func resolve(t testing.TB, raw json.RawMessage, p Packet) any {
	t.Helper()
	if num, ok := ParsePlaceholder(raw); ok && p.Binary {
		return attachment(hex.EncodeToString(p.Attachments[num]))
	}
	switch raw[0] {
	case '[':
		elements := []any{}
		for _, e := range rawArray(t, raw) {
			elements = append(elements, resolve(t, e, p))
		}
		return elements
	case '{':
		object := map[string]any{}
		for k, v := range rawObject(t, raw) {
			object[k] = resolve(t, v, p)
		}
		return object
	}
	return scalar(t, raw)
}

// walk decodes raw; special may replace objects.
func walk(t testing.TB, raw json.RawMessage, special func(map[string]json.RawMessage) (any, bool)) any {
	t.Helper()
	raw = bytes.TrimSpace(raw)
	switch raw[0] {
	case '[':
		elements := []any{}
		for _, e := range rawArray(t, raw) {
			elements = append(elements, walk(t, e, special))
		}
		return elements
	case '{':
		members := rawObject(t, raw)
		if v, ok := special(members); ok {
			return v
		}
		object := map[string]any{}
		for k, v := range members {
			object[k] = walk(t, v, special)
		}
		return object
	}
	return scalar(t, raw)
}

func rawArray(t testing.TB, raw json.RawMessage) (elements []json.RawMessage) {
	t.Helper()
	unmarshal(t, raw, &elements)
	return elements
}

func rawObject(t testing.TB, raw json.RawMessage) (members map[string]json.RawMessage) {
	t.Helper()
	unmarshal(t, raw, &members)
	return members
}

func scalar(t testing.TB, raw json.RawMessage) any {
	t.Helper()
	if raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' {
		return number(string(raw))
	}
	var v any
	unmarshal(t, raw, &v)
	return v
}

func text(t testing.TB, raw json.RawMessage) (s string) {
	t.Helper()
	unmarshal(t, raw, &s)
	return s
}

func unmarshal(t testing.TB, raw json.RawMessage, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%.100s: %v", raw, err)
	}
}

// number is a number as JavaScript holds it; beyond the range that is infinity.
func number(s string) float64 {
	if f, err := strconv.ParseFloat(s, 64); err == nil || math.IsInf(f, 0) {
		return f
	}
	return math.NaN()
}
