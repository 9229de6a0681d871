package realtime_test

import (
	"context"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
)

// R93: 20,000 clients that come, join a room and are cut leave nothing behind: no gauge, no goroutine, no memory.
func TestChurnOverRealSockets(t *testing.T) {
	const workers, warm, cycles = 8, 1_000, 20_000
	s := newBenchServer(t)
	s.OnConnect(func(ctx context.Context, c *realtime.Conn) error { return c.Join(ctx, "r") })
	churn := func(n int) {
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for range n / workers {
					c, err := dialRaw(s.addr)
					if err != nil {
						t.Error(err)
						return
					}
					_ = c.Conn.(*net.TCPConn).SetLinger(0) // a reset, which leaves no port behind either
					_ = c.Close()
				}
			})
		}
		wg.Wait()
		for deadline := time.Now().Add(time.Minute); ; runtime.Gosched() {
			st := s.Stats()
			if st.Sessions == 0 && st.Conns == 0 && st.Rooms == 0 && st.Handlers == 0 && st.QueuedBytes == 0 && st.Unjoined == 0 {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("left behind: %+v", st)
			}
		}
	}
	churn(warm) // pools, tables and the runtime's own memory reach their size
	heap0, _, goroutines0 := memory()
	churn(cycles)
	heap, _, goroutines := memory()
	if grown := heap - heap0; grown > 4<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if grown := goroutines - goroutines0; grown > 5 {
		t.Errorf("%d more goroutines", grown)
	}
}
