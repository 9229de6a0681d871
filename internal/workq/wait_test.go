package workq

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// outcome is how a PushWait ended.
type outcome struct {
	waited bool
	err    error
}

// pushWait starts a PushWait inside a synctest bubble and lets it wait or end.
func pushWait(ctx context.Context, q *Queue[int], weight, item int) <-chan outcome {
	ended := make(chan outcome, 1)
	go func() { // owner: the test's bubble; ends with PushWait
		waited, err := q.PushWait(ctx, weight, item)
		ended <- outcome{waited, err}
	}()
	synctest.Wait()
	return ended
}

// expectWaiting fails if any of the calls has ended.
func expectWaiting(t *testing.T, calls ...<-chan outcome) {
	t.Helper()
	synctest.Wait()
	for i, ended := range calls {
		select {
		case o := <-ended:
			t.Errorf("call %d ended with %+v, want it waiting", i, o)
		default:
		}
	}
}

// expectEnded fails unless all of the calls have ended, with err and after
// having waited.
func expectEnded(t *testing.T, err error, calls ...<-chan outcome) {
	t.Helper()
	synctest.Wait()
	for i, ended := range calls {
		select {
		case o := <-ended:
			if !o.waited || !errors.Is(o.err, err) {
				t.Errorf("call %d ended with %+v, want %v after waiting", i, o, err)
			}
		default:
			t.Errorf("call %d waits, want it ended", i)
		}
	}
}

func mustPush(t *testing.T, q *Queue[int], weight int, items ...int) {
	t.Helper()
	if err := q.Push(weight, items...); err != nil {
		t.Fatal(err)
	}
}

func checkTake(t *testing.T, q *Queue[int], maxWeight int, want ...int) {
	t.Helper()
	if got := q.Take(nil, maxWeight); !slices.Equal(got, want) {
		t.Errorf("Take = %v, want %v", got, want)
	}
}

func TestPushWaitWithRoom(t *testing.T) {
	q := NewQueue[int](2, 10)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 2 {
		if waited, err := q.PushWait(ended, 5, i); waited || err != nil {
			t.Errorf("PushWait = %v, %v", waited, err)
		}
	}
	if waited, err := q.PushWait(ended, 0, 2); !waited || !errors.Is(err, context.Canceled) {
		t.Errorf("PushWait into a full queue = %v, %v", waited, err)
	}
	checkTake(t, q, 0, 0, 1)
}

func TestPushWaitFIFO(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue[int](10, 10)
		mustPush(t, q, 5, 0)
		mustPush(t, q, 5, 1)
		heavy := pushWait(t.Context(), q, 8, 2)
		light := pushWait(t.Context(), q, 1, 3)
		last := pushWait(t.Context(), q, 1, 4)
		checkTake(t, q, 1, 0) // room for the light ones alone
		expectWaiting(t, heavy, light, last)
		if err := q.Push(1, 9); !errors.Is(err, ErrFull) {
			t.Errorf("Push that overtakes = %v", err)
		}
		checkTake(t, q, 1, 1)
		expectEnded(t, nil, heavy, light, last)
		checkTake(t, q, 0, 2, 3, 4)
		checkEmpty(t, q)
	})
}

func TestPushWaitAnyWeightIntoEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue[int](10, 10)
		mustPush(t, q, 1, 0)
		heavy := pushWait(t.Context(), q, 500, 1)
		light := pushWait(t.Context(), q, 1, 2)
		expectWaiting(t, heavy, light)
		checkTake(t, q, 0, 0)
		expectEnded(t, nil, heavy)
		expectWaiting(t, light)
		checkTake(t, q, 0, 1)
		expectEnded(t, nil, light)
	})
}

func TestPushWaitContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue[int](10, 10)
		cause := errors.New("gone")
		mustPush(t, q, 8, 0)
		ctx, cancel := context.WithCancelCause(t.Context())
		heavy := pushWait(ctx, q, 5, 1)
		light := pushWait(t.Context(), q, 1, 2)
		lighter := pushWait(t.Context(), q, 1, 3)
		full := pushWait(t.Context(), q, 1, 4)
		expectWaiting(t, heavy, light, lighter, full)
		// Nobody takes: the end of the first alone lets the next two in.
		cancel(cause)
		expectEnded(t, cause, heavy)
		expectEnded(t, nil, light, lighter)
		expectWaiting(t, full)
		checkTake(t, q, 0, 0, 2, 3)
		expectEnded(t, nil, full)
		checkTake(t, q, 0, 4)
		if q.firstWaiter != nil || q.lastWaiter != nil {
			t.Error("somebody is still linked")
		}
	})
}

