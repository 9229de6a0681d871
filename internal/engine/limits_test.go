package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestSessionIDs is requirement R4.
func TestSessionIDs(t *testing.T) {
	const n = 1_000_000
	seen := make(map[[24]byte]struct{}, n)
	for i := range n {
		sid := newSID("t")
		if i < 1000 && (len(sid) != 25 || !validTag(sid[:16]) || !validTag(sid[16:])) {
			t.Fatalf("sid %q", sid)
		}
		seen[[24]byte([]byte(sid))] = struct{}{}
	}
	if len(seen) != n {
		t.Errorf("%d of %d ids differ", len(seen), n)
	}
	if sidBytes*8 < 120 {
		t.Error("fewer than 120 random bits")
	}
	if tag := randomTag(); len(tag) != 8 || tag == randomTag() {
		t.Errorf("random tag %q", tag)
	}
}

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// endless is a body of n bytes that costs no memory.
type endless struct{ left int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.left)
	for i := range p[:n] {
		p[i] = '4'
	}
	e.left -= n
	return int(n), nil
}

// TestBodyLimit is requirement R6 and decision D7: a body over the limit is
// answered with 413, whatever its length was said to be, nothing beyond the limit
// is buffered, and the session lives.
func TestBodyLimit(t *testing.T) {
	const limit = 1_000_000
	h := newBareHarness(t, Options{})
	post := func(sid string, body io.Reader, length int64) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", DefaultPath+"?"+pollQuery+"&sid="+sid, body)
		r.ContentLength = length
		w := httptest.NewRecorder()
		h.srv.ServeHTTP(w, r)
		return w
	}
	w := httptest.NewRecorder()
	h.srv.ServeHTTP(w, httptest.NewRequest("GET", DefaultPath+"?"+pollQuery, nil))
	r := h.session()
	r.session.Joined()
	sid := r.session.ID()
	r.handle = func([]byte, bool) error { return nil }

	for _, c := range []struct {
		name   string
		size   int64
		length int64
		budget uint64
		status int
	}{
		{"declared", limit + 1, limit + 1, 64 << 10, 413},
		{"declared huge", 100 * limit, 1 << 62, 64 << 10, 413},
		{"chunked", limit + 1, -1, limit + 64<<10, 413},
		{"chunked huge", 100 * limit, -1, limit + 64<<10, 413},
		{"false length", 100 * limit, 5, limit + 64<<10, 413},
		{"announced, never sent", 0, limit, 64 << 10, 200},
		{"exactly", limit, limit, 4*limit + 64<<10, 200},
	} {
		got := allocated(func() {
			if w := post(sid, &endless{c.size}, c.length); w.Code != c.status {
				t.Errorf("%s: status %d, want %d", c.name, w.Code, c.status)
			}
		})
		if got > c.budget {
			t.Errorf("%s: %d bytes allocated, want at most %d", c.name, got, c.budget)
		}
		if c.size == 0 { // an empty body is a parse error
			h.srv.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", DefaultPath+"?"+pollQuery, nil))
			r = h.session()
			r.session.Joined()
			sid, r.handle = r.session.ID(), func([]byte, bool) error { return nil }
		}
	}
	if w := post(sid, strings.NewReader("4x"), 2); w.Body.String() != "ok" {
		t.Errorf("the session did not survive: %d %s", w.Code, w.Body)
	}
	h.mu.Lock()
	ref := h.refusals[0]
	h.mu.Unlock()
	if ref.Rule != "payload-too-large" || ref.Setting != "MaxPayload" || !strings.Contains(ref.Detail, "1000001") || !strings.Contains(ref.Detail, "1000000") {
		t.Errorf("%+v", ref)
	}
	h.shutdown()
}

// TestBodyLimitOnTheWire: captures polling-too-large, polling-too-large-default.
func TestBodyLimitOnTheWire(t *testing.T) {
	h := newHarness(t, Options{})
	sid, r := h.openPolling()
	r.session.Joined()
	for _, size := range []int{1_000_001, 1_900_000} {
		a := h.do("POST", pollQuery+"&sid="+sid, strings.Repeat("4", size))
		expectRefusal(t, a, 413, "", "payload-too-large")
	}
	if a := h.post(sid, "4x"); a.body != "ok" {
		t.Errorf("%+v", a)
	}
	await(h, r.got, "message")
}

