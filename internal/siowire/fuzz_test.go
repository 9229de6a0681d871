package siowire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	. "github.com/realtime-go/realtime/internal/siowire"
)

// separator stands between the messages of a fuzzed connection, and a 'b' in
// front of a message makes it binary.
const separator = "\x1e"

// FuzzDecode runs a whole connection through one decoder (requirements R36, R37)
// and checks every packet that comes out: it points into its messages, its parts
// agree with encoding/json, and writing and reading it again changes nothing.
func FuzzDecode(f *testing.F) {
	for _, c := range golden(f, "decode") {
		var messages []string
		for _, in := range c.Inputs {
			if in.Text != nil {
				messages = append(messages, *in.Text)
			} else {
				messages = append(messages, "b"+string(unhex(f, *in.Binary)))
			}
		}
		f.Add([]byte(strings.Join(messages, separator)))
	}
	f.Add([]byte(`2["x"` + strings.Repeat(`,{"a":0}`, 200) + `]`))
	f.Add([]byte(`2` + nested(70, false)))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var d Decoder
		failed := false
		for message := range bytes.SplitSeq(stream, []byte(separator)) {
			p, whole, err := step(t, &d, message)
			if failed && !errors.Is(err, ErrUnusable) {
				t.Fatalf("a failed decoder says %v", err)
			}
			if failed = err != nil; failed {
				var e *Error
				if whole || !errors.As(err, &e) || e.Offset > len(message) {
					t.Fatalf("whole %v, error %#v", whole, err)
				}
				checkUnusable(t, &d)
			}
			if whole {
				checkPacket(t, &p)
				checkRoundTrip(t, &p)
			}
		}
	})
}

// step gives one message to d and checks that it was the turn of its kind.
func step(t *testing.T, d *Decoder, message []byte) (p Packet, whole bool, err error) {
	t.Helper()
	_, missing := d.Partial()
	attachment, binary := bytes.CutPrefix(message, []byte("b"))
	if binary {
		p, whole, err = d.Binary(attachment)
	} else {
		p, whole, err = d.Text(message)
	}
	if err == nil && binary != (missing > 0) {
		t.Fatalf("binary %v was accepted with %d attachments missing", binary, missing)
	}
	return p, whole, err
}

// checkPacket checks what a decoded packet promises.
func checkPacket(t *testing.T, p *Packet) {
	t.Helper()
	checkHeader(t, p)
	if p.Data == nil {
		if p.Nodes != 0 || p.Args.Len() != 0 {
			t.Fatalf("%d nodes, %d elements in nothing", p.Nodes, p.Args.Len())
		}
		return
	}
	if nodes, depth := measure(t, p.Data); nodes != p.Nodes || depth > DefaultDepth {
		t.Fatalf("%s: %d nodes and depth %d, counted %d", p.Data, nodes, depth, p.Nodes)
	}
	if p.Type == Event || p.Type == Ack {
		checkElements(t, p)
	}
}

// checkHeader checks the parts before the JSON.
func checkHeader(t *testing.T, p *Packet) {
	t.Helper()
	if p.Type > ConnectError || p.Binary != (len(p.Attachments) > 0) || len(p.Attachments) > DefaultAttachments {
		t.Fatalf("type %d, binary %v, %d attachments", p.Type, p.Binary, len(p.Attachments))
	}
	if p.ID > 1<<53-1 || p.ID > 0 && !p.HasID {
		t.Fatalf("id %d, %v", p.ID, p.HasID)
	}
	if p.Namespace == "" || p.Namespace[0] != '/' || len(p.Namespace) > DefaultNameLen || strings.Contains(p.Namespace, ",") {
		t.Fatalf("namespace %q", p.Namespace)
	}
}

// checkElements checks the array of an event or an answer.
func checkElements(t *testing.T, p *Packet) {
	t.Helper()
	elements := rawArray(t, p.Data)
	if p.Args.Len() != len(elements) {
		t.Fatalf("%d elements counted in %s", p.Args.Len(), p.Data)
	}
	if p.Args.SpanTable() > 2048+len(p.Data)/4 {
		t.Fatalf("%d bytes of positions", p.Args.SpanTable())
	}
	for i, want := range elements {
		if got := p.Args.Raw(p.Data, i); !bytes.Equal(got, want) {
			t.Fatalf("element %d is %s, want %s", i, got, want)
		}
	}
	if p.Type == Event {
		checkName(t, p, elements[0])
	}
	if p.Binary {
		resolve(t, p.Data, *p) // follows every placeholder into Attachments
	}
}

