package nodewire

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The captures were taken with the official packages; their head names the versions.
// Values that JSON cannot hold are tagged: {"$binary":hex}, {"$date":iso},
// {"$number":"NaN"}, {"$undefined":true}.

type capture struct {
	Cases []struct {
		Name     string
		UID      string
		UIDs     map[string]string
		Messages []message
	}
}

type message struct {
	From, Command, Channel string
	Args                   []string
	Payload                string `json:"payload_hex"`
	Decoded                json.RawMessage
}

func (m message) bytes(t *testing.T) string {
	t.Helper()
	b, err := hex.DecodeString(m.Payload)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func load(t testing.TB, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

// captured calls f with every message that the captures hold.
func captured(t *testing.T, f func(t *testing.T, name string, m message)) {
	t.Helper()
	for _, file := range []string{"redis-classic.json", "redis-emitter.json"} {
		var c capture
		load(t, file, &c)
		for _, test := range c.Cases {
			for i, m := range test.Messages {
				if m.Command == "PUBLISH" {
					t.Run(fmt.Sprintf("%s/%d", test.Name, i), func(t *testing.T) { f(t, test.Name, m) })
				}
			}
		}
	}
}

// notRebuilt are the messages whose bytes do not come out again, each with the reason.
var notRebuilt = map[string]string{
	"broadcast-special-values":     "NaN and Infinity become null, as for every client; a Date becomes its text",
	"broadcast-dates":              "a Date becomes its text",
	"broadcast-numeric-room":       "rooms have names here",
	"recovery-enabled-socket-emit": "the id is the sender's own and of no use to another node",
	"request-msgpack-accepted":     "a request without binary values is written as JSON",
	"legacy-request-join-sid":      "the oldest form is understood and not written",
	"legacy-request-leave-sid":     "the oldest form is understood and not written",
	"malformed-request":            "is refused",
	"option-parser-json":           "no parser but msgpack is supported",
}

// TestCapturedMessages decodes what Node.js published, writes it again from what was
// understood, and wants the same bytes.
func TestCapturedMessages(t *testing.T) {
	kinds := map[string]int{}
	differ := map[string]bool{}
	captured(t, func(t *testing.T, name string, m message) {
		raw := m.bytes(t)
		again, kind, err := rebuild(m.Channel, raw)
		if err == nil && string(again) == raw {
			kinds[kind]++
			return
		}
		differ[name] = true
		if _, known := notRebuilt[name]; !known {
			t.Error(err, cmp.Diff(raw, string(again)))
		}
	})
	if kinds["broadcast"] < 30 || kinds["request"] < 25 || kinds["response"] < 20 {
		t.Errorf("the captures are not all there: %v", kinds)
	}
	for name := range notRebuilt {
		if !differ[name] {
			t.Errorf("%s comes out as it went in: strike it off the list", name)
		}
	}
}

// rebuild decodes a message and writes it again.
func rebuild(channel, raw string) (again []byte, kind string, err error) {
	switch {
	case strings.Contains(channel, "-request#"):
		r, err := DecodeRequest(raw)
		if err != nil {
			return nil, "", err
		}
		again, err = AppendRequest(nil, r)
		return again, "request", err
	case strings.Contains(channel, "-response#"):
		r, err := DecodeResponse(raw)
		if err != nil {
			return nil, "", err
		}
		again, err = AppendResponse(nil, r)
		return again, "response", err
	}
	b, err := DecodeBroadcast(raw)
	if err != nil {
		return nil, "", err
	}
	again, err = AppendBroadcast(nil, b)
	return again, "broadcast", err
}

// TestCapturedBroadcasts compares what was understood of each broadcast with what
// Node.js understands of it.
func TestCapturedBroadcasts(t *testing.T) {
	captured(t, func(t *testing.T, name string, m message) {
		if strings.Contains(m.Channel, "-request#") || strings.Contains(m.Channel, "-response#") || name == "option-parser-json" {
			return
		}
		var want struct {
			uid    string
			packet struct {
				Data json.RawMessage
				Nsp  string
			}
			opts struct {
				Rooms, Except []any
				Flags         struct {
					Volatile bool
					Compress *bool
					Timeout  int64
					Single   bool `json:"expectSingleResponse"`
				}
			}
		}
		if err := json.Unmarshal(m.Decoded, &[]any{&want.uid, &want.packet, &want.opts}); err != nil {
			t.Fatal(err)
		}
		b, err := DecodeBroadcast(m.bytes(t))
		if err != nil {
			t.Fatal(err)
		}
		texts := func(list []any) (out []string) {
			for _, v := range list {
				out = append(out, fmt.Sprint(v))
			}
			return out
		}
		expected := &Broadcast{
			UID: want.uid, Namespace: want.packet.Nsp,
			Selection: Selection{Rooms: texts(want.opts.Rooms), Except: texts(want.opts.Except)},
			Flags:     Flags(want.opts.Flags),
		}
		got := *b
		got.Data, got.Attachments = nil, nil
		if diff := cmp.Diff(expected, &got); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(untag(t, want.packet.Data), plain(t, b.Data, b.Attachments)); diff != "" {
			t.Error(diff)
		}
		names := NamesOf(strings.SplitN(m.Channel, "#", 2)[0], b.Namespace)
		if got := names.Broadcast(b.Rooms); got != m.Channel {
			t.Errorf("channel %q, want %q", got, m.Channel)
		}
		if room := names.Room(m.Channel); len(b.Rooms) == 1 && room != b.Rooms[0] || len(b.Rooms) != 1 && room != "" {
			t.Errorf("room %q of the channel of %q", room, b.Rooms)
		}
	})
}

// TestCapturedSubscriptions compares the names of channels with those that the
// official adapter listens to.
func TestCapturedSubscriptions(t *testing.T) {
	var c capture
	load(t, "redis-classic.json", &c)
	seen := 0
	for _, test := range c.Cases {
		if !strings.HasPrefix(test.Name, "startup-") {
			continue
		}
		namespace := "/"
		if test.UIDs != nil {
			namespace = "/nested/ns"
		}
		names := NamesOf(DefaultPrefix, namespace)
		for _, m := range test.Messages {
			seen++
			uid := test.UID
			if uid == "" {
				uid = test.UIDs[m.From]
			}
			want := []string{names.Request(), names.Responses(), names.ResponsesTo(uid)}
			if strings.HasPrefix(m.Command, "PSUBSCRIBE") {
				want = []string{names.Pattern()}
			}
			if !slices.Equal(m.Args, want) {
				t.Errorf("%s: %q, want %q", test.Name, want, m.Args)
			}
		}
	}
	if seen != 8 {
		t.Errorf("%d subscriptions captured", seen)
	}
}

// codecCase is a vector of notepack.json.
type codecCase struct {
	Name    string
	Value   json.RawMessage
	Hex     string
	Decoded json.RawMessage
	Error   string
}

func codecCases(t testing.TB) []codecCase {
	var file struct{ Cases []codecCase }
	load(t, "notepack.json", &file)
	if len(file.Cases) < 70 {
		t.Fatalf("%d vectors", len(file.Cases))
	}
	return file.Cases
}

// TestVectorsDecode reads what notepack has written, and what it accepts and refuses.
func TestVectorsDecode(t *testing.T) {
	for _, c := range codecCases(t) {
		if c.Hex == "" {
			continue
		}
		b, err := hex.DecodeString(c.Hex)
		if err != nil {
			t.Fatal(err)
		}
		text, attachments, err := unpack(string(b))
		switch {
		case c.Error != "":
			if err == nil {
				t.Errorf("%s: %s instead of an error", c.Name, text)
			}
		case c.Name == "decode-ext-other" || c.Name == "decode-legacy-undefined":
			if err == nil { // other extensions are refused (D30), and undefined is no message
				t.Errorf("%s: %s instead of an error", c.Name, text)
			}
		case err != nil:
			t.Errorf("%s: %v", c.Name, err)
		default:
			if diff := cmp.Diff(untag(t, c.Decoded), plain(t, text, attachments)); diff != "" {
				t.Errorf("%s: %s", c.Name, diff)
			}
		}
	}
}

// TestVectorsEncode writes the values that JSON can hold as notepack does.
func TestVectorsEncode(t *testing.T) {
	better := map[string]string{
		"1e300":          "cb7e37e43c8800759c", // notepack keeps the low 64 bits
		"lone-surrogate": "a3efbfbd",           // notepack makes another character of it
	}
	seen := 0
	for _, c := range codecCases(t) {
		text, attachments, ok := fromTagged(t, c.Value)
		if c.Value == nil || c.Error != "" || !ok {
			continue
		}
		seen++
		want := c.Hex
		if other, ok := better[c.Name]; ok {
			want = other
		}
		if c.Name == "uint16array-truncated-per-element" || c.Name == "dataview-empty" || c.Name == "regexp" || c.Name == "error" {
			continue // JavaScript types that this side does not have
		}
		got, err := appendPacked(nil, text, attachments)
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s: %s becomes %x, %v, want %s", c.Name, text, got, err, want)
		}
	}
	if seen < 45 {
		t.Errorf("only %d values", seen)
	}
}
