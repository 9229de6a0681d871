package engine

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestShutdown: every kind of session ends with what was queued, all goroutines
// are joined, and a second call is harmless.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPipeHarness(t, Options{})
		ws, wr := h.websocketPeer()
		up, ur := h.upgradedPeer()
		sid, parkedSession := h.openPolling()
		parked := h.goGet(parkedSession)
		_, idle := h.openPolling()
		probing, pr := h.openPolling()
		probe, _, err := h.dial("EIO=4&transport=websocket&sid=" + probing)
		if err != nil {
			t.Fatal(err)
		}
		defer probe.Close()
		h.write(probe, "2probe")
		h.read(probe)
		probeCode := make(chan int, 1)
		// Owner: the test, which receives from probeCode.
		go func() { probeCode <- h.closeCode(probe) }()
		_ = wr.session.Send(message("bye"))
		_ = ur.session.Send(message("bye"))

		begin := time.Now()
		h.shutdown()
		h.shutdown()
		if took := time.Since(begin); took > closeWait+shutdownLinger { // the idle polling client never comes
			t.Errorf("took %s", took)
		}
		for _, p := range []peer{ws, up} {
			expect(t, p, "4bye")
			if !p.endsWith(1005) {
				t.Error("a websocket client saw another end")
			}
		}
		if a := await(h, parked, "answer"); a.body != "1" {
			t.Errorf("%+v", a)
		}
		if code := await(h, probeCode, "end of the probe"); code != 1005 {
			t.Errorf("probe closed with %d", code)
		}
		for _, r := range []*recorder{wr, ur, parkedSession, idle, pr} {
			expectEnd(t, h, r, ErrServerClosed)
		}
		expectRefusal(t, h.get(sid), 400, bodySID, "sid")
		if a := h.do("GET", pollQuery, ""); a.status != 503 || a.header.Get(RefusedHeader) != "draining" {
			t.Errorf("%+v", a)
		}
		h.dialRefused("EIO=4&transport=websocket", 503, "Service Unavailable")
	})
}

// TestShutdownWaitsForPollers: a polling client between two polls gets what was
// queued for it and the close packet, and Shutdown returns when it has them.
func TestShutdownWaitsForPollers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPipeHarness(t, Options{})
		sid, r := h.openPolling()
		_ = r.session.Send(message("bye"))
		begin, ended := time.Now(), make(chan error, 1)
		// Owner: the test, which receives from ended.
		go func() { ended <- h.srv.Shutdown(context.Background()) }()
		time.Sleep(time.Second) // synctest: fake time
		for _, want := range []string{"4bye", "6\x1e1"} {
			select {
			case err := <-ended:
				t.Fatalf("Shutdown returned before %q was fetched: %v", want, err)
			default:
			}
			if a := h.get(sid); a.body != want {
				t.Errorf("%+v, want %q", a, want)
			}
		}
		if err := await(h, ended, "Shutdown"); err != nil || time.Since(begin) != time.Second {
			t.Errorf("Shutdown: %v after %s", err, time.Since(begin))
		}
	})
}

// TestShutdownGivesUp: a client that does not read and a receiver that does not
// return hold Shutdown up only as long as its context lives.
func TestShutdownGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		h := newPipeHarness(t, Options{ConnectTimeout: -1}, func(r *recorder) {
			r.handle = func([]byte, bool) error { <-gate; return nil }
		})
		conn, stuck := h.openWebSocket()
		h.write(conn, "4x")
		_, slow := h.openWebSocket()
		_ = slow.session.Send(message("unread"))
		synctest.Wait()
		enough := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(context.Background(), 3*time.Second, enough)
		defer cancel()
		if err := h.srv.Shutdown(ctx); !errors.Is(err, enough) {
			t.Errorf("Shutdown: %v", err)
		}
		synctest.Wait()
		await(h, slow.closed, "end of the slow one")
		if st := h.srv.Stats(); st.Goroutines != 1 {
			t.Errorf("%+v, want the stuck reader alone", st)
		}
		close(gate)
		await(h, stuck.closed, "end of the stuck one")
	})
}

// TestCloseEverywhere: Close may be called from anywhere, also under a lock that
// Closed takes, and by many at once; the receiver is told once.
func TestCloseEverywhere(t *testing.T) {
	for _, open := range []func(*harness) (peer, *recorder){(*harness).pollingPeer, (*harness).websocketPeer, (*harness).upgradedPeer} {
		synctest.Test(t, func(t *testing.T) {
			h := newPipeHarness(t, Options{})
			p, r := open(h)
			var group sync.WaitGroup
			for range 50 {
				group.Go(func() { r.session.Close(errors.New("one of many")) })
				group.Go(func() { _ = r.session.Send(message("x")) })
				group.Go(r.session.Joined)
				group.Go(func() { r.session.HoldConnectTimeout()() })
			}
			group.Wait()
			if cause := await(h, r.closed, "end"); !strings.Contains(cause.Error(), "one of many") {
				t.Error(cause)
			}
			p.hangUp()
		})
	}
}

// TestCloseInReceive: the receiver closes its own session.
func TestCloseInReceive(t *testing.T) {
	stop := errors.New("stop")
	eachTransport(t, Options{}, func(r *recorder) {
		n := 0
		r.handle = func([]byte, bool) error {
			if n++; n > 1 {
				panic("a message after the end")
			}
			r.session.Close(stop)
			return nil
		}
	}, func(t *testing.T, h *harness, p peer, r *recorder) {
		p.send("4x")
		p.send("4y")
		expectEnd(t, h, r, stop)
	})
}

// TestCloseInAccept: a session that is closed before it has begun.
func TestCloseInAccept(t *testing.T) {
	stop := errors.New("stop")
	h := newHarness(t, Options{}, func(r *recorder) { r.session.Close(stop) })
	a := h.do("GET", pollQuery, "")
	r := h.session()
	if a.status != 200 {
		t.Errorf("%+v", a)
	}
	expectEnd(t, h, r, stop)
	if a := h.get(r.session.ID()); a.body != "6\x1e1" {
		t.Errorf("%+v", a)
	}
	conn, _, err := h.dial("EIO=4&transport=websocket")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	h.read(conn) // the open packet was first
	if code := h.closeCode(conn); code != 1005 {
		t.Errorf("closed with %d", code)
	}
	expectEnd(t, h, h.session(), stop)
}

// TestAcceptPanics: net/http recovers, and nothing is left.
func TestAcceptPanics(t *testing.T) {
	h := newHarness(t, Options{}, func(*recorder) { panic("accept") })
	if _, err := h.try(t.Context(), "GET", pollQuery, ""); err == nil {
		t.Error("answered")
	}
	conn, _, err := h.dial("EIO=4&transport=websocket")
	if err == nil {
		h.closeCode(conn)
		conn.Close()
	}
	h.eventually("end of all sessions", func() bool { return h.srv.Stats() == Stats{} })
}
