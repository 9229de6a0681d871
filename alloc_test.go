//go:build !race

package realtime_test

import (
	"bytes"
	"context"
	"encoding/json"
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

// An inbound event for a typed handler allocates what JSON allocates to fill the handler's type, and at most four times more.
func TestInboundEventAllocs(t *testing.T) {
	type move struct {
		Room string `json:"room"`
		X, Y int
	}
	const payload = `{"room":"table-42","X":17,"Y":-3}`
	s := newBenchServer(t)
	var handled atomic.Int64
	realtime.On(s, "move", func(_ context.Context, _ *realtime.Conn, m move) error {
		if m != (move{"table-42", 17, -3}) {
			t.Errorf("got %+v", m)
		}
		handled.Add(1)
		return nil
	})
	c, err := dialRaw(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	one := clientFrame(`42["move",` + payload + `]`)

	// A burst in one write: a worker that starts counts once for many events, as it does in a busy server.
	const burst = 50
	frames, sent := bytes.Repeat(one, burst), int64(0)
	perEvent := testing.AllocsPerRun(50, func() {
		if _, err := c.Write(frames); err != nil {
			t.Fatal(err)
		}
		sent += burst
		for handled.Load() < sent {
			runtime.Gosched()
		}
	}) / burst
	raw := []byte(payload)
	perDecode := testing.AllocsPerRun(50, func() {
		var m move
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("allocations per event: %.2f, of them JSON's own: %.0f", perEvent, perDecode)
	if beside := perEvent - perDecode; beside > 4 {
		t.Errorf("an event costs %.2f allocations beside JSON's own %.0f", beside, perDecode)
	}
}
