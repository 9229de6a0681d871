package engine

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestHeartbeatsAreRemembered: the last eight pongs, their moving average and the ping that is out, and the
// hook is told of each pong with the average before it.
func TestHeartbeatsAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		h := newPipeHarness(t, Options{ConnectTimeout: -1, Hooks: Hooks{OnPong: func(_ *Session, trip, average time.Duration) {
			told = append(told, fmt.Sprint(trip, " ", average))
		}}})
		conn, r := h.openWebSocket()
		if st := r.session.Stats(); len(st.Heartbeats) != 0 || st.Average != 0 || st.Awaiting != 0 {
			t.Errorf("before the first ping: %+v", st)
		}
		for i := range 10 {
			h.read(conn)
			time.Sleep(time.Duration(i+1) * time.Second / 2) // synctest: fake time
			if st := r.session.Stats(); st.Awaiting != time.Duration(i+1)*time.Second/2 {
				t.Errorf("Awaiting is %s", st.Awaiting)
			}
			h.write(conn, "3")
			h.write(conn, "3") // extra
			synctest.Wait()
		}
		st := r.session.Stats()
		var want []time.Duration
		for i := 2; i < 10; i++ {
			want = append(want, time.Duration(i+1)*time.Second/2)
		}
		if diff := cmp.Diff(want, st.Heartbeats); diff != "" {
			t.Error(diff)
		}
		if len(told) != 10 || told[0] != "500ms 0s" || told[1] != "1s 500ms" || told[2] != "1.5s 562.5ms" {
			t.Errorf("told of %q", told)
		}
		if st.Average < 2*time.Second || st.Average > 3*time.Second || st.Awaiting != 0 {
			t.Errorf("%+v", st)
		}
		conn.Close()
	})
}

// TestTrafficIsCounted: messages and their bytes in both directions, without pings and other bare packets.
func TestTrafficIsCounted(t *testing.T) {
	eachTransport(t, Options{}, nil, func(t *testing.T, h *harness, p peer, r *recorder) {
		p.send("4hello")
		p.sendBinary("\x01\x02")
		p.send("3")
		p.send("4x")
		for range 3 {
			await(h, r.got, "message")
		}
		text, binary := message("abc"), message("52-[0]", "\x01\x02", "")
		for _, m := range []*Message{text, binary} {
			if err := r.session.Send(m); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []string{"4abc", "452-[0]", "binary:\x01\x02", "binary:"} {
			expect(t, p, want)
		}
		want := SessionStats{Traffic: Traffic{Received: 3, ReceivedBytes: 8, Sent: 2, SentBytes: uint64(text.Size() + binary.Size())}}
		h.eventually("all counted", func() bool { return cmp.Equal(want, r.session.Stats(), cmp.FilterPath(ofHeartbeats, cmp.Ignore())) })
		if diff := cmp.Diff(want.Traffic, h.srv.Traffic()); diff != "" || h.srv.Opened() != 1 {
			t.Error(h.srv.Opened(), diff)
		}
		r.session.Close(nil)
		h.eventually("the end", func() bool { return h.srv.Stats() == Stats{} })
		if diff := cmp.Diff(want.Traffic, h.srv.Traffic()); diff != "" || h.srv.Opened() != 1 {
			t.Error("forgotten with the session:", h.srv.Opened(), diff)
		}
	})
}

func ofHeartbeats(p cmp.Path) bool {
	switch p.String() {
	case "Heartbeats", "Average", "Awaiting":
		return true
	}
	return false
}

// TestPongAllocs: what is remembered of heartbeats costs no allocation.
func TestPongAllocs(t *testing.T) {
	var trips roundTrips
	if n := testing.AllocsPerRun(100, func() { trips.add(time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