// TestManyPackets is requirement R7: packets that are not messages are counted,
// messages are not (decision D4), and the cost of each does not grow.
func TestManyPackets(t *testing.T) {
	const burst = 3000 // what a stock client had buffered while it was offline
	h := newHarness(t, Options{}, keep(burst))
	sid, r := h.openPolling()
	r.session.Joined()
	list := make([]string, burst)
	for i := range list {
		list[i] = "42[\"e\"," + strconv.Itoa(i) + "]"
	}
	if a := h.post(sid, strings.Join(list, "\x1e")); a.body != "ok" {
		t.Fatalf("%+v", a)
	}
	for i := range list {
		if got := await(h, r.got, "message"); "4"+got.data != list[i] {
			t.Fatalf("message %d: %q", i, got.data)
		}
	}
	at := strings.TrimSuffix(strings.Repeat("6\x1e", DefaultMaxNonMessages), "\x1e")
	if a := h.post(sid, at); a.body != "ok" || r.session.ended.Load() {
		t.Fatalf("exactly the limit: %+v", a)
	}
	h.post(sid, at+"\x1e6")
	expectEnd(t, h, r, ErrParse)
}

func TestPayloadCost(t *testing.T) {
	srv := New(Options{MaxNonMessages: -1}, nil)
	count := 0
	s := &Session{srv: srv, receiver: &recorder{handle: func([]byte, bool) error { count++; return nil }}}
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		body := bytes.Repeat([]byte("6\x1e"), n)
		body[len(body)-1] = '6' // "66": the last packet is a noop with text
		if got := testing.AllocsPerRun(1, func() { s.deliverPayload(body) }); got != 0 {
			t.Errorf("%d packets: %v allocations", n, got)
		}
	}
	s.deliverPayload([]byte("4\x1e4"))
	if count != 2 {
		t.Errorf("%d messages", count)
	}
}

// TestUnjoined is requirement R11: half-open sessions cost no goroutine, are
// capped, and end by themselves.
func TestUnjoined(t *testing.T) {
	const n = 10_000
	h := newBareHarness(t, Options{MaxUnjoined: n, ConnectTimeout: -1})
	handshake := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.srv.ServeHTTP(w, httptest.NewRequest("GET", DefaultPath+"?"+pollQuery, nil))
		return w
	}
	for range n {
		if w := handshake(); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if st := h.srv.Stats(); st.Goroutines != 0 || st.Unjoined != n || st.Polling != n {
		t.Errorf("%d idle sessions: %+v", n, st)
	}
	if own := ownGoroutines(); len(own) != 0 {
		t.Errorf("%d goroutines, the first: %s", len(own), own[0])
	}
	w := handshake()
	wait, err := strconv.Atoi(w.Header().Get("Retry-After"))
	if w.Code != 503 || err != nil || wait < 1 || wait > 5 || w.Header().Get(RefusedHeader) != "unjoined" {
		t.Errorf("beyond the cap: %d %v", w.Code, w.Header())
	}
	r := h.session()
	r.session.Joined()
	if w := handshake(); w.Code != 200 {
		t.Errorf("after a join: %d", w.Code)
	}
	h.shutdown()
	if w := handshake(); w.Code != 503 || w.Header().Get(RefusedHeader) != "draining" || w.Header().Get("Retry-After") == "" {
		t.Errorf("after shutdown: %d %v", w.Code, w.Header())
	}
}

// TestUnjoinedWebSocket: the cap that is met between the 101 and the session.
func TestUnjoinedWebSocket(t *testing.T) {
	h := newHarness(t, Options{MaxUnjoined: 1})
	h.openPolling()
	resp := h.dialRefused("EIO=4&transport=websocket", 503, "Service Unavailable")
	if resp.Header.Get("Retry-After") == "" {
		t.Errorf("%v", resp.Header)
	}
}

