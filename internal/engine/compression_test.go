package engine

import (
	"net"
	"testing"

	"github.com/gorilla/websocket"
)

// TestCompressionIsOff is the default of requirement R19: an offer is not taken, so
// there is nothing that could be inflated.
func TestCompressionIsOff(t *testing.T) {
	h := newHarness(t, Options{})
	d := websocket.Dialer{EnableCompression: true, NetDial: func(string, string) (net.Conn, error) { return h.connect() }}
	conn, resp, err := d.Dial("ws://realtime.test"+DefaultPath+"?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := resp.Header.Get("Sec-Websocket-Extensions"); got != "" {
		t.Errorf("extensions %q", got)
	}
	if got := h.read(conn); len(got) == 0 || got[0] != '0' {
		t.Errorf("open packet %q", got)
	}
}
