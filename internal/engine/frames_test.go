package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// Opcodes of client frames.
const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPing         = 9
	opPong         = 10
)

// clientFrame is a masked frame as a client sends it. first holds FIN, reserved
// bits and opcode; length is what the header announces.
func clientFrame(first byte, length uint64, payload []byte) []byte {
	var b []byte
	switch {
	case length <= 125:
		b = append(b, first, 0x80|byte(length))
	case length <= 65535:
		b = binary.BigEndian.AppendUint16(append(b, first, 0x80|126), uint16(length))
	default:
		b = binary.BigEndian.AppendUint64(append(b, first, 0x80|127), length)
	}
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	b = append(b, key[:]...)
	for i, c := range payload {
		b = append(b, c^key[i%4])
	}
	return b
}

const fin = 0x80

func frameOf(first byte, payload string) []byte {
	return clientFrame(first, uint64(len(payload)), []byte(payload))
}

func closeFrameOf(code int, reason string) []byte {
	return frameOf(fin|opClose, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason)
}

// rawClient is a websocket client that sends frames as they are given.
type rawClient struct {
	*websocket.Conn
	h *harness
	r *recorder
}

// raw opens a session whose receiver echoes text messages, with compression if the server has it.
func (h *harness) raw() *rawClient {
	h.t.Helper()
	if h.srv.opts.Compression {
		conn, _ := h.deflating(new(atomic.Int64))
		return &rawClient{conn, h, h.session()}
	}
	conn, r := h.openWebSocket()
	return &rawClient{conn, h, r}
}

func (c *rawClient) sendRaw(frames ...[]byte) {
	c.h.t.Helper()
	if _, err := c.NetConn().Write(bytes.Join(frames, nil)); err != nil {
		c.h.t.Fatal(err)
	}
}

// echo makes the receivers of a harness send every text message back and join.
func echo(r *recorder) {
	r.session.Joined()
	r.handle = func(data []byte, binary bool) error {
		if binary {
			return r.session.Send(NewMessage(nil, data))
		}
		return r.session.Send(NewMessage(data))
	}
}

// frameCase is one exchange: frames go in, texts come back, and the connection
// ends with the given code, or lives if that is 0.
type frameCase struct {
	name   string
	frames [][]byte
	want   []string
	code   int
}

func (h *harness) runFrames(t *testing.T, c frameCase) {
	t.Run(c.name, func(t *testing.T) {
		h := &harness{t: t, srv: h.srv, connect: h.connect, limit: h.limit, opened: h.opened, upgrades: h.upgrades}
		conn := h.raw()
		defer conn.Close()
		var pongs []string
		conn.SetPongHandler(func(s string) error { pongs = append(pongs, s); return nil })
		// Owner: the test; it ends when everything is written or the connection is
		// closed.
		written := make(chan struct{})
		go func() {
			defer close(written)
			_, _ = conn.NetConn().Write(bytes.Join(c.frames, nil))
		}()
		for _, want := range c.want {
			if pong, ok := strings.CutPrefix(want, "pong:"); ok {
				for len(pongs) == 0 {
					// A pong is seen while something is read.
					conn.sendRaw(frameOf(fin|opText, "4after the ping"))
					if got := h.read(conn.Conn); got != "4after the ping" {
						t.Fatalf("got %q", got)
					}
				}
				if pongs[0] != pong {
					t.Fatalf("pong %q, want %q", pongs[0], pong)
				}
				pongs = pongs[1:]
				continue
			}
			if got := h.read(conn.Conn); got != want {
				t.Fatalf("got %.80q, want %.80q", got, want)
			}
		}
		if c.code == 0 {
			<-written
			conn.sendRaw(frameOf(fin|opText, "4alive"))
			if got := h.read(conn.Conn); got != "4alive" {
				t.Fatalf("got %.80q instead of a live connection", got)
			}
			return
		}
		if got := h.closeCode(conn.Conn); got != c.code {
			t.Errorf("closed with %d, want %d", got, c.code)
		}
		<-written
		await(h, conn.r.closed, "end")
	})
}

// TestRFC6455 ports the groups 1 to 7, 9 and 10 of the Autobahn suite
// (requirement R22), with compression negotiated too.
func TestRFC6455(t *testing.T) {
	for name, compression := range map[string]bool{"plain": false, "compression": true} {
		t.Run(name, func(t *testing.T) { testFrames(t, compression) })
	}
}

