package eiowire

import (
	"bytes"
	"encoding/base64"
	"errors"
	"testing"
	"time"
)

func TestDecodeRefuses(t *testing.T) {
	for in, want := range map[string]error{
		"":       ErrEmpty,
		"7":      ErrUnknownType,
		"/":      ErrUnknownType,
		"a123":   ErrUnknownType,
		" 4":     ErrUnknownType,
		"\x1e":   ErrUnknownType,
		"B":      ErrUnknownType,
		"\xff":   ErrUnknownType,
		"b!!!":   ErrBase64,
		"b%41AA": ErrBase64,
	} {
		if _, err := Decode([]byte(in)); !errors.Is(err, want) {
			t.Errorf("Decode(%q): error %v, want %v", in, err, want)
		}
	}
}

func TestTypeString(t *testing.T) {
	if got := Type('x').String(); got != "unknown(0x78)" {
		t.Errorf("String() = %q", got)
	}
}

func TestAppendOpen(t *testing.T) {
	got := string(AppendOpen([]byte("x"), OpenPacket{
		SID: "RWX-Xo9yXBtNWkkmAAAA", Upgrades: []string{"websocket"},
		PingInterval: 25 * time.Second, PingTimeout: 20 * time.Second, MaxPayload: 1_000_000,
	}))
	// Capture handshake-polling.
	const want = `x0{"sid":"RWX-Xo9yXBtNWkkmAAAA","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got = string(AppendOpen(nil, OpenPacket{SID: "x", Upgrades: []string{"a", "b"}, PingInterval: 300 * time.Millisecond}))
	if want := `0{"sid":"x","upgrades":["a","b"],"pingInterval":300,"pingTimeout":0,"maxPayload":0}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestNextPacketLinear counts the packets of payloads of growing size; that the
// cost is linear follows from each byte being looked at once (requirement R7).
func TestNextPacketLinear(t *testing.T) {
	for _, n := range []int{1, 1_000, 1_000_000} {
		body := bytes.Repeat([]byte("6\x1e"), n)
		body = body[:len(body)-1]
		count := 0
		allocs := testing.AllocsPerRun(1, func() {
			count = 0
			rest := body
			for more := true; more; count++ {
				_, rest, more = NextPacket(rest)
			}
		})
		if count != n || allocs != 0 {
			t.Errorf("%d packets: counted %d with %v allocations", n, count, allocs)
		}
	}
}

func TestAllocs(t *testing.T) {
	text := []byte(`42["vote",{"room":"lobby"}]`)
	standard, url := []byte("bAQIDBA=="), []byte("b-_8=")
	buf := make([]byte, 0, 256)
	open := OpenPacket{SID: "x", Upgrades: []string{"websocket"}}
	for _, c := range []struct {
		name string
		max  float64
		run  func()
	}{
		{"text", 0, func() { _, _ = Decode(text) }},
		{"base64", 1, func() { _, _ = Decode(standard) }},
		{"base64url", 2, func() { _, _ = Decode(url) }},
		{"encode base64", 0, func() { buf = AppendBase64(buf[:0], text) }},
		{"open", 0, func() { buf = AppendOpen(buf[:0], open) }},
	} {
		if got := testing.AllocsPerRun(100, c.run); got > c.max {
			t.Errorf("%s: %v allocations, want at most %v", c.name, got, c.max)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "0{}", "1", "2probe", "3", "4", "42[\"a\"]", "5", "6", "7", "b", "bAQIDBA==", "b-_8", "b!!!", "bAA=A", "\x1e"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := Decode(in)
		if err != nil {
			if len(in) > 0 && in[0] >= '0' && in[0] <= '6' {
				t.Fatalf("Decode(%q): %v", in, err)
			}
			return
		}
		if p.Binary != (in[0] == 'b') {
			t.Fatalf("Decode(%q) = %+v", in, p)
		}
		if !p.Binary {
			if again := append([]byte{byte(p.Type)}, p.Data...); !bytes.Equal(again, in) {
				t.Fatalf("%q became %q", in, again)
			}
			return
		}
		encoded := AppendBase64(nil, p.Data)
		if len(encoded) != Base64Len(len(p.Data)) {
			t.Fatalf("Base64Len(%d) = %d, wrote %d", len(p.Data), Base64Len(len(p.Data)), len(encoded))
		}
		q, err := Decode(encoded)
		if err != nil || !bytes.Equal(q.Data, p.Data) {
			t.Fatalf("%x did not survive: %x, %v", p.Data, q.Data, err)
		}
		// Whatever the standard decoder takes without skipping anything, we read
		// the same way.
		if std, err := base64.StdEncoding.DecodeString(string(in[1:])); err == nil && !bytes.Equal(std, p.Data) {
			t.Fatalf("%q: %x, standard library %x", in, p.Data, std)
		}
	})
}

func FuzzPayload(f *testing.F) {
	for _, s := range []string{"", "4a", "4a\x1e", "\x1e4a", "4hello\x1e2\x1ebAQIDBA==\x1e4world", "\x1e\x1e\x1e"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var joined []byte
		count := 0
		rest := in
		for more := true; more; count++ {
			var packet []byte
			packet, rest, more = NextPacket(rest)
			if bytes.IndexByte(packet, Separator) >= 0 {
				t.Fatalf("packet %q holds a separator", packet)
			}
			if count > 0 {
				joined = append(joined, Separator)
			}
			joined = append(joined, packet...)
		}
		if !bytes.Equal(joined, in) || count != bytes.Count(in, []byte{Separator})+1 {
			t.Fatalf("%q was cut into %d packets that join to %q", in, count, joined)
		}
	})
}
