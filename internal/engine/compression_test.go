package engine

import (
	"bufio"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/realtime-go/realtime/internal/wsframe"
)

// countingConn counts what a client gets, in bytes.
type countingConn struct {
	net.Conn
	n *atomic.Int64
}

func (c countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// deflating opens a websocket whose client offers compression.
func (h *harness) deflating(received *atomic.Int64) (*websocket.Conn, *http.Response) {
	h.t.Helper()
	d := websocket.Dialer{EnableCompression: true, HandshakeTimeout: h.limit, NetDial: func(string, string) (net.Conn, error) {
		c, err := h.connect()
		return countingConn{c, received}, err
	}}
	conn, resp, err := d.Dial("ws://"+testHost+DefaultPath+"?EIO=4&transport=websocket", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	if m := h.read(conn); !strings.HasPrefix(m, `0{"sid":"`) {
		h.t.Fatalf("open packet %q", m)
	}
	received.Store(0)
	return conn, resp
}

// TestCompressionIsOff is the default of requirement R19: an offer is not taken, so
// there is nothing that could be inflated.
func TestCompressionIsOff(t *testing.T) {
	h := newHarness(t, Options{})
	if _, resp := h.deflating(new(atomic.Int64)); resp.Header.Get("Sec-Websocket-Extensions") != "" {
		t.Errorf("extensions %q", resp.Header.Get("Sec-Websocket-Extensions"))
	}
}

// TestOffers: what is taken, and what RFC 7692 forbids to take as gorilla would.
func TestOffers(t *testing.T) {
	for offer, want := range map[string]bool{
		"":                       false,
		"x-webkit-deflate-frame": false,
		"permessage-deflate":     true,
		"permessage-deflate; client_max_window_bits":                                 true, // of browsers
		"foo, permessage-deflate; server_no_context_takeover":                        true,
		"permessage-deflate; server_max_window_bits=10":                              false,
		`permessage-deflate; client_max_window_bits="12"`:                            true,
		"permessage-deflate; client_max_window_bits=7":                               false,
		"permessage-deflate; client_max_window_bits=x":                               false,
		"permessage-deflate; server_no_context_takeover=1":                           false,
		"permessage-deflate; no_such_parameter":                                      false,
		"permessage-deflate; client_no_context_takeover; client_no_context_takeover": false,
		"permessage-deflate;server_max_window_bits=8, permessage-deflate":            false,
	} {
		h := newHarness(t, Options{Compression: true})
		conn, err := h.connect()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET %s?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Extensions: %s\r\n\r\n", DefaultPath, testHost, offer)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		conn.Close()
		if err != nil {
			t.Fatal(err)
		}
		answer := ""
		if want {
			answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
		}
		if got := resp.Header.Get("Sec-Websocket-Extensions"); got != answer {
			t.Errorf("%q is answered with %q", offer, got)
		}
	}
}

// TestCompressedBroadcast: one compressed message for all who can read it, the plain one for all others, and what small,
// incompressible or excepted messages do.
func TestCompressedBroadcast(t *testing.T) {
	h := newHarness(t, Options{Compression: true}, keep(8))
	var bytesA, bytesB atomic.Int64
	a, _ := h.deflating(&bytesA)
	ra := h.session()
	b, _ := h.deflating(&bytesB)
	rb := h.session()
	plain, rp := h.openWebSocket()
	text := strings.Repeat("compress me ", 1000)
	large := message(text, "\x00\x01\x02", strings.Repeat("\x07", 5000))
	except := message(text)
	except.DoNotCompress()
	small := message(strings.Repeat("a", 900))
	for _, m := range []*Message{large, except, small} {
		for _, r := range []*recorder{ra, rb, rp} {
			if err := r.session.Send(m); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := []string{"4" + text, "binary:\x00\x01\x02", "binary:" + strings.Repeat("\x07", 5000), "4" + text, "4" + strings.Repeat("a", 900)}
	for _, conn := range []*websocket.Conn{a, b, plain} {
		for i, w := range want {
			if got := h.read(conn); got != w {
				t.Fatalf("message %d: %.60q", i, got)
			}
		}
	}
	uncompressed := int64(except.Size() + small.Size())
	for _, n := range []int64{bytesA.Load(), bytesB.Load()} {
		if packed := n - uncompressed; packed <= 0 || packed > int64(large.Size()/20) {
			t.Errorf("%d bytes for a message of %d", packed, large.Size())
		}
	}
	if large.packed.Load() == nil || except.packed.Load() != nil || small.packed.Load() != nil {
		t.Error("compressed what should not be, or nothing")
	}
	first := large.compressed()
	if second := large.compressed(); &first[0] != &second[0] {
		t.Error("compressed twice")
	}
	// The binary part of three bytes would grow: it stays as it is, beside those that shrink.
	if bytes.Count(first, []byte("\x82\x03\x00\x01\x02")) != 1 || first[0] != 0x80|byte(wsframe.Text|wsframe.Compressed) {
		t.Errorf("frames %x", first[:20])
	}
}

// TestInflated: compressed messages of a client arrive whole, and the limit holds for what is inflated (R19).
func TestInflated(t *testing.T) {
	h := newHarness(t, Options{Compression: true, MaxPayload: 100_000}, echo)
	conn, _ := h.deflating(new(atomic.Int64))
	for _, n := range []int{1, 1000, 60_000, 99_000} {
		text := "4" + strings.Repeat("x", n)
		h.write(conn, text)
		if got := h.read(conn); got != text {
			t.Fatalf("%d bytes: %.40q", n, got)
		}
	}
}

// TestIncompressible: a message within the limit that grows on its way is taken.
func TestIncompressible(t *testing.T) {
	const limit = 200_000
	h := newHarness(t, Options{Compression: true, MaxPayload: limit}, echo)
	conn, _ := h.deflating(new(atomic.Int64))
	h.session()
	noise := incompressible(limit)
	if err := conn.WriteMessage(websocket.BinaryMessage, noise); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"4", "binary:" + string(noise)} { // echo sends it as an attachment
		if got := h.read(conn); got != want {
			t.Fatalf("%d bytes: %.40q", len(got), got)
		}
	}
}

// TestBomb: a message that is small and inflates without end is refused as one that is too large, with no more memory than the limit needs.
func TestBomb(t *testing.T) {
	const limit = 1 << 20
	h := newHarness(t, Options{Compression: true, MaxPayload: limit}, echo)
	other, _ := h.openWebSocket()
	conn, _ := h.deflating(new(atomic.Int64))
	r := h.session()
	frame := deflatedFrame(t, append([]byte("4"), make([]byte, 60<<20)...))
	if len(frame) > limit/10 {
		t.Fatalf("a bomb of %d bytes", len(frame))
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if _, err := conn.NetConn().Write(frame); err != nil {
		t.Fatal(err)
	}
	if code := h.closeCode(conn); code != websocket.CloseMessageTooBig {
		t.Errorf("close code %d", code)
	}
	runtime.ReadMemStats(&after)
	var tooLarge *PayloadTooLarge
	if cause := <-r.closed; !errors.As(cause, &tooLarge) {
		t.Errorf("cause %v", cause)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4*limit { // the message and the buffers that it grew through
		t.Errorf("the heap grew by %d bytes", grown)
	}
	h.write(other, "4still here")
	if got := h.read(other); got != "4still here" {
		t.Errorf("another client got %q", got)
	}
}

// TestCorruptDeflate: what cannot be inflated ends its connection, and no other.
func TestCorruptDeflate(t *testing.T) {
	for name, payload := range map[string]string{
		"no deflate": "\xff\xff\xff\xff\xff\xff", "cut": string(deflatedPayload(t, []byte("4"+strings.Repeat("abc", 100)))[:20]), "empty": "",
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, Options{Compression: true}, echo)
			other, _ := h.openWebSocket()
			conn, _ := h.deflating(new(atomic.Int64))
			r := h.session()
			if _, err := conn.NetConn().Write(frameOf(fin|rsv1|opText, payload)); err != nil {
				t.Fatal(err)
			}
			code := h.closeCode(conn)
			if cause := <-r.closed; cause == nil || name != "empty" && (code != websocket.CloseInvalidFramePayloadData || !errors.Is(cause, ErrTransportError)) {
				t.Errorf("close code %d, cause %v", code, cause)
			}
			h.write(other, "4still here")
			if got := h.read(other); got != "4still here" {
				t.Errorf("another client got %q", got)
			}
		})
	}
}

// TestCompressedWithoutNegotiation: a compressed frame of a client that did not offer breaks the protocol (RFC 6455 section 5.2).
func TestCompressedWithoutNegotiation(t *testing.T) {
	h := newHarness(t, Options{Compression: true}, echo)
	conn, _ := h.openWebSocket()
	if _, err := conn.NetConn().Write(deflatedFrame(t, []byte("4hello"))); err != nil {
		t.Fatal(err)
	}
	if code := h.closeCode(conn); code != websocket.CloseProtocolError {
		t.Errorf("close code %d", code)
	}
}

// incompressible is n bytes in which deflate finds nothing.
func incompressible(n int) []byte {
	noise := make([]byte, n)
	for i, x := 0, uint64(1); i < n; i++ { // xorshift
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		noise[i] = byte(x >> 32)
	}
	return noise
}

const rsv1 = 0x40

func deflatedPayload(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte(syncMarker))
}

func deflatedFrame(t *testing.T, text []byte) []byte {
	t.Helper()
	return frameOf(fin|rsv1|opText, string(deflatedPayload(t, text)))
}

// BenchmarkCompressed makes the compressed form of a message: once for all receivers.
func BenchmarkCompressed(b *testing.B) {
	for _, size := range []int{1 << 10, 16 << 10} {
		text := strings.Repeat(`{"seat":3,"name":"player seven","ready":true},`, size/46+1)[:size]
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			b.ReportAllocs()
			var small int
			for b.Loop() {
				small = len(message(text).compressed())
			}
			b.ReportMetric(float64(small)/float64(size), "bytes/byte")
		})
	}
}