func testFrames(t *testing.T, compression bool) {
	t.Helper()
	h := newHarness(t, Options{MaxUnjoined: -1, Compression: compression}, echo)
	var cases []frameCase
	add := func(name string, code int, want []string, frames ...[]byte) {
		cases = append(cases, frameCase{name, frames, want, code})
	}
	text := func(s string) []byte { return frameOf(fin|opText, "4"+s) }

	for _, n := range []int{0, 1, 124, 125, 126, 127, 65534, 65535, 65536} { // 1: framing
		s := strings.Repeat("*", n)
		add(fmt.Sprint("1 text ", n), 0, []string{"4" + s}, text(s))
		add(fmt.Sprint("1 binary ", n), 0, []string{"4", "binary:" + s}, frameOf(fin|opBinary, s))
	}
	add("2 ping", 0, []string{"pong:"}, frameOf(fin|opPing, ""))
	add("2 ping with payload", 0, []string{"pong:\x00\xff\xfe\xfd"}, frameOf(fin|opPing, "\x00\xff\xfe\xfd"))
	add("2 ping 125", 0, []string{"pong:" + strings.Repeat("\xfe", 125)}, frameOf(fin|opPing, strings.Repeat("\xfe", 125)))
	add("2 ping 126", 1002, nil, frameOf(fin|opPing, strings.Repeat("x", 126)))
	add("2 unsolicited pong", 0, nil, frameOf(fin|opPong, ""), frameOf(fin|opPong, "x"))
	add("2 ten pings", 0, []string{"pong:0", "pong:1", "pong:2", "pong:3", "pong:4", "pong:5", "pong:6", "pong:7", "pong:8", "pong:9"},
		frameOf(fin|opPing, "0"), frameOf(fin|opPing, "1"), frameOf(fin|opPing, "2"), frameOf(fin|opPing, "3"), frameOf(fin|opPing, "4"),
		frameOf(fin|opPing, "5"), frameOf(fin|opPing, "6"), frameOf(fin|opPing, "7"), frameOf(fin|opPing, "8"), frameOf(fin|opPing, "9"))
	for rsv := byte(1); rsv < 8; rsv++ { // 3: reserved bits
		code := 1002
		if compression && rsv == rsv1>>4 { // allowed, but "4x" is not compressed
			code = 1007
		}
		add(fmt.Sprint("3 rsv ", rsv), code, []string{"4before"}, text("before"), frameOf(fin|rsv<<4|opText, "4x"))
		add(fmt.Sprint("3 rsv ping ", rsv), 1002, nil, frameOf(fin|rsv<<4|opPing, ""))
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} { // 4: opcodes
		add(fmt.Sprint("4 opcode ", op), 1002, []string{"4before"}, text("before"), frameOf(fin|op, "x"), text("after"))
	}
	add("4 no mask", 1002, nil, []byte{fin | opText, 1, '4'})
	add("5 fragmented ping", 1002, nil, frameOf(opPing, "a"), frameOf(fin|opContinuation, "b"))
	add("5 fragmented pong", 1002, nil, frameOf(opPong, "a"), frameOf(fin|opContinuation, "b"))
	add("5 two fragments", 0, []string{"4ab"}, frameOf(opText, "4a"), frameOf(fin|opContinuation, "b"))
	add("5 ping between", 0, []string{"4ab"}, frameOf(opText, "4a"), frameOf(fin|opPing, "p"), frameOf(fin|opContinuation, "b"))
	add("5 many pings between", 0, []string{"4abc"}, frameOf(opText, "4a"), frameOf(fin|opPing, "p"), frameOf(opContinuation, "b"), frameOf(fin|opPing, "q"), frameOf(fin|opContinuation, "c"))
	add("5 empty fragments", 0, []string{"4"}, frameOf(opText, ""), frameOf(opContinuation, "4"), frameOf(fin|opContinuation, ""))
	add("5 continuation first", 1002, nil, frameOf(fin|opContinuation, "4a"), text("x"))
	add("5 unfinished continuation first", 1002, nil, frameOf(opContinuation, "4a"), text("x"))
	add("5 data inside a message", 1002, nil, frameOf(opText, "4a"), text("x"))
	add("5 continuation after the end", 1002, []string{"4ab"}, frameOf(opText, "4a"), frameOf(fin|opContinuation, "b"), frameOf(fin|opContinuation, "c"))

	const greek = "Hello-µ@ßöäüàá-UTF-8!!κόσμε😀"
	add("6 valid", 0, []string{"4" + greek}, text(greek))
	var split [][]byte
	for i := range len(greek) {
		op := byte(opContinuation)
		if i == 0 {
			split = append(split, frameOf(opText, "4"))
		}
		split = append(split, frameOf(op, greek[i:i+1]))
	}
	add("6 split in bytes", 0, []string{"4" + greek}, append(split, frameOf(fin|opContinuation, ""))...)
	for i, bad := range []string{
		"\xff", "\xfe", "κόσμε\xed\xa0\x80edited", "\xce", "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\x80", "\xbf", "\xc3\x28", "\xe2\x82", "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80",
	} {
		add(fmt.Sprint("6 invalid ", i), 1007, nil, text(bad))
		add(fmt.Sprint("6 invalid, in two fragments ", i), 1007, nil, frameOf(opText, "4"+bad[:1]), frameOf(fin|opContinuation, bad[1:]))
	}
	for i, good := range []string{"\x00", "\x7f", "\u0080", "\u07ff", "\u0800", "\uffff", "\U00010000", "\U0010ffff", "\ufffd", "\ufdd0"} {
		add(fmt.Sprint("6 boundary ", i), 0, []string{"4" + good}, text(good))
	}

	add("7 close", 1005, []string{"4x"}, text("x"), frameOf(fin|opClose, ""))
	add("7 two closes", 1000, nil, closeFrameOf(1000, ""), closeFrameOf(1000, ""))
	add("7 ping after close", 1000, nil, closeFrameOf(1000, ""), frameOf(fin|opPing, "x"))
	add("7 text after close", 1000, nil, closeFrameOf(1000, ""), text("x"))
	add("7 close inside a message", 1000, nil, frameOf(opText, "4a"), closeFrameOf(1000, ""), frameOf(fin|opContinuation, "b"))
	// RFC 6455 section 5.5.1 asks for 1002 here; gorilla takes it for a close frame
	// without status, which ends the connection as well.
	add("7 close with one byte", 1005, nil, frameOf(fin|opClose, "x"))
	add("7 long reason", 1000, nil, closeFrameOf(1000, strings.Repeat("x", 123)))
	add("7 too long reason", 1002, nil, closeFrameOf(1000, strings.Repeat("x", 124)))
	add("7 reason not UTF-8", 1002, nil, closeFrameOf(1000, "\xce\xba\xff"))
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		add(fmt.Sprint("7 code ", code), code, nil, closeFrameOf(code, "bye"))
	}
	for _, code := range []int{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535} {
		add(fmt.Sprint("7 bad code ", code), 1002, nil, closeFrameOf(code, ""))
	}

	for _, n := range []int{64 << 10, 256 << 10, 999_999} { // 9 and 10: size and fragmentation
		s := strings.Repeat("\u00e9", n/2)
		add(fmt.Sprint("9 one frame ", n), 0, []string{"4" + s}, text(s))
		for _, part := range []int{1300, 4096, 65536} {
			frames := [][]byte{frameOf(opText, "4")}
			for rest := s; rest != ""; {
				k := min(part, len(rest))
				frames = append(frames, frameOf(opContinuation, rest[:k]))
				rest = rest[k:]
			}
			add(fmt.Sprint("10 fragments ", n, " of ", part), 0, []string{"4" + s}, append(frames, frameOf(fin|opContinuation, ""))...)
		}
	}
	for _, c := range cases {
		h.runFrames(t, c)
	}
}

