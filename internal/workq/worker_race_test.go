package workq

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// TestHandOver passes one queue from consumer to consumer while it is pushed
// to: nothing may be lost, doubled or out of order.
func TestHandOver(t *testing.T) {
	const total = 20000
	var g Group
	q := NewQueue[int](64, 1<<30)
	var pusher sync.WaitGroup
	pusher.Add(1)
	go func() { // owner: this test; ends when all is pushed
		defer pusher.Done()
		for i := range total {
			if _, err := q.PushWait(t.Context(), 1, i); err != nil {
				t.Error(err)
			}
		}
		q.Close(total)
	}()
	var got []int // handed over by Wait
	for len(got) <= total {
		ready := make(chan struct{}, 1)
		q.OnReady(func() {
			select {
			case ready <- struct{}{}:
			default:
			}
		})
		<-ready
		got = q.Take(got, 7)
		if len(got) > total {
			break
		}
		batches := 0
		enough := make(chan struct{})
		w := Drain(q, &g, 5, func(batch []int) {
			got = append(got, batch...)
			batches++
			if batches == 3 || batches < 3 && len(got) > total {
				close(enough)
			}
		})
		<-enough
		w.Detach()
		w.Wait()
	}
	pusher.Wait()
	if len(got) != total+1 || !slices.IsSorted(got) {
		t.Errorf("%d items, sorted %v", len(got), slices.IsSorted(got))
	}
	if err := g.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	if err := q.Push(0, 1); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// TestWorkerUnderLoad has many pushers, some of which find the worker asleep:
// every item is run once, in the order of its pusher, by one goroutine at a time.
func TestWorkerUnderLoad(t *testing.T) {
	const pushers, each = 6, 4000
	type item struct{ pusher, n int }
	var (
		g       Group
		wg      sync.WaitGroup
		running atomic.Int32
		next    [pushers]int // written by the worker
	)
	q := NewQueue[item](50, 1<<30)
	w := Drain(q, &g, 20, func(batch []item) {
		if running.Add(1) != 1 {
			t.Error("two goroutines run batches")
		}
		for _, it := range batch {
			if it.n != next[it.pusher] {
				t.Errorf("item %d of pusher %d came, want %d", it.n, it.pusher, next[it.pusher])
			}
			next[it.pusher] = it.n + 1
		}
		runtime.Gosched() // lets a second goroutine show itself
		running.Add(-1)
	})
	for p := range pushers {
		wg.Go(func() { // owner: this test; ends after its items
			for i := 0; i < each; {
				var err error
				if p%2 == 0 {
					_, err = q.PushWait(t.Context(), 1, item{p, i})
				} else {
					err = q.Push(1, item{p, i})
				}
				switch {
				case err == nil:
					i++
				case errors.Is(err, ErrFull):
				default:
					t.Error(err)
				}
				if i%10 == p {
					w.Wait() // the worker falls asleep now and then
				} else {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	if err := g.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	for p, n := range next {
		if n != each {
			t.Errorf("%d items of pusher %d were run, want %d", n, p, each)
		}
	}
	if w.Busy() {
		t.Error("busy without items")
	}
	checkEmpty(t, q)
}

// TestPushAsWorkerFallsAsleep pushes each item when the one before it is being
// run, so that it meets the worker as that finds the queue empty. No item may be
// left without a worker.
func TestPushAsWorkerFallsAsleep(t *testing.T) {
	const total = 50_000
	var (
		g   Group
		ran atomic.Int64
	)
	q := NewQueue[int](10, 1000)
	w := Drain(q, &g, 0, func(batch []int) { ran.Add(int64(len(batch))) })
	for i := range int64(total) {
		for spins := 0; ran.Load() < i; spins++ {
			if spins < 100 {
				continue // a moment is what this test is about
			}
			runtime.Gosched()
			if w.Busy() {
				continue
			}
			// Nobody else pushes, so what is queued now was queued then.
			if items, _ := q.Len(); items > 0 {
				t.Fatalf("item %d lies in the queue of a sleeping worker", i)
			}
		}
		mustPush(t, q, 1, int(i))
	}
	w.Wait()
	if n := ran.Load(); n != total {
		t.Errorf("%d of %d items were run", n, total)
	}
}