// TestHandshakeLimit is requirement R12.
func TestHandshakeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const all, slots = 5000, 256
		gate := make(chan struct{})
		h := newBareHarness(t, Options{MaxUnjoined: -1, MaxHandshakes: slots, Allow: func(*http.Request) error { <-gate; return nil }})
		var mu sync.Mutex
		var waits []int
		served := 0
		var group sync.WaitGroup
		for range all {
			group.Go(func() {
				w := httptest.NewRecorder()
				h.srv.ServeHTTP(w, httptest.NewRequest("GET", DefaultPath+"?"+pollQuery, nil))
				mu.Lock()
				defer mu.Unlock()
				if w.Code == 200 {
					served++
					return
				}
				wait, _ := strconv.Atoi(w.Header().Get("Retry-After"))
				if w.Code != 503 || w.Header().Get(RefusedHeader) != "handshakes" {
					t.Errorf("%d %v", w.Code, w.Header())
				}
				waits = append(waits, wait)
			})
		}
		synctest.Wait()
		if got := h.srv.Stats().Handshakes; got != all {
			t.Errorf("%d handshakes are counted", got)
		}
		time.Sleep(DefaultHandshakeWait + time.Millisecond) // synctest: fake time
		synctest.Wait()
		mu.Lock()
		if len(waits) != all-slots || slices.Min(waits) != 1 || slices.Max(waits) != 5 {
			t.Errorf("%d were refused, told to wait %d to %d s", len(waits), slices.Min(waits), slices.Max(waits))
		}
		mu.Unlock()
		close(gate)
		group.Wait()
		if served != slots {
			t.Errorf("%d were served", served)
		}
		h.shutdown()
	})
}

// TestSlowSenders is requirement R13, one byte a second. The header deadline is
// that of the user's http.Server.
func TestSlowSenders(t *testing.T) {
	var dripping sync.WaitGroup
	drip := func(w io.Writer, data string) {
		// Owner: the test, which waits; it ends when the server closes the
		// connection.
		dripping.Go(func() {
			for i := range len(data) {
				if _, err := w.Write([]byte{data[i]}); err != nil {
					return
				}
				time.Sleep(time.Second) // synctest: fake time
			}
		})
	}
	const long = "4" + "0123456789012345678901234567890123456789"
	t.Run("body", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newPipeHarness(t, Options{ConnectTimeout: -1})
			sid, r := h.openPolling()
			begin := time.Now()
			conn := h.rawPost(sid, len(long), "")
			drip(conn, long)
			expectEnd(t, h, r, ErrTransportError)
			if took := time.Since(begin); took != DefaultBodyTimeout {
				t.Errorf("ended after %s", took)
			}
			data, _ := io.ReadAll(conn)
			if !strings.HasPrefix(string(data), "HTTP/1.1 408 ") {
				t.Errorf("answer %q", data)
			}
			dripping.Wait()
		})
	})
	t.Run("body of no session", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newPipeHarness(t, Options{})
			begin := time.Now()
			conn := h.rawPost("nope", len(long), "")
			drip(conn, long)
			_, _ = io.ReadAll(conn)
			dripping.Wait()
			if took := time.Since(begin); took > DefaultBodyTimeout+time.Second {
				t.Errorf("ended after %s", took)
			}
		})
	})
	t.Run("message", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newPipeHarness(t, Options{ConnectTimeout: -1})
			conn, r := h.openWebSocket()
			raw := conn.NetConn()
			begin := time.Now()
			if _, err := raw.Write([]byte{0x81, 0x80 | byte(len(long)), 0, 0, 0, 0}); err != nil {
				t.Fatal(err)
			}
			drip(raw, long)
			ended := make(chan int, 1)
			// Owner: the test, which receives from ended.
			go func() { ended <- h.closeCode(conn) }()
			expectEnd(t, h, r, ErrTransportError)
			if took := time.Since(begin); took != DefaultMessageTimeout {
				t.Errorf("ended after %s", took)
			}
			if code := await(h, ended, "close frame"); code != 1008 {
				t.Errorf("closed with %d", code)
			}
			dripping.Wait()
		})
	})
}

