package engine

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	bodyTransport = `{"code":0,"message":"Transport unknown"}`
	bodySID       = `{"code":1,"message":"Session ID unknown"}`
	bodyMethod    = `{"code":2,"message":"Bad handshake method"}`
	bodyRequest   = `{"code":3,"message":"Bad request"}`
	bodyForbidden = `{"code":4,"message":"Forbidden"}`
	bodyVersion   = `{"code":5,"message":"Unsupported protocol version"}`
)

// expectRefusal checks status, body, type and the header that names the rule.
func expectRefusal(t *testing.T, a answer, status int, body, rule string) {
	t.Helper()
	kind := ""
	if strings.HasPrefix(body, "{") {
		kind = "application/json"
	}
	got := []any{a.status, a.body, a.header.Get("Content-Type"), a.header.Get(RefusedHeader), a.header.Get("Cache-Control"), a.header.Get("Vary")}
	want := []any{status, body, kind, rule, "", "Origin"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s", diff)
	}
}

// dialRefused dials a websocket that must fail, as plain text on a connection
// that ends (captures ws-error-*).
func (h *harness) dialRefused(query string, status int, body string, header ...string) *http.Response {
	h.t.Helper()
	conn, resp, err := h.dial(query, header...)
	if err == nil {
		conn.Close()
		h.t.Fatalf("%s: the websocket was accepted", query)
	}
	if resp == nil {
		h.t.Fatalf("%s: %v", query, err)
	}
	buf := make([]byte, 1024)
	n, _ := resp.Body.Read(buf)
	if resp.StatusCode != status || string(buf[:n]) != body || resp.Header.Get("Content-Type") != "text/html" || !resp.Close {
		h.t.Errorf("%s: %d %q %v, want %d %q", query, resp.StatusCode, buf[:n], resp.Header, status, body)
	}
	return resp
}

// TestTransportParameter is requirement R1.
func TestTransportParameter(t *testing.T) {
	h := newHarness(t, Options{})
	for _, query := range []string{
		"", "EIO=4", "EIO=4&transport=", "EIO=4&transport=foo", "EIO=4&transport=webtransport",
		"EIO=4&transport=__proto__", "EIO=4&transport=constructor", "EIO=4&transport=Polling",
		"EIO=4&transport=polling&transport=websocket", "EIO=4&transport=polling&transport=polling",
		"EIO=4&transport=polling%00", "EIO=4&transport[]=polling", "EIO=4&transport=flashsocket",
	} {
		expectRefusal(t, h.do(http.MethodGet, query, ""), 400, bodyTransport, "transport")
		expectRefusal(t, h.do(http.MethodPost, query, "40"), 400, bodyTransport, "transport")
		h.dialRefused(query, 400, "Transport unknown")
	}
	if n := len(h.opened); n != 0 {
		t.Errorf("%d sessions were made", n)
	}
}

// TestSwitchedOffTransports: captures handshake-ws-only-server and
// ws-polling-only-server.
func TestSwitchedOffTransports(t *testing.T) {
	h := newHarness(t, Options{WebSocket: true})
	expectRefusal(t, h.do(http.MethodGet, pollQuery, ""), 400, bodyTransport, "transport")
	conn, _ := h.openWebSocket()
	conn.Close()

	h = newHarness(t, Options{Polling: true})
	if a := h.do(http.MethodGet, pollQuery, ""); !strings.Contains(a.body, `"upgrades":[],`) {
		t.Errorf("handshake %q offers an upgrade", a.body)
	}
	// Upgrade requests are plain GETs to such a server.
	_, resp, err := h.dial("EIO=4&transport=websocket")
	if err == nil || resp == nil || resp.StatusCode != 400 || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("upgrade at a polling server: %v, %+v", err, resp)
	}
}

// TestSessionParameter is requirement R2: nothing of a wrong sid comes back.
func TestSessionParameter(t *testing.T) {
	h := newHarness(t, Options{})
	for _, sid := range []string{
		"nope", "__proto__", "constructor", strings.Repeat("x", 65), strings.Repeat("x", 8000),
		"a\x00b", "a\r\nSet-Cookie: x=y", "<script>", "../../etc/passwd", "é",
	} {
		query := pollQuery + "&sid=" + url.QueryEscape(sid)
		for _, a := range []answer{h.do(http.MethodGet, query, ""), h.do(http.MethodPost, query, "40"), h.do(http.MethodOptions, query, "")} {
			expectRefusal(t, a, 400, bodySID, "sid")
			if len(a.header) > 6 || a.header.Get("Set-Cookie") != "" {
				t.Errorf("headers %v", a.header)
			}
		}
		h.dialRefused("EIO=4&transport=websocket&sid="+url.QueryEscape(sid), 400, "Session ID unknown")
	}
	sid, _ := h.openPolling()
	expectRefusal(t, h.do(http.MethodGet, pollQuery+"&sid=x&sid="+sid, ""), 400, bodySID, "sid")
	for _, ref := range h.refusals {
		if text := ref.Detail + ref.Message + ref.Setting; strings.Contains(text, sid) || strings.Contains(text, "proto") {
			t.Errorf("refusal tells the sid: %+v", ref)
		}
	}
	// Captures handshake-polling-empty-sid, handshake-polling-extra-params.
	for _, query := range []string{pollQuery + "&sid=", "EIO=3&EIO=4&transport=polling&t=abc&token=x&b64=1"} {
		if a := h.do(http.MethodGet, query, ""); a.status != 200 {
			t.Errorf("%s: %+v", query, a)
		}
	}
}

