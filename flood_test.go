package realtime_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// burst is n events as a client sends them that was offline.
func burst(n int) []string {
	events := make([]string, n)
	for i := range events {
		events[i] = fmt.Sprintf(`2["n",%d]`, i)
	}
	return events
}

// R7, R41, D4: 3,000 events that a client has buffered get through, in order, in one POST or over websocket; the
// first 1,000 at once and the others at 200 a second.
func TestBufferedBurstGetsThrough(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		var handled, disorder atomic.Int32
		realtime.On(f.Server, "n", func(_ context.Context, _ *realtime.Conn, n int32) error {
			if handled.Add(1) != n+1 {
				disorder.Add(1)
			}
			return nil
		})
		c := f.host.Connect(o)
		sent := make(chan error, 1)
		go func() { sent <- c.Send(burst(3000)...) }() // ends when the server has taken all
		synctest.Wait()
		for second := range 11 {
			want := min(3000, 1000+200*int32(second)) //nolint:gosec // small
			if got := handled.Load(); got < want-1 || got > want+1 {
				f.Errorf("%d events after %d s, want %d", got, second, want)
			}
			pass(time.Second)
		}
		if err := <-sent; err != nil || disorder.Load() != 0 || handled.Load() != 3000 || c.Reason() != "" {
			f.Errorf("send %v, %d out of order, %d handled, %q", err, disorder.Load(), handled.Load(), c.Reason())
		}
	})
}

// R41: bytes have a rate of their own: 4 MiB at once, then 1 MiB a second.
func TestByteRate(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		const size, count = 1 << 19, 16 // 8 MiB
		var last time.Time
		realtime.On(f.Server, "x", func(context.Context, *realtime.Conn, string) error { last = time.Now(); return nil })
		c, start := f.connect(), time.Now()
		for range count {
			if err := c.Send(`2["x","` + strings.Repeat("x", size-len(`["x",""]`)) + `"]`); err != nil {
				f.Fatal(err)
			}
		}
		pass(time.Minute)
		if took := last.Sub(start).Round(time.Millisecond); took != 4*time.Second {
			f.Errorf("the last event waited %v, want 4s", took)
		}
	})
}

// R41, D50: pongs and acknowledgements do not wait behind events that are slowed down.
func TestPongsAndAcksPassWaitingEvents(t *testing.T) {
	transports(t, realtime.Config{Limits: realtime.Limits{EventRate: 1, EventBurst: 1}}, func(f *fixture, o realtimetest.Options) {
		realtime.On(f.Server, "n", func(context.Context, *realtime.Conn, int) error { return nil })
		c := f.host.Connect(o)
		realtimetest.Answer(c, "ask", func(any) bool { return true })
		if err := c.Send(burst(100)...); err != nil { // 99 of them wait, for 99 s
			f.Fatal(err)
		}
		for range 9 {
			start := time.Now()
			if _, err := realtime.EmitWithAck[bool](f.Context(), f.conn(c), "ask"); err != nil || time.Since(start) != 0 {
				f.Fatalf("acknowledgement after %v: %v", time.Since(start), err)
			}
			pass(10 * time.Second) // heartbeats among them
		}
		if rtt := f.conn(c).RTT(); rtt != 0 || c.Reason() != "" {
			f.Errorf("pongs took %v, %q", rtt, c.Reason())
		}
	})
}

// flood sends events as fast as the server takes them, until the context or the link ends.
func flood(ctx context.Context, c *realtimetest.Client) {
	events := burst(50)
	for ctx.Err() == nil && c.Reason() == "" {
		if c.Send(events...) != nil {
			return
		}
	}
}

