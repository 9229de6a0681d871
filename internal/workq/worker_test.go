package workq

import (
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
)

func TestWorkerRunsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			g   Group
			got []int
		)
		q := NewQueue[int](1000, 1000)
		if err := q.Push(1, 0); err != nil { // queued before there is a worker
			t.Fatal(err)
		}
		w := Drain(q, &g, 0, func(batch []int) { got = append(got, batch...) })
		for i := 1; i < 100; i++ {
			if err := q.Push(1, i); err != nil {
				t.Fatal(err)
			}
			if i%10 == 0 {
				synctest.Wait()
			}
		}
		w.Wait()
		if w.Busy() {
			t.Error("busy after Wait")
		}
		if len(got) != 100 || !slices.IsSorted(got) {
			t.Errorf("ran %v", got)
		}
		synctest.Wait()
		if n := g.Len(); n != 0 {
			t.Errorf("%d goroutines of an idle worker", n)
		}
		checkEmpty(t, q)
	})
}

func TestWorkerBatchWeight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			g   Group
			got []int
		)
		q := NewQueue[int](1000, 1000)
		if err := q.Push(10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9); err != nil {
			t.Fatal(err)
		}
		Drain(q, &g, 4, func(batch []int) { got = append(got, len(batch)) }).Wait()
		if !slices.Equal(got, []int{4, 4, 2}) {
			t.Errorf("batches of %v", got)
		}
	})
}

func TestDetachDuringBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			g          Group
			first, sec []int
		)
		gate := make(chan struct{})
		q := NewQueue[int](1000, 1000)
		w := Drain(q, &g, 1, func(batch []int) { <-gate; first = append(first, batch...) })
		for i := range 3 {
			if err := q.Push(1, i); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		w.Detach()
		w.Detach()
		if !w.Busy() {
			t.Error("not busy while a batch is run")
		}
		waited := make(chan struct{})
		go func() { // owner: this test; ends with the batch
			w.Wait()
			close(waited)
		}()
		synctest.Wait()
		select {
		case <-waited:
			t.Error("Wait returned before the batch had ended")
		default:
		}
		close(gate)
		<-waited
		if err := q.Push(1, 3); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !slices.Equal(first, []int{0}) {
			t.Errorf("the detached worker ran %v", first)
		}
		Drain(q, &g, 1, func(batch []int) { sec = append(sec, batch...) }).Wait()
		if !slices.Equal(sec, []int{1, 2, 3}) {
			t.Errorf("the next worker ran %v", sec)
		}
	})
}

func TestOneGoroutineAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group
		gate := make(chan struct{})
		q := NewQueue[int](10, 1000)
		w := Drain(q, &g, 0, func([]int) { <-gate })
		for i := range 3 { // the queue is empty each time
			mustPush(t, q, 1, i)
			synctest.Wait()
			q.Take(nil, 0)
		}
		if n := g.Len(); n != 1 {
			t.Errorf("%d goroutines of one worker", n)
		}
		close(gate)
		w.Wait()
	})
}

// TestReplacedDuringBatch shows that a worker takes nothing more once another
// consumer has its place.
func TestReplacedDuringBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, byWorker := range []bool{true, false} {
			var (
				g             Group
				first, second []int
			)
			gate := make(chan struct{})
			q := NewQueue[int](10, 1000)
			one := Drain(q, &g, 1, func(batch []int) { <-gate; first = append(first, batch...) })
			mustPush(t, q, 2, 1, 2)
			synctest.Wait()
			if byWorker {
				Drain(q, &g, 1, func(batch []int) { second = append(second, batch...) }).Wait()
			} else {
				q.OnReady(func() {})
			}
			close(gate)
			one.Wait()
			second = q.Take(second, 0)
			if !slices.Equal(first, []int{1}) || !slices.Equal(second, []int{2}) {
				t.Errorf("replaced by a worker: %v: the consumers got %v, %v", byWorker, first, second)
			}
		}
	})
}

func TestCloseDuringBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			g   Group
			got []int
		)
		gate := make(chan struct{})
		q := NewQueue[int](1, 1000)
		w := Drain(q, &g, 0, func(batch []int) { <-gate; got = append(got, batch...) })
		mustPush(t, q, 1, 0)
		synctest.Wait()
		mustPush(t, q, 1, 1)
		q.Close(2)
		close(gate)
		w.Wait()
		if !slices.Equal(got, []int{0, 1, 2}) {
			t.Errorf("ran %v", got)
		}
		checkEmpty(t, q)
	})
}

// TestConsumersReplaceEachOther shows that the latest consumer is the only one.
func TestConsumersReplaceEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			g             Group
			first, second []int
			woken         int
		)
		q := NewQueue[int](10, 1000)
		one := Drain(q, &g, 0, func(batch []int) { first = append(first, batch...) })
		mustPush(t, q, 1, 1)
		synctest.Wait()
		two := Drain(q, &g, 0, func(batch []int) { second = append(second, batch...) })
		one.Detach() // must not detach the other
		mustPush(t, q, 1, 2)
		synctest.Wait()
		q.OnReady(func() { woken++ })
		mustPush(t, q, 1, 3)
		synctest.Wait()
		two.Detach()
		if !slices.Equal(first, []int{1}) || !slices.Equal(second, []int{2}) || woken != 1 {
			t.Errorf("the consumers got %v, %v, and %d calls", first, second, woken)
		}
		checkTake(t, q, 0, 3)
		mustPush(t, q, 1, 4)
		if woken != 2 {
			t.Errorf("woken %d times after Detach of a replaced worker, want 2", woken)
		}
		q.OnReady(nil)
		one.Wait()
		two.Wait()
	})
}

// TestRunEndsItsGoroutine ends the worker's goroutine from within run, as a
// failing test in a user's handler does.
func TestRunEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			g   Group
			got []int
		)
		q := NewQueue[int](10, 1000)
		w := Drain(q, &g, 2, func(batch []int) {
			for _, item := range batch {
				if item%3 == 0 {
					runtime.Goexit()
				}
				got = append(got, item)
			}
		})
		mustPush(t, q, 6, 1, 2, 3, 4, 5, 6)
		w.Wait()
		synctest.Wait()
		if !slices.Equal(got, []int{1, 2, 5}) {
			t.Errorf("ran %v, want all but the rest of each ended batch", got)
		}
		if w.Busy() || g.Len() != 0 {
			t.Errorf("busy %v, %d goroutines", w.Busy(), g.Len())
		}
		mustPush(t, q, 1, 7)
		w.Wait()
		if got[len(got)-1] != 7 {
			t.Error("the worker did not go on")
		}
	})
}

// TestBatchKeepsNothing shows that neither the queue's buffers nor the worker's
// batches keep items alive.
func TestBatchKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			g    Group
			kept []*int
		)
		q := NewQueue[*int](100, 1000)
		w := Drain(q, &g, 0, func(batch []*int) { kept = batch })
		for range 40 {
			if err := q.Push(1, new(int)); err != nil {
				t.Fatal(err)
			}
		}
		w.Wait()
		synctest.Wait()
		for i, p := range kept {
			if p != nil {
				t.Errorf("place %d of the reused batch holds an item", i)
			}
		}
		c := q.pool.chunk()
		for i := range c.items {
			if c.items[i].item != nil {
				t.Errorf("place %d of a pooled chunk holds an item", i)
			}
		}
	})
}