// TestForeignSession: the refusal of a session of another node says so, since a
// balancer without sticky sessions is the usual reason.
func TestForeignSession(t *testing.T) {
	mine, theirs := newHarness(t, Options{NodeTag: "aaaa"}), newHarness(t, Options{NodeTag: "bbbb"})
	sid, _ := theirs.openPolling()
	expectRefusal(t, mine.get(sid), 400, bodySID, "sid")
	for _, other := range []string{sid[:27], sid + "b", sid[:23] + "." + sid[24:], sid[:24] + "bb\nb", newSID("aaaa")} {
		expectRefusal(t, mine.get(url.QueryEscape(other)), 400, bodySID, "sid")
	}
	for i, ref := range mine.refusals {
		foreign := strings.Contains(ref.Detail, "tagged bbbb, not on aaaa")
		if foreign != (i == 0) || strings.Contains(ref.Detail, sid[:24]) {
			t.Errorf("refusal %d: %s", i, ref.Detail)
		}
	}
}

// TestRevision is requirement R3: the revision is fixed at the handshake.
func TestRevision(t *testing.T) {
	h := newHarness(t, Options{})
	for _, version := range []string{"EIO=3&", "", "EIO=5&", "EIO=04&", "EIO=4.0&", "EIO=&", "EIO=4&EIO=3&"} {
		expectRefusal(t, h.do(http.MethodGet, version+"transport=polling", ""), 400, bodyVersion, "version")
		// The official server upgrades first and then cuts (capture
		// ws-error-version).
		conn, resp, err := h.dial(version + "transport=websocket")
		if err != nil {
			t.Fatal(err)
		}
		if code := h.closeCode(conn); code != 1006 || resp.Header.Get(RefusedHeader) != "version" {
			t.Errorf("closed with %d, headers %v", code, resp.Header)
		}
		conn.Close()
	}
	sid, r := h.openPolling()
	for _, version := range []string{"EIO=3&", "", "EIO=4&EIO=4&", "EIO=4&EIO=3&"} {
		expectRefusal(t, h.do(http.MethodGet, version+"transport=polling&sid="+sid, ""), 400, bodyVersion, "version")
		expectRefusal(t, h.do(http.MethodPost, version+"transport=polling&sid="+sid, "40"), 400, bodyVersion, "version")
		h.dialRefused(version+"transport=websocket&sid="+sid, 400, "Unsupported protocol version")
	}
	h.post(sid, "4alive")
	if got := await(h, r.got, "message"); got.data != "alive" {
		t.Errorf("got %+v", got)
	}
}

// TestMethods: captures error-bad-handshake-method, methods-on-session,
// error-bad-request.
func TestMethods(t *testing.T) {
	h := newHarness(t, Options{})
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		expectRefusal(t, h.do(method, pollQuery, ""), 400, bodyMethod, "method")
	}
	if a := h.do("HEAD", pollQuery, ""); a.status != 400 || a.body != "" {
		t.Errorf("HEAD: %+v", a)
	}
	expectRefusal(t, h.do("GET", "EIO=4&transport=websocket", ""), 400, bodyRequest, "websocket-headers")

	sid, r := h.openPolling()
	for _, method := range []string{"PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"} {
		expectRefusal(t, h.do(method, pollQuery+"&sid="+sid, ""), 500, "", "method")
	}
	expectRefusal(t, h.do("GET", "EIO=4&transport=websocket&sid="+sid, ""), 400, bodyRequest, "transport-mismatch")
	if a := h.post(sid, "4x"); a.status != 200 || a.body != "ok" || a.header.Get("Content-Type") != "text/html" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("POST: %+v", a)
	}
	await(h, r.got, "message")
}