// TestChopped sends frames byte by byte (Autobahn 1.1.8, 5.x chopped).
func TestChopped(t *testing.T) {
	h := newHarness(t, Options{}, echo)
	conn := h.raw()
	for _, b := range bytes.Join([][]byte{frameOf(opText, "4a"), frameOf(fin|opPing, "p"), frameOf(fin|opContinuation, "b")}, nil) {
		conn.sendRaw([]byte{b})
	}
	if got := h.read(conn.Conn); got != "4ab" {
		t.Errorf("got %q", got)
	}
}

// TestFrameLimits is requirement R17: 1009, and no more memory than the limit
// and 64 KiB, whatever a header announces.
func TestFrameLimits(t *testing.T) {
	const limit = DefaultMaxPayload
	h := newHarness(t, Options{MaxUnjoined: -1})
	fragments := func(n, size int) (frames [][]byte) {
		frames = append(frames, frameOf(opText, strings.Repeat("4", size)))
		for range n - 1 {
			frames = append(frames, frameOf(opContinuation, strings.Repeat("4", size)))
		}
		return frames
	}
	body := bytes.Repeat([]byte("4"), limit+1)
	for _, c := range []struct {
		name   string
		frames [][]byte
		joined bool
		limit  int64
	}{
		{"one byte over", [][]byte{clientFrame(fin|opText, limit+1, body)}, true, limit},
		{"one byte over, binary", [][]byte{clientFrame(fin|opBinary, limit+1, body)}, true, limit},
		{"2^31", [][]byte{clientFrame(fin|opText, 1<<31, body[:100])}, true, limit},
		{"2^32", [][]byte{clientFrame(fin|opText, 1<<32, body[:100])}, true, limit},
		{"2^62", [][]byte{clientFrame(fin|opText, 1<<62, body[:100])}, true, limit},
		{"2^63-1", [][]byte{clientFrame(fin|opText, 1<<63-1, body[:100])}, true, limit},
		{"2^63", [][]byte{clientFrame(fin|opText, 1<<63, body[:100])}, true, limit},
		{"2^64-1", [][]byte{clientFrame(fin|opText, 1<<64-1, body[:100])}, true, limit},
		{"2^63-1 as continuation", [][]byte{frameOf(opText, "4x"), clientFrame(fin|opContinuation, 1<<63-1, body[:100])}, true, limit},
		{"fragments of 1000", fragments(1001, 1000), true, limit},
		{"fragments of 100,000", fragments(11, 100_000), true, limit},
		{"before join", [][]byte{clientFrame(fin|opText, 65<<10, body[:65<<10])}, false, DefaultMaxPayloadBeforeJoin},
		{"before join, fragments", fragments(66, 1000), false, DefaultMaxPayloadBeforeJoin},
		{"before join, 2^62", [][]byte{clientFrame(fin|opText, 1<<62, body[:100])}, false, limit},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &harness{t: t, srv: h.srv, connect: h.connect, limit: h.limit, opened: h.opened, upgrades: h.upgrades}
			conn := h.raw()
			if c.joined {
				conn.r.session.Joined()
			}
			wire := bytes.Join(c.frames, nil)
			var cause error
			got := allocated(func() {
				_, _ = conn.NetConn().Write(wire)
				cause = await(h, conn.r.closed, "end")
			})
			var tooLarge *PayloadTooLarge
			if !errors.As(cause, &tooLarge) || tooLarge.Limit != c.limit || !errors.Is(cause, ErrTransportError) {
				t.Errorf("cause %v", cause)
			}
			if got > uint64(c.limit)+64<<10 {
				t.Errorf("%d bytes allocated", got)
			}
			if code := h.closeCode(conn.Conn); code != 1009 {
				t.Errorf("closed with %d", code)
			}
		})
	}
}

