package realtime_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// numbers returns the numbers that a client has got as events "n".
func numbers(c *realtimetest.Client) (got []int) {
	synctest.Wait()
	for range c.Pending() {
		got = append(got, realtimetest.Expect[int](c, "n"))
	}
	return got
}

// D16: an idle connection gets volatile events, however they are emitted.
func TestVolatileReachesIdleConnections(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		client := f.host.Connect(o)
		c := f.conn(client)
		if err := c.Join(f.Context(), "r"); err != nil {
			f.Fatal(err)
		}
		for n, e := range []realtime.Emitter{
			c.Volatile(), f.Server.Volatile(), f.To("r").Volatile(), f.ToConn(c.ID()).Volatile(), f.Room("r").Volatile().Local(),
		} {
			synctest.Wait() // idle again
			if err := e.Emit(f.Context(), "n", n); err != nil {
				f.Error(err)
			}
		}
		if diff := cmp.Diff([]int{0, 1, 2, 3, 4}, numbers(client)); diff != "" {
			f.Error(diff)
		}
	})
}

// D16, R45: while a websocket's write is in progress, volatile events are dropped without an error, and what is
// not volatile is kept, in order.
func TestVolatileIsDroppedWhileBusy(t *testing.T) {
	for name, o := range map[string]realtimetest.Options{
		"websocket": {}, "upgrade": {Transport: realtimetest.Upgrade},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, realtime.Config{}, func(f *fixture) {
				client, other := f.host.Connect(o), f.connect()
				c := f.conn(client)
				synctest.Wait()
				client.Stall()
				emit := func(e realtime.Emitter, n int) {
					if err := e.Emit(f.Context(), "n", n); err != nil {
						f.T.Error(err)
					}
					synctest.Wait()
				}
				emit(c.Volatile(), 0) // in the client's hands
				emit(c.Volatile(), 1) // being written
				emit(c.Volatile(), 2)
				emit(f.Server.Volatile(), 3) // dropped for this client alone
				emit(c, 4)
				emit(c.Volatile(), 5)
				emit(f.Server, 6)
				emit(f.ToConn(c.ID()).Volatile(), 7)
				if messages, _ := c.Queue(); messages != 2 {
					f.Errorf("%d messages are queued", messages)
				}
				client.Resume()
				if diff := cmp.Diff([]int{0, 1, 4, 6}, numbers(client)); diff != "" {
					f.Error(diff)
				}
				if diff := cmp.Diff([]int{3, 6}, numbers(other)); diff != "" {
					f.Error(diff)
				}
				emit(c.Volatile(), 8)
				if diff := cmp.Diff([]int{8}, numbers(client)); diff != "" {
					f.Errorf("idle again: %s", diff)
				}
			})
		})
	}
}

// D16: a polling connection between two GETs is not busy; with something queued it is.
func TestVolatileOverPolling(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		client := f.host.Connect(realtimetest.Options{Transport: realtimetest.Polling})
		c := f.conn(client)
		synctest.Wait()
		client.Stall()
		emit := func(e realtime.Emitter, n int) {
			if err := e.Emit(f.Context(), "n", n); err != nil {
				f.T.Error(err)
			}
			synctest.Wait()
		}
		emit(c.Volatile(), 0) // the held GET takes it
		emit(c.Volatile(), 1) // waits for the next
		emit(c.Volatile(), 2) // the queue is not empty
		emit(f.Server.Volatile(), 3)
		emit(c, 4)
		emit(c.Volatile(), 5)
		client.Resume()
		if diff := cmp.Diff([]int{0, 1, 4}, numbers(client)); diff != "" {
			f.Error(diff)
		}
		emit(c.Volatile(), 6)
		if diff := cmp.Diff([]int{6}, numbers(client)); diff != "" {
			f.Errorf("idle again: %s", diff)
		}
	})
}

// R45: a client that does not read costs nothing but its place: no amount of volatile events fills its queue.
func TestVolatileNeverFillsAQueue(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		client := f.host.Connect(o)
		c := f.conn(client)
		synctest.Wait()
		client.Stall()
		start := time.Now()
		for range 20_000 {
			if err := f.Server.Volatile().Emit(f.Context(), "n", strings.Repeat("x", 1000)); err != nil {
				f.Fatal(err)
			}
		}
		messages, bytes := c.Queue()
		if messages > 100 || bytes > 100_000 || time.Since(start) != 0 {
			f.Errorf("%d messages of %d bytes are queued, after %v", messages, bytes, time.Since(start))
		}
		client.Resume()
		synctest.Wait()
		if client.Reason() != "" {
			f.Errorf("closed: %s", client.Reason())
		}
	})
}

// Volatile events are dropped whole: one with attachments never arrives in part.
func TestVolatileBinary(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		client := f.host.Connect(o)
		c := f.conn(client)
		synctest.Wait()
		client.Stall()
		for n := range byte(20) {
			if err := c.Volatile().Emit(f.Context(), "blob", realtime.Binary{n}, photo{"t", realtime.Binary{n, n}}); err != nil {
				f.Fatal(err)
			}
			synctest.Wait()
		}
		client.Resume()
		synctest.Wait()
		got := client.Pending()
		for n := range got {
			in := realtimetest.Expect[struct {
				realtime.Positional
				B realtime.Binary
				P photo
			}](client, "blob")
			if len(in.B) != 1 || int(in.B[0]) != n || len(in.P.Data) != 2 {
				f.Errorf("event %d: %+v", n, in)
			}
		}
		if len(got) == 0 || len(got) > 3 || client.Reason() != "" {
			f.Errorf("%d of 20 arrived, %q", len(got), client.Reason())
		}
	})
}

func TestVolatileErrors(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		c := f.conn(f.connect())
		for name, err := range map[string]error{
			"reserved": c.Volatile().Emit(f.Context(), "connect"),
			"value":    c.Volatile().Emit(f.Context(), "x", make(chan int)),
			"all":      f.Server.Volatile().Emit(f.Context(), "connect"),
		} {
			if err == nil {
				f.Errorf("%s: no error", name)
			}
		}
	})
}
