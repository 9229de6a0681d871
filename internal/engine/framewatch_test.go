package engine

import (
	"bytes"
	"compress/flate"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/realtime-go/realtime/internal/wsframe"
)

// TestMisplacedCompression: only the first frame of a message may be marked as compressed (RFC 7692 section 6.1, R22).
func TestMisplacedCompression(t *testing.T) {
	for name, frames := range map[string][][]byte{
		"ping":                {frameOf(fin|rsv1|opPing, "x")},
		"pong":                {frameOf(fin|rsv1|opPong, "x")},
		"close":               {frameOf(fin|rsv1|opClose, "\x03\xe8")},
		"continuation":        {frameOf(opText, "4a"), frameOf(fin|rsv1|opContinuation, "b")},
		"of a compressed one": {frameOf(rsv1|opText, string(deflatedPayload(t, []byte("4abc")))), frameOf(fin|rsv1|opContinuation, "")},
		"another bit":         {frameOf(fin|rsv1|reservedBit|opText, "4a")},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, Options{Compression: true}, echo)
			conn, _ := h.deflating(new(atomic.Int64))
			if _, err := conn.NetConn().Write(bytes.Join(frames, nil)); err != nil {
				t.Fatal(err)
			}
			if code := h.closeCode(conn); code != websocket.CloseProtocolError {
				t.Errorf("close code %d", code)
			}
		})
	}
}

// TestCompressedFragments: a compressed message arrives whole however it is cut, with control frames in between, in
// pieces of any size; also when its stream is closed before the last frame.
func TestCompressedFragments(t *testing.T) {
	text := []byte("4" + strings.Repeat("never eat shredded wheat ", 40))
	for name, payload := range map[string][]byte{"flushed": deflatedPayload(t, text), "closed": closedDeflate(t, text)} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, Options{Compression: true}, echo)
			conn, _ := h.deflating(new(atomic.Int64))
			third := len(payload) / 3
			all := bytes.Join([][]byte{
				frameOf(rsv1|opText, string(payload[:third])),
				frameOf(fin|opPing, "between"),
				frameOf(opContinuation, string(payload[third:2*third])),
				frameOf(opContinuation, string(payload[2*third:])),
				frameOf(opContinuation, ""),
				frameOf(fin|opContinuation, ""),
				frameOf(fin|opText, "4plain"),
				deflatedFrame(t, []byte("4again")),
			}, nil)
			for _, size := range []int{1, 7, len(all)} {
				for rest := all; len(rest) > 0; rest = rest[min(size, len(rest)):] {
					if _, err := conn.NetConn().Write(rest[:min(size, len(rest))]); err != nil {
						t.Fatal(err)
					}
				}
				for _, want := range []string{string(text), "4plain", "4again"} {
					if got := h.read(conn); got != want {
						t.Fatalf("pieces of %d: got %.40q, want %.40q", size, got, want)
					}
				}
			}
		})
	}
}

// TestEndlessEmptyFragmentsOfAClosedStream: a message is not over when its compressed stream is, and empty fragments do
// not keep it for longer than the time for a message (R20).
func TestEndlessEmptyFragmentsOfAClosedStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPipeHarness(t, Options{Compression: true, ConnectTimeout: -1, PingInterval: time.Hour}, echo)
		conn, _ := h.deflating(new(atomic.Int64))
		r := h.session()
		raw := conn.NetConn()
		begun := time.Now()
		if _, err := raw.Write(frameOf(rsv1|opText, string(closedDeflate(t, []byte("4early"))))); err != nil {
			t.Fatal(err)
		}
		cause := error(nil)
		for cause == nil {
			time.Sleep(time.Second) // synctest
			select {
			case cause = <-r.closed:
			default:
				_, _ = raw.Write(frameOf(opContinuation, "")) // fails when it is over
			}
			if time.Since(begun) > time.Minute {
				t.Fatal("it goes on for ever")
			}
		}
		if took := time.Since(begun); took > DefaultMessageTimeout+2*time.Second {
			t.Errorf("ended after %s", took)
		}
		if !errors.Is(cause, ErrTransportError) {
			t.Errorf("cause %v", cause)
		}
		conn.Close()
	})
}

// TestMuchAfterTheStream: what follows a closed stream within its message is bounded.
func TestMuchAfterTheStream(t *testing.T) {
	h := newHarness(t, Options{Compression: true}, echo)
	conn, _ := h.deflating(new(atomic.Int64))
	go func() { // owner: the test; ends when the connection is closed
		_, _ = conn.NetConn().Write(bytes.Join([][]byte{
			frameOf(rsv1|opText, string(closedDeflate(t, []byte("4x")))), frameOf(fin|opContinuation, strings.Repeat("y", 100_000)),
		}, nil))
	}()
	if code := h.closeCode(conn); code != websocket.CloseInvalidFramePayloadData {
		t.Errorf("close code %d", code)
	}
}

// TestDeflaterIsSmall: a huge message does not stay in the pool.
func TestDeflaterIsSmall(t *testing.T) {
	d := deflaters.Get().(*deflater)
	d.append(nil, wsframe.Binary, incompressible(1<<20))
	d.free()
	if c := d.out.Cap(); c > maxPooledDeflated {
		t.Errorf("keeps %d bytes", c)
	}
}

// closedDeflate is text as a deflate stream that ends with its last block.
func closedDeflate(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(text) // to memory
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// FuzzCompressedFrames sends anything to a server that inflates: it ends the connection or not, and serves others.
func FuzzCompressedFrames(f *testing.F) {
	f.Add([]byte{fin | rsv1 | opText, 0x83, 0, 0, 0, 0, 1, 2, 3})
	f.Add([]byte{rsv1 | opText, 0xfe, 0, 4, 1, 2, 3, 4, 5, 6, 7, 8, fin, 0x80, 0, 0, 0, 0})
	f.Add([]byte{fin | rsv1 | opPing, 0x80, 0, 0, 0, 0})
	h := newHarness(f, Options{Compression: true, MaxPayload: 10_000}, echo)
	f.Fuzz(func(t *testing.T, data []byte) {
		h := &harness{t: t, srv: h.srv, connect: h.connect, limit: h.limit, opened: h.opened, upgrades: h.upgrades}
		conn, _ := h.deflating(new(atomic.Int64))
		r := h.session()
		if _, err := conn.NetConn().Write(data); err != nil {
			t.Fatal(err)
		}
		if c, ok := conn.NetConn().(countingConn); ok {
			if half, ok := c.Conn.(*net.TCPConn); ok {
				_ = half.CloseWrite()
			}
		}
		await(h, r.closed, "end")
		conn.Close()
	})
}
