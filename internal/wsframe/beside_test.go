package wsframe

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// switching is the 101 response to the handshake request in p (RFC 6455 section
// 4.2.2).
func switching(p []byte) string {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(p)))
	if err != nil {
		panic(err)
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"
}

const (
	rawFrames     = 20_000
	controlFrames = 5_000
)

// TestRawFramesBesideControlFrames is what makes it safe to write frames of this
// package to Conn.NetConn while gorilla writes control frames of its own: each
// frame is one slice in one Write, so nothing is torn and the order of our
// frames is kept. It runs on TCP and on TLS.
func TestRawFramesBesideControlFrames(t *testing.T) {
	for _, secure := range []bool{false, true} {
		name := "TCP"
		if secure {
			name = "TLS"
		}
		t.Run(name, func(t *testing.T) { besideControl(t, secure) })
	}
}

func besideControl(t *testing.T, secure bool) {
	up := websocket.Upgrader{WriteBufferPool: &sync.Pool{}}
	served := make(chan error, 1)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			served <- err
			return
		}
		served <- writeBoth(conn)
	}))
	if secure {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	defer srv.Close()
	d := websocket.Dialer{}
	if secure {
		d.TLSClientConfig = srv.Client().Transport.(*http.Transport).TLSClientConfig
	}
	conn, _, err := d.Dial("ws"+strings.TrimPrefix(srv.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	pings := 0
	conn.SetPingHandler(func(string) error { pings++; return nil })
	next := uint32(0)
	for {
		_, data, err := conn.ReadMessage()
		if websocket.IsCloseError(err, websocket.CloseNoStatusReceived) {
			break
		}
		if err != nil {
			t.Fatalf("after %d frames: %v", next, err)
		}
		if len(data) < 4 || binary.BigEndian.Uint32(data) != next {
			t.Fatalf("frame %d is torn or out of order: % x", next, data[:min(len(data), 8)])
		}
		next++
	}
	if next != rawFrames || pings != controlFrames {
		t.Errorf("%d frames and %d pings came, want %d and %d", next, pings, rawFrames, controlFrames)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// writeBoth writes raw frames and gorilla's control frames at the same time, and
// a close frame when both are done.
func writeBoth(conn *websocket.Conn) error {
	defer conn.Close()
	errs := make(chan error, 2)
	// Owner: writeBoth, which waits for its result.
	go func() {
		for range controlFrames {
			if err := conn.WriteControl(websocket.PingMessage, []byte("beside"), time.Now().Add(time.Minute)); err != nil {
				errs <- err
				return
			}
		}
		errs <- nil
	}()
	// Owner: writeBoth, which waits for its result.
	go func() { errs <- writeRaw(conn.NetConn()) }()
	for range cap(errs) {
		if err := <-errs; err != nil {
			return err
		}
	}
	_, err := conn.NetConn().Write(AppendClose(nil, 0, ""))
	return err
}

// writeRaw writes numbered frames of many sizes, some alone and some several to a
// Write.
func writeRaw(conn net.Conn) error {
	var buf []byte
	for i := range uint32(rawFrames) {
		size := 4 + int(i*7919%509)
		if i%1000 == 0 {
			size = 70_000
		}
		payload := make([]byte, size)
		binary.BigEndian.PutUint32(payload, i)
		buf = AppendFrame(buf, Binary, payload)
		if i%3 == 0 || i == rawFrames-1 {
			if _, err := conn.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	return nil
}