// TestEmptyFragments is requirement R20: 200,000 empty fragments end at the
// message deadline, and the heap stays flat.
func TestEmptyFragments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPipeHarness(t, Options{ConnectTimeout: -1})
		conn := h.raw()
		begin := time.Now()
		conn.sendRaw(frameOf(opText, "4"))
		many := bytes.Repeat(frameOf(opContinuation, ""), 1000)
		got := allocated(func() {
			for range 200 {
				if _, err := conn.NetConn().Write(many); err != nil {
					t.Fatal(err)
				}
			}
		})
		if got > 256<<10 {
			t.Errorf("%d bytes allocated for 200,000 empty fragments", got)
		}
		ended := make(chan int, 1)
		// Owner: the test, which receives from ended.
		go func() { ended <- h.closeCode(conn.Conn) }()
		expectEnd(t, h, conn.r, ErrTransportError)
		if took := time.Since(begin); took != DefaultMessageTimeout {
			t.Errorf("ended after %s", took)
		}
		if code := await(h, ended, "close frame"); code != 1008 {
			t.Errorf("closed with %d", code)
		}
	})
}

// TestInvalidTextReachesNobody is requirement R21.
func TestInvalidTextReachesNobody(t *testing.T) {
	var room []*recorder
	h := newHarness(t, Options{}, func(r *recorder) {
		r.handle = func(data []byte, binary bool) error {
			for _, other := range room {
				_ = other.session.Send(NewMessage(data))
			}
			return nil
		}
	})
	var conns []*rawClient
	for range 10 {
		c := h.raw()
		conns = append(conns, c)
	}
	for _, c := range conns {
		room = append(room, c.r)
	}
	conns[0].sendRaw(frameOf(fin|opText, "4\xff\xfe"))
	if code := h.closeCode(conns[0].Conn); code != 1007 {
		t.Errorf("closed with %d", code)
	}
	expectEnd(t, h, conns[0].r, ErrTransportError)
	conns[1].sendRaw(frameOf(fin|opText, "4hello"))
	for _, c := range conns[1:] {
		if got := h.read(c.Conn); got != "4hello" {
			t.Errorf("got %q", got)
		}
	}
	// Polling bodies are repaired, as by the official server.
	sid, r := h.openPolling()
	got := make(chan string, 1)
	r.handle = func(data []byte, _ bool) error { got <- string(data); return nil }
	h.post(sid, "4\xff\xfe")
	if s := await(h, got, "message"); s != "\ufffd" {
		t.Errorf("got %q", s)
	}
}

