package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestHandshakePolling: captures handshake-polling, handshake-cookie-true,
// handshake-msie-header.
func TestHandshakePolling(t *testing.T) {
	h := newHarness(t, Options{
		NodeTag: "node-7", PingTimeout: 20 * time.Second,
		Cookie: &http.Cookie{Name: "io", Value: "replaced", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode},
	})
	a := h.do("GET", pollQuery, "", "User-Agent", "Mozilla/4.0 (compatible;MSIE 8.0; Windows NT 6.0)")
	r := h.session()
	sid := r.session.ID()
	want := answer{200, http.Header{
		"Content-Type": {"text/plain; charset=UTF-8"}, "Cache-Control": {"no-store"}, "Content-Length": {fmt.Sprint(len(a.body))},
		"Set-Cookie": {"io=" + sid + "; Path=/; HttpOnly; SameSite=Lax"}, "X-Xss-Protection": {"0"}, "Vary": {"Origin"},
		"Date": a.header["Date"],
	}, `0{"sid":"` + sid + `","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`}
	if diff := cmp.Diff(want, a, cmp.AllowUnexported(answer{})); diff != "" {
		t.Error(diff)
	}
	if len(sid) != 30 || !strings.HasSuffix(sid, "node-7") {
		t.Errorf("sid %q", sid)
	}
	_, resp, err := h.dial("EIO=4&transport=websocket")
	if err != nil || resp.Header.Get("Set-Cookie") != "" {
		t.Errorf("over websocket: %v, %v", err, resp.Header)
	}
}

// TestPollingEnds: what a body that ends the session means for a parked GET and
// for the next one (engineio-v4 section 5, captures polling-bad-*,
// polling-close-packet*, polling-sio-bad-*).
func TestPollingEnds(t *testing.T) {
	gone := answer{status: 400, body: bodySID}
	for _, c := range []struct {
		name, body   string
		parked       bool
		want, next   answer
		last         answer // of a GET after next, if that was not the last
		cause        error
		refuses      bool
		sendsFirst   bool
		withoutClose bool
	}{
		{name: "undecodable", body: "abc", next: gone, cause: ErrParse},
		{name: "undecodable, parked", body: "abc", parked: true, want: answer{status: 200, body: "1"}, next: gone, cause: ErrParse},
		{name: "empty", body: "", next: gone, cause: ErrParse},
		{name: "trailing separator", body: "40\x1e", next: gone, cause: ErrParse},
		{name: "ping", body: "2", next: gone, cause: ErrTransportError},
		{name: "ping, parked", body: "2", parked: true, want: answer{status: 200, body: "1"}, next: gone, cause: ErrTransportError},
		{name: "close", body: "1", next: gone, cause: ErrTransportClose},
		{name: "close, parked", body: "1", parked: true, want: answer{status: 200, body: "6"}, next: gone, cause: ErrTransportClose},
		{name: "message and close, parked", body: "41\x1e1", parked: true, want: answer{status: 200, body: "6"}, next: gone, cause: ErrTransportClose},
		{name: "refused", body: "4x", refuses: true, next: answer{status: 200, body: "6\x1e1"}, cause: ErrForced},
		{name: "refused, parked", body: "4x", refuses: true, parked: true, want: answer{status: 200, body: "1"}, next: gone, cause: ErrForced},
		{name: "refused after a send, parked", body: "4x", refuses: true, sendsFirst: true, parked: true, want: answer{status: 200, body: "41"}, next: answer{status: 200, body: "6\x1e1"}, cause: ErrForced},
		{name: "refused after a send", body: "4x", refuses: true, sendsFirst: true, next: answer{status: 200, body: "41"}, last: answer{status: 200, body: "6\x1e1"}, cause: ErrForced},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, Options{}, func(r *recorder) {
				r.handle = func([]byte, bool) error {
					if c.sendsFirst {
						_ = r.session.Send(message("1"))
					}
					if c.refuses {
						return errors.New("refused")
					}
					return nil
				}
			})
			sid, r := h.openPolling()
			var parked <-chan answer
			if c.parked {
				parked = h.goGet(r)
			}
			if a := h.post(sid, c.body); a.status != 200 || a.body != "ok" {
				t.Errorf("POST: %d %q", a.status, a.body)
			}
			if c.parked {
				if a := await(h, parked, "answer"); a.status != c.want.status || a.body != c.want.body {
					t.Errorf("parked GET: %d %q, want %d %q", a.status, a.body, c.want.status, c.want.body)
				}
			}
			if cause := await(h, r.closed, "end"); !errors.Is(cause, c.cause) {
				t.Errorf("cause %v, want %v", cause, c.cause)
			}
			a := h.get(sid)
			if a.status != c.next.status || a.body != c.next.body {
				t.Errorf("next GET: %d %q, want %d %q", a.status, a.body, c.next.status, c.next.body)
			}
			if c.last.status != 0 {
				if a := h.get(sid); a.status != c.last.status || a.body != c.last.body {
					t.Errorf("last GET: %d %q, want %d %q", a.status, a.body, c.last.status, c.last.body)
				}
			}
			expectRefusal(t, h.get(sid), 400, bodySID, "sid")
			expectRefusal(t, h.post(sid, "4"), 400, bodySID, "sid")
		})
	}
}