// TestPerAddress is decision D55.
func TestPerAddress(t *testing.T) {
	handshake := func(h *harness, peer, forwarded string) int {
		r := httptest.NewRequest("GET", DefaultPath+"?"+pollQuery, nil)
		r.RemoteAddr = peer
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		w := httptest.NewRecorder()
		h.srv.ServeHTTP(w, r)
		return w.Code
	}
	h := newBareHarness(t, Options{MaxPerAddress: 1})
	for range 3 {
		if code := handshake(h, "192.0.2.1:1", ""); code != 200 {
			t.Errorf("without trusted proxies: %d", code)
		}
	}
	h.shutdown()
	h = newBareHarness(t, Options{MaxPerAddress: 1, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	for _, c := range []struct {
		peer, forwarded string
		want            int
	}{
		{"10.0.0.1:1", "198.51.100.1", 200},
		{"10.0.0.2:2", "203.0.113.9, 198.51.100.1, 10.1.1.1", 503},
		{"10.0.0.1:1", "198.51.100.2", 200},
		{"192.0.2.1:1", "198.51.100.3", 200},
		{"192.0.2.1:9", "198.51.100.4", 503}, // not a proxy: its header is not believed
	} {
		if got := handshake(h, c.peer, c.forwarded); got != c.want {
			t.Errorf("%s for %s: %d, want %d", c.peer, c.forwarded, got, c.want)
		}
	}
	h.session().session.Close(errors.New("gone"))
	if got := handshake(h, "10.0.0.1:1", "198.51.100.1"); got != 200 {
		t.Errorf("after the end of its session: %d", got)
	}
	h.shutdown()
}

func TestRemoteAddr(t *testing.T) {
	o := Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}}
	for _, c := range []struct {
		peer      string
		forwarded []string
		want      string
		proxied   bool
	}{
		{"192.0.2.1:5", nil, "192.0.2.1:5", false},
		{"192.0.2.1:5", []string{"1.1.1.1"}, "192.0.2.1:5", false},
		{"10.0.0.1:5", nil, "10.0.0.1", true},
		{"10.0.0.1:5", []string{"1.1.1.1, 2.2.2.2"}, "2.2.2.2", true},
		{"10.0.0.1:5", []string{"1.1.1.1", "10.2.2.2, 10.3.3.3"}, "1.1.1.1", true},
		{"10.0.0.1:5", []string{"1.1.1.1, junk, 10.3.3.3"}, "10.3.3.3", true},
		{"[2001:db8::1]:5", []string{"[2001:4860::1]:99"}, "2001:4860::1", true},
		{"[::ffff:10.0.0.1]:5", []string{"1.1.1.1:80"}, "1.1.1.1", true},
		{"@", nil, "@", false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.forwarded
		got, proxied := o.remoteAddr(r)
		if got != c.want || proxied != c.proxied {
			t.Errorf("%s %q: %s, %v, want %s, %v", c.peer, c.forwarded, got, proxied, c.want, c.proxied)
		}
	}
}

func TestHandshakeCopy(t *testing.T) {
	h := newBareHarness(t, Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	r := httptest.NewRequest("GET", DefaultPath+"?"+pollQuery+"&room=a&room=b", nil)
	r.RemoteAddr, r.Host = "10.0.0.1:1", "game.example.com"
	r.Header.Set("X-Forwarded-For", "198.51.100.7")
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("Cookie", "a=b")
	h.srv.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.Background()))
	r.Header.Set("Cookie", "changed")
	got := h.session().session.Handshake()
	if got.Header().Get("Cookie") != "a=b" || fmt.Sprint(got.Query()["room"]) != "[a b]" || got.Path != DefaultPath || got.Host != "game.example.com" || got.RemoteAddr != "198.51.100.7" || !got.TLS || !strings.HasPrefix(got.URL, DefaultPath+"?EIO=4") || got.Issued.IsZero() {
		t.Errorf("%+v", got)
	}
	h.shutdown()
}
