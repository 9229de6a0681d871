//go:build unix

package registry

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// BenchmarkEnter has connections of one node come and go, and waits until each of these changes has been written,
// decided and told: what that takes from end to end, divided by their number.
func BenchmarkEnter(b *testing.B) {
	for _, writes := range []int{1, 1000} {
		b.Run(fmt.Sprintf("at once=%d", writes), func(b *testing.B) {
			f, s := single(b)
			n := f.node(shippedTimes, func(c *Config) { c.Announce = func(context.Context, []byte) error { return nil } })
			told := make(chan struct{}, writes)
			n.mu.Lock()
			n.also = func() { told <- struct{}{} }
			n.mu.Unlock()
			entries := make([]realtime.PresenceEntry, writes)
			for i := range entries {
				entries[i] = n.entry(fmt.Sprint("user", i), fmt.Sprint("c", i))
				entries[i].Grace, entries[i].Remember = 0, 0
			}
			await := func() {
				for range writes {
					<-told
				}
			}
			s.Do("CONFIG", "RESETSTAT")
			b.ReportAllocs()
			total := 0
			for b.Loop() {
				for _, e := range entries {
					n.PresenceEnter(e)
				}
				await()
				for _, e := range entries {
					n.PresenceExit(e)
				}
				await()
				total += 2 * writes
			}
			b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "changes/s")
			b.ReportMetric(scriptTime(b, s), "redis-µs/script")
		})
	}
}

// scriptTime returns how long Redis has worked on a script, on average.
func scriptTime(b *testing.B, s *redistest.Server) float64 {
	b.Helper()
	info, err := s.Do("INFO", "commandstats").ToString()
	if err != nil {
		b.Fatal(err)
	}
	var µs float64
	_, rest, _ := strings.Cut(info, "cmdstat_evalsha:")
	_, rest, _ = strings.Cut(rest, "usec_per_call=")
	if _, err := fmt.Sscanf(rest, "%f", &µs); err != nil {
		b.Fatal(err)
	}
	return µs
}

// BenchmarkOnline asks for 100 users at once.
func BenchmarkOnline(b *testing.B) {
	f, _ := single(b)
	n := f.node(shippedTimes)
	users := make([]string, 100)
	for i := range users {
		users[i] = fmt.Sprint("user", i)
		if i%2 == 0 {
			n.enter(users[i], "c")
		}
	}
	f.await("all", func() bool { return n.count() == 50 })
	b.ReportAllocs()
	for b.Loop() {
		if _, err := n.PresenceOnline(b.Context(), "/", users); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMembers reads 10,000 users, a page at a time.
func BenchmarkMembers(b *testing.B) {
	f, _ := single(b)
	n := f.node(shippedTimes)
	const total = 10_000
	for i := range total {
		n.enter(fmt.Sprint("user", i), "c")
	}
	f.await("all", func() bool { return n.count() == total })
	b.ReportAllocs()
	for b.Loop() {
		if got := len(n.everyone("/")); got != total {
			b.Fatalf("%d members", got)
		}
	}
}
