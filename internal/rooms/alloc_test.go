package rooms

import (
	"fmt"
	"strconv"
	"testing"
)

// populate returns an index of total members, in rooms of size each, in one room
// for all, and one for every second.
func populate(total, size int) (*Index[*member], []*member) {
	x := New[*member]()
	all := make([]*member, total)
	for i := range all {
		m := &member{fmt.Sprintf("%020d", i)}
		all[i] = m
		x.Add(m)
		x.Join(m, "all")
		x.Join(m, "room"+strconv.Itoa(i/size))
		if i%2 == 0 {
			x.Join(m, "even")
		}
	}
	return x, all
}

// walks are the shapes of broadcasts, each with how many it reaches in an index
// of 1,000 members with rooms of 10.
func walks(id string) []walk {
	return []walk{
		{"everyone", nil, nil, 1000},
		{"everyone but one", nil, []string{id}, 999},
		{"everyone but a room", nil, []string{"even"}, 500},
		{"one room", []string{"room7"}, nil, 10},
		{"one room but one", []string{"room0"}, []string{id}, 9},
		{"one room but four", []string{"room0"}, []string{id, id, id, "room3"}, 9},
		{"one id", []string{id}, nil, 1},
		{"large room but a room", []string{"all"}, []string{"even"}, 500},
		{"two rooms", []string{"all", "even"}, nil, 1000},
		{"four rooms but one", []string{"room0", "room1", "room2", "room3"}, []string{id}, 39},
		{"eight rooms", []string{"room0", "room1", "room2", "room3", "room4", "room5", "room6", "room7"}, nil, 80},
		{"many names, large", []string{"all", "even", "room0", "room1", "room2", "room3"}, nil, 1000},
	}
}

type walk struct {
	name          string
	rooms, except []string
	reach         int
}

func TestEachAllocs(t *testing.T) {
	x, all := populate(1000, 10)
	for _, w := range walks(all[0].id) {
		t.Run(w.name, func(t *testing.T) {
			reached := 0
			allocs := testing.AllocsPerRun(100, func() {
				reached = 0
				x.Each(w.rooms, w.except, func(*member) { reached++ })
			})
			if reached != w.reach {
				t.Errorf("%d visits, want %d", reached, w.reach)
			}
			if names := len(w.rooms) + len(w.except); names <= inlineSkips+1 && allocs != 0 {
				t.Errorf("%v allocations, want 0", allocs)
			}
			// The pool may be emptied at any moment, and the race detector drops
			// from it at random: a set may be made, but not something for each visit.
			if allocs > 60 {
				t.Errorf("%v allocations for %d visits", allocs, reached)
			}
		})
	}
}

func TestLookUpAllocs(t *testing.T) {
	x, all := populate(100, 10)
	allocs := testing.AllocsPerRun(100, func() {
		if _, ok := x.Get(all[5].id); !ok {
			t.Error("not found")
		}
		if x.RoomLen("room3") != 10 {
			t.Error("wrong size")
		}
		x.Join(all[0], "room0") // is in
		x.Leave(all[0], "room5")
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}
