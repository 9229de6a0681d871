//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

var quiet = slog.New(slog.DiscardHandler)

func TestFiles(t *testing.T) {
	nodes := []address{{"nest", "http://127.0.0.1:7001"}, {"go-a", "http://127.0.0.1:7002"}}
	h := pages(strings.Repeat("s", 32), func() []address { return nodes })
	for path, contentType := range map[string]string{
		"/":             "text/html; charset=utf-8",
		"/cluster.css":  "text/css; charset=utf-8",
		"/cluster.mjs":  "text/javascript; charset=utf-8",
		"/icon.svg":     "image/svg+xml",
		"/realtime.mjs": "text/javascript; charset=utf-8",
		"/nodes":        "application/json",
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != contentType {
			t.Errorf("%s: status %d, type %q; want 200 and %q", path, w.Code, w.Header().Get("Content-Type"), contentType)
		}
		if policy := w.Header().Get("Content-Security-Policy"); path == "/" && !strings.Contains(policy, "connect-src 'self' http://127.0.0.1:7001 ws://127.0.0.1:7001 http://127.0.0.1:7002") {
			t.Errorf("policy %q", policy)
		}
	}
}

func TestNamesThatGetNoToken(t *testing.T) {
	h := pages(strings.Repeat("s", 32), func() []address { return nil })
	for _, name := range []string{"", "  ", strings.Repeat("x", 25)} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/token", strings.NewReader(url.Values{"user": {name}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if h.ServeHTTP(w, r); w.Code != http.StatusBadRequest {
			t.Errorf("%q: status %d", name, w.Code)
		}
	}
}

func TestNobodyThere(t *testing.T) {
	web := httptest.NewServer(pages("", func() []address { return nil }))
	defer web.Close()
	resp, err := web.Client().Get(web.URL + "/socket.io/?EIO=4&transport=polling")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadGateway {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// Nodes that were started one at a time are one cluster, and the page finds them.
func TestSingleNodesFindEachOther(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	redis, at, err := startRedis(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := redis.stop(); err != nil {
			t.Error(err)
		}
	})
	environment := map[string]string{"REDIS_PORT": at.port, "JWT_SECRET": strings.Repeat("s", 32)}
	var page, other *cluster
	for range 5 { // one of the ports may be somebody else's
		_, port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		if page, err = opened(ctx, environment, "-node", "page,go-a", "-port", port); err != nil {
			t.Log(err)
			continue
		}
		if other, err = opened(ctx, environment, "-node", "go-b", "-port", port); err == nil {
			break
		}
		t.Log(err)
		if err := page.close(); err != nil {
			t.Fatal(err)
		}
	}
	if other == nil {
		t.Fatal("no four ports in a row are free")
	}
	c := &poller{t: t, ctx: ctx, base: "http://" + page.website.addr}
	c.connect("ann")
	if got, want := c.call("where"), `[{"data":["go-a","go-b"],"at":"go-a"}]`; got != want {
		t.Errorf("answer %s, want %s", got, want)
	}
	if err := other.close(); err != nil {
		t.Error(err)
	}
	if got, want := c.call("where"), `[{"data":["go-a"],"at":"go-a"}]`; got != want {
		t.Errorf("then %s, want %s", got, want)
	}
	if err := page.close(); err != nil {
		t.Error(err)
	}
}

func opened(ctx context.Context, environment map[string]string, args ...string) (*cluster, error) {
	s, err := parse(args, func(name string) string { return environment[name] })
	if err != nil {
		return nil, err
	}
	return open(ctx, s, io.Discard, quiet)
}

// poller is a client over long-polling, by hand.
type poller struct {
	t    *testing.T
	ctx  context.Context
	base string // address of the page
	url  string // of the session
	acks int
}

// connect logs in and joins the chat.
func (p *poller) connect(user string) {
	p.t.Helper()
	var login struct{ Token string }
	p.decode(p.do(http.MethodPost, p.base+"/token?user="+user, ""), &login)
	p.url = p.base + "/socket.io/?EIO=4&transport=polling"
	var session struct{ SID string }
	p.decode(strings.TrimPrefix(p.do(http.MethodGet, p.url, ""), "0"), &session)
	p.url += "&sid=" + session.SID
	p.do(http.MethodPost, p.url, fmt.Sprintf(`40/chat,{"token":%q}`, login.Token))
	if got := p.do(http.MethodGet, p.url, ""); !strings.HasPrefix(got, "40/chat,") {
		p.t.Fatalf("not admitted: %s", got)
	}
}

// call sends an event and returns the arguments of the acknowledgement.
func (p *poller) call(event string) string {
	p.t.Helper()
	p.acks++
	p.do(http.MethodPost, p.url, "42/chat,"+strconv.Itoa(p.acks)+`["`+event+`"]`)
	for {
		for _, packet := range strings.Split(p.do(http.MethodGet, p.url, ""), "\x1e") {
			if answer, found := strings.CutPrefix(packet, "43/chat,"+strconv.Itoa(p.acks)); found {
				return answer
			}
			if packet == "2" { // a ping
				p.do(http.MethodPost, p.url, "3")
			}
		}
	}
}

func (p *poller) decode(text string, v any) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		p.t.Fatalf("%q: %v", text, err)
	}
}

func (p *poller) do(method, url, body string) string {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.ctx, method, url, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := web.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s %s: %s %q %v", method, url, resp.Status, text, err)
	}
	return string(text)
}
