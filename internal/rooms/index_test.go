package rooms

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// member is a Member as the namespace has them: a pointer.
type member struct{ id string }

func (m *member) ID() string { return m.id }

// visited returns the sorted ids of those whom Each visits.
func visited(x *Index[*member], rooms, except []string) []string {
	var ids []string
	x.Each(rooms, except, func(m *member) { ids = append(ids, m.id) })
	slices.Sort(ids)
	return ids
}

func TestEach(t *testing.T) {
	x := New[*member]()
	joined := map[string][]string{
		"a": {"red", "big"},
		"b": {"red"},
		"c": {"blue", "big"},
		"d": {},
		"e": {"red", "blue", "big", "a"}, // one room bears somebody's id
	}
	for id, rooms := range joined {
		m := &member{id}
		x.Add(m)
		for _, room := range rooms {
			x.Join(m, room)
		}
	}
	many := func(n int, names ...string) []string {
		for i := range n {
			names = append(names, "nobody"+strconv.Itoa(i))
		}
		return names
	}
	tests := []struct {
		name          string
		rooms, except []string
		want          string
	}{
		{"everyone", nil, nil, "a b c d e"},
		{"everyone but one", nil, []string{"d"}, "a b c e"},
		{"everyone but a room", nil, []string{"red"}, "c d"},
		{"everyone but a room that bears an id", nil, []string{"a"}, "b c d"},
		{"everyone but as many as are looked up", nil, many(3, "a"), "b c d"},
		{"everyone but one more", nil, many(4, "a"), "b c d"},
		{"everyone but many", nil, many(9, "blue", "d"), "a b"},
		{"one room", []string{"red"}, nil, "a b e"},
		{"no such room", []string{"green"}, nil, ""},
		{"one room but one", []string{"red"}, []string{"b"}, "a e"},
		{"one room but a room", []string{"red"}, []string{"blue"}, "a b"},
		{"one room but itself", []string{"red"}, []string{"red"}, ""},
		{"one id", []string{"d"}, nil, "d"},
		{"one id that is a room too", []string{"a"}, nil, "a e"},
		{"one id but itself", []string{"d"}, []string{"d"}, ""},
		{"ids", []string{"d", "b", "d"}, nil, "b d"},
		{"two rooms", []string{"red", "blue"}, nil, "a b c e"},
		{"two rooms but two", []string{"red", "blue"}, []string{"a", "c"}, "b"},
		{"one room three times", []string{"red", "red", "red"}, nil, "a b e"},
		{"a room and an id in it", []string{"red", "e"}, nil, "a b e"},
		{"an id and its room", []string{"e", "red"}, nil, "a b e"},
		{"an id that is a room, and a room", []string{"a", "red"}, nil, "a b e"},
		{"as many names as are looked up", many(1, "red", "blue", "big", "d"), nil, "a b c d e"},
		{"more names", many(2, "red", "blue", "big", "d"), nil, "a b c d e"},
		{"many names but some", many(9, "red", "blue", "d"), many(9, "c", "b", "a"), "d"},
		{"empty names", []string{""}, []string{""}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := fmt.Sprint(visited(x, test.rooms, test.except))
			if want := "[" + test.want + "]"; got != want {
				t.Errorf("Each(%v, %v) visited %s, want %s", test.rooms, test.except, got, want)
			}
			// The same walk once more, with a set that has been used.
			if again := fmt.Sprint(visited(x, test.rooms, test.except)); again != got {
				t.Errorf("the second time it visited %s, want %s", again, got)
			}
		})
	}
}

func TestRoomsComeAndGo(t *testing.T) {
	x := New[*member]()
	a, b := &member{"a"}, &member{"b"}
	x.Add(a)
	x.Add(a)
	x.Add(b)
	steps := []struct {
		what      string
		do        func() bool
		want      bool
		len, size int // of the room
	}{
		{"the first joins", func() bool { return x.Join(a, "r") }, true, 1, 1},
		{"the first joins again", func() bool { return x.Join(a, "r") }, false, 1, 1},
		{"the second joins", func() bool { return x.Join(b, "r") }, false, 1, 2},
		{"the first leaves", func() bool { return x.Leave(a, "r") }, false, 1, 1},
		{"the first leaves again", func() bool { return x.Leave(a, "r") }, false, 1, 1},
		{"the second leaves", func() bool { return x.Leave(b, "r") }, true, 0, 0},
		{"the second leaves again", func() bool { return x.Leave(b, "r") }, false, 0, 0},
		{"joining the own id", func() bool { return x.Join(a, "a") }, false, 0, 0},
		{"leaving the own id", func() bool { return x.Leave(a, "a") }, false, 0, 0},
	}
	for _, step := range steps {
		if got := step.do(); got != step.want {
			t.Errorf("%s: %v, want %v", step.what, got, step.want)
		}
		if n := x.RoomCount(); n != step.len {
			t.Errorf("%s: RoomCount() = %d, want %d", step.what, n, step.len)
		}
		if n := len(x.Rooms()); n != step.len {
			t.Errorf("%s: %d names of rooms, want %d", step.what, n, step.len)
		}
		if n := x.RoomLen("r"); n != step.size {
			t.Errorf("%s: RoomLen() = %d, want %d", step.what, n, step.size)
		}
	}
	if x.Len() != 2 || x.RoomLen("a") != 1 || x.RoomLen("nobody") != 0 {
		t.Errorf("Len() = %d, RoomLen(id) = %d", x.Len(), x.RoomLen("a"))
	}
	if diff := cmp.Diff([]string{"a"}, visited(x, []string{"a"}, nil)); diff != "" {
		t.Error("the own id is no room of one any more:", diff)
	}
}

