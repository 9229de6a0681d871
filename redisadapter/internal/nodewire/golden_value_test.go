package nodewire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"testing"
)

// untag is a tagged value of a capture as JSON makes it of what clients get: binary
// values as []byte.
func untag(t testing.TB, raw json.RawMessage) any {
	t.Helper()
	return replace(t, generic(t, raw))
}

func replace(t testing.TB, v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = replace(t, v[i])
		}
	case map[string]any:
		if h, ok := v["$binary"].(string); ok {
			b, err := hex.DecodeString(h)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		if iso, ok := v["$date"].(string); ok {
			return iso
		}
		if _, ok := v["$number"]; ok { // NaN and infinities
			return nil
		}
		for k := range v {
			v[k] = replace(t, v[k])
		}
	case json.Number:
		return number64(t, v)
	}
	return v
}

// plain is JSON with attachments in place of their placeholders.
func plain(t testing.TB, text []byte, attachments [][]byte) any {
	t.Helper()
	return fill(t, generic(t, text), attachments)
}

func fill(t testing.TB, v any, attachments [][]byte) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = fill(t, v[i], attachments)
		}
	case map[string]any:
		if n, ok := v["num"].(json.Number); ok && v["_placeholder"] == true && len(attachments) > 0 {
			i, err := strconv.Atoi(n.String())
			if err != nil {
				t.Fatal(err)
			}
			return attachments[i]
		}
		for k := range v {
			v[k] = fill(t, v[k], attachments)
		}
	case json.Number:
		return number64(t, v)
	}
	return v
}

// number64 is the number that JavaScript makes of the text.
func number64(t testing.TB, n json.Number) any {
	f, err := n.Float64()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func generic(t testing.TB, raw []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return v
}

// fromTagged turns a tagged value into JSON with attachments; ok is false if it holds
// something that only JavaScript has.
func fromTagged(t testing.TB, raw json.RawMessage) (text []byte, attachments [][]byte, ok bool) {
	t.Helper()
	if raw == nil {
		return nil, nil, false
	}
	if i := bytes.IndexByte(raw, '$'); i < 0 {
		return raw, nil, true
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		t.Fatal(err)
	}
	ok = true
	var walk func(v any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
		case map[string]any:
			if h, is := v["$binary"].(string); is {
				b, err := hex.DecodeString(h)
				if err != nil {
					t.Fatal(err)
				}
				attachments = append(attachments, b)
				return map[string]any{"_placeholder": true, "num": len(attachments) - 1}
			}
			for k := range v {
				if len(k) > 0 && k[0] == '$' {
					ok = false
				}
				v[k] = walk(v[k])
			}
		}
		return v
	}
	value = walk(value)
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text, attachments, ok
}
