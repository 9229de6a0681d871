package rooms

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// TestConcurrentUse has everything happen at the same time, each member in the
// hands of one goroutine, while others walk. What one knows of its own members
// must hold all the time, and in the end nothing may be left.
func TestConcurrentUse(t *testing.T) {
	const writers, walkers, each, rounds = 4, 3, 25, 12
	x := New[*member]()
	var writing, walking sync.WaitGroup
	var stop atomic.Bool
	name := func(r *rand.Rand) string { return "r" + strconv.Itoa(r.IntN(8)) }
	for w := range writers {
		writing.Go(func() { // owner: this test; ends after its rounds
			r := rand.New(rand.NewPCG(uint64(w), 3))
			for range rounds {
				liveOnce(t, x, r, w, each, name)
			}
		})
	}
	for w := range walkers {
		walking.Go(func() { // owner: this test; ends when stop is set
			r := rand.New(rand.NewPCG(uint64(w), 4))
			for !stop.Load() {
				var rooms, except []string
				for range r.IntN(6) {
					rooms = append(rooms, name(r))
				}
				for range r.IntN(3) {
					except = append(except, name(r))
				}
				seen := make(map[*member]int)
				x.Each(rooms, except, func(m *member) { seen[m]++ })
				for m, n := range seen {
					if n > 1 {
						t.Errorf("%s was visited %d times", m.id, n)
					}
				}
				x.Rooms()
				x.RoomLen(name(r))
				x.Len()
			}
		})
	}
	writing.Wait()
	stop.Store(true)
	walking.Wait()
	checkBare(t, x)
}

// liveOnce adds members, lets them join and leave, and removes them.
func liveOnce(t *testing.T, x *Index[*member], r *rand.Rand, writer, n int, name func(*rand.Rand) string) {
	members := make([]*member, n)
	joined := make([][]string, n)
	own := "writer" + strconv.Itoa(writer)
	for i := range members {
		m := &member{fmt.Sprint(writer, ".", i)}
		members[i] = m
		x.Add(m)
		x.Join(m, own)
		joined[i] = append(joined[i], own)
		for range 3 {
			room := name(r)
			x.Join(m, room)
			joined[i] = append(joined[i], room)
			if r.IntN(3) == 0 {
				x.Leave(m, room)
			}
		}
		if got, ok := x.Get(m.id); !ok || got != m {
			t.Errorf("Get(%s) = %v, %v", m.id, got, ok)
		}
	}
	for _, rooms := range [][]string{{own}, {own, "nobody"}} {
		if got := visited(x, rooms, nil); len(got) != n {
			t.Errorf("%d of %d are in their room", len(got), n)
		}
	}
	for i, m := range members {
		x.Remove(m, joined[i])
		for _, rooms := range [][]string{nil, {m.id}, {own, m.id}} {
			x.Each(rooms, nil, func(other *member) {
				if other == m {
					t.Errorf("%s was visited after its removal", m.id)
				}
			})
		}
	}
}

// TestMoveBetweenRooms moves a member from room to room, never leaving the one
// before it has joined the other: a walk over all the rooms must always see it,
// and one that leaves them all out must never.
func TestMoveBetweenRooms(t *testing.T) {
	x := New[*member]()
	rooms := []string{"a", "b", "c", "d", "e", "f", "g"}
	walker := &member{"walker"}
	x.Add(walker)
	x.Join(walker, rooms[0])
	x.Join(walker, "others")
	for i, room := range append(rooms, "others", "others") {
		m := &member{"still" + strconv.Itoa(i)}
		x.Add(m)
		x.Join(m, room)
	}
	var moving sync.WaitGroup
	var stop atomic.Bool
	moving.Go(func() { // owner: this test; ends when stop is set
		for at := 0; !stop.Load(); {
			next := (at + 1) % len(rooms)
			x.Join(walker, rooms[next])
			x.Leave(walker, rooms[at])
			at = next
		}
	})
	for _, test := range []struct {
		in, except []string
		want       int // of those who stand still
		walker     int
	}{
		{rooms, nil, 7, 1},
		{nil, rooms, 2, 0},
		{[]string{"others"}, rooms, 2, 0},
	} {
		for range 3000 {
			still, walked := 0, 0
			x.Each(test.in, test.except, func(m *member) {
				runtime.Gosched() // lets the walker go on wherever no lock holds it
				if m == walker {
					walked++
				} else {
					still++
				}
			})
			if still != test.want || walked != test.walker {
				t.Fatalf("Each(%v, %v) visited %d and the walker %d times, want %d and %d",
					test.in, test.except, still, walked, test.want, test.walker)
			}
		}
	}
	stop.Store(true)
	moving.Wait()
}

// TestWalksAndWritersEnd has walks over the same rooms in opposite orders meet
// with writers in between: taking the locks in the order of the names would
// end in a deadlock, which the test's deadline would show.
func TestWalksAndWritersEnd(t *testing.T) {
	x := New[*member]()
	const total = 12
	var forth, back []string
	for i := range total {
		forth = append(forth, strconv.Itoa(i))
		back = append([]string{strconv.Itoa(i)}, back...)
	}
	var wg sync.WaitGroup
	for w, rooms := range [][]string{forth, back, forth, back} {
		wg.Go(func() { // owner: this test; ends after its rounds
			m := &member{"m" + strconv.Itoa(w)}
			x.Add(m)
			for range 500 {
				for _, room := range rooms[:3] {
					x.Join(m, room)
				}
				x.Each(rooms, rooms[:total/2], func(*member) {})
				x.Each(nil, rooms, func(*member) {})
				for _, room := range rooms[:3] {
					x.Leave(m, room)
				}
			}
			x.Remove(m, nil)
		})
	}
	wg.Wait()
	checkBare(t, x)
}
