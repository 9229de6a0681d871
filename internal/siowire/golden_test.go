package siowire_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	. "github.com/realtime-go/realtime/internal/siowire"
)

// The vectors come from the official packages. sio-parser.json is the capture
// that describes the protocol; edge.json adds the edges of the grammar and can
// be written anew with capture.mjs. Values that JSON cannot hold are tagged:
// {"$binary":hex}, {"$number":"NaN"}, {"$undefined":true}, {"$date":iso}.

type goldenFile struct{ Cases []goldenCase }

type goldenCase struct {
	Name, Kind string
	// encode
	Packet      goldenPacket
	Text        string
	TextHex     string   `json:"text_hex"`
	Attachments []string `json:"attachments_hex"`
	// decode
	Inputs  []goldenInput
	Packets []goldenPacket
	Error   string
	// number and string
	Printed string
	Value   string
}

type goldenPacket struct {
	Type Type
	Nsp  string
	ID   json.RawMessage
	Data json.RawMessage
}

type goldenInput struct {
	Text   *string
	Binary *string `json:"binary_hex"`
}

// golden returns the cases of one kind from all files.
func golden(t testing.TB, kind string) []goldenCase {
	t.Helper()
	var cases []goldenCase
	for _, name := range []string{"sio-parser.json", "edge.json"} {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		var file goldenFile
		if err := json.Unmarshal(raw, &file); err != nil {
			t.Fatal(err)
		}
		for _, c := range file.Cases {
			if c.Kind == kind {
				cases = append(cases, c)
			}
		}
	}
	if len(cases) == 0 {
		t.Fatalf("no golden case of kind %q", kind)
	}
	return cases
}