// TestControlFramesBesideMessages: a client that pings all the time gets every
// pong, and no message is torn or out of order (decision D21).
func TestControlFramesBesideMessages(t *testing.T) {
	const messages, pings = 20_000, 5_000
	h := newHarness(t, Options{})
	conn, r := h.openWebSocket()
	r.session.Joined()
	pongs := 0
	asked := make(chan struct{}, DefaultMaxQueueItems/4) // pongs on their way
	conn.SetPongHandler(func(string) error { pongs++; <-asked; return nil })
	// Owner: the test; it ends when all pings are written.
	done := make(chan error, 1)
	go func() {
		for range pings {
			select {
			case asked <- struct{}{}:
			case <-r.session.Done():
				done <- errors.New("the session has ended")
				return
			}
			if err := conn.WriteControl(websocket.PingMessage, []byte("x"), time.Now().Add(h.limit)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	flows := make(chan struct{}, DefaultMaxQueueItems/4) // messages on their way
	// Owner: the test; it ends when all messages are queued.
	go func() {
		for i := range messages {
			select {
			case flows <- struct{}{}:
			case <-r.session.Done():
				return
			}
			_ = r.session.Send(message(numbered(i)))
		}
	}()
	for i := range messages {
		if got := h.read(conn); got != "4"+numbered(i) {
			t.Fatalf("message %d: %.80q", i, got)
		}
		<-flows
	}
	for pongs < pings {
		_ = r.session.Send(message("flush"))
		h.read(conn)
	}
	if err := await(h, done, "end of pings"); err != nil {
		t.Fatal(err)
	}
}

// TestWebSocketBase64: capture ws-b64.
func TestWebSocketBase64(t *testing.T) {
	h := newHarness(t, Options{})
	conn, _, err := h.dial("EIO=4&transport=websocket&b64=1")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	h.read(conn)
	m := message("51-[0]", "\x01\x02\x03")
	_ = h.session().session.Send(m)
	for _, want := range []string{"451-[0]", "bAQID"} {
		if got := h.read(conn); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// FuzzFrames feeds a server with random bytes as frames: it must survive, and
// another client must notice nothing.
func FuzzFrames(f *testing.F) {
	f.Add(bytes.Join([][]byte{frameOf(opText, "4a"), frameOf(fin|opPing, "p"), frameOf(fin|opContinuation, "b")}, nil))
	f.Add(clientFrame(fin|opText, 1<<63, nil))
	f.Add(closeFrameOf(1000, "bye"))
	f.Add([]byte{fin | opText, 0x80 | 127, 0xff, 0xff})
	h := newHarness(f, Options{MaxUnjoined: -1}, func(r *recorder) { r.handle = func([]byte, bool) error { return nil } })
	f.Fuzz(func(t *testing.T, wire []byte) {
		h := &harness{t: t, srv: h.srv, connect: h.connect, limit: h.limit, opened: h.opened, upgrades: h.upgrades}
		conn := h.raw()
		_, _ = conn.NetConn().Write(wire)
		if tcp, ok := conn.NetConn().(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
		h.closeCode(conn.Conn)
		await(h, conn.r.closed, "end")
		conn.Close()
	})
}

// TestRandomFrames is a short fuzz run on every change.
func TestRandomFrames(t *testing.T) {
	h := newHarness(t, Options{MaxUnjoined: -1}, func(r *recorder) { r.handle = func([]byte, bool) error { return nil } })
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var wire []byte
		for range 1 + rnd.IntN(6) {
			payload := make([]byte, rnd.IntN(40))
			for i := range payload {
				payload[i] = byte(rnd.Uint32())
			}
			wire = append(wire, clientFrame(byte(rnd.Uint32()), uint64(len(payload)), payload)...)
		}
		conn := h.raw()
		conn.sendRaw(wire)
		_ = conn.NetConn().(*net.TCPConn).CloseWrite()
		h.closeCode(conn.Conn)
		await(h, conn.r.closed, "end")
		conn.Close()
	}
}
