package realtime_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// R90: broadcasts, joins, leaves and ends cross each other in every order without a deadlock, a race, or anything left
// behind. The hooks call back into the server, which would hang if one ran under a lock.
func TestOperationsCross(t *testing.T) {
	const rounds, clients = 3000, 8
	f := newFixture(t, realtime.Config{Hooks: realtime.Hooks{
		RoomCreated: func(string, string) {}, RoomEmptied: func(string, string) {},
	}})
	stop := time.AfterFunc(20*time.Second, func() {
		buf := make([]byte, 1<<20)
		panic("operations hang\n" + string(buf[:runtime.Stack(buf, true)]))
	})
	defer stop.Stop()

	var ends atomic.Int32
	back := func(c *realtime.Conn) { _, _ = c.Rooms(), f.Stats() }
	f.OnJoin(func(_ context.Context, c *realtime.Conn, _ string) { back(c) })
	f.OnLeave(func(_ context.Context, c *realtime.Conn, _ string) { back(c) })
	f.OnAnyOutgoing(func(context.Context, realtime.Outgoing) { _ = f.Stats() })
	f.OnDisconnect(func(_ context.Context, c *realtime.Conn, _ realtime.Disconnected) { back(c); ends.Add(1) })

	var mu sync.Mutex
	var conns []*realtime.Conn
	f.OnConnect(func(_ context.Context, c *realtime.Conn) error {
		mu.Lock()
		defer mu.Unlock()
		conns = append(conns, c)
		return nil
	})
	pick := func(i int) *realtime.Conn {
		mu.Lock()
		defer mu.Unlock()
		if len(conns) == 0 {
			return nil
		}
		return conns[i%len(conns)]
	}
	ctx := t.Context()
	room := func(i int) string { return fmt.Sprint("r", i%5) }
	operations := []func(i int) error{
		func(i int) error { return f.To(room(i), room(i+1)).Except(room(i+2)).Emit(ctx, "n", i) },
		func(i int) error { return f.Server.Volatile().Emit(ctx, "n", i) },
		func(i int) error { return f.To(room(i)).JoinAll(ctx, room(i+1)) },
		func(i int) error { return f.To(room(i)).LeaveAll(ctx, room(i)) },
	}
	for _, verb := range []func(c *realtime.Conn, i int) error{
		func(c *realtime.Conn, i int) error { return c.Join(ctx, room(i), room(i+3)) },
		func(c *realtime.Conn, i int) error { return c.Leave(ctx, room(i)) },
		func(c *realtime.Conn, i int) error { return c.To(room(i)).Emit(ctx, "n", i) },
	} {
		operations = append(operations, func(i int) error {
			if c := pick(i); c != nil {
				return verb(c, i)
			}
			return nil
		})
	}

	var wg sync.WaitGroup
	for _, operation := range operations {
		wg.Go(func() {
			for i := range rounds {
				if err := operation(i); err != nil && !errors.Is(err, realtime.ErrClosed) {
					t.Error(err)
					return
				}
			}
		})
	}
	for n := range clients {
		wg.Go(func() { // clients come and go, each in another way
			for i := range rounds / 100 {
				c, err := f.host.TryConnect(realtimetest.Options{Transport: realtimetest.Transport(n % 2)})
				if err != nil {
					t.Error(err)
					return
				}
				switch conn, ok := f.Server.Conn(c.ID()); {
				case i%3 == 0 || !ok:
					c.Close()
				case i%3 == 1:
					_ = conn.Close(ctx, "")
				default:
					_ = conn.Reconnect(ctx, "")
				}
			}
		})
	}
	wg.Wait()
	if err := f.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if st := f.Stats(); st.Conns != 0 || st.Rooms != 0 || st.Sessions != 0 || st.Handlers != 0 || st.QueuedBytes != 0 {
		t.Errorf("left behind: %+v", st)
	}
	if n := ends.Load(); n != clients*rounds/100 {
		t.Errorf("%d ends of %d connections", n, clients*rounds/100)
	}
}