// feed gives the inputs of a case to d, up to the first error.
func (c goldenCase) feed(t testing.TB, d *Decoder) (packets []Packet, err error) {
	t.Helper()
	for _, in := range c.Inputs {
		var p Packet
		var whole bool
		if in.Text != nil {
			p, whole, err = d.Text([]byte(*in.Text))
		} else {
			p, whole, err = d.Binary(unhex(t, *in.Binary))
		}
		if err != nil {
			return packets, err
		}
		if whole {
			packets = append(packets, p)
		}
	}
	return packets, nil
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// stricter lists every golden case in which this package differs from the
// official parser on purpose (requirement R98). TestGoldenDecode fails if a
// listed case stops differing and if one differs that is not listed.
var stricter = []struct {
	name string
	// reason is the rule that refuses what the official parser accepts. It is nil
	// if both accept and the values differ.
	reason error
	why    string
}{
	{"invalid-empty", ErrEmpty, "through Engine.IO an empty message never reaches the official parser; called directly it sees a CONNECT"},
	{"type-space", ErrUnknownType, "the type is a digit, not what JavaScript converts to 0"},
	{"type-newline", ErrUnknownType, "as type-space"},
	{"type-space-auth", ErrUnknownType, "as type-space"},

	{"binary-count-1e0", ErrAttachmentCount, "R25: digits only"},
	{"binary-count-hex", ErrAttachmentCount, "R25: digits only"},
	{"binary-count-space", ErrAttachmentCount, "R25: digits only"},
	{"count-plus", ErrAttachmentCount, "R25: digits only"},
	{"count-trailing-space", ErrAttachmentCount, "R25: digits only"},
	{"count-fraction-zero", ErrAttachmentCount, "R25: digits only"},
	{"count-binary-literal", ErrAttachmentCount, "R25: digits only"},
	{"count-newline", ErrAttachmentCount, "R25: digits only"},

	{"binary-placeholder-fraction", ErrPlaceholder, "R26: an integer; the official parser puts undefined there"},
	{"placeholder-1.5", ErrPlaceholder, "R26, as binary-placeholder-fraction"},
	{"placeholder-33-characters", ErrPlaceholder, "R26: no encoder writes a number so long"},
	{"placeholder-hidden-by-repeated-key", ErrPlaceholder, "R26: checked on the raw text, where a value hidden by a repeated key still stands"},

	{"event-space-id", ErrPayload, "R29: a space is no digit"},
	{"event-id-with-spaces", ErrPayload, "R29: a space is no digit; the official id is NaN"},
	{"id-tab", ErrPayload, "R29: white space is no digit"},
	{"id-no-break-space", ErrPayload, "R29: white space is no digit"},
	{"json-byte-order-mark", ErrPayload, "R29: a byte order mark is white space to JavaScript, and so a digit"},
	{"id-trailing-space", ErrPayload, "R29: a space is no digit"},
	{"id-only-space", ErrPayload, "R29: a space is no digit"},
	{"id-space-on-disconnect", ErrPayload, "R29: a space is no digit"},
	{"connect-space-payload", ErrPayload, "R29: a space is no digit"},
	{"event-huge-id", ErrID, "R29: 16 digits"},
	{"id-2-to-the-53", ErrID, "R29: 2^53−1"},
	{"id-16-nines", ErrID, "R29: 2^53−1; the official id is rounded"},
	{"id-17-digits", ErrID, "R29: 16 digits"},
	{"id-17-digits-leading-zero", ErrID, "R29: 16 digits, leading zeros included"},
	{"id-2-to-the-64", ErrID, "R29: 16 digits"},
	{"id-400-digits", ErrID, "R29: 16 digits; the official id is Infinity"},

	{"namespace-255-after-slash", ErrNameTooLong, "R32: 255 bytes, the slash included"},
	{"name-256", ErrNameTooLong, "R32: 255 bytes"},
	{"name-256-escaped", ErrNameTooLong, "R32: 255 bytes without escapes"},
	{"name-256-digits", ErrNameTooLong, "R32: a number counts as written"},

	{"json-depth-65", ErrDepth, "R33: 64 levels"},
	{"json-depth-65-objects", ErrDepth, "R33: 64 levels"},
	{"json-depth-65-ack", ErrDepth, "R33: 64 levels"},
	{"json-depth-17-connect", ErrDepth, "R18: 16 levels before anybody is authenticated"},

	{"event-proto-key", nil, "R35: __proto__ is plain data; the capture shows an object whose prototype was set"},
}

// The error texts of the official parser and the rules that stand for them.
var officialErrors = map[string][]error{
	"unknown packet type ":                             {ErrUnknownType},
	"Illegal attachments":                              {ErrAttachmentCount},
	"too many attachments":                             {ErrTooManyAttachments},
	"illegal attachments":                              {ErrPlaceholder},
	"invalid payload":                                  {ErrPayload, ErrJSON, ErrReservedEvent},
	"got plaintext data when reconstructing a packet":  {ErrUnexpectedText},
	"got binary data when not reconstructing a packet": {ErrUnexpectedBinary},
}

func TestGoldenDecode(t *testing.T) {
	differs := make(map[string]error)
	for _, s := range stricter {
		differs[s.name] = s.reason
	}
	for _, c := range golden(t, "decode") {
		t.Run(c.Name, func(t *testing.T) {
			reason, listed := differs[c.Name]
			delete(differs, c.Name)
			var d Decoder
			if c.Name == "max-attachments-option" {
				d.Init(&Limits{Attachments: 11}) // captured with that option
			}
			packets, err := c.feed(t, &d)

			// Not cmp.Diff: its work doubles with each level, and there are 64.
			want, got := wantValues(t, c.Packets), gotValues(t, packets)
			same := reflect.DeepEqual(want, got)
			if listed {
				checkStricter(t, c, reason, err, same)
			} else {
				checkOfficial(t, c, err)
				if !same {
					t.Errorf("packets differ from the official parser's:\nofficial %v\nours     %v", want, got)
				}
			}
			if err != nil {
				checkUnusable(t, &d)
			}
		})
	}
	for name := range differs {
		t.Errorf("stricter lists %q, which no golden file holds", name)
	}
}

// checkStricter checks a case that is listed: refused for the stated reason, or
// accepted with another value.
func checkStricter(t *testing.T, c goldenCase, reason, err error, same bool) {
	t.Helper()
	if c.Error != "" {
		t.Errorf("listed, but the official parser refuses it too: %s", c.Error)
	}
	if !errors.Is(err, reason) {
		t.Errorf("listed as refused with %v, got %v", reason, err)
	}
	if reason == nil && same {
		t.Error("listed as another value, got the same")
	}
}

// checkOfficial checks that a case that is not listed is refused if the official
// parser refuses it, and by a rule that its error text stands for.
func checkOfficial(t *testing.T, c goldenCase, err error) {
	t.Helper()
	if c.Error == "" || err == nil {
		if c.Error != "" || err != nil {
			t.Errorf("error %v, official error %q", err, c.Error)
		}
		return
	}
	for text, reasons := range officialErrors {
		if !strings.HasPrefix(c.Error, text) {
			continue
		}
		for _, reason := range reasons {
			if errors.Is(err, reason) {
				return
			}
		}
	}
	t.Errorf("error %v does not stand for official error %q", err, c.Error)
}

// checkUnusable checks that a failed decoder holds nothing and takes nothing.
func checkUnusable(t testing.TB, d *Decoder) {
	t.Helper()
	if p, missing := d.Partial(); p != nil || missing != 0 {
		t.Error("a failed decoder still holds a packet")
	}
	if _, whole, err := d.Text([]byte(`2["x"]`)); whole || !errors.Is(err, ErrUnusable) {
		t.Errorf("Text after an error: %v, %v", whole, err)
	}
	if _, whole, err := d.Binary([]byte{1}); whole || !errors.Is(err, ErrUnusable) {
		t.Errorf("Binary after an error: %v, %v", whole, err)
	}
}

func TestGoldenNumberNames(t *testing.T) {
	for _, c := range golden(t, "number") {
		name, numeric := decode(t, "2["+c.Text+"]").EventName()
		if string(name) != c.Printed || !numeric {
			t.Errorf("name of 2[%s] is %q (numeric %v), JavaScript prints %q", c.Text, name, numeric, c.Printed)
		}
	}
}

// decode decodes a text that is one whole packet.
func decode(t testing.TB, text string) *Packet {
	t.Helper()
	var d Decoder
	p, whole, err := d.Text([]byte(text))
	if err != nil || !whole {
		t.Fatalf("%.100q: whole %v, error %v", text, whole, err)
	}
	return &p
}
