package nodewire

import (
	"encoding/hex"
	"errors"
	"runtime"
	"strings"
	"testing"
)

func fromHex(t testing.TB, s string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestUnpack(t *testing.T) {
	for _, c := range []struct{ name, hex, want string }{
		{"large integers keep their digits", "93 cf ffffffffffffffff d3 8000000000000000 cf 0020000000000001", `[18446744073709551615,-9223372036854775808,9007199254740993]`},
		{"positive numbers in signed form", "94 d0 05 d1 0005 d2 00000005 d3 0000000000000005", `[5,5,5,5]`},
		{"keys keep their order", "83 a1 62 01 a1 61 02 a2 3130 03", `{"b":1,"a":2,"10":3}`},
		{"keys that are no strings", "85 05 c0 ff c0 c0 c0 c2 c0 c3 c0", `{"5":null,"-1":null,"null":null,"false":null,"true":null}`},
		{"text as JSON.stringify has it", "ad 22 5c 0a 01 3c c3a9 e280a8 ff 7f", `"\"\\\n\u0001<é` + "\u2028\ufffd\u007f" + `"`},
		{
			"floats", "98 cb 3ff8000000000000 cb 4415af1d78b58c40 cb 3e7ad7f29abcaf48 cb 8000000000000000 cb 7ff8000000000000 cb fff0000000000000 ca 3dcccccd cb 4340000000000000",
			`[1.5,100000000000000000000,1e-7,0,null,null,0.10000000149011612,9007199254740992]`,
		},
		{"a large float", "cb 444b1ae4d6e2ef50", `1e+21`},
		{"undefined among elements", "93 01 d40000 02", `[1,null,2]`},
		{"undefined members", "83 a1 61 d40000 a1 62 01 a1 63 d40000", `{"b":1}`},
		{
			"dates", "94 d6ff 00000000 c70cff 00000000 fffff20f3a9a6bff d7 00 00000000000003e8 d7ff 0000000400000000",
			`["1970-01-01T00:00:00.000Z",null,"1970-01-01T00:00:01.000Z","1970-01-01T00:00:00.000Z"]`,
		},
		{"a year of six digits", "c70cff 00000000 0000003afff44180", `"+010000-01-01T00:00:00.000Z"`},
		{"a year before the first", "c70cff 00000000 fffffff184aa5080", `"-000001-01-01T00:00:00.000Z"`},
		{"binary values of any length", "93 c400 c50001 07 c600000001 08", `[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1},{"_placeholder":true,"num":2}]`},
		{"an ArrayBuffer of old", "91 c7 02 00 0102", `[{"_placeholder":true,"num":0}]`},
	} {
		text, _, err := unpack(fromHex(t, c.hex))
		if c.name == "text as JSON.stringify has it" {
			text, _, err = unpack("\xb0\"\\\n\x01<\xc3\xa9\xe2\x80\xa8\xff\x7fabcd")
			c.want = strings.TrimSuffix(c.want, `"`) + `abcd"`
		}
		if err != nil || string(text) != c.want {
			t.Errorf("%s: %s, %v, want %s", c.name, text, err, c.want)
		}
	}
}

// TestUnpackRefuses has what R74 asks to be refused.
func TestUnpackRefuses(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       error
	}{
		{"nothing", "", ErrTruncated},
		{"an array of 2^32-1 elements", "\xdd\xff\xff\xff\xff", ErrTruncated},
		{"a map of 2^32-1 members", "\xdf\xff\xff\xff\xff", ErrTruncated},
		{"a map with half of its members", "\x82\x01\x01\x01", ErrTruncated},
		{"a string longer than the message", "\xdb\xff\xff\xff\xffa", ErrTruncated},
		{"a binary value longer than the message", "\xc6\xff\xff\xff\xffa", ErrTruncated},
		{"an extension longer than the message", "\xc9\xff\xff\xff\xff\xff", ErrTruncated},
		{"half a number", "\xcf\x00\x00", ErrTruncated},
		{"a code that is none", "\xc1", ErrCode},
		{"bytes behind the value", "\x01\x01", ErrTrailing},
		{"another extension type", "\xd4\x05\x01", ErrExtension},
		{"a timestamp of five bytes", "\xc7\x05\xff12345", ErrExtension},
		{"an old extension of two bytes", "\xd5\x00ab", ErrExtension},
		{"71 levels", strings.Repeat("\x91", 71) + "\x01", ErrDepth},
		{"71 levels of maps", strings.Repeat("\x81\x01", 71) + "\x01", ErrDepth},
		{"an array as a key", "\x81\x90\x01", ErrShape},
		{"undefined", "\xd4\x00\x00", ErrShape},
		{"too many binary values", "\xdc\x04\x01" + strings.Repeat("\xc4\x00", 1025), ErrAttachments},
		{"more than the limit", strings.Repeat("\x01", MaxSize+1), ErrSize},
	} {
		if _, _, err := unpack(c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if _, _, err := unpack(strings.Repeat("\x91", 70) + "\x01"); err != nil {
		t.Errorf("70 levels: %v", err)
	}
}

// TestAllocsOfClaims shows that a length costs nothing before its bytes are there.
func TestAllocsOfClaims(t *testing.T) {
	const attempts = 1000
	for _, data := range []string{
		"\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\x93\xdd\xff\xff\xff\xff", "\xdb\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff", "\xc9\xff\xff\xff\xff\xff",
		"\x93\xa1a\x83\xa4type\x02\xa4data\x91\xa1x\xa3nsp\xa1/\x81\xa5rooms\xdd\xff\xff\xff\xff",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range attempts {
			if _, err := DecodeBroadcast(data); err == nil {
				t.Fatalf("%x is accepted", data)
			}
			if _, err := DecodeRequest(data); err == nil {
				t.Fatalf("%x is accepted", data)
			}
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / attempts; each > 4096 {
			t.Errorf("%x costs %d bytes", data, each)
		}
	}
}

func TestAllocsOfBroadcasts(t *testing.T) {
	b := &Broadcast{
		UID: "IjfDew", Namespace: "/", Selection: Selection{Rooms: []string{"room:1"}},
		Data: []byte(`["message",{"text":"hello","n":[1,2.5,null,true]},{"_placeholder":true,"num":0}]`), Attachments: [][]byte{{1, 2, 3}},
	}
	dst := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := AppendBroadcast(dst, b); err != nil {
			t.Fatal(err)
		}
	}); n > 4 { // the names of the placeholder's members are looked at
		t.Errorf("%v allocations to write", n)
	}
	b.Data, b.Attachments = []byte(`["message",{"text":"hello","n":[1,2.5,null,true]}]`), nil
	if n := testing.AllocsPerRun(100, func() {
		if _, err := AppendBroadcast(dst, b); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations to write text", n)
	}
	raw, err := AppendBroadcast(nil, b)
	if err != nil {
		t.Fatal(err)
	}
	message := string(raw)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := DecodeBroadcast(message); err != nil {
			t.Fatal(err)
		}
	}); n > 6 { // the broadcast, its rooms, its text
		t.Errorf("%v allocations to read", n)
	}
}
