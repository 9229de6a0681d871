package workq

import (
	"errors"
	"slices"
	"testing"
)

func TestPushBounds(t *testing.T) {
	type push struct {
		weight int
		items  []int
		err    error
	}
	tests := []struct {
		name      string
		maxItems  int
		maxWeight int64
		pushes    []push
		items     int
		weight    int64
	}{
		{"up to the count", 3, 100, []push{
			{1, []int{1}, nil}, {1, []int{2}, nil}, {1, []int{3}, nil}, {1, []int{4}, ErrFull},
		}, 3, 3},
		{"up to the weight", 10, 5, []push{
			{3, []int{1}, nil}, {3, []int{2}, ErrFull}, {2, []int{3}, nil}, {1, []int{4}, ErrFull}, {0, []int{5}, nil},
		}, 3, 5},
		{"all or nothing by count", 3, 100, []push{
			{1, []int{1, 2}, nil}, {1, []int{3, 4}, ErrFull}, {1, []int{5}, nil},
		}, 3, 2},
		{"all or nothing by weight", 10, 5, []push{
			{1, []int{1}, nil}, {5, []int{2, 3}, ErrFull}, {4, []int{4, 5}, nil},
		}, 3, 5},
		{"any weight into an empty queue", 10, 5, []push{
			{500, []int{1}, nil}, {0, []int{2}, ErrFull}, {1, []int{3}, ErrFull},
		}, 1, 500},
		{"more items than fit for ever", 2, 5, []push{{0, []int{1, 2, 3}, ErrFull}}, 0, 0},
		{"no bound by weight", 2, 0, []push{{1 << 40, []int{1}, nil}, {1 << 40, []int{2}, nil}, {0, []int{3}, ErrFull}}, 2, 1 << 41},
		{"no items", 2, 5, []push{{9, nil, nil}}, 0, 0},
		{"negative weight counts as none", 2, 5, []push{{-9, []int{1}, nil}, {5, []int{2}, nil}}, 2, 5},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q := NewQueue[int](test.maxItems, test.maxWeight)
			var want []int
			for _, p := range test.pushes {
				if err := q.Push(p.weight, p.items...); !errors.Is(err, p.err) {
					t.Errorf("Push(%d, %v) = %v, want %v", p.weight, p.items, err, p.err)
				}
				if p.err == nil {
					want = append(want, p.items...)
				}
			}
			if items, weight := q.Len(); items != test.items || weight != test.weight {
				t.Errorf("Len() = %d, %d, want %d, %d", items, weight, test.items, test.weight)
			}
			if got := q.Take(nil, 0); !slices.Equal(got, want) {
				t.Errorf("Take = %v, want %v", got, want)
			}
			checkEmpty(t, q)
		})
	}
}

func TestTakeBatches(t *testing.T) {
	q := NewQueue[int](100, 1000)
	for i, weight := range []int{3, 3, 3, 50, 0, 4, 4} {
		if err := q.Push(weight, i); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range [][]int{{0, 1}, {2}, {3}, {4, 5, 6}, {}} {
		got := q.Take([]int{-1}, 8)
		if !slices.Equal(got, append([]int{-1}, want...)) {
			t.Errorf("Take = %v, want -1 and %v", got, want)
		}
	}
	checkEmpty(t, q)
}

func TestTakeSplitsOnePush(t *testing.T) {
	q := NewQueue[int](100, 1000)
	if err := q.Push(11, 0, 1, 2); err != nil { // weights 5, 3, 3
		t.Fatal(err)
	}
	for _, want := range [][]int{{0, 1}, {2}} {
		if got := q.Take(nil, 8); !slices.Equal(got, want) {
			t.Errorf("Take = %v, want %v", got, want)
		}
	}
	checkEmpty(t, q)
}

func TestClose(t *testing.T) {
	q := NewQueue[int](2, 10)
	if err := q.Push(10, 1, 2); err != nil {
		t.Fatal(err)
	}
	if !q.Close(3, 4, 5) {
		t.Error("the first Close was not the first")
	}
	if q.Close(6) {
		t.Error("the second Close was the first")
	}
	for _, items := range [][]int{nil, {7}} {
		if err := q.Push(0, items...); !errors.Is(err, ErrClosed) {
			t.Errorf("Push(%v) after Close = %v", items, err)
		}
	}
	if _, err := q.PushWait(t.Context(), 0, 8); !errors.Is(err, ErrClosed) {
		t.Errorf("PushWait after Close = %v", err)
	}
	if items, weight := q.Len(); items != 5 || weight != 10 {
		t.Errorf("Len() = %d, %d, want 5, 10", items, weight)
	}
	if got := q.Take(nil, 0); !slices.Equal(got, []int{1, 2, 3, 4, 5}) {
		t.Errorf("Take = %v", got)
	}
	checkEmpty(t, q)
}

func TestDiscard(t *testing.T) {
	q := NewQueue[int](100, 1000)
	fill := func() {
		for i := range 40 { // several chunks
			if err := q.Push(2, i); err != nil {
				t.Fatal(err)
			}
		}
		q.Take(nil, 10) // a first chunk that does not begin at its first item
	}
	fill()
	if n := q.Discard(); n != 35 {
		t.Errorf("Discard() = %d, want 35", n)
	}
	checkEmpty(t, q)
	fill()
	var got []int
	q.DiscardFunc(func(i int) {
		q.Len() // no lock is held
		got = append(got, i)
	})
	if len(got) != 35 || got[0] != 5 || !slices.IsSorted(got) {
		t.Errorf("DiscardFunc told %v", got)
	}
	checkEmpty(t, q)
	if n := q.Discard(); n != 0 {
		t.Errorf("Discard() of an empty queue = %d", n)
	}
}

func TestOnReady(t *testing.T) {
	q := NewQueue[int](100, 1000)
	woken := 0
	expect := func(what string, want int) {
		t.Helper()
		if woken != want {
			t.Errorf("%s: woken %d times, want %d", what, woken, want)
		}
		woken = 0
	}
	push := func() {
		if err := q.Push(1, 1); err != nil {
			t.Fatal(err)
		}
	}
	q.OnReady(func() { woken++ })
	expect("an empty queue", 0)
	push()
	expect("the first item", 1)
	push()
	expect("the second item", 0)
	q.Take(nil, 1)
	expect("a Take that leaves one", 0)
	q.Take(nil, 1)
	expect("a Take that leaves none", 0)
	push()
	expect("the first item again", 1)
	q.OnReady(func() { woken += 10 })
	expect("a new function and a non-empty queue", 10)
	q.Discard()
	push()
	expect("the first item after Discard", 10)
	q.OnReady(nil)
	q.Discard()
	push()
	expect("no function", 0)
	q.Discard()
	q.OnReady(func() { woken++ })
	q.Close(1)
	expect("the last item", 1)
}

func TestInitPanics(t *testing.T) {
	defer func() {
		if r := recover(); r == nil {
			t.Error("NewQueue(0, 0) did not panic")
		}
	}()
	NewQueue[int](0, 0)
}

// checkEmpty fails unless q is empty and holds no buffer.
func checkEmpty[T any](t *testing.T, q *Queue[T]) {
	t.Helper()
	if items, weight := q.Len(); items != 0 || weight != 0 {
		t.Errorf("Len() = %d, %d, want an empty queue", items, weight)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head != nil || q.tail != nil {
		t.Error("an empty queue holds a buffer")
	}
}
