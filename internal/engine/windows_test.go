package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The tests of this file enter the windows between two steps, which concurrent
// tests meet only by chance.

// TestRequestAfterUpgrade: a GET and a POST that passed the checks before the
// session changed its transport.
func TestRequestAfterUpgrade(t *testing.T) {
	h := newHarness(t, Options{})
	_, r := h.openWebSocket()
	if _, _, ref := r.session.park(); ref == nil || ref.Rule != "transport-mismatch" {
		t.Errorf("GET: %+v", ref)
	}
	if ref := r.session.enterPost(&runningPost{}); ref == nil || ref.Rule != "transport-mismatch" {
		t.Errorf("POST: %+v", ref)
	}
	body := newScratch()
	defer body.free()
	if ref, _ := r.session.deliverBody(&runningPost{}, body); ref == nil || ref.Rule != "transport-mismatch" {
		t.Errorf("body: %+v", ref)
	}
}

// TestRequestAfterEnd: the same for a session that has ended.
func TestRequestAfterEnd(t *testing.T) {
	h := newHarness(t, Options{})
	_, r := h.openPolling()
	g, _, _ := r.session.park()
	r.session.finish(ErrPingTimeout, endCut)
	await(h, g.answered, "answer")
	r.session.queueWakes(g) // must not attach to the queue
	if batch, _ := r.session.takeFor(g); batch != nil {
		t.Errorf("took %v", batch)
	}
	if r.session.unpark(g) {
		t.Error("unparked what was answered")
	}
	if _, _, ref := r.session.park(); ref == nil || ref.Rule != "sid" {
		t.Errorf("GET: %+v", ref)
	}
	if ref := r.session.enterPost(&runningPost{}); ref == nil || ref.Rule != "sid" {
		t.Errorf("POST: %+v", ref)
	}
	body := newScratch()
	defer body.free()
	if ref, dropped := r.session.deliverBody(&runningPost{dropped: true}, body); ref == nil || ref.Rule != "sid" || !dropped {
		t.Errorf("body: %+v, %v", ref, dropped)
	}
	if r.session.enterProbe(&wire{}) {
		t.Error("a probe entered")
	}
	if err := r.session.takeOver(&wire{}); !errors.Is(err, errUpgradeEnded) {
		t.Errorf("taken over: %v", err)
	}
}

// TestTwoLastGets: the GET that was woken by what a closed session has queued, and
// others that are faster.
func TestTwoLastGets(t *testing.T) {
	h := newHarness(t, Options{})
	sid, r := h.openPolling()
	g, _, _ := r.session.park()
	_ = r.session.Send(message("1"))
	r.session.Close(errors.New("kick"))
	for _, want := range []string{"41", "6\x1e1"} {
		if a := h.get(sid); a.body != want {
			t.Errorf("a faster GET: %+v, want %q", a, want)
		}
	}
	await(h, g.answered, "answer")
	if g.reply != pollClosed {
		t.Errorf("the other one: %q", g.reply)
	}
}

// TestLastPongs: a websocket's control frame has no place in a polling payload.
func TestLastPongs(t *testing.T) {
	h := newHarness(t, Options{})
	sid, r := h.openPolling()
	_ = r.session.Send(newPong("x"))
	_ = r.session.Send(message("1"))
	if a := h.get(sid); a.body != "41" {
		t.Errorf("%+v", a)
	}
}

// TestReapLingering: what lingers is dropped too when the budget is full.
func TestReapLingering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPipeHarness(t, Options{ConnectTimeout: -1, OutboundBudget: 10_000})
		sid, lingering := h.openPolling()
		_ = lingering.session.Send(message(strings.Repeat("x", 8000)))
		lingering.session.Close(nil)
		_, other := h.openPolling()
		_ = other.session.Send(message(strings.Repeat("x", 4000)))
		synctest.Wait()
		if st := h.srv.Stats(); st.Lingering != 0 || st.BudgetBytes > 5000 || other.session.ended.Load() {
			t.Errorf("%+v", st)
		}
		expectRefusal(t, h.get(sid), 400, bodySID, "sid")
		// With nothing queued there is nobody to close, and nobody spins.
		if !h.srv.Charge(5000) {
			t.Error("Charge inside the budget")
		}
		h.srv.budget.add(20_000)
		synctest.Wait()
		if st := h.srv.Stats(); st.Goroutines != 0 || !other.session.ended.Load() {
			t.Errorf("%+v", st)
		}
		h.srv.Release(25_000)
	})
}