// TestLinger is decision D5: what is queued waits 30 s for the next GET.
func TestLinger(t *testing.T) {
	for _, after := range []time.Duration{lingerTime - time.Millisecond, lingerTime + time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			h := newPipeHarness(t, Options{})
			sid, r := h.openPolling()
			_ = r.session.Send(message("1"))
			r.session.Close(errors.New("kick"))
			await(h, r.closed, "end") // at once: only the queue lingers
			if st := h.srv.Stats(); st.Lingering != 1 || st.Polling != 0 || st.BudgetBytes == 0 {
				t.Errorf("while lingering: %+v", st)
			}
			expectRefusal(t, h.post(sid, "4x"), 400, bodySID, "sid")
			time.Sleep(after) // synctest: fake time
			a := h.get(sid)
			if after < lingerTime && a.body != "41" || after > lingerTime && a.body != bodySID {
				t.Errorf("after %s: %+v", after, a)
			}
			// The close packet comes alone: official clients act on it before the
			// messages of the same payload.
			if last := h.get(sid); after < lingerTime && last.body != "6\x1e1" {
				t.Errorf("after the messages: %+v", last)
			}
			expectRefusal(t, h.get(sid), 400, bodySID, "sid")
			if st := h.srv.Stats(); st != (Stats{}) {
				t.Errorf("at the end: %+v", st)
			}
		})
	}
}

// TestNoLingerAfterPingTimeout is the other half of decision D5.
func TestNoLingerAfterPingTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPipeHarness(t, Options{ConnectTimeout: -1})
		sid, r := h.openPolling()
		_ = r.session.Send(message("queued"))
		if cause := await(h, r.closed, "end"); !errors.Is(cause, ErrPingTimeout) {
			t.Error(cause)
		}
		expectRefusal(t, h.get(sid), 400, bodySID, "sid")
		synctest.Wait()
		if st := h.srv.Stats(); st != (Stats{}) {
			t.Errorf("%+v", st)
		}
	})
}

// TestOverlap is requirement R8 (captures polling-concurrent-get,
// polling-concurrent-post).
func TestOverlap(t *testing.T) {
	h := newHarness(t, Options{})
	sid, r := h.openPolling()
	parked := h.goGet(r)
	expectRefusal(t, h.get(sid), 400, "", "overlap")
	if a := await(h, parked, "answer"); a.status != 200 || a.body != "1" {
		t.Errorf("the parked GET: %+v", a)
	}
	expectEnd(t, h, r, ErrTransportError)
	expectRefusal(t, h.get(sid), 400, bodySID, "sid")

	sid, r = h.openPolling()
	first := h.rawPost(sid, 10, "40")
	h.eventually("first POST", func() bool {
		r.session.mu.Lock()
		defer r.session.mu.Unlock()
		return r.session.polling.post != nil
	})
	expectRefusal(t, h.post(sid, "40"), 400, "", "overlap")
	if data, _ := io.ReadAll(first); len(data) > 0 {
		t.Errorf("the first POST was answered with %q", data)
	}
	expectEnd(t, h, r, ErrTransportError)
	expectRefusal(t, h.get(sid), 400, bodySID, "sid")
}

