package nodewire

import (
	"bytes"
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// seed gives every captured message whose channel holds the word.
func seed(f *testing.F, word string) {
	f.Helper()
	for _, file := range []string{"redis-classic.json", "redis-emitter.json"} {
		var c capture
		load(f, file, &c)
		for _, test := range c.Cases {
			for _, m := range test.Messages {
				if m.Command == "PUBLISH" && strings.Contains(m.Channel, word) {
					f.Add(fromHex(f, m.Payload))
				}
			}
		}
	}
	for _, hostile := range []string{"\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\xc9\xff\xff\xff\xff\x00", strings.Repeat("\x91", 200), strings.Repeat("{\"a\":", 200)} {
		f.Add(hostile)
	}
}

// cheap fails if f allocates more than R37 allows for its input.
func cheap(t *testing.T, size int, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if cost := after.TotalAlloc - before.TotalAlloc; cost > 1<<20+64*uint64(size) {
		t.Errorf("%d bytes cost %d", size, cost)
	}
}

// sound checks what was accepted: JSON of the right shape, whose placeholders are
// inside the attachments.
func sound(t *testing.T, text []byte, attachments [][]byte) {
	t.Helper()
	if text == nil {
		return
	}
	if !json.Valid(text) {
		t.Fatalf("not JSON: %q", text)
	}
	if _, err := appendPacked(nil, text, nil); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	if len(attachments) > MaxAttachments {
		t.Fatalf("%d attachments", len(attachments))
	}
}

func FuzzDecodeBroadcast(f *testing.F) {
	seed(f, "#")
	f.Fuzz(func(t *testing.T, s string) {
		cheap(t, len(s), func() {
			b, err := DecodeBroadcast(s)
			if err != nil {
				return
			}
			sound(t, b.Data, b.Attachments)
			sound(t, b.Note, nil)
			again, err := AppendBroadcast(nil, b)
			if err != nil {
				return // an object of the message may look like a placeholder that points nowhere
			}
			b2, err := DecodeBroadcast(string(again))
			if err != nil {
				t.Fatalf("%v in %x", err, again)
			}
			third, err := AppendBroadcast(nil, b2)
			if err != nil || !bytes.Equal(again, third) {
				t.Fatalf("%x becomes %x, %v", again, third, err)
			}
		})
	})
}

func FuzzDecodeRequest(f *testing.F) {
	seed(f, "-request#")
	f.Fuzz(func(t *testing.T, s string) {
		cheap(t, len(s), func() {
			r, err := DecodeRequest(s)
			if err != nil {
				return
			}
			sound(t, r.Data, r.Attachments)
			sound(t, r.Note, nil)
			again, err := AppendRequest(nil, r)
			if err != nil || r.Type > Acks && r.Type != Ours || r.Socket != "" {
				return
			}
			if _, err := DecodeRequest(string(again)); err != nil {
				t.Fatalf("%v in %q", err, again)
			}
		})
	})
}

func FuzzDecodeResponse(f *testing.F) {
	seed(f, "-response#")
	f.Fuzz(func(t *testing.T, s string) {
		cheap(t, len(s), func() {
			r, err := DecodeResponse(s)
			if err != nil {
				return
			}
			sound(t, r.Data, r.Attachments)
			again, err := AppendResponse(nil, r)
			if err != nil {
				return
			}
			r2, err := DecodeResponse(string(again))
			if err != nil {
				t.Fatalf("%v in %q", err, again)
			}
			if r2.ID != strings.ToValidUTF8(r.ID, "\ufffd") || r.Type == ClientCount && r2.ClientCount != r.ClientCount {
				t.Fatalf("%+v becomes %+v", r, r2)
			}
		})
	})
}

// FuzzTranscode takes JSON to msgpack and back: the standard library must find the same
// values in it.
func FuzzTranscode(f *testing.F) {
	for _, text := range []string{
		`[]`, `{"b":1,"a":[1.5,-2,null,true,false,"\u00e9\ud83d\ude00\ud800"]}`, `[18446744073709551615,-9223372036854775808,1e300,0.1,-0.0]`,
		`{"_placeholder":true,"num":0}`, ` [ { } , "" ] `, `"\\\"\n"`, `{"":{"":[[[]]]}}`, `[1e999]`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		packed, err := appendPacked(nil, text, nil)
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("%q is no JSON and is accepted", text)
		}
		back, attachments, err := unpack(string(packed))
		if err != nil || attachments != nil {
			t.Fatalf("%v in %x of %q", err, packed, text)
		}
		var want, got any
		if json.Unmarshal(text, &want) != nil {
			return // a number that the standard library does not hold
		}
		if err := json.Unmarshal(back, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q becomes %q: %s", text, back, diff)
		}
		again, err := appendPacked(nil, back, nil)
		if err != nil || !bytes.Equal(again, packed) {
			t.Fatalf("%x becomes %x, %v", packed, again, err)
		}
	})
}
