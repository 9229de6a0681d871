//go:build !race

package realtime_test

import (
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/realtime-go/realtime"
)

// The race detector makes pools forget at random, so allocations are counted without it.

// A broadcast allocates the same whatever the number of receivers, and a drained queue is one write.
func TestBroadcastAllocatesNothingPerReceiver(t *testing.T) {
	perEmit := func(members int) float64 {
		s := newBenchServer(t)
		s.OnConnect(func(ctx context.Context, c *realtime.Conn) error { return c.Join(ctx, "r") })
		var delivered atomic.Int64
		for range members {
			c, err := dialRaw(s.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			go c.drain(func() { delivered.Add(1) }) // ends when c is closed
		}
		waitRoom(t, s, members)
		room, payload, sent := s.To("r"), strings.Repeat("x", 100), int64(0)
		return testing.AllocsPerRun(50, func() {
			if err := room.Emit(context.Background(), "msg", payload); err != nil {
				t.Fatal(err)
			}
			sent++
			for delivered.Load() < sent*int64(members) {
				runtime.Gosched()
			}
		})
	}
	few, many := perEmit(2), perEmit(200)
	t.Logf("allocations per broadcast: %.1f with 2 receivers, %.1f with 200", few, many)
	// A worker that starts may cost its goroutine now and then, which is not once per receiver.
	if many-few > 20 {
		t.Errorf("198 more receivers cost %.1f more allocations", many-few)
	}
}
