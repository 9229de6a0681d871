package pending

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

func TestTable(t *testing.T) {
	var table Table[string, int]
	if _, ok := table.Take(""); ok {
		t.Error("an empty table had an entry for the zero id")
	}
	steps := []struct {
		id  string
		err error
	}{
		{"", nil},
		{"", ErrDuplicate},
		{"a", nil},
		{"a", ErrDuplicate},
		{"b", nil},
		{"c", ErrFull},
		{"b", ErrDuplicate}, // says more than full
	}
	for i, step := range steps {
		if err := table.Add(3, step.id, i); !errors.Is(err, step.err) {
			t.Errorf("Add(%q) = %v, want %v", step.id, err, step.err)
		}
	}
	if v, ok := table.Take(""); v != 0 || !ok {
		t.Errorf("Take(\"\") = %d, %v", v, ok)
	}
	if v, ok := table.Take(""); v != 0 || ok {
		t.Errorf("second Take(\"\") = %d, %v", v, ok)
	}
	if err := table.Add(3, "a", 9); !errors.Is(err, ErrDuplicate) {
		t.Errorf("Add of an id in the map while the first place is free: %v", err)
	}
	if err := table.Add(3, "c", 7); err != nil {
		t.Error(err)
	}
	if n := table.Len(); n != 3 {
		t.Errorf("Len() = %d, want 3", n)
	}
	all := table.Close()
	slices.Sort(all)
	if !slices.Equal(all, []int{2, 4, 7}) {
		t.Errorf("Close() = %v", all)
	}
	if err := table.Add(3, "d", 1); !errors.Is(err, ErrClosed) {
		t.Errorf("Add after Close = %v", err)
	}
	if _, ok := table.Take("a"); ok || table.Len() != 0 {
		t.Error("an entry survived Close")
	}
	if all := table.Close(); len(all) != 0 {
		t.Errorf("second Close() = %v", all)
	}
}

func TestTableWithoutRoom(t *testing.T) {
	for _, limit := range []int{0, -1, math.MinInt} {
		var table Table[uint64, int]
		if err := table.Add(limit, 1, 1); !errors.Is(err, ErrFull) {
			t.Errorf("Add with limit %d = %v", limit, err)
		}
	}
}

// TestTableAgainstModel runs random operations on a table and on a plain map.
func TestTableAgainstModel(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		var table Table[int, int]
		model := make(map[int]int)
		const limit = 6
		for i := range 5000 {
			id := r.IntN(12)
			_, found := model[id]
			if r.IntN(2) == 0 {
				var want error
				switch {
				case found:
					want = ErrDuplicate
				case len(model) == limit:
					want = ErrFull
				default:
					model[id] = i
				}
				if err := table.Add(limit, id, i); !errors.Is(err, want) {
					t.Fatalf("seed %d, step %d: Add(%d) = %v, want %v", seed, i, id, err, want)
				}
			} else {
				if v, ok := table.Take(id); v != model[id] || ok != found {
					t.Fatalf("seed %d, step %d: Take(%d) = %d, %v, want %d, %v", seed, i, id, v, ok, model[id], found)
				}
				delete(model, id)
			}
			if table.Len() != len(model) {
				t.Fatalf("seed %d, step %d: Len() = %d, want %d", seed, i, table.Len(), len(model))
			}
			if len(model) == 0 && table.more != nil {
				t.Fatalf("seed %d, step %d: an empty table holds a map", seed, i)
			}
		}
	}
}

// TestTakeOnce lets an answer, a timeout and the end of the connection compete
// for each entry: exactly one may get it.
func TestTakeOnce(t *testing.T) {
	const total, takers = 2000, 3
	var (
		table Table[uint64, *atomic.Int32]
		wg    sync.WaitGroup
	)
	taken := make([]atomic.Int32, total)
	for i := range taken {
		if err := table.Add(total, uint64(i), &taken[i]); err != nil {
			t.Fatal(err)
		}
	}
	for range takers {
		wg.Go(func() { // owner: this test; ends after one pass over the ids
			for i := range taken {
				if n, ok := table.Take(uint64(i)); ok {
					n.Add(1)
				}
			}
		})
	}
	wg.Go(func() { // owner: this test; ends after one call
		for _, n := range table.Close() {
			n.Add(1)
		}
	})
	wg.Wait()
	for i := range taken {
		if n := taken[i].Load(); n != 1 {
			t.Errorf("entry %d was taken %d times", i, n)
		}
	}
}

func TestTableAllocs(t *testing.T) {
	var table Table[uint64, *int]
	v := new(int)
	id := uint64(0)
	allocs := testing.AllocsPerRun(1000, func() {
		id++
		if err := table.Add(256, id, v); err != nil {
			t.Fatal(err)
		}
		if _, ok := table.Take(id); !ok {
			t.Fatal("the entry is missing")
		}
	})
	if allocs != 0 {
		t.Errorf("one entry at a time: %v allocations, want 0", allocs)
	}
}

func BenchmarkAddTake(b *testing.B) {
	for _, waiting := range []int{0, 1, 200} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			b.ReportAllocs()
			var table Table[uint64, *int]
			for i := range waiting {
				if err := table.Add(1000, uint64(i), nil); err != nil {
					b.Fatal(err)
				}
			}
			id := uint64(waiting)
			for b.Loop() {
				id++
				if err := table.Add(1000, id, nil); err != nil {
					b.Fatal(err)
				}
				table.Take(id)
			}
		})
	}
}
