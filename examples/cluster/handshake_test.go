//go:build unix

package main

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// greeting is what a client sees of a handshake.
type greeting struct {
	Status      int
	Body        string // without the session's id
	Origin      string
	Credentials string
}

func greet(ctx context.Context, t *testing.T, url, origin string, websocket bool) greeting {
	t.Helper()
	transport := "polling"
	if websocket {
		transport = "websocket"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/socket.io/?EIO=4&transport="+transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", origin)
	if websocket {
		for name, value := range map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
		} {
			r.Header.Set(name, value)
		}
	}
	resp, err := (&http.Transport{DisableKeepAlives: !websocket}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	g := greeting{Status: resp.StatusCode}
	if !websocket {
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		g.Body = regexp.MustCompile(`"sid":"[^"]+"`).ReplaceAllString(string(body), `"sid":"…"`)
		g.Origin, g.Credentials = resp.Header.Get("Access-Control-Allow-Origin"), resp.Header.Get("Access-Control-Allow-Credentials")
	}
	return g
}

// A browser finds the same heartbeat, the same limit and the same CORS headers at all nodes. An origin that is not listed is where
// they differ: a Socket.IO server on Node.js lets its websockets in, and leaves it to the browser what a page may read.
func TestHandshakesAreAlike(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	s := all(t)
	s.origins = []string{"https://chat.example.com"}
	c, err := open(ctx, s, io.Discard, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	}()
	const hello = `0{"sid":"…","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":10000,"maxPayload":1000000}`
	for _, node := range c.addresses() {
		listed := greeting{http.StatusOK, hello, "https://chat.example.com", "true"}
		if diff := cmp.Diff(listed, greet(ctx, t, node.URL, "https://chat.example.com", false)); diff != "" {
			t.Errorf("%s, polling: want (-), got (+):\n%s", node.Name, diff)
		}
		if got := greet(ctx, t, node.URL, "https://chat.example.com", true); got.Status != http.StatusSwitchingProtocols {
			t.Errorf("%s, websocket: status %d", node.Name, got.Status)
		}
		foreign := greet(ctx, t, node.URL, "https://evil.example", false)
		socket := greet(ctx, t, node.URL, "https://evil.example", true)
		atNest := foreign.Status == http.StatusOK && socket.Status == http.StatusSwitchingProtocols
		atGo := foreign.Status == http.StatusForbidden && socket.Status != http.StatusSwitchingProtocols
		if foreign.Origin != "" || node.Name == nest && !atNest || node.Name != nest && !atGo {
			t.Errorf("%s, an origin that is not listed: %+v, websocket %d", node.Name, foreign, socket.Status)
		}
	}
}
