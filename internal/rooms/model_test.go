package rooms

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// model is the naive index: for each member the set of its rooms.
type model map[*member]map[string]bool

// in tells whether a member is in a room, or the room is its id.
func (d model) in(m *member, room string) bool {
	return d[m][room] || m.id == room
}

func (d model) each(rooms, except []string) []string {
	var ids []string
	for m := range d {
		is := func(room string) bool { return d.in(m, room) }
		if (len(rooms) == 0 || slices.ContainsFunc(rooms, is)) && !slices.ContainsFunc(except, is) {
			ids = append(ids, m.id)
		}
	}
	slices.Sort(ids)
	return ids
}

// roomLen counts those who joined.
func (d model) roomLen(room string) int {
	n := 0
	for _, rooms := range d {
		if rooms[room] {
			n++
		}
	}
	return n
}

func (d model) rooms() []string {
	all := make(map[string]bool)
	for _, rooms := range d {
		maps.Copy(all, rooms)
	}
	return slices.Sorted(maps.Keys(all))
}

// TestIndexAgainstModel runs random operations on an index and on the model.
// The seeds differ in the number of members and rooms, so that rooms are now
// empty, now small, now large.
func TestIndexAgainstModel(t *testing.T) {
	for seed := range uint64(16) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 2))
			play(t, r, 2+r.IntN(120), 1+r.IntN(12), 2500)
		})
	}
}

func play(t *testing.T, r *rand.Rand, members, rooms, steps int) {
	x := New[*member]()
	d := make(model)
	all := make([]*member, members)
	for i := range all {
		all[i] = &member{"m" + strconv.Itoa(i)}
	}
	name := func() string { // of a room, at times of a member
		if r.IntN(6) == 0 {
			return all[r.IntN(members)].id
		}
		return "r" + strconv.Itoa(r.IntN(rooms))
	}
	names := func(most int) []string {
		list := make([]string, r.IntN(most+1))
		for i := range list {
			list[i] = name()
		}
		return list
	}
	for i := range steps {
		m := all[r.IntN(members)]
		room := name()
		switch _, here := d[m]; {
		case !here:
			d[m] = make(map[string]bool)
			x.Add(m)
		case r.IntN(40) == 0:
			mine := slices.Collect(maps.Keys(d[m]))
			delete(d, m)
			want := slices.DeleteFunc(slices.Clone(mine), func(room string) bool { return d.roomLen(room) > 0 })
			if got := x.Remove(m, mine); !slices.Equal(got, want) {
				t.Fatalf("step %d: Remove emptied %v, want %v", i, got, want)
			}
		case r.IntN(3) > 0:
			want := room != m.id && d.roomLen(room) == 0
			if room != m.id {
				d[m][room] = true
			}
			if got := x.Join(m, room); got != want {
				t.Fatalf("step %d: Join created: %v, want %v", i, got, want)
			}
		default:
			was := d[m][room]
			delete(d[m], room)
			want := was && d.roomLen(room) == 0
			if got := x.Leave(m, room); got != want {
				t.Fatalf("step %d: Leave emptied: %v, want %v", i, got, want)
			}
		}
		if i%5 == 0 {
			compare(t, x, d, names(7), names(7))
			compare(t, x, d, names(2), names(1))
		}
		if t.Failed() {
			t.Fatalf("after step %d", i)
		}
	}
	for m, mine := range d {
		x.Remove(m, slices.Collect(maps.Keys(mine)))
	}
	checkBare(t, x)
}

func compare(t *testing.T, x *Index[*member], d model, rooms, except []string) {
	t.Helper()
	if got, want := visited(x, rooms, except), d.each(rooms, except); !slices.Equal(got, want) {
		t.Errorf("Each(%v, %v) visited %v, want %v", rooms, except, got, want)
	}
	if got, want := x.Len(), len(d); got != want {
		t.Errorf("Len() = %d, want %d", got, want)
	}
	if len(rooms) == 0 {
		return
	}
	want := d.roomLen(rooms[0])
	for m := range d {
		if m.id == rooms[0] {
			want++
			if got, ok := x.Get(m.id); !ok || got != m {
				t.Errorf("Get(%q) = %v, %v", m.id, got, ok)
			}
		}
	}
	if got := x.RoomLen(rooms[0]); got != want {
		t.Errorf("RoomLen(%q) = %d, want %d", rooms[0], got, want)
	}
	existing := x.Rooms()
	slices.Sort(existing)
	if want := d.rooms(); !slices.Equal(existing, want) || x.RoomCount() != len(want) {
		t.Errorf("Rooms() = %v, RoomCount() = %d, want %v", existing, x.RoomCount(), want)
	}
}
