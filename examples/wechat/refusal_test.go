package main

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
)

// handshake is the request that a phone's websocket begins with.
func handshake(t *testing.T, url, origin string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "game.example.com"
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	return r
}

// refuse sends a handshake to the program, and returns the response and the log.
func refuse(t *testing.T, path, origin string) (resp *http.Response, log string, found []realtime.Finding) {
	t.Helper()
	var book bytes.Buffer
	a, err := newApp(settings{secret: string(testSecret), lifetime: time.Hour, grace: testGrace}, slog.New(slog.NewTextHandler(&book, nil)))
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(a)
	r := handshake(t, web.URL+path, origin)
	found = a.server.Explain(r)
	resp, err = web.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if frames, err := io.ReadAll(resp.Body); resp.StatusCode == http.StatusSwitchingProtocols && (err != nil || len(frames) > 0) {
		t.Errorf("after the upgrade came %q (%v)", frames, err)
	}
	_ = resp.Body.Close()
	if err := a.shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	web.Close() // and with it the handler that writes the log
	return resp, book.String(), found
}

// oldWeapp is the path and query that weapp.socket.io 2.1.0 asks wx.connectSocket for: Engine.IO 3.
const oldWeapp = "/socket.io/?token=x&EIO=3&transport=websocket"

// The socket is opened and dropped at once, as the reference server does it, so the phone knows no more than that its connection ended.
func TestAnOldWeappIsRefusedAndTheLogNamesTheRemedy(t *testing.T) {
	resp, log, found := refuse(t, oldWeapp, "")
	if got := resp.Header.Get("X-Realtime-Refused"); resp.StatusCode != http.StatusSwitchingProtocols || got != "version" {
		t.Errorf("status %d, rule %q; want 101 and version", resp.StatusCode, got)
	}
	for _, word := range []string{"rule=version", "Engine.IO 4", "weapp.socket.io before 3.0 must be updated"} {
		if !strings.Contains(log, word) {
			t.Errorf("the log lacks %q:\n%s", word, log)
		}
	}
	if strings.Contains(log, "token=x") {
		t.Errorf("the log has the token:\n%s", log)
	}
	if len(found) != 1 || found[0].Code != 5 {
		t.Errorf("Explain says %+v, want code 5", found)
	}
}

func TestAnOriginThatIsNotAdmittedIsNamedWithItsSetting(t *testing.T) {
	resp, log, found := refuse(t, "/socket.io/?EIO=4&transport=websocket", "https://phone.example")
	if got := resp.Header.Get("X-Realtime-Refused"); resp.StatusCode != http.StatusForbidden || got != "origin" {
		t.Errorf("status %d, rule %q; want 403 and origin", resp.StatusCode, got)
	}
	const setting = `Origins: "https://phone.example"`
	if len(found) != 1 || found[0].Setting != setting {
		t.Errorf("Explain says %+v, want the setting %s", found, setting)
	}
	if !strings.Contains(log, `setting="Origins: \"https://phone.example\""`) {
		t.Errorf("the log does not name the setting:\n%s", log)
	}
}
