package siowire_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	. "github.com/realtime-go/realtime/internal/siowire"
)

// headerOnly lists the encode cases of which only the header is compared,
// because a Go string cannot hold the value.
var headerOnly = map[string]string{
	"event-lone-surrogate": "no Go string holds a lone surrogate",
}

// TestGoldenEncode rebuilds every captured packet byte for byte. Header, strings,
// placeholders and the order of attachments come from this package. What
// JSON.stringify makes of values that Go does not have (undefined, NaN, −0, Date)
// and the brackets and commas around them belong to the encoder of values, so
// that part is played by the writer below.
func TestGoldenEncode(t *testing.T) {
	seen := 0
	for _, c := range golden(t, "encode") {
		t.Run(c.Name, func(t *testing.T) {
			w := jsWriter{t: t}
			if c.Packet.Data != nil {
				w.value(c.Packet.Data)
			}
			id, hasID := uint64(0), c.Packet.ID != nil
			if hasID {
				unmarshal(t, c.Packet.ID, &id)
			}
			got := AppendHeader(nil, c.Packet.Type, len(w.attachments), c.Packet.Nsp, id, hasID)
			want := unhex(t, c.TextHex)
			if _, ok := headerOnly[c.Name]; ok {
				seen++
				want = want[:bytes.IndexByte(want, '[')]
			} else {
				got = append(got, w.out...)
			}
			if string(got) != string(want) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if diff := cmp.Diff(c.Attachments, append([]string{}, w.attachments...)); diff != "" {
				t.Errorf("attachments (-want +got):\n%s", diff)
			}
		})
	}
	if seen != len(headerOnly) {
		t.Errorf("headerOnly lists %d cases, %d exist", len(headerOnly), seen)
	}
}

// jsWriter writes golden values as JSON.stringify does after the official
// encoder has taken out what is binary.
type jsWriter struct {
	t           *testing.T
	out         []byte
	attachments []string // hex
}

// value writes one value; undefined, where it cannot be left out, as null.
func (w *jsWriter) value(raw json.RawMessage) {
	raw = bytes.TrimSpace(raw)
	switch raw[0] {
	case '"':
		w.out = AppendString(w.out, text(w.t, raw))
	case '[':
		w.out = append(w.out, '[')
		for i, e := range rawArray(w.t, raw) {
			w.comma(i)
			w.value(e)
		}
		w.out = append(w.out, ']')
	case '{':
		w.object(w.members(raw))
	case 't', 'f', 'n':
		w.out = append(w.out, raw...)
	default: // the file spells numbers in its own way; JavaScript prints them as names
		name, _ := decode(w.t, "2["+string(raw)+"]").EventName()
		w.out = append(w.out, name...)
	}
}

func (w *jsWriter) object(members []member) {
	if len(members) == 1 && w.tagged(members[0]) {
		return
	}
	w.out = append(w.out, '{')
	n := 0
	for _, m := range members {
		if inner := m.value; inner[0] == '{' {
			if ms := w.members(inner); len(ms) == 1 && ms[0].key == "$undefined" {
				continue
			}
		}
		w.comma(n)
		n++
		w.out = AppendString(w.out, m.key)
		w.out = append(w.out, ':')
		w.value(m.value)
	}
	w.out = append(w.out, '}')
}

// tagged writes a value that JSON cannot hold, if m is the tag of one.
func (w *jsWriter) tagged(m member) bool {
	switch m.key {
	case "$binary":
		w.out = AppendPlaceholder(w.out, len(w.attachments))
		w.attachments = append(w.attachments, text(w.t, m.value))
	case "$undefined":
		w.out = append(w.out, "null"...)
	case "$date":
		w.out = AppendString(w.out, text(w.t, m.value))
	case "$number":
		if text(w.t, m.value) == "-0" {
			w.out = append(w.out, '0')
		} else {
			w.out = append(w.out, "null"...)
		}
	default:
		return false
	}
	return true
}

func (w *jsWriter) comma(i int) {
	if i > 0 {
		w.out = append(w.out, ',')
	}
}

type member struct {
	key   string
	value json.RawMessage
}

// members decodes an object in the order in which it was written.
func (w *jsWriter) members(raw json.RawMessage) (members []member) {
	w.t.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		w.t.Fatal(err)
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			w.t.Fatal(err)
		}
		m := member{key: key.(string)}
		if err := dec.Decode(&m.value); err != nil {
			w.t.Fatal(err)
		}
		members = append(members, m)
	}
	return members
}

func TestGoldenStrings(t *testing.T) {
	for _, c := range golden(t, "string") {
		if got := AppendString(nil, c.Value); string(got) != c.Text {
			t.Errorf("AppendString(%q) = %s, JSON.stringify writes %s", c.Value, got, c.Text)
		}
	}
}

func TestAppendStringRepairsUTF8(t *testing.T) {
	for in, want := range map[string]string{
		"\xff":             `"` + "\ufffd" + `"`,
		"a\xc3":            `"a` + "\ufffd" + `"`,
		"\xed\xa0\x80x":    `"` + "\ufffd\ufffd\ufffd" + `x"`,
		"\ufffd":           `"` + "\ufffd" + `"`,
		"\xf0\x9f\x98\"\n": `"` + "\ufffd\ufffd\ufffd" + `\"\n"`,
	} {
		if got := AppendString(nil, in); string(got) != want {
			t.Errorf("AppendString(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAppendHeader(t *testing.T) {
	for _, c := range []struct {
		want        string
		t           Type
		attachments int
		namespace   string
		id          uint64
		hasID       bool
	}{
		{want: "2", t: Event},
		{want: "2", t: BinaryEvent}, // without attachments the binary form would be refused
		{want: "3/a,7", t: BinaryAck, namespace: "/a", id: 7, hasID: true},
		{want: "511-/a,0", t: Event, attachments: 11, namespace: "/a", hasID: true},
		{want: "61-", t: Ack, attachments: 1, namespace: "/"},
		{want: "61-", t: BinaryAck, attachments: 1},
		{want: "4/a,", t: ConnectError, attachments: 1, namespace: "/a"},
		{want: "1/a,", t: Disconnect, namespace: "/a"},
	} {
		if got := AppendHeader([]byte{}, c.t, c.attachments, c.namespace, c.id, c.hasID); string(got) != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
}

func TestAppendPlaceholder(t *testing.T) {
	got := AppendPlaceholder([]byte("["), 12)
	if want := `[{"_placeholder":true,"num":12}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if num, ok := ParsePlaceholder(got[1:]); num != 12 || !ok {
		t.Errorf("ParsePlaceholder(%s) = %d, %v", got[1:], num, ok)
	}
}