// TestOverlapWhileDelivering: a second POST while the receiver holds the first.
func TestOverlapWhileDelivering(t *testing.T) {
	entered := make(chan struct{})
	h := newHarness(t, Options{}, func(r *recorder) {
		r.handle = func([]byte, bool) error { close(entered); <-r.session.Done(); return nil }
	})
	sid, r := h.openPolling()
	first := h.rawPost(sid, 2, "4x")
	await(h, entered, "delivery")
	expectRefusal(t, h.post(sid, "4y"), 400, "", "overlap")
	if data, _ := io.ReadAll(first); len(data) > 0 {
		t.Errorf("the first POST was answered with %q", data)
	}
	expectEnd(t, h, r, ErrTransportError)
}

// rawPost sends the head of a POST and the begin of its body.
func (h *harness) rawPost(sid string, length int, body string) net.Conn {
	h.t.Helper()
	conn, err := h.connect()
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(h.limit))
	if _, err := fmt.Fprintf(conn, "POST %s?%s&sid=%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", DefaultPath, pollQuery, sid, testHost, length, body); err != nil {
		h.t.Fatal(err)
	}
	return conn
}

// TestAborted: captures polling-get-aborted, polling-post-aborted.
func TestAborted(t *testing.T) {
	h := newHarness(t, Options{})
	sid, r := h.openPolling()
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	// Owner: the test, which receives from failed.
	go func() {
		_, err := h.try(ctx, "GET", pollQuery+"&sid="+sid, "")
		failed <- err
	}()
	h.eventually("parked GET", func() bool {
		r.session.mu.Lock()
		defer r.session.mu.Unlock()
		return r.session.polling.get != nil
	})
	cancel()
	await(h, failed, "error")
	if cause := expectEnd(t, h, r, ErrTransportError); !strings.Contains(cause.Error(), "poll connection closed prematurely") {
		t.Error(cause)
	}
	expectRefusal(t, h.get(sid), 400, bodySID, "sid")

	sid, r = h.openPolling()
	h.rawPost(sid, 10, "40").Close()
	if cause := expectEnd(t, h, r, ErrTransportError); !strings.Contains(cause.Error(), "data request connection closed prematurely") {
		t.Error(cause)
	}
	expectRefusal(t, h.get(sid), 400, bodySID, "sid")
}

// openFiles counts the file descriptors of the process.
func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// TestBinaryPost is requirement R5: 400 is written, the session is closed, the
// connection is freed.
func TestBinaryPost(t *testing.T) {
	h := newHarness(t, Options{MaxUnjoined: -1})
	h.client.Transport.(*http.Transport).DisableKeepAlives = true
	sid, r := h.openPolling()
	// Decision D8: only the exact type.
	for _, kind := range []string{"application/octet-stream; charset=x", "application/json", "", "Application/Octet-Stream"} {
		if a := h.do("POST", pollQuery+"&sid="+sid, "4x", "Content-Type", kind); a.body != "ok" {
			t.Errorf("%s: %+v", kind, a)
		}
		await(h, r.got, "message")
	}
	base := openFiles(t)
	for range 1000 {
		sid, r := h.openPolling()
		a := h.do("POST", pollQuery+"&sid="+sid, strings.Repeat("\x00", 1000), "Content-Type", "application/octet-stream")
		expectRefusal(t, a, 400, "", "binary-body")
		if cause := await(h, r.closed, "end"); !errors.Is(cause, ErrTransportError) {
			t.Fatal(cause)
		}
	}
	h.eventually("end of all connections", func() bool { return openFiles(t) <= base })
	if st := h.srv.Stats(); st.Polling != 1 {
		t.Errorf("%+v", st)
	}
}

// TestPollAfterPoll: the next GET waits until the answer to the one before is
// written, so that one client holds one batch.
func TestPollAfterPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPipeHarness(t, Options{})
		sid, r := h.openPolling()
		r.session.Joined()
		conn, err := h.connect()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		// A client that does not read the answer to its GET: the pipe is full.
		fmt.Fprintf(conn, "GET %s?%s&sid=%s HTTP/1.1\r\nHost: x\r\n\r\n", DefaultPath, pollQuery, sid)
		synctest.Wait()
		_ = r.session.Send(message("first"))
		synctest.Wait()
		_ = r.session.Send(message("second"))
		second := h.goGet(r)
		synctest.Wait()
		select {
		case a := <-second:
			t.Fatalf("the second GET was answered before the first: %+v", a)
		default:
		}
		if n, _ := r.session.Queue(); n != 1 {
			t.Errorf("%d messages wait, want 1", n)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if data, _ := io.ReadAll(resp.Body); string(data) != "4first" {
			t.Errorf("first GET: %q", data)
		}
		if a := await(h, second, "answer"); a.body != "4second" {
			t.Errorf("second GET: %+v", a)
		}
	})
}