func TestPath(t *testing.T) {
	h := newHarness(t, Options{})
	for path, want := range map[string]int{
		"/socket.io/": 200, "/socket.io/x/y": 200, "/socket.io": 404, "/other/": 404, "/": 404, "/socket%2eio/": 404,
	} {
		resp, err := h.client.Get("http://" + testHost + path + "?" + pollQuery)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
	if a := (Options{Path: "/engine.io"}); New(a, nil).serves(httptest.NewRequest("GET", "/engine.io?EIO=4", nil)) == false {
		t.Error("a path without trailing slash serves both forms")
	}
}

// TestAllow: captures error-forbidden, error-forbidden-message, ws-error-forbidden.
func TestAllow(t *testing.T) {
	var verdict error
	h := newHarness(t, Options{Allow: func(r *http.Request) error {
		if r.URL.Query().Get("ok") != "" {
			return nil
		}
		return verdict
	}})
	verdict = errors.New("")
	expectRefusal(t, h.do("GET", pollQuery, ""), 403, bodyForbidden, "allow")
	h.dialRefused("EIO=4&transport=websocket", 400, "Forbidden")
	verdict = errors.New(`thou shall "not" <pass>`)
	expectRefusal(t, h.do("GET", pollQuery, ""), 403, `{"code":4,"message":"thou shall \"not\" <pass>"}`, "allow")
	h.dialRefused("EIO=4&transport=websocket", 400, `thou shall "not" <pass>`)
	if a := h.do("GET", pollQuery+"&ok=1", ""); a.status != 200 {
		t.Errorf("admitted: %+v", a)
	}
}

// TestUpgradeRequestForPolling: capture ws-error-polling-transport.
func TestUpgradeRequestForPolling(t *testing.T) {
	h := newHarness(t, Options{})
	conn, _, err := h.dial(pollQuery)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if code := h.closeCode(conn); code != 1005 {
		t.Errorf("closed with %d", code)
	}
	if len(h.opened) != 0 {
		t.Error("a session was made")
	}
}

// TestBadWebSocketRequest: what gorilla refuses is answered as code 3.
func TestBadWebSocketRequest(t *testing.T) {
	h := newHarness(t, Options{})
	a := h.do("GET", "EIO=4&transport=websocket", "", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "12", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
	if a.status != 400 || a.body != "Bad request" || a.header.Get(RefusedHeader) != "websocket-headers" {
		t.Errorf("%+v", a)
	}
}

// TestExplain: every rule that objects is listed, and nothing is changed.
func TestExplain(t *testing.T) {
	h := newHarness(t, Options{
		WebSocket: true, MaxUnjoined: 1, Origins: []string{"https://game.example.com"},
		Allow: func(r *http.Request) error { return errors.New("no") },
	})
	explain := func(method, target string, header ...string) (rules []string, all []Refusal) {
		r := httptest.NewRequest(method, target, nil)
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		for _, ref := range h.srv.Explain(r) {
			rules = append(rules, ref.Rule)
			all = append(all, ref)
		}
		return rules, all
	}
	got, all := explain("POST", "/socket.io/?EIO=3&transport=polling", "Origin", "https://evil.example.com:8443")
	want := []string{"transport", "origin", "method", "allow", "version"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := `Origins: "https://evil.example.com:8443"`; all[1].Setting != want || !strings.Contains(all[1].Detail, "evil.example.com:8443") {
		t.Errorf("the origin's finding is %+v, want setting %q", all[1], want)
	}
	if all[0].Setting != "Transports" || all[3].Setting != "Allow" {
		t.Errorf("%+v", all)
	}
	if got, _ := explain("GET", "/other"); !cmp.Equal(got, []string{"path"}) {
		t.Errorf("path: %v", got)
	}
	if got, _ := explain("GET", "/socket.io/?EIO=4&transport=websocket&sid=x", "Connection", "Upgrade", "Upgrade", "websocket"); !cmp.Equal(got, []string{"sid"}) {
		t.Errorf("sid: %v", got)
	}
	if st := h.srv.Stats(); st != (Stats{}) || len(h.rules()) != 0 {
		t.Errorf("Explain had side effects: %+v, %v", st, h.rules())
	}
}

// TestNoClientTextInHeaders is requirement R14.
func TestNoClientTextInHeaders(t *testing.T) {
	h := newBareHarness(t, Options{Origins: []string{"https://*.example.com"}})
	const mark = "marker"
	for _, c := range []struct{ query, header, value string }{
		{pollQuery, "Origin", "https://" + mark + "\r\nX-Evil: 1"},
		{pollQuery, "Origin", "https://" + mark + "\x00.example.com"},
		{pollQuery, "Origin", "https://" + mark + ".example.com\r\nX-Evil: 1"},
		{pollQuery, "Origin", "https://" + mark + ".evil.com"},
		{pollQuery, "Origin", "https://" + mark + "@a.example.com"},
		{pollQuery + "&sid=" + mark + "%0d%0aX-Evil:1", "Cookie", mark},
		{"EIO=4&transport=" + mark + "%0d%0aX-Evil:1", "User-Agent", mark + "\r\nX-Evil: 1"},
		{pollQuery, "Cookie", "io=" + mark + "\r\nX-Evil: 1"},
	} {
		for _, method := range []string{"GET", "POST", "OPTIONS"} {
			r := httptest.NewRequest(method, DefaultPath+"?"+c.query, nil)
			r.Header[c.header] = []string{c.value}
			r.Header.Set("Access-Control-Request-Headers", "x-"+mark+"\r\nX-Evil: 1, x\x00y")
			w := httptest.NewRecorder()
			h.srv.ServeHTTP(w, r)
			for name, values := range w.Header() {
				if strings.Contains(name+strings.Join(values, "|"), mark) || strings.Contains(name, "Evil") {
					t.Errorf("%s %q: header %s: %q", method, c.value, name, values)
				}
			}
		}
	}
	h.shutdown()
}
