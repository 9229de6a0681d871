package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// TestEventTimeouts: over pipes of the tests a silent websocket has no goroutine at all, answers its pings, and ends by
// MessageTimeout or by PingTimeout as any other.
func TestEventTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPipeHarness(t, Options{EventDriven: true}, echoUnjoined)
		conn, r := h.openWebSocket()
		r.session.Joined()
		for range 10 {
			if got := h.read(conn); got != "2" { // the ping, some 25 s later
				t.Fatalf("got %q", got)
			}
			synctest.Wait()
			if n := h.srv.Stats().Goroutines; n != 0 {
				t.Fatalf("%d goroutines", n)
			}
			h.write(conn, "3")
		}
		if _, err := conn.NetConn().Write(clientFrame(fin|opText, 100, []byte("4begun"))); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := h.srv.Stats().Goroutines; n != 1 {
			t.Errorf("%d goroutines inside a message", n)
		}
		if code := h.closeCode(conn); code != websocket.ClosePolicyViolation {
			t.Errorf("closed with %d", code)
		}
		expectEnd(t, h, r, ErrTransportError)

		conn, r = h.openWebSocket()
		r.session.Joined()
		if got := h.read(conn); got != "2" {
			t.Errorf("got %q", got)
		}
		time.Sleep(DefaultPingTimeout) // synctest: no pong came
		expectEnd(t, h, r, ErrPingTimeout)
	})
}
