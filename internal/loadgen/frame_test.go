package loadgen

import (
	"bytes"
	"strings"
	"testing"
)

func TestFramesOfAllSizesAreCutWhereTheyEnd(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 65535, 65536} {
		payload := []byte(strings.Repeat("a", n))
		f := appendFrame(nil, opText, payload)
		if len(f) != headerSize(n)+n || f[1]&0x80 == 0 {
			t.Fatalf("%d bytes: a frame of %d", n, len(f))
		}
		server := append([]byte{f[0], f[1] & 0x7f}, f[2:headerSize(n)-4]...) // without mask and key
		server = append(server, payload...)
		for cut := range min(len(server), 12) {
			if _, _, size, err := cutFrame(server[:cut]); size != 0 || err != nil {
				t.Fatalf("%d bytes, of which %d are here: size %d, %v", n, cut, size, err)
			}
		}
		opcode, got, size, err := cutFrame(append(server, 0x81))
		if opcode != opText || !bytes.Equal(got, payload) || size != len(server) || err != nil {
			t.Fatalf("%d bytes: opcode %d, %d bytes, size %d, %v", n, opcode, len(got), size, err)
		}
	}
}

func TestFramesThatAServerMayNotSendAreRefused(t *testing.T) {
	for _, f := range []string{"\x01\x01a", "\x80\x01a", "\xc1\x01a", "\x81\x81\x00\x00\x00\x00a", "\x81\x7f\x00\x00\x00\x01\x00\x00\x00\x00"} {
		if _, _, _, err := cutFrame([]byte(f)); err == nil {
			t.Errorf("%q is taken", f)
		}
	}
}

func FuzzCutFrame(f *testing.F) {
	f.Add([]byte("\x81\x03abc"))
	f.Add([]byte("\x81\x7e\x00\x80"))
	f.Add([]byte("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, p []byte) {
		for {
			_, payload, size, err := cutFrame(p)
			if err != nil || size == 0 {
				return
			}
			if size > len(p) || len(payload) > size {
				t.Fatalf("%d of %d bytes, payload %d", size, len(p), len(payload))
			}
			p = p[size:]
		}
	})
}
