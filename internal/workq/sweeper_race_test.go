package workq

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
)

// TestSweeperUnderLoad pushes to many queues of one sweeper, whose batches are left
// half done now and then: every item is run once, in order, by one goroutine at a time.
func TestSweeperUnderLoad(t *testing.T) {
	const queues, each = 20, 2000
	var (
		g     Group
		wg    sync.WaitGroup
		qs    [queues]Queue[int]
		lanes [queues]struct {
			sync.Mutex
			next, tries int
			left        []int
		}
	)
	s := NewSweeper[int](&g, 0)
	for i := range qs {
		l := &lanes[i]
		took := func(items []int) {
			for _, item := range items {
				if item != l.next {
					t.Errorf("queue %d: item %d came, want %d", i, item, l.next)
				}
				l.next = item + 1
			}
		}
		only := func() (done func()) {
			if !l.TryLock() {
				t.Error("two goroutines run batches")
			}
			return l.Unlock
		}
		qs[i].Init(50, 1<<30)
		s.Drain(&qs[i], 20, func(batch []int) bool {
			defer only()()
			l.tries++
			if l.tries%3 != 0 {
				took(batch)
				return true
			}
			took(batch[:len(batch)/2])
			l.left = append(l.left, batch[len(batch)/2:]...)
			return false
		}, func(batch []int) {
			defer only()()
			took(l.left)
			l.left = l.left[:0]
			runtime.Gosched() // lets others push meanwhile
			took(batch)
		})
		wg.Go(func() { // owner: this test; ends after its items
			for n := range each {
				if _, err := qs[i].PushWait(t.Context(), 1, n); err != nil {
					t.Error(err)
					return
				}
				if n%17 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	if err := g.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	for i := range lanes {
		if lanes[i].next != each {
			t.Errorf("queue %d: %d items were run", i, lanes[i].next)
		}
		checkEmpty(t, &qs[i])
	}
}

// TestTryEndsItsGoroutine: what ends the sweeper's goroutine costs one batch of one queue.
func TestTryEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group
		var qs [3]Queue[int]
		var got [3][]int
		var workers [3]*Worker[int]
		s := NewSweeper[int](&g, 0)
		for i := range qs {
			qs[i].Init(10, 1000)
			workers[i] = s.Drain(&qs[i], 1, func(batch []int) bool {
				if i == 1 && batch[0] == 0 {
					runtime.Goexit()
				}
				got[i] = append(got[i], batch...)
				return true
			}, nil)
			mustPush(t, &qs[i], 2, 0, 1)
		}
		for _, w := range workers {
			w.Wait()
			if w.Busy() {
				t.Error("busy after Wait")
			}
		}
		synctest.Wait()
		if len(got[0]) != 2 || len(got[1]) != 1 || len(got[2]) != 2 || g.Len() != 0 {
			t.Errorf("ran %v, %d goroutines are left", got, g.Len())
		}
	})
}

// TestSweeperGathers: while a sweeper is busy with one queue, what is pushed to others is a batch for each, and no
// goroutine is started for them.
func TestSweeperGathers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group
		var qs [100]Queue[int]
		hold, held := make(chan struct{}), NewQueue[int](10, 1000)
		s := NewSweeper[int](&g, 0)
		s.Drain(held, 0, func([]int) bool { <-hold; return true }, nil)
		mustPush(t, held, 1, 0)
		synctest.Wait()
		batches := 0
		for i := range qs {
			qs[i].Init(10, 1000)
			s.Drain(&qs[i], 0, func(batch []int) bool {
				batches++
				if len(batch) != 2 {
					t.Errorf("a batch of %d", len(batch))
				}
				return true
			}, nil)
			mustPush(t, &qs[i], 1, 1)
			mustPush(t, &qs[i], 1, 2)
			if n := g.Len(); n != 1 {
				t.Errorf("%d goroutines", n)
			}
		}
		close(hold)
		synctest.Wait()
		if batches != len(qs) || g.Len() != 0 {
			t.Errorf("%d batches, %d goroutines", batches, g.Len())
		}
	})
}

// TestSweptDetach: a worker that was listed and is detached takes nothing, and nobody waits for it.
func TestSweptDetach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group
		q := NewQueue[int](10, 1000)
		hold, held := make(chan struct{}), NewQueue[int](10, 1000)
		s := NewSweeper[int](&g, 0)
		s.Drain(held, 0, func([]int) bool { <-hold; return true }, nil)
		mustPush(t, held, 1, 0)
		synctest.Wait()
		w := s.Drain(q, 0, func(batch []int) bool { t.Errorf("ran %v", batch); return true }, nil)
		mustPush(t, q, 1, 1)
		if !w.Busy() {
			t.Error("not busy while the sweeper will come")
		}
		w.Detach()
		w.Wait()
		close(hold)
		synctest.Wait()
		checkTake(t, q, 0, 1)
	})
}
