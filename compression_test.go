package realtime_test

import (
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/realtime-go/realtime"
)

// TestCompress: an event is compressed on its way to a client unless somebody said that it is not worth it, on this node or another.
func TestCompress(t *testing.T) {
	shared := &bus{}
	here, there := newCompressing(t, shared), newCompressing(t, shared)
	if err := errors.Join(here.Start(t.Context()), there.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	client := here.connect()
	text := strings.Repeat("compress me ", 1000)
	for i, tc := range []struct {
		emit  realtime.Emitter
		small bool
	}{
		{here, true},
		{here.Compress(true), true},
		{here.Compress(false), false},
		{there, true},
		{there.Compress(false), false},
	} {
		client.received.Store(0)
		if err := tc.emit.Emit(t.Context(), "text", text); err != nil {
			t.Fatal(err)
		}
		if got := client.read(); got != `42["text","`+text+`"]` {
			t.Fatalf("%d: %.60q", i, got)
		}
		if n := int(client.received.Load()); tc.small != (n < len(text)/20) || n > len(text)+100 {
			t.Errorf("%d: %d bytes", i, n)
		}
	}
}

// compressing is a server whose clients may have compression.
type compressing struct {
	realtime.Server
	t    *testing.T
	addr string
}

func newCompressing(t *testing.T, shared *bus) *compressing {
	t.Helper()
	srv, err := realtime.New(realtime.Config{Adapter: shared.node(), Compression: realtime.Compression{Enabled: true}})
	if err != nil {
		t.Fatal(err)
	}
	ts := httptest.NewServer(srv)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		ts.Close()
	})
	return &compressing{srv, t, ts.Listener.Addr().String()}
}

// deflatingClient counts the bytes that it gets.
type deflatingClient struct {
	*websocket.Conn
	t        *testing.T
	received atomic.Int64
}

func (c *deflatingClient) read() string {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, data, err := c.ReadMessage()
	if err != nil {
		c.t.Fatal(err)
	}
	return string(data)
}

func (s *compressing) connect() *deflatingClient {
	s.t.Helper()
	c := &deflatingClient{t: s.t}
	d := websocket.Dialer{EnableCompression: true, NetDial: func(network, addr string) (net.Conn, error) {
		conn, err := net.Dial(network, addr)
		return receivedConn{conn, &c.received}, err
	}}
	ws, resp, err := d.Dial("ws://"+s.addr+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = resp.Body.Close()
	s.t.Cleanup(func() { ws.Close() })
	c.Conn = ws
	c.read()
	if err := ws.WriteMessage(websocket.TextMessage, []byte("40")); err != nil {
		s.t.Fatal(err)
	}
	c.read()
	return c
}

type receivedConn struct {
	net.Conn
	n *atomic.Int64
}

func (c receivedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.Add(int64(n))
	return n, err
}