// TestPushWaitContextInTheMiddle ends the waiting of those in the middle and at
// the end of the line.
func TestPushWaitContextInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue[int](1, 10)
		mustPush(t, q, 1, 0)
		var (
			calls   [5]<-chan outcome
			cancels [5]context.CancelFunc
		)
		for i := range calls {
			ctx, cancel := context.WithCancel(t.Context())
			calls[i], cancels[i] = pushWait(ctx, q, 1, i+1), cancel
		}
		for _, i := range []int{2, 4, 3} {
			cancels[i]()
			expectEnded(t, context.Canceled, calls[i])
		}
		late := pushWait(t.Context(), q, 1, 6)
		for _, want := range []int{0, 1, 2, 6} {
			checkTake(t, q, 0, want)
			synctest.Wait()
		}
		expectEnded(t, nil, calls[0], calls[1], late)
		cancels[0]()
		cancels[1]()
		checkEmpty(t, q)
	})
}

func TestCloseWithWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue[int](1, 10)
		mustPush(t, q, 1, 0)
		first := pushWait(t.Context(), q, 1, 1)
		second := pushWait(t.Context(), q, 1, 2)
		q.Close(7, 8)
		expectEnded(t, ErrClosed, first, second)
		checkTake(t, q, 0, 0, 7, 8)
		checkEmpty(t, q)
	})
}

func TestDiscardWithWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue[int](1, 10)
		mustPush(t, q, 1, 0)
		first := pushWait(t.Context(), q, 1, 1)
		second := pushWait(t.Context(), q, 1, 2)
		if n := q.Discard(); n != 1 {
			t.Errorf("Discard() = %d, want 1", n)
		}
		expectEnded(t, nil, first)
		expectWaiting(t, second)
		q.Close()
		expectEnded(t, ErrClosed, second)
		checkTake(t, q, 0, 1)
	})
}

// TestReadyForWaiters shows that a consumer which takes everything hears of those
// who enter at that moment.
func TestReadyForWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue[int](1, 10)
		woken := 0
		q.OnReady(func() { woken++ })
		mustPush(t, q, 1, 0)
		call := pushWait(t.Context(), q, 1, 1)
		if woken != 1 {
			t.Errorf("woken %d times, want 1", woken)
		}
		checkTake(t, q, 0, 0)
		expectEnded(t, nil, call)
		if woken != 2 {
			t.Errorf("woken %d times, want 2", woken)
		}
		checkTake(t, q, 0, 1)
	})
}

// TestPushWaitRace lets contexts end at the very moment when items enter, and the
// queue close in the midst of it: what PushWait says must be what happened.
func TestPushWaitRace(t *testing.T) {
	const pushers, each = 8, 1500
	var (
		g        Group
		wg       sync.WaitGroup
		accepted [pushers]int // written by the pusher
		taken    [pushers]int // written by the worker
		total    atomic.Int64
	)
	type item struct{ pusher, n int }
	q := NewQueue[item](3, 1<<30)
	w := Drain(q, &g, 2, func(batch []item) {
		for _, it := range batch {
			if it.n < taken[it.pusher] {
				t.Errorf("item %d of pusher %d came after number %d", it.n, it.pusher, taken[it.pusher])
			}
			taken[it.pusher] = it.n
			if total.Add(1) == pushers*each/3 {
				q.Close()
			}
		}
	})
	for p := range pushers {
		wg.Go(func() { // owner: this test; ends after its items
			for i := range each {
				ctx, cancel := context.WithCancel(t.Context())
				wg.Go(cancel) // owner: this test; ends at once
				_, err := q.PushWait(ctx, 1, item{p, i + 1})
				switch {
				case err == nil:
					accepted[p]++
				case errors.Is(err, ErrClosed), errors.Is(err, context.Canceled):
				default:
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	w.Wait()
	sum := 0
	for _, n := range accepted {
		sum += n
	}
	if int64(sum) != total.Load() {
		t.Errorf("%d items were accepted and %d run", sum, total.Load())
	}
	if q.firstWaiter != nil || q.lastWaiter != nil {
		t.Error("somebody is still linked")
	}
	checkEmpty(t, q)
	if err := g.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}
