package realtime_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// TestLatest stalls a client: of what waits for it, the newest of each event and key is left, in the turn of the first; what
// is already being written stays.
func TestLatest(t *testing.T) {
	for name, o := range map[string]realtimetest.Options{"websocket": {}, "upgrade": {Transport: realtimetest.Upgrade}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, realtime.Config{}, func(f *fixture) {
				client, quick := f.host.Connect(o), f.connect()
				c := f.conn(client)
				synctest.Wait()
				client.Stall()
				emit := func(e realtime.Emitter, n int) {
					f.T.Helper()
					if err := e.Emit(f.Context(), "n", n); err != nil {
						f.T.Error(err)
					}
					synctest.Wait()
				}
				emit(c, 0) // in the client's hands
				emit(c, 1) // being written
				emit(c.Latest("a"), 2)
				emit(c, 3)
				emit(f.Server.Latest("b"), 4)
				emit(f.Server.Latest("a"), 5) // in place of 2
				emit(c.Latest("b"), 6)        // in place of 4
				emit(c, 7)
				emit(f.ToConn(c.ID()).Latest("a"), 8)
				if messages, _ := c.Queue(); messages != 4 {
					f.Errorf("%d messages are queued", messages)
				}
				client.Resume()
				if diff := cmp.Diff([]int{0, 1, 8, 3, 6, 7}, numbers(client)); diff != "" {
					f.Error(diff)
				}
				if diff := cmp.Diff([]int{4, 5}, numbers(quick)); diff != "" {
					f.Error(diff)
				}
				emit(c.Latest("a"), 9) // the place is free again
				if diff := cmp.Diff([]int{9}, numbers(client)); diff != "" {
					f.Error(diff)
				}
			})
		})
	}
}

// TestLatestGrows: a state that is larger than the one that waits would break the queue's bound in its place. It goes to the end.
func TestLatestGrows(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		client := f.connect()
		c := f.conn(client)
		synctest.Wait()
		client.Stall()
		emit := func(e realtime.Emitter, s string) {
			f.T.Helper()
			if err := e.Emit(f.Context(), "s", s); err != nil {
				f.T.Error(err)
			}
			synctest.Wait()
		}
		emit(c, "read")
		emit(c, "written")
		emit(c.Latest(""), "s")
		emit(c, "other")
		emit(c.Latest(""), strings.Repeat("l", 100))
		emit(c.Latest(""), strings.Repeat("m", 100))
		_, before := c.Queue()
		for n := range 1000 {
			emit(c.Latest(""), fmt.Sprint(n))
		}
		if _, after := c.Queue(); after != before {
			f.Errorf("the queue grew from %d bytes to %d", before, after)
		}
		client.Resume()
		synctest.Wait()
		var got []string
		for range client.Pending() {
			got = append(got, realtimetest.Expect[string](client, "s"))
		}
		if diff := cmp.Diff([]string{"read", "written", "other", "999"}, got); diff != "" {
			f.Error(diff)
		}
	})
}

// TestLatestOfManyKeys: events, keys and namespaces do not meet.
func TestLatestOfManyKeys(t *testing.T) {
	bubble(t, realtime.Config{FlushDelay: time.Minute / 60}, func(f *fixture) {
		client := f.connect()
		c := f.conn(client)
		time.Sleep(2 * time.Second) // synctest
		want := 0
		for _, event := range []string{"n", "n1", "n,1"} {
			for _, key := range []string{"", "1", ",1"} {
				for range 3 {
					if err := c.Latest(key).Emit(f.Context(), event, 0); err != nil {
						f.Error(err)
					}
				}
				want++
			}
		}
		if messages, _ := c.Queue(); messages != want {
			f.Errorf("%d messages are queued, want %d", messages, want)
		}
	})
}

// TestLatestWaitsForPolls: what waits for a client's next poll is replaced too, and given back to the budget.
func TestLatestWaitsForPolls(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		client := f.host.Connect(realtimetest.Options{Transport: realtimetest.Polling})
		c := f.conn(client)
		synctest.Wait()
		client.Stall()
		for n := range 1000 {
			if err := c.Latest("a").Emit(f.Context(), "n", n); err != nil {
				f.Fatal(err)
			}
			synctest.Wait()
		}
		client.Resume()
		got := numbers(client)
		if len(got) == 0 || len(got) > 4 || got[len(got)-1] != 999 {
			f.Errorf("got %v, want the last and little else", got)
		}
		if err := c.Close(f.Context(), "test"); err != nil {
			f.Error(err)
		}
		synctest.Wait()
		if st := f.Stats(); st.QueuedBytes != 0 {
			f.Errorf("%d bytes are held", st.QueuedBytes)
		}
	})
}

// TestLatestOverTheCluster: the key goes with the message.
func TestLatestOverTheCluster(t *testing.T) {
	twoNodes(t, realtime.Config{FlushDelay: time.Second}, func(a, b *fixture, _, _ *busNode) {
		client := b.connect()
		time.Sleep(2 * time.Second) // synctest
		for n := range 5 {
			if err := a.Server.Latest("k").Emit(a.Context(), "n", n); err != nil {
				a.Error(err)
			}
		}
		time.Sleep(2 * time.Second) // synctest
		if diff := cmp.Diff([]int{4}, numbers(client)); diff != "" {
			b.Error(diff)
		}
	})
}