// TestDrainingBetween: Shutdown begins between the checks and the table.
func TestDrainingBetween(t *testing.T) {
	h := newHarness(t, Options{})
	h.srv.sessions.close()
	for _, upgrade := range []bool{false, true} {
		q := &request{upgrade: upgrade}
		if upgrade {
			conn, _, err := h.dialDirect(func(w http.ResponseWriter, r *http.Request) { h.srv.handshakeWebSocket(w, r) })
			if err != nil {
				t.Fatal(err)
			}
			if code := h.closeCode(conn); code != 1005 {
				t.Errorf("closed with %d", code)
			}
			conn.Close()
			continue
		}
		w := httptest.NewRecorder()
		h.srv.handshakePolling(w, httptest.NewRequest("GET", DefaultPath, nil), q)
		if w.Code != 503 || w.Header().Get(RefusedHeader) != "draining" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	}
	if st := h.srv.Stats(); st.Polling != 0 || st.WebSocket != 0 || st.Unjoined != 0 {
		t.Errorf("%+v", st)
	}
	// Those who wait for a slot are sent away.
	h.srv.slots.free = make(chan struct{})
	w := httptest.NewRecorder()
	h.srv.serveHandshake(w, httptest.NewRequest("GET", DefaultPath+"?"+pollQuery, nil), &request{})
	if w.Code != 503 {
		t.Errorf("%d", w.Code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if h.srv.slots.take(ctx.Done(), nil) {
		t.Error("a slot for a client that has gone")
	}
}

// TestEarlyData: a client that sends before the handshake is answered is cut.
func TestEarlyData(t *testing.T) {
	h := newHarness(t, Options{})
	conn, err := h.connect()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(h.limit))
	fmt.Fprintf(conn, "GET %s?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n%s",
		DefaultPath, frameOf(fin|opText, "40"))
	if data, _ := io.ReadAll(conn); len(data) > 0 {
		t.Errorf("answered %q", data)
	}
	if len(h.opened) != 0 {
		t.Error("a session was made")
	}
}

// TestNoHijack: a connection that cannot be hijacked, such as HTTP/2.
func TestNoHijack(t *testing.T) {
	h := newBareHarness(t, Options{})
	r := httptest.NewRequest("GET", DefaultPath+"?EIO=4&transport=websocket", nil)
	for k, v := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="} {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.srv.ServeHTTP(w, r)
	if w.Code != 400 || w.Body.String() != "Bad request" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	h.shutdown()
}

// TestHoldInAccept: the connect timeout is held before it starts.
func TestHoldInAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var release func()
		h := newPipeHarness(t, Options{}, func(r *recorder) { release = r.session.HoldConnectTimeout() })
		_, r := h.openPolling()
		time.Sleep(2 * DefaultConnectTimeout) // synctest: fake time
		if r.session.ended.Load() {
			t.Fatal("closed while held")
		}
		begin := time.Now()
		release()
		expectEnd(t, h, r, ErrConnectTimeout)
		if took := time.Since(begin); took != DefaultConnectTimeout {
			t.Errorf("closed after %s", took)
		}
	})
}

// TestJoinInAccept: no connect timeout at all.
func TestJoinInAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPipeHarness(t, Options{PingInterval: time.Hour}, func(r *recorder) { r.session.Joined() })
		_, r := h.openPolling()
		time.Sleep(2 * DefaultConnectTimeout) // synctest: fake time
		if r.session.ended.Load() || r.session.connect.timer != nil {
			t.Error("the connect timeout is on")
		}
	})
}
