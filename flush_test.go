package realtime_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

const flushDelay = 10 * time.Millisecond

// flushing is a server whose messages gather, and a client that has settled.
func flushing(t *testing.T, o realtimetest.Options, test func(f *fixture, client *realtimetest.Client, c *realtime.Conn)) {
	bubble(t, realtime.Config{FlushDelay: flushDelay}, func(f *fixture) {
		client := f.host.Connect(o)
		c := f.conn(client)
		time.Sleep(time.Second) // synctest
		test(f, client, c)
	})
}

// TestFlushDelay: messages reach a websocket together, after the delay, also one that was upgraded. For volatile events
// it is not busy meanwhile (D16).
func TestFlushDelay(t *testing.T) {
	for name, o := range map[string]realtimetest.Options{"websocket": {}, "upgrade": {Transport: realtimetest.Upgrade}} {
		t.Run(name, func(t *testing.T) {
			flushing(t, o, func(f *fixture, client *realtimetest.Client, c *realtime.Conn) {
				for n, e := range []realtime.Emitter{c, c.Volatile(), f.Server.Volatile(), c} {
					if err := e.Emit(f.Context(), "n", n); err != nil {
						f.Error(err)
					}
					time.Sleep(flushDelay/4 - 1) // synctest
				}
				if got := numbers(client); got != nil {
					f.Errorf("got %v before the delay was over", got)
				}
				time.Sleep(4 * time.Nanosecond) // synctest
				if diff := cmp.Diff([]int{0, 1, 2, 3}, numbers(client)); diff != "" {
					f.Error(diff)
				}
			})
		})
	}
}

// TestFlushDelayEndsWithTheConnection: what waits is written before the close, at once.
func TestFlushDelayEndsWithTheConnection(t *testing.T) {
	flushing(t, realtimetest.Options{}, func(f *fixture, client *realtimetest.Client, c *realtime.Conn) {
		if err := c.Emit(f.Context(), "n", 1); err != nil {
			f.Error(err)
		}
		begun := time.Now()
		if err := c.Close(f.Context(), "test"); err != nil {
			f.Error(err)
		}
		if got := realtimetest.Expect[int](client, "n"); got != 1 {
			f.Errorf("got %d", got)
		}
		synctest.Wait()
		if took := time.Since(begun); took != 0 {
			f.Errorf("took %s", took)
		}
	})
}

// TestFlushDelayDoesNotFillTheQueue: a burst that would not fit into the queue is written before the delay is over.
func TestFlushDelayDoesNotFillTheQueue(t *testing.T) {
	flushing(t, realtimetest.Options{}, func(f *fixture, client *realtimetest.Client, c *realtime.Conn) {
		const burst = 10_000
		for n := range burst {
			if err := c.Emit(f.Context(), "n", n); err != nil {
				f.Fatal(err)
			}
			if n%1000 == 0 {
				synctest.Wait()
			}
		}
		time.Sleep(flushDelay) // synctest
		if got := len(numbers(client)); got != burst {
			f.Errorf("got %d of %d", got, burst)
		}
	})
}
