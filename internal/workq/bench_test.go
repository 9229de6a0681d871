package workq

import (
	"fmt"
	"runtime"
	"testing"
)

// BenchmarkPushTake is a queue without a worker: the floor.
func BenchmarkPushTake(b *testing.B) {
	for _, n := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("batch=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			q := NewQueue[*int](1000, 1<<30)
			item := new(int)
			dst := make([]*int, 0, n)
			for b.Loop() {
				for range n {
					if err := q.Push(1, item); err != nil {
						b.Fatal(err)
					}
				}
				dst = q.Take(dst[:0], 0)
			}
			perItem(b, n)
		})
	}
}

// BenchmarkPushIdle is what a broadcast pays for each connection that was quiet: a push,
// and a goroutine for each or one that sweeps.
func BenchmarkPushIdle(b *testing.B) {
	b.Run("each", func(b *testing.B) {
		pushIdle(b, func(q *Queue[*int], g *Group) { Drain(q, g, 0, func([]*int) {}) })
	})
	b.Run("swept", func(b *testing.B) {
		var s *Sweeper[*int]
		pushIdle(b, func(q *Queue[*int], g *Group) {
			if s == nil {
				s = NewSweeper[*int](g, 0)
			}
			s.Drain(q, 0, func([]*int) bool { return true }, nil)
		})
	})
}

func pushIdle(b *testing.B, drain func(*Queue[*int], *Group)) {
	b.Helper()
	const queues = 1000
	b.ReportAllocs()
	var g Group
	item := new(int)
	qs := make([]Queue[*int], queues)
	for i := range qs {
		qs[i].Init(1000, 1<<30)
		drain(&qs[i], &g)
	}
	for b.Loop() {
		for i := range qs {
			if err := qs[i].Push(1, item); err != nil {
				b.Fatal(err)
			}
		}
		for g.Len() > 0 {
			runtime.Gosched()
		}
	}
	perItem(b, queues)
}

// BenchmarkPushBusy pushes while the worker runs, from one and from all
// processors.
func BenchmarkPushBusy(b *testing.B) {
	newBusy := func() (*Queue[*int], *Group) {
		g := new(Group)
		q := NewQueue[*int](1<<20, 1<<40)
		Drain(q, g, 0, func([]*int) {})
		return q, g
	}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		q, g := newBusy()
		item := new(int)
		for b.Loop() {
			for q.Push(1, item) != nil {
				runtime.Gosched()
			}
		}
		join(b, g)
	})
	b.Run("all", func(b *testing.B) {
		b.ReportAllocs()
		q, g := newBusy()
		b.RunParallel(func(pb *testing.PB) {
			item := new(int)
			for pb.Next() {
				for q.Push(1, item) != nil {
					runtime.Gosched()
				}
			}
		})
		join(b, g)
	})
}

func join(b *testing.B, g *Group) {
	b.Helper()
	if err := g.Wait(b.Context()); err != nil {
		b.Error(err)
	}
}

func perItem(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/item")
}