func TestRemove(t *testing.T) {
	x := New[*member]()
	a, b := &member{"a"}, &member{"b"}
	for _, m := range []*member{a, b} {
		x.Add(m)
		x.Join(m, "both")
		x.Join(m, "only "+m.id)
	}
	emptied := x.Remove(a, []string{"both", "only a", "a", "only b", "none"})
	if diff := cmp.Diff([]string{"only a"}, emptied); diff != "" {
		t.Error(diff)
	}
	if _, ok := x.Get("a"); ok {
		t.Error("the removed member can be found")
	}
	if m, ok := x.Get("b"); !ok || m != b {
		t.Error("the other member cannot be found")
	}
	if diff := cmp.Diff([]string{"b"}, visited(x, nil, nil)); diff != "" {
		t.Error(diff)
	}
	if emptied := x.Remove(a, nil); emptied != nil || x.Len() != 1 {
		t.Errorf("second Remove: %v, %d members", emptied, x.Len())
	}
	x.Remove(b, []string{"both", "only b"})
	checkBare(t, x)
}

// TestReplacedID shows that a member which took the place of another with its
// id is not removed with that one.
func TestReplacedID(t *testing.T) {
	x := New[*member]()
	before, after := &member{"a"}, &member{"a"}
	x.Add(before)
	x.Add(after)
	x.Remove(before, nil)
	if m, ok := x.Get("a"); !ok || m != after || x.Len() != 1 {
		t.Errorf("Get = %p, %v, Len() = %d", m, ok, x.Len())
	}
	x.Remove(after, nil)
	checkBare(t, x)
}

// TestMemoryFollowsMembers lets a room grow and shrink and looks at its parts.
func TestMemoryFollowsMembers(t *testing.T) {
	x := New[*member]()
	const total = 5000
	all := make([]*member, total)
	for i := range all {
		all[i] = &member{strconv.Itoa(i)}
		x.Add(all[i])
		x.Join(all[i], "r")
	}
	r := x.room("r")
	if len(r.places) != total {
		t.Errorf("%d places of %d members", len(r.places), total)
	}
	for i, m := range all[:total-20] {
		x.Remove(m, []string{"r"})
		if i%100 == 0 {
			checkRoom(t, r)
		}
	}
	checkRoom(t, r)
	if c := cap(r.list); c > 4*minShrink {
		t.Errorf("a room of 20 has a capacity of %d", c)
	}
	for _, m := range all[total-20 : total-indexedBelow] {
		x.Remove(m, []string{"r"})
	}
	if r.places != nil {
		t.Error("a small room has a map")
	}
	for _, m := range all[total-indexedBelow:] {
		x.Remove(m, []string{"r"})
	}
	checkBare(t, x)
}

// checkRoom compares the two parts of a room.
func checkRoom(t *testing.T, r *room[*member]) {
	t.Helper()
	if r.places != nil && len(r.places) != len(r.list) {
		t.Errorf("%d places of %d members", len(r.places), len(r.list))
	}
	for i, m := range r.list {
		if r.find(m) != i {
			t.Errorf("member %d is found at %d", i, r.find(m))
		}
	}
}

// checkBare fails unless x has no members, no rooms and no memory for them.
func checkBare(t *testing.T, x *Index[*member]) {
	t.Helper()
	if x.Len() != 0 || x.RoomCount() != 0 {
		t.Errorf("%d members, %d rooms, want none", x.Len(), x.RoomCount())
	}
	for i := range shardCount {
		if s := &x.members[i]; s.list != nil || s.byID != nil {
			t.Errorf("member shard %d holds memory", i)
		}
		if s := &x.rooms[i]; s.byName != nil {
			t.Errorf("room shard %d holds memory", i)
		}
	}
}
