package engine

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/realtime-go/realtime/internal/eiowire"
)

// newTLSHarness is newHarness over TLS.
func newTLSHarness(t *testing.T, o Options, prepare ...func(*recorder)) *harness {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unused := httptest.NewUnstartedServer(nil) // lends its certificate
	unused.StartTLS()
	t.Cleanup(unused.Close)
	h := newBareHarness(t, o, prepare...)
	client := unused.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName = "example.com"
	client.NextProtos = []string{"http/1.1"}
	server := unused.TLS.Clone()
	server.NextProtos = []string{"http/1.1"}
	h.listen(tls.NewListener(smallBuffers{l}, server), func() (net.Conn, error) {
		return tls.Dial("tcp", l.Addr().String(), client)
	})
	return h
}

// TestTLS: what differs over TLS is the way a connection is cut.
func TestTLS(t *testing.T) {
	h := newTLSHarness(t, Options{ConnectTimeout: -1}, echoUnjoined)
	conn, r := h.openWebSocket()
	if !r.session.Handshake().TLS {
		t.Error("Handshake().TLS is false")
	}
	for i := range 100 {
		h.write(conn, "4"+numbered(i))
		if got := h.read(conn); got != "4"+numbered(i) {
			t.Fatalf("got %q", got)
		}
	}
	_ = r.session.Send(message("last"))
	kick := errors.New("kick")
	r.session.Close(kick)
	if got := h.read(conn); got != "4last" {
		t.Errorf("got %q", got)
	}
	if code := h.closeCode(conn); code != 1005 {
		t.Errorf("closed with %d", code)
	}
	expectEnd(t, h, r, kick)

	// A client that does not read: its connection is cut although a write is in
	// progress.
	_, r = h.openWebSocket()
	for r.session.Send(message(strings.Repeat("x", 32<<10))) == nil {
	}
	expectEnd(t, h, r, ErrSlowConsumer)
	h.eventually("end of all goroutines", func() bool { return h.srv.Stats().Goroutines == 0 })

	sid, r := h.openPolling()
	conn = h.upgrade(sid)
	h.write(conn, "4upgraded")
	if got := h.read(conn); got != "4upgraded" {
		t.Errorf("got %q", got)
	}
	conn.Close()
	expectEnd(t, h, r, ErrTransportClose)
}

// dialDirect dials a websocket that a handler of its own serves.
func (h *harness) dialDirect(serve http.HandlerFunc) (*websocket.Conn, *http.Response, error) {
	srv := httptest.NewServer(serve)
	h.t.Cleanup(srv.Close)
	return websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(srv.URL, "http")+DefaultPath+"?EIO=4&transport=websocket", nil)
}

// TestBatches: what waits while a write is in progress goes out in order whatever
// the sizes, over websockets with and without base64.
func TestBatches(t *testing.T) {
	for _, query := range []string{"EIO=4&transport=websocket", "EIO=4&transport=websocket&b64=1"} {
		h := newTLSHarness(t, Options{ConnectTimeout: -1, MaxQueueBytes: 16 << 20})
		conn, _, err := h.dial(query)
		if err != nil {
			t.Fatal(err)
		}
		h.read(conn)
		r := h.session()
		var want []string
		for i, size := range []int{4 << 20, 1, 30 << 10, 30 << 10, 100, 60 << 10, 1, 1, 200 << 10, 5, 62 << 10, 3 << 10, 5 << 10, 17 << 10} {
			data := strings.Repeat(string(rune('a'+i)), size)
			if err := r.session.Send(message(numbered(i), data)); err != nil {
				t.Fatal(err)
			}
			want = append(want, "4"+numbered(i))
			if strings.Contains(query, "b64") {
				want = append(want, string(eiowire.AppendBase64(nil, []byte(data))))
			} else {
				want = append(want, "binary:"+data)
			}
		}
		for i, w := range want {
			if got := h.read(conn); got != w {
				t.Fatalf("%s: message %d: %d bytes %.40q, want %d bytes %.40q", query, i, len(got), got, len(w), w)
			}
		}
		h.eventually("empty budget", func() bool { return h.srv.Stats().BudgetBytes == 0 })
		conn.Close()
	}
}