// R41, D4: a flood is slowed to its rate and ends its link when the queue has been full for 30 s without a
// pause; 200 good clients beside it notice nothing.
func TestFlood(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		ends := endings(f, f.Server)
		var handled atomic.Int32
		realtime.On(f.Server, "n", func(context.Context, *realtime.Conn, int) error { handled.Add(1); return nil })
		realtime.Handle(f.Server, "alive", value(true))
		var good []*realtimetest.Client
		for range 200 {
			good = append(good, f.connect())
		}
		bad := f.host.Connect(o)
		id, start := bad.ID(), time.Now()
		go flood(f.Context(), bad)
		for range 29 {
			pass(time.Second)
			if len(ends) != 0 {
				f.Fatalf("closed after %v: %+v", time.Since(start), (<-ends).why)
			}
			for _, c := range good {
				before := time.Now()
				if !realtimetest.Call[bool](c, "alive") || time.Since(before) != 0 {
					f.Fatalf("a good client waited %v", time.Since(before))
				}
			}
		}
		if n := handled.Load(); n < 1000+29*200-1 || n > 1000+29*200+1 {
			f.Errorf("%d events were handled in 29 s", n)
		}
		e := one(f, ends)
		if e.conn.ID() != id || e.why.Cause != realtime.CauseFlood || e.at.Sub(start) != 30*time.Second {
			f.Errorf("%+v after %v", e.why, e.at.Sub(start))
		}
		for _, c := range good {
			if c.Reason() != "" {
				f.Fatalf("a good client was closed: %s", c.Reason())
			}
		}
		if len(f.log.lines("level=INFO", `msg="session closed"`, "cause=flood")) != 1 {
			f.Error("the log does not tell of the flood")
		}
	})
}

// A flood that pauses for long enough that an event finds room is not closed; and one whose reader is paused
// counts as alive all the while (D3).
func TestFloodThatPauses(t *testing.T) {
	t.Run("pauses", func(t *testing.T) {
		bubble(t, realtime.Config{Limits: realtime.Limits{EventRate: 50}}, func(f *fixture) {
			c := f.connect()
			for range 5 {
				ctx, stop := context.WithTimeout(f.Context(), 25*time.Second)
				flood(ctx, c)
				stop()
				pass(2 * time.Second)
			}
			if c.Reason() != "" {
				f.Errorf("closed: %s", c.Reason())
			}
		})
	})
	t.Run("long timeout", func(t *testing.T) {
		transports(t, realtime.Config{Limits: realtime.Limits{FloodTimeout: 10 * time.Minute, EventRate: 10, EventBurst: 10}}, func(f *fixture, o realtimetest.Options) {
			c := f.host.Connect(o)
			ctx, stop := context.WithTimeout(f.Context(), 5*time.Minute)
			defer stop()
			flood(ctx, c)
			if c.Reason() != "" {
				f.Errorf("closed: %s", c.Reason())
			}
			pass(time.Minute)
			if c.Reason() != "" {
				f.Errorf("closed after the flood: %s", c.Reason())
			}
		})
	})
}

// R42: while a handler blocks, reading goes on until 128 events or 1 MiB wait, and pauses then.
func TestReadingPausesBehindABlockedHandler(t *testing.T) {
	for name, tc := range map[string]struct {
		size int
		want int32 // events that the server takes: one runs, some wait in the queue, the reader holds one
	}{
		"events": {20, 1 + 128 + 1},
		"bytes":  {100_000, 1 + 10 + 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, realtime.Config{Limits: realtime.Limits{FloodTimeout: time.Hour}}, func(f *fixture) {
				release := make(chan struct{})
				var handled, sent atomic.Int32
				realtime.On(f.Server, "x", func(context.Context, *realtime.Conn, string) error {
					<-release
					handled.Add(1)
					return nil
				})
				c := f.connect()
				packet := `2["x","` + strings.Repeat("x", tc.size-len(`["x",""]`)) + `"]`
				done := make(chan struct{})
				go func() { // ends when the server has taken all
					defer close(done)
					for range 200 {
						if c.Send(packet) != nil {
							return
						}
						sent.Add(1)
					}
				}()
				pass(10 * time.Minute) // no heartbeat timeout either: it is we who do not read
				if n := sent.Load(); n != tc.want {
					f.Errorf("the server took %d events, want %d", n, tc.want)
				}
				close(release)
				<-done
				pass(time.Minute)
				if sent.Load() != 200 || handled.Load() != 200 || c.Reason() != "" {
					f.Errorf("%d sent, %d handled, %q", sent.Load(), handled.Load(), c.Reason())
				}
			})
		})
	}
}
