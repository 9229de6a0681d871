package engine

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestOrigins is the look-alike table of requirement R47.
func TestOrigins(t *testing.T) {
	list := []string{"https://game.example.com", "http://dev.example.com:3000", "https://*.play.example.com", "https://*.alt.example.com:8443", "capacitor://localhost", "http://[2001:db8::1]:8080", "file://"}
	for _, c := range []struct {
		origins []string
		origin  string
		host    string
		want    bool
	}{
		// Same host.
		{nil, "http://a.example.com", "a.example.com", true},
		{nil, "https://a.example.com", "a.example.com", true},
		{nil, "https://A.Example.com", "a.example.COM", true},
		{nil, "http://a.example.com", "a.example.com:80", true},
		{nil, "https://a.example.com:443", "a.example.com", true},
		{nil, "http://a.example.com:8080", "a.example.com:8080", true},
		{nil, "http://[::1]:8080", "[::1]:8080", true},
		{nil, "http://a.example.com:8080", "a.example.com", false},
		{nil, "http://a.example.com", "a.example.com:8080", false},
		{nil, "http://b.example.com", "a.example.com", false},
		{nil, "http://a.example.com.evil.com", "a.example.com", false},
		{nil, "http://evil-a.example.com", "a.example.com", false},
		{nil, "http://a.example.com.", "a.example.com", false},
		{nil, "http://user@a.example.com", "a.example.com", false},
		{nil, "http://a.example.com@evil.com", "a.example.com", false},
		{nil, "http://a.example.com/", "a.example.com", false},
		{nil, "http://a.example.com#", "a.example.com", false},
		{nil, "ftp://a.example.com", "a.example.com", false},
		{nil, "null", "a.example.com", false},
		{nil, "", "a.example.com", false},
		{nil, "a.example.com", "a.example.com", false},
		{nil, "://a.example.com", "a.example.com", false},
		{nil, "http://", "a.example.com", false},
		{nil, "http://a.example.com:", "a.example.com", false},
		{nil, "http://a.example.com:99999999", "a.example.com", false},
		{nil, "http://a.example.com:80x", "a.example.com", false},
		{nil, "http://é.example.com", "é.example.com", false},
		// A list.
		{list, "https://game.example.com", "x", true},
		{list, "https://GAME.example.com:443", "x", true},
		{list, "http://dev.example.com:3000", "x", true},
		{list, "capacitor://localhost", "x", true},
		{list, "http://[2001:db8::1]:8080", "x", true},
		{list, "file://", "x", true},
		{list, "https://a.play.example.com", "x", true},
		{list, "https://a.b.play.example.com", "x", true},
		{list, "https://a.alt.example.com:8443", "x", true},
		{list, "https://a.alt.example.com", "x", false},
		{list, "http://game.example.com", "x", false},
		{list, "https://game.example.com:8443", "x", false},
		{list, "https://game.example.com.", "x", false},
		{list, "https://game.example.com.evil.com", "x", false},
		{list, "https://evilgame.example.com", "x", false},
		{list, "https://play.example.com", "x", false},
		{list, "https://.play.example.com", "x", false},
		{list, "https://evilplay.example.com", "x", false},
		{list, "https://a.play.example.com.evil.com", "x", false},
		{list, "https://evil.com/.play.example.com", "x", false},
		{list, "https://evil.com?.play.example.com", "x", false},
		{list, "https://evil.com#.play.example.com", "x", false},
		{list, "https://evil.com\\.play.example.com", "x", false},
		{list, "https://user@a.play.example.com", "x", false},
		{list, "http://a.play.example.com", "x", false},
		{list, "https://x", "x", false}, // a list takes the place of the same-host rule
		{list, "null", "x", false},
		{[]string{"*"}, "https://anywhere.example.com", "x", true},
		{[]string{"*"}, "null", "x", true},
	} {
		p, err := newOriginPolicy(c.origins, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.admits(c.origin, c.host); got != c.want {
			t.Errorf("list %v: origin %q at host %q: admitted %v, want %v", c.origins, c.origin, c.host, got, c.want)
		}
	}
}

func TestOriginOptions(t *testing.T) {
	for _, bad := range [][]string{
		{"null"},
		{"example.com"},
		{"https://"},
		{"https://example.com/"},
		{"https://*"},
		{"*.example.com"},
		{"https://*example.com"},
		{"https://user@example.com"},
		{"https://example.com:x"},
		{""},
	} {
		if err := (Options{Origins: bad}).Validate(); err == nil {
			t.Errorf("Origins %q pass", bad)
		}
	}
	// Requirement R48.
	if err := (Options{Origins: []string{"*"}, Credentials: true}).Validate(); err == nil {
		t.Error(`"*" with Credentials passes`)
	}
}

// TestOriginOnEveryRequest is decision D14: both transports, handshake and
// upgrade, and requests of sessions.
func TestOriginOnEveryRequest(t *testing.T) {
	h := newHarness(t, Options{Origins: []string{"https://game.example.com"}})
	const evil, good = "https://evil.example.com", "https://game.example.com"
	sid, _ := h.openPolling() // without Origin: not from a page
	for _, a := range []answer{
		h.do("GET", pollQuery, "", "Origin", evil),
		h.do("GET", pollQuery+"&sid="+sid, "", "Origin", evil),
		h.do("POST", pollQuery+"&sid="+sid, "4x", "Origin", evil),
		h.do("OPTIONS", pollQuery, "", "Origin", evil, "Access-Control-Request-Method", "POST"),
		h.do("GET", pollQuery, "", "Origin", "null"),
	} {
		expectRefusal(t, a, 403, bodyForbidden, "origin")
		if a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("headers %v", a.header)
		}
	}
	// Refused upgrades keep the 403 here (decision D14).
	h.dialRefused("EIO=4&transport=websocket", 403, "Forbidden", "Origin", evil)
	h.dialRefused("EIO=4&transport=websocket&sid="+sid, 403, "Forbidden", "Origin", evil)

	if a := h.do("GET", pollQuery, "", "Origin", good); a.status != 200 || a.header.Get("Access-Control-Allow-Origin") != good {
		t.Errorf("%+v", a)
	}
	conn, resp, err := h.dial("EIO=4&transport=websocket", "Origin", good)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	// Capture ws-cors-cookie-headers.
	if resp.Header.Get("Access-Control-Allow-Origin") != good || resp.Header.Get("Vary") != "Origin" {
		t.Errorf("101 with %v", resp.Header)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if ref := h.refusals[0]; ref.Setting != `Origins: "`+evil+`"` {
		t.Errorf("the setting that would admit it is %q", ref.Setting)
	}
}

// corsOf does a request without a server and returns the headers that matter.
func corsOf(o Options, method, origin, askFor string) (int, map[string]string) {
	s := New(o, func(*Session) Receiver { return &recorder{} })
	r := httptest.NewRequest(method, DefaultPath+"?EIO=4&transport=foo", nil)
	if method == http.MethodOptions {
		r.Header.Set("Access-Control-Request-Method", "POST")
	}
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	if askFor != "" {
		r.Header.Set("Access-Control-Request-Headers", askFor)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	got := map[string]string{}
	for name, v := range w.Header() {
		if short, ok := strings.CutPrefix(name, "Access-Control-"); ok || name == "Vary" {
			got[short] = strings.Join(v, "|")
		}
	}
	return w.Code, got
}

// TestCORS: the headers of the captures cors-*, on refusals too, and Vary always
// (requirement R48).
func TestCORS(t *testing.T) {
	const site = "http://example.com"
	full := Options{
		Origins: []string{site}, Credentials: true,
		CORS: CORS{AllowedHeaders: []string{"my-header", "x-two"}, ExposedHeaders: []string{"x-exp"}, Methods: []string{"GET", "POST"}, MaxAge: 10 * time.Minute},
	}
	type headers = map[string]string
	for _, c := range []struct {
		name           string
		o              Options
		method, origin string
		askFor         string
		status         int
		want           headers
	}{
		{"none", Options{}, "GET", "", "", 400, headers{"Vary": "Origin"}},
		{"none, other site", Options{}, "GET", site + ":81", "", 400, headers{"Vary": "Origin"}},
		{"none, same host", Options{}, "GET", site, "", 400, headers{"Vary": "Origin", "Allow-Origin": site}},
		{"star", Options{Origins: []string{"*"}}, "GET", "", "", 400, headers{"Vary": "Origin", "Allow-Origin": "*"}},
		{"star with origin", Options{Origins: []string{"*"}}, "GET", site, "", 400, headers{"Vary": "Origin", "Allow-Origin": "*"}},
		{"list", Options{Origins: []string{site}}, "GET", site, "", 400, headers{"Vary": "Origin", "Allow-Origin": site}},
		{"list, miss", Options{Origins: []string{site}, Credentials: true}, "GET", "http://other.com", "", 400, headers{"Vary": "Origin"}},
		{"full", full, "GET", site, "", 400, headers{"Vary": "Origin", "Allow-Origin": site, "Allow-Credentials": "true", "Expose-Headers": "x-exp"}},
		{"full, no origin", full, "GET", "", "", 400, headers{"Vary": "Origin", "Allow-Credentials": "true", "Expose-Headers": "x-exp"}},
		{"preflight star", Options{Origins: []string{"*"}}, "OPTIONS", site, "my-header", 204, headers{
			"Vary": "Origin, Access-Control-Request-Headers", "Allow-Origin": "*", "Allow-Methods": defaultMethods, "Allow-Headers": "my-header",
		}},
		{"preflight list", Options{Origins: []string{site}}, "OPTIONS", site, "", 204, headers{
			"Vary": "Origin, Access-Control-Request-Headers", "Allow-Origin": site, "Allow-Methods": defaultMethods,
		}},
		{"preflight full", full, "OPTIONS", site, "my-header", 204, headers{
			"Vary": "Origin", "Allow-Origin": site, "Allow-Credentials": "true", "Expose-Headers": "x-exp",
			"Allow-Methods": "GET,POST", "Allow-Headers": "my-header,x-two", "Max-Age": "600",
		}},
		{"preflight miss", full, "OPTIONS", "http://other.com", "my-header", 400, headers{"Vary": "Origin"}},
		{"preflight odd names", Options{Origins: []string{"*"}}, "OPTIONS", site, "a, b c,,d\x7f, e:f ,g", 204, headers{
			"Vary": "Origin, Access-Control-Request-Headers", "Allow-Origin": "*", "Allow-Methods": defaultMethods, "Allow-Headers": "a,g",
		}},
		{"preflight long", Options{Origins: []string{"*"}}, "OPTIONS", site, strings.Repeat("a,", 600), 204, headers{
			"Vary": "Origin, Access-Control-Request-Headers", "Allow-Origin": "*", "Allow-Methods": defaultMethods,
		}},
	} {
		status, got := corsOf(c.o, c.method, c.origin, c.askFor)
		if diff := cmp.Diff(c.want, got); diff != "" || status != c.status {
			t.Errorf("%s: status %d, want %d\n%s", c.name, status, c.status, diff)
		}
	}
}

func FuzzOrigin(f *testing.F) {
	for _, s := range []string{"https://game.example.com", "null", "http://[::1]:80", "https://a@b", "https://a.play.example.com:443", "x://"} {
		f.Add(s)
	}
	policy, err := newOriginPolicy([]string{"https://game.example.com", "https://*.play.example.com"}, false)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if o, ok := parseOrigin(s); ok {
			again, ok := parseOrigin(o.String())
			if !ok || again != o {
				t.Fatalf("%q became %v and then %v", s, o, again)
			}
		}
		if policy.admits(s, "x") {
			low := strings.TrimSuffix(strings.ToLower(s), ":443")
			if low != "https://game.example.com" && !strings.HasSuffix(low, ".play.example.com") || !strings.HasPrefix(low, "https://") || strings.ContainsAny(low[8:], "/@?#\\: ") {
				t.Fatalf("%q was admitted", s)
			}
		}
	})
}
