package workq

import (
	"runtime"
	"testing"
	"unsafe"
)

// TestPushTakeAllocs rests on AllocsPerRun rounding down: a pool that misses now
// and then (a collection empties it, and the race detector a quarter of the
// time) does not count, an allocation of the operation itself does.
func TestPushTakeAllocs(t *testing.T) {
	q := NewQueue[*int](100, 1000)
	item := new(int)
	dst := make([]*int, 0, 100)
	tests := []struct {
		name string
		push func() error
	}{
		{"one item", func() error { return q.Push(1, item) }},
		{"three items at once", func() error { return q.Push(1, item, item, item) }},
		{"a push that may wait", func() error { _, err := q.PushWait(t.Context(), 1, item); return err }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			allocs := testing.AllocsPerRun(2000, func() {
				if err := test.push(); err != nil {
					t.Fatal(err)
				}
				dst = q.Take(dst[:0], 0)
			})
			if allocs != 0 {
				t.Errorf("%v allocations, want 0", allocs)
			}
		})
	}
}

// TestWorkerAllocs wakes a worker that is asleep, which starts a goroutine.
func TestWorkerAllocs(t *testing.T) {
	var g Group
	item := new(int)
	q := NewQueue[*int](100, 1000)
	Drain(q, &g, 0, func([]*int) {})
	allocs := testing.AllocsPerRun(2000, func() {
		if err := q.Push(1, item); err != nil {
			t.Fatal(err)
		}
		for g.Len() > 0 {
			runtime.Gosched()
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}

// TestSweeperAllocs pushes to queues that were empty, which wakes a sweeper.
func TestSweeperAllocs(t *testing.T) {
	var g Group
	item := new(int)
	s := NewSweeper[*int](&g, 0)
	qs := make([]Queue[*int], 20)
	for i := range qs {
		qs[i].Init(100, 1000)
		s.Drain(&qs[i], 0, func([]*int) bool { return true }, nil)
	}
	allocs := testing.AllocsPerRun(500, func() {
		for i := range qs {
			if err := qs[i].Push(1, item); err != nil {
				t.Fatal(err)
			}
		}
		for g.Len() > 0 {
			runtime.Gosched()
		}
	})
	if each := int(allocs) / len(qs); each != 0 { // the pool that misses, again
		t.Errorf("%v allocations for %d queues, want 0 for each", allocs, len(qs))
	}
}

// TestIdleSize keeps an eye on what each idle connection pays, for its outbound
// queue and again for each of its conversations.
func TestIdleSize(t *testing.T) {
	tests := []struct {
		name       string
		size, most uintptr
	}{
		{"queue", unsafe.Sizeof(Queue[*int]{}), 112},
		{"worker", unsafe.Sizeof(Worker[*int]{}), 64},
		{"chunk", unsafe.Sizeof(chunk[*int]{}), 256},
	}
	for _, test := range tests {
		if test.size > test.most {
			t.Errorf("a %s takes %d bytes, want at most %d", test.name, test.size, test.most)
		}
	}
}
