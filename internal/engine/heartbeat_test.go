package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestHeartbeatTimes is requirement R15: the first ping comes after 80 to 100 % of
// the interval, at a time of its own for each session, the next ones exactly an
// interval after the pong; pongs that nobody asked for change nothing (decision
// D3, unlike capture ws-heartbeat-unsolicited-pong).
func TestHeartbeatTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPipeHarness(t, Options{ConnectTimeout: -1})
		const n = 200
		firsts := map[time.Duration]bool{}
		early, late := 0, 0
		for range n {
			conn, r := h.openWebSocket()
			opened := r.session.Handshake().Issued
			h.write(conn, "3") // extra
			if m := h.read(conn); m != "2" {
				t.Fatalf("got %q", m)
			}
			first := time.Since(opened)
			if first < DefaultPingInterval*8/10 || first > DefaultPingInterval {
				t.Fatalf("the first ping came after %s", first)
			}
			firsts[first] = true
			if first < DefaultPingInterval*9/10 {
				early++
			} else {
				late++
			}
			r.session.Close(nil)
			conn.Close()
		}
		if len(firsts) < n*9/10 || early < n/5 || late < n/5 {
			t.Errorf("first pings are not spread: %d times, %d early, %d late", len(firsts), early, late)
		}
	})
}

func TestHeartbeatInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPipeHarness(t, Options{ConnectTimeout: -1})
		conn, r := h.openWebSocket()
		for range 5 {
			h.read(conn)
			time.Sleep(3 * time.Second) // synctest: fake time
			h.write(conn, "3")
			synctest.Wait()
			if rtt := r.session.RTT(); rtt != 3*time.Second {
				t.Errorf("RTT() = %s", rtt)
			}
			pong := time.Now()
			for range 10 {
				time.Sleep(time.Second) // synctest: fake time
				h.write(conn, "3extra")
			}
			if m := h.read(conn); m != "2" || time.Since(pong) != DefaultPingInterval {
				t.Errorf("%q came %s after the pong", m, time.Since(pong))
			}
			time.Sleep(time.Second) // synctest: fake time
			h.write(conn, "3")
			synctest.Wait()
		}
		conn.Close()
	})
}

// TestBlackhole: a peer that takes everything and says nothing is found within
// interval plus timeout, to the instant.
func TestBlackhole(t *testing.T) {
	for _, chatty := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			h := newPipeHarness(t, Options{ConnectTimeout: -1})
			conn, r := h.openWebSocket()
			opened := r.session.Handshake().Issued
			h.read(conn)
			if chatty {
				time.Sleep(time.Second) // synctest: fake time
				h.write(conn, "3")      // then extra ones, which must not help
				for range 20 {
					time.Sleep(time.Second) // synctest: fake time
					h.write(conn, "3")
				}
				h.read(conn)
			}
			ping := time.Now()
			expectEnd(t, h, r, ErrPingTimeout)
			if took := time.Since(ping); took != DefaultPingTimeout {
				t.Errorf("found %s after the ping", took)
			}
			if total := time.Since(opened); !chatty && total > DefaultPingInterval+DefaultPingTimeout {
				t.Errorf("found after %s", total)
			}
			if code := h.closeCode(conn); code != 1005 {
				t.Errorf("closed with %d", code)
			}
		})
	}
}

// TestPausedReader: the pong stands behind a message that the receiver was slow
// to take. It is neither dead while we hold it nor at the moment we let go.
func TestPausedReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hold time.Duration
		h := newPipeHarness(t, Options{ConnectTimeout: -1}, func(r *recorder) {
			r.handle = func([]byte, bool) error { time.Sleep(hold); return nil } // synctest: fake time
		})
		conn, r := h.openWebSocket()
		for _, hold = range []time.Duration{DefaultPingTimeout / 2, DefaultPingTimeout - time.Millisecond, 5 * DefaultPingTimeout} {
			h.read(conn) // a ping
			h.write(conn, "4x")
			// The pong arrives while the receiver has the message, and is read after
			// it, in time or not.
			written := make(chan struct{})
			// Owner: the test, which waits for it.
			go func() {
				defer close(written)
				h.write(conn, "3")
			}()
			<-written
			synctest.Wait()
			if r.session.ended.Load() {
				t.Fatalf("held for %s: %v", hold, context.Cause(r.session.Context()))
			}
		}
		// One message after the ping and then nothing: the grace is given once.
		hold = 0
		h.read(conn)
		ping := time.Now()
		h.write(conn, "4x")
		expectEnd(t, h, r, ErrPingTimeout)
		if took := time.Since(ping); took != DefaultPingTimeout+heartGrace {
			t.Errorf("found %s after the ping", took)
		}
		conn.Close()
	})
}
