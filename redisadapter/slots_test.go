//go:build unix

package redisadapter_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime/redisadapter"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// TestSlotsMoveUnderLoad moves fifty slots of a cluster, those with the keys of this adapter first, to another master while
// nodes talk and users come and go: no message is lost unreported, and afterwards all see the truth (R62).
func TestSlotsMoveUnderLoad(t *testing.T) {
	bothWires(t, func(t *testing.T, wire redisadapter.Wire) { testSlotsMoveUnderLoad(t, redisadapter.Config{Wire: wire}) })
	t.Run("sharded", func(t *testing.T) {
		testSlotsMoveUnderLoad(t, redisadapter.Config{Wire: redisadapter.Native, ShardedPubSub: true})
	})
}

func testSlotsMoveUnderLoad(t *testing.T, wire redisadapter.Config) {
	const moves, users = 50, 40
	cluster := redistest.StartCluster(t, 3)
	cfg := options(cluster.Addrs...)
	cfg.Wire, cfg.ShardedPubSub = wire.Wire, wire.ShardedPubSub
	a, b := startServer(t, cfg), startServer(t, cfg)
	h := newHistory(t, cfg, cfg)
	var guests sync.WaitGroup
	stop := make(chan struct{})
	for i, s := range []*server{a, b} {
		guests.Go(func() { // ends with stop
			ticker := time.NewTicker(5 * time.Millisecond)
			defer ticker.Stop()
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-ticker.C:
					s.as(fmt.Sprintf("guest%d-%d", i, n%10)).Close()
				}
			}
		})
	}
	for n := range users {
		[]*server{a, b}[n%2].as(fmt.Sprint("user", n))
	}
	slots := slotsOf(t, cluster, moves)
	breaks := h.nodes[0].Stats().Breaks
	h.through(func() { cluster.MoveSlots(slots...) })
	if now := h.nodes[0].Stats().Breaks; cfg.ShardedPubSub && now == breaks {
		t.Error("no channel of a room has moved, so nothing was tested")
	}
	close(stop)
	guests.Wait()
	for _, s := range []*server{a, b} {
		redistest.Await(t, "the truth about who is online", func() bool {
			n, err := s.Presence().Count(t.Context())
			return err == nil && n == users
		})
	}
}

// slotsOf returns n slots: those of channels by sharded pub/sub, those that hold keys, and others.
func slotsOf(t *testing.T, c *redistest.Cluster, n int) (list []int) {
	t.Helper()
	client := c.Servers[0].Client()
	for _, s := range c.Servers {
		channels, err := s.Do("PUBSUB", "SHARDCHANNELS").AsStrSlice()
		if err != nil && !rueidis.IsRedisNil(err) {
			t.Fatal(err)
		}
		for _, key := range append(channels, keysOf(t, s)...) {
			slot, err := client.Do(t.Context(), client.B().ClusterKeyslot().Key(key).Build()).AsInt64()
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, int(slot))
		}
	}
	slices.Sort(list)
	list = slices.Compact(list)
	if len(list) < 10 {
		t.Fatalf("keys in %d slots only", len(list))
	}
	for slot := 0; len(list) < n; slot += 101 {
		if !slices.Contains(list, slot) {
			list = append(list, slot)
		}
	}
	return list[:n]
}
