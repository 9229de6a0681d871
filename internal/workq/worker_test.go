package workq

import (
	"context"
	"errors"
	"slices"
	"sync"
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
	if err := g.Wait(context.Background()); err != nil {
		t.Error(err)
	}
	if err := q.Push(0, 1); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}