// checkName compares the event's name with what encoding/json reads.
func checkName(t *testing.T, p *Packet, raw json.RawMessage) {
	t.Helper()
	name, numeric := p.EventName()
	if len(raw) > DefaultNameLen*6+2 {
		t.Fatalf("name of %d bytes", len(raw))
	}
	if numeric {
		f := number(string(raw))
		back, err := strconv.ParseFloat(string(name), 64)
		if back != f || err != nil && !math.IsInf(f, 0) {
			t.Fatalf("%s is named %s", raw, name)
		}
		return
	}
	if want := text(t, raw); utf8.Valid(raw) && string(name) != want {
		t.Fatalf("%s is named %q, want %q", raw, name, want)
	}
	switch string(name) {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		t.Fatalf("reserved name %s", raw)
	}
}

// checkRoundTrip writes p and reads it again.
func checkRoundTrip(t *testing.T, p *Packet) {
	t.Helper()
	text := append(AppendHeader(nil, p.Type, len(p.Attachments), p.Namespace, p.ID, p.HasID), p.Data...)
	var d Decoder
	again, whole, err := d.Text(text)
	for _, a := range p.Attachments {
		if err != nil || whole {
			break
		}
		again, whole, err = d.Binary(a)
	}
	if err != nil || !whole {
		t.Fatalf("%q: whole %v, error %v", text, whole, err)
	}
	if !reflect.DeepEqual(*p, again) {
		t.Fatalf("%q: got %+v, want %+v", text, again, *p)
	}
}

// measure counts values and depth by the tokens of encoding/json.
func measure(t *testing.T, data []byte) (nodes, depth int) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var objects []bool // of the open containers
	key := false       // the next token is a key
	for {
		token, err := dec.Token()
		if err != nil {
			if len(objects) > 0 || nodes == 0 {
				t.Fatalf("%q: %v", data, err)
			}
			return nodes, depth
		}
		switch delim, _ := token.(json.Delim); {
		case delim == '{' || delim == '[':
			nodes++
			objects = append(objects, delim == '{')
			depth = max(depth, len(objects))
			key = delim == '{'
			continue
		case delim == '}' || delim == ']':
			objects = objects[:len(objects)-1]
		case key:
			key = false
			continue
		default:
			nodes++
		}
		key = len(objects) > 0 && objects[len(objects)-1]
	}
}

// FuzzScan holds Valid and SkipValue against encoding/json. Both let bytes from
// 0x80 up pass inside strings, UTF-8 or not: text that is not UTF-8 is refused
// by the transport. They differ in depth only, which is therefore measured.
func FuzzScan(f *testing.F) {
	for _, text := range jsonTexts {
		f.Add([]byte(text), uint16(64))
	}
	for _, c := range golden(f, "decode") {
		for _, in := range c.Inputs {
			if in.Text != nil {
				if i := strings.IndexAny(*in.Text, `[{"`); i >= 0 {
					f.Add([]byte((*in.Text)[i:]), uint16(1+i))
				}
			}
		}
	}
	f.Add([]byte(nested(70, true)), uint16(69))
	f.Fuzz(func(t *testing.T, data []byte, limit uint16) {
		maxDepth := int(limit%1024) + 1 // below that of encoding/json
		nodes, err := Valid(data, maxDepth)
		if !json.Valid(data) {
			if err == nil {
				t.Fatalf("%q is not JSON", data)
			}
			SkipValue(data, 0)
			return
		}
		wantNodes, depth := measure(t, data)
		if depth > maxDepth {
			if !errors.Is(err, ErrDepth) {
				t.Fatalf("depth %d, limit %d: %v", depth, maxDepth, err)
			}
			return
		}
		if err != nil || nodes != wantNodes {
			t.Fatalf("%q: %d nodes, %v, want %d", data, nodes, err, wantNodes)
		}
		if end := SkipValue(data, 0); end != len(bytes.TrimRight(data, " \t\r\n")) {
			t.Fatalf("%q ends at %d", data, end)
		}
	})
}

// FuzzAppendString checks that any Go string becomes a JSON string that means
// the same, byte for byte as encoding/json writes it but for U+2028 and U+2029.
func FuzzAppendString(f *testing.F) {
	for _, c := range golden(f, "string") {
		f.Add(c.Value)
	}
	f.Add("\xff\xed\xa0\x80")
	f.Fuzz(func(t *testing.T, s string) {
		got := AppendString(nil, s)
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(s); err != nil {
			t.Fatal(err)
		}
		raw := strings.NewReplacer(`\\`, `\\`, `\u2028`, "\u2028", `\u2029`, "\u2029", `\ufffd`, "\ufffd").Replace(want.String())
		if string(got)+"\n" != raw {
			t.Fatalf("AppendString(%q) = %s, want %s", s, got, raw)
		}
		if !utf8.Valid(got) {
			t.Fatalf("AppendString(%q) is not UTF-8", s)
		}
	})
}
