package wsframe

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

func TestHeader(t *testing.T) {
	for _, c := range []struct {
		op   Opcode
		n    int
		want string
	}{
		{Text, 0, "8100"},
		{Text, 125, "817d"},
		{Binary, 126, "827e007e"},
		{Binary, 65535, "827effff"},
		{Text, 65536, "817f0000000000010000"},
		{Pong, 3, "8a03"},
		{Ping, 0, "8900"},
	} {
		got := AppendHeader(nil, c.op, c.n)
		if fmt.Sprintf("%x", got) != c.want || len(got) != HeaderLen(c.n) {
			t.Errorf("AppendHeader(%d, %d) = %x (HeaderLen %d), want %s", c.op, c.n, got, HeaderLen(c.n), c.want)
		}
	}
}

func TestClose(t *testing.T) {
	for _, c := range []struct {
		code   int
		reason string
		want   string
	}{
		{0, "", "8800"},
		{0, "dropped", "8800"},
		{1009, "", "880203f1"},
		{1000, "bye", "880503e8627965"},
	} {
		if got := fmt.Sprintf("%x", AppendClose(nil, c.code, c.reason)); got != c.want {
			t.Errorf("AppendClose(%d, %q) = %s, want %s", c.code, c.reason, got, c.want)
		}
	}
	long := AppendClose(nil, 1000, strings.Repeat("x", 122)+"é")
	if reason := long[4:]; len(reason) != 122 || !utf8.Valid(reason) {
		t.Errorf("a long reason became %d bytes: %q", len(reason), reason)
	}
}

func TestAllocs(t *testing.T) {
	buf := make([]byte, 0, 256)
	payload := []byte("payload")
	if got := testing.AllocsPerRun(100, func() {
		buf = AppendFrame(buf[:0], Text, payload)
		buf = AppendClose(buf, 1000, "bye")
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// readerOf returns a gorilla client that reads the given bytes: the oracle for
// what this package writes.
func readerOf(t testing.TB, wire []byte) *websocket.Conn {
	t.Helper()
	c := &wireConn{Reader: bytes.NewReader(wire)}
	d := websocket.Dialer{NetDial: func(string, string) (net.Conn, error) { return c, nil }}
	conn, _, err := d.Dial("ws://oracle/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// FuzzFrame checks every frame against gorilla's reader.
func FuzzFrame(f *testing.F) {
	f.Add([]byte("42[\"a\"]"), true, uint16(1000))
	f.Add([]byte{}, false, uint16(0))
	f.Add(bytes.Repeat([]byte("x"), 126), true, uint16(1009))
	f.Add(bytes.Repeat([]byte("y"), 70000), false, uint16(4999))
	f.Fuzz(func(t *testing.T, payload []byte, text bool, code uint16) {
		op, kind := Binary, websocket.BinaryMessage
		if text {
			op, kind = Text, websocket.TextMessage
		}
		if code < 3000 || code > 4999 {
			code = 1000
		}
		wire := AppendFrame(nil, op, payload)
		wire = AppendFrame(wire, Ping, payload[:min(len(payload), MaxControl)])
		wire = AppendFrame(wire, Pong, nil)
		wire = AppendClose(wire, int(code), strings.ToValidUTF8(string(payload), "?"))

		conn := readerOf(t, wire)
		var ping *string
		conn.SetPingHandler(func(s string) error { ping = &s; return nil })
		got, data, err := conn.ReadMessage()
		if err != nil || got != kind || !bytes.Equal(data, payload) {
			t.Fatalf("read type %d, %d bytes, %v; wrote type %d, %d bytes", got, len(data), err, kind, len(payload))
		}
		_, _, err = conn.ReadMessage()
		if !websocket.IsCloseError(err, int(code)) {
			t.Fatalf("closed with %v, want %d", err, code)
		}
		if ping == nil || *ping != string(payload[:min(len(payload), MaxControl)]) {
			t.Fatalf("ping %v", ping)
		}
	})
}

// wireConn is a net.Conn that answers gorilla's handshake and then delivers
// fixed bytes.
type wireConn struct {
	*bytes.Reader
	answer   bytes.Buffer
	answered bool
}

func (c *wireConn) Write(p []byte) (int, error) {
	if !c.answered {
		c.answered = true
		c.answer.WriteString(switching(p))
	}
	return len(p), nil
}

func (c *wireConn) Read(p []byte) (int, error) {
	if c.answer.Len() > 0 {
		return c.answer.Read(p)
	}
	if c.Len() == 0 {
		return 0, io.EOF
	}
	return c.Reader.Read(p)
}

func (c *wireConn) Close() error                     { return nil }
func (c *wireConn) LocalAddr() net.Addr              { return nil }
func (c *wireConn) RemoteAddr() net.Addr             { return nil }
func (c *wireConn) SetDeadline(time.Time) error      { return nil }
func (c *wireConn) SetReadDeadline(time.Time) error  { return nil }
func (c *wireConn) SetWriteDeadline(time.Time) error { return nil }
