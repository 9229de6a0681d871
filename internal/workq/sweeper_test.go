package workq

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// gathering is a worker with a delay, and what it ran.
type gathering struct {
	q     *Queue[int]
	w     *Worker[int]
	g     Group
	begun time.Time
	runs  []ran
}

type ran struct {
	after time.Duration
	items []int
}

const gatherFor = 10 * time.Millisecond

// gather runs a test in a bubble with a queue of 100 items and 1,000 bytes whose worker takes batches of 64 bytes.
func gather(t *testing.T, test func(t *testing.T, s *gathering)) {
	synctest.Test(t, func(t *testing.T) {
		s := &gathering{q: NewQueue[int](100, 1000), begun: time.Now()}
		s.w = NewSweeper[int](&s.g, gatherFor).Drain(s.q, 64, nil, func(batch []int) {
			s.runs = append(s.runs, ran{time.Since(s.begun), slices.Clone(batch)})
		})
		test(t, s)
		synctest.Wait()
		if n := s.g.Len(); n != 0 {
			t.Errorf("%d goroutines are left", n)
		}
	})
}

func (s *gathering) push(t *testing.T, weight int, items ...int) {
	t.Helper()
	if err := s.q.Push(weight, items...); err != nil {
		t.Fatal(err)
	}
}

func (s *gathering) want(t *testing.T, want ...ran) {
	t.Helper()
	synctest.Wait()
	if !slices.EqualFunc(s.runs, want, func(a, b ran) bool { return a.after == b.after && slices.Equal(a.items, b.items) }) {
		t.Errorf("ran %v, want %v", s.runs, want)
	}
}

func TestDelayCountsFromTheFirst(t *testing.T) {
	gather(t, func(t *testing.T, s *gathering) {
		s.push(t, 1, 1)
		synctest.Wait()
		if s.w.Busy() || s.g.Len() != 0 {
			t.Error("a worker that waits is busy, or has a goroutine")
		}
		time.Sleep(6 * time.Millisecond) // synctest
		s.push(t, 1, 2)
		time.Sleep(4 * time.Millisecond) // synctest
		s.want(t, ran{gatherFor, []int{1, 2}})
		pass(time.Second)
		s.push(t, 1, 3)
		s.w.Wait() // waits for the timer too
		s.want(t, ran{gatherFor, []int{1, 2}}, ran{time.Second + 2*gatherFor, []int{3}})
	})
}

func TestDelayEndsWhenThereIsEnough(t *testing.T) {
	for name, push := range map[string]func(t *testing.T, s *gathering){
		"a batch": func(t *testing.T, s *gathering) { s.push(t, 63, 1); s.push(t, 1, 2) },
		"half of the queue": func(t *testing.T, s *gathering) {
			for i := range 50 {
				s.push(t, 1, i)
			}
		},
		"closed":                  func(t *testing.T, s *gathering) { s.push(t, 1, 1); s.q.Close() },
		"closed with a last item": func(t *testing.T, s *gathering) { s.push(t, 1, 1); s.q.Close(2) },
		"closed while empty":      func(_ *testing.T, s *gathering) { s.q.Close(1) },
	} {
		t.Run(name, func(t *testing.T) {
			gather(t, func(t *testing.T, s *gathering) {
				push(t, s)
				synctest.Wait()
				if len(s.runs) != 1 || s.runs[0].after != 0 {
					t.Errorf("ran %v, want one batch at once", s.runs)
				}
				pass(time.Second) // the timer is stopped
				if len(s.runs) != 1 {
					t.Errorf("ran %v", s.runs)
				}
			})
		})
	}
}

// TestDelayAgain: what comes while a batch runs gathers in its turn.
func TestDelayAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			g     Group
			runs  []int
			begun = time.Now()
			times []time.Duration
		)
		q := NewQueue[int](100, 1000)
		NewSweeper[int](&g, gatherFor).Drain(q, 64, nil, func(batch []int) {
			runs, times = append(runs, len(batch)), append(times, time.Since(begun))
			time.Sleep(3 * time.Millisecond) // synctest: the write
		})
		for i := range 12 {
			if err := q.Push(1, i); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond) // synctest
		}
		pass(time.Second)
		// From 0 to 10 ten items, the last two during the write, which ends at 13.
		if want := []time.Duration{gatherFor, 23 * time.Millisecond}; !slices.Equal(times, want) {
			t.Errorf("ran at %v, want %v", times, want)
		}
		if runs[0]+runs[1] != 12 {
			t.Errorf("batches of %v", runs)
		}
	})
}

func TestDelayDetached(t *testing.T) {
	gather(t, func(t *testing.T, s *gathering) {
		s.push(t, 1, 1)
		s.w.Detach()
		s.w.Wait() // not for the timer
		pass(time.Second)
		s.want(t)
		if got := s.q.Take(nil, 0); !slices.Equal(got, []int{1}) {
			t.Errorf("left %v", got)
		}
	})
}

func TestDelayDiscarded(t *testing.T) {
	gather(t, func(t *testing.T, s *gathering) {
		s.push(t, 1, 1)
		s.q.Discard()
		pass(time.Second)
		s.want(t)
		s.push(t, 1, 2)
		pass(gatherFor)
		s.want(t, ran{time.Second + gatherFor, []int{2}})
	})
}

// pass lets time go by, and everything happen that is due.
func pass(d time.Duration) {
	time.Sleep(d) // synctest
	synctest.Wait()
}