// TestPollWriteTimeout: a client that does not read its answer is given up.
func TestPollWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPipeHarness(t, Options{})
		sid, r := h.openPolling()
		r.session.Joined()
		conn, err := h.connect()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET %s?%s&sid=%s HTTP/1.1\r\nHost: x\r\n\r\n", DefaultPath, pollQuery, sid)
		synctest.Wait()
		begin := time.Now()
		_ = r.session.Send(message("unread"))
		expectEnd(t, h, r, ErrTransportError)
		if took := time.Since(begin); took != DefaultWriteTimeout {
			t.Errorf("given up after %s", took)
		}
	})
}

// TestServerDeadlines is decision D59: deadlines of the user's http.Server neither
// cut a long poll, nor a POST that the receiver holds, nor outlive them.
func TestServerDeadlines(t *testing.T) {
	for _, limit := range []time.Duration{0, 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			h := newPipeHarness(t, Options{PingInterval: time.Hour}, func(r *recorder) {
				r.handle = func([]byte, bool) error {
					time.Sleep(5 * time.Second) // synctest: fake time
					return nil
				}
			})
			front := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
			srv := &http.Server{Handler: h.srv, ReadTimeout: limit, WriteTimeout: limit}
			served := make(chan error, 1)
			// Owner: the test, which closes srv and receives from served.
			go func() { served <- srv.Serve(front) }()
			h.connect = front.dial

			sid, r := h.openPolling()
			r.session.Joined()
			for range 3 {
				parked := h.goGet(r)
				time.Sleep(9 * time.Second) // synctest: fake time
				_ = r.session.Send(message("late"))
				if a := await(h, parked, "answer"); a.body != "4late" {
					t.Fatalf("%+v", a)
				}
				if a := h.post(sid, "4x"); a.body != "ok" {
					t.Fatalf("%+v", a)
				}
			}
			// A server without deadlines must not keep ours on its connections.
			if limit == 0 {
				time.Sleep(2 * DefaultWriteTimeout) // synctest: fake time
			}
			if a := h.do("GET", "EIO=4&transport=foo", ""); a.status != 400 {
				t.Errorf("%+v", a)
			}
			r.session.Close(nil)
			h.client.CloseIdleConnections()
			srv.Close()
			<-served
		})
	}
}

// heldWriter is an answer whose client does not read it until release is closed.
type heldWriter struct {
	*httptest.ResponseRecorder
	release chan struct{}
}

func (w heldWriter) Write(p []byte) (int, error) {
	<-w.release
	return w.ResponseRecorder.Write(p)
}

// TestClosePacketComesFirst: a body that ends the session is answered after the parked GET, so that the client knows of the
// end before it posts again.
func TestClosePacketComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPipeHarness(t, Options{}, func(r *recorder) {
			r.handle = func([]byte, bool) error { return errors.New("refused") }
		})
		sid, _ := h.openPolling()
		target := "http://" + testHost + DefaultPath + "?" + pollQuery + "&sid=" + sid
		get, post := heldWriter{httptest.NewRecorder(), make(chan struct{})}, httptest.NewRecorder()
		var answered atomic.Int64
		// Owner: the test, whose bubble waits for both.
		go func() {
			h.srv.ServeHTTP(get, httptest.NewRequest("GET", target, http.NoBody))
			answered.Add(1)
		}()
		synctest.Wait()
		go func() {
			h.srv.ServeHTTP(post, httptest.NewRequest("POST", target, strings.NewReader("4x")))
			answered.Add(1)
		}()
		synctest.Wait()
		if n := answered.Load(); n != 0 {
			t.Errorf("%d answers while the close packet is on its way", n)
		}
		close(get.release)
		synctest.Wait()
		if n := answered.Load(); n != 2 || get.Body.String() != "1" || post.Body.String() != "ok" {
			t.Errorf("%d answers, %q and %q", n, get.Body, post.Body)
		}
	})
}
