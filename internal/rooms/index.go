// Package rooms is the membership index of one namespace on one node: which
// members stand in which room, who they all are, and who bears an id.
//
// The index is made for broadcasts. A room is a slice, so that Each is a walk
// over it; the place of a member in a slice is looked up only to remove it. The
// rooms of a member are not kept here but with the member, whose owner needs
// them anyway.
package rooms

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// shardCount is the number of locks for rooms and the number for members. It is
// a power of two and at most 64, the bits of a lockSet.
const shardCount = 32

// Member is what an Index indexes, as a rule a pointer. IDs are unique and never
// change.
type Member interface {
	comparable
	ID() string
}

// Index is the membership index of a namespace, which owns it. Members are
// reachable in the rooms that they joined, and each under its own id as under a
// room that holds it alone. A room exists while it has members.
//
// All methods may be called concurrently, with one duty on the caller: Add, Join,
// Leave and Remove of one and the same member are called one at a time, and Join
// not after Remove, which would leave it in the room for ever.
//
// An Index has no end; without members it holds no memory beyond itself.
type Index[M Member] struct {
	seed    maphash.Seed
	count   atomic.Int64 // of members
	named   atomic.Int64 // of rooms
	small   sync.Pool    // of sets that never held more than smallSet members
	large   sync.Pool    // of sets that did
	members [shardCount]memberShard[M]
	rooms   [shardCount]roomShard[M]
}

// memberShard holds the members whose ids fall to it.
type memberShard[M Member] struct {
	mu   sync.RWMutex
	list []M
	byID map[string]int // places in list; nil while it is empty
}

// roomShard holds the rooms whose names fall to it.
type roomShard[M Member] struct {
	mu     sync.RWMutex
	byName map[string]*room[M] // nil while it is empty
}

// New returns an empty index.
func New[M Member]() *Index[M] {
	return &Index[M]{seed: maphash.MakeSeed()}
}

// Add enters m among everyone and under its own id. A member that is there
// already stays as it is; another one with the same id is replaced.
func (x *Index[M]) Add(m M) {
	id := m.ID()
	s := &x.members[x.shard(id)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.byID[id]; ok {
		s.list[at] = m
		return
	}
	if s.byID == nil {
		s.byID = make(map[string]int)
	}
	s.byID[id] = len(s.list)
	s.list = append(s.list, m)
	x.count.Add(1)
}

// Remove takes m out of everyone, its own id and the given rooms, and returns
// those of the rooms that ceased to exist. Once it has returned, no call of Each
// visits m any more.
func (x *Index[M]) Remove(m M, rooms []string) (emptied []string) {
	x.forget(m)
	for _, name := range rooms {
		if x.Leave(m, name) {
			emptied = append(emptied, name)
		}
	}
	return emptied
}

// forget removes m from everyone and from under its id.
func (x *Index[M]) forget(m M) {
	id := m.ID()
	s := &x.members[x.shard(id)]
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.byID[id]
	if !ok || s.list[at] != m {
		return
	}
	var shrunk bool
	s.list, shrunk = cut(s.list, at)
	switch {
	case len(s.list) == 0:
		s.list, s.byID = nil, nil
	case shrunk:
		s.byID = make(map[string]int, len(s.list))
		for i, m := range s.list {
			s.byID[m.ID()] = i
		}
	default:
		delete(s.byID, id)
		if at < len(s.list) {
			s.byID[s.list[at].ID()] = at
		}
	}
	x.count.Add(-1)
}

// Join puts m into a room and reports whether the room came into existence
// thereby. Nothing happens if m is in it already, or if the name is its own id.
func (x *Index[M]) Join(m M, name string) (created bool) {
	if name == m.ID() {
		return false
	}
	s := &x.rooms[x.shard(name)]
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.byName[name]
	if r == nil {
		if s.byName == nil {
			s.byName = make(map[string]*room[M])
		}
		r = new(room[M])
		s.byName[name] = r
		x.named.Add(1)
		created = true
	}
	r.add(m)
	return created
}

// Leave takes m out of a room and reports whether the room ceased to exist
// thereby. Nothing happens if m is not in it, or if the name is its own id.
func (x *Index[M]) Leave(m M, name string) (emptied bool) {
	s := &x.rooms[x.shard(name)]
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.byName[name]
	if r == nil || !r.remove(m) || len(r.list) > 0 {
		return false
	}
	delete(s.byName, name)
	if len(s.byName) == 0 {
		s.byName = nil
	}
	x.named.Add(-1)
	return true
}

// Get returns the member with the given id, and false if there is none.
func (x *Index[M]) Get(id string) (M, bool) {
	s := &x.members[x.shard(id)]
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, ok := s.byID[id]
	if !ok {
		var none M
		return none, false
	}
	return s.list[at], true
}

// Len returns the number of members.
func (x *Index[M]) Len() int {
	return int(x.count.Load())
}

// RoomLen returns the number of members that Each would visit for the one room:
// those who joined it, and the member whose id the name is.
func (x *Index[M]) RoomLen(name string) int {
	n := 0
	if _, ok := x.Get(name); ok {
		n = 1
	}
	s := &x.rooms[x.shard(name)]
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.byName[name]; r != nil {
		n += len(r.list)
	}
	return n
}

// Rooms returns the names of the rooms that exist, in no particular order. Ids
// are not among them.
func (x *Index[M]) Rooms() []string {
	names := make([]string, 0, x.RoomCount())
	for i := range x.rooms {
		s := &x.rooms[i]
		s.mu.RLock()
		for name := range s.byName {
			names = append(names, name)
		}
		s.mu.RUnlock()
	}
	return names
}

// RoomCount returns the number of rooms that exist.
func (x *Index[M]) RoomCount() int {
	return int(x.named.Load())
}

// shard returns the number of the shard for a room name or an id. The hash is
// seeded, since both come from outside.
func (x *Index[M]) shard(name string) int {
	return int(maphash.String(x.seed, name) % shardCount)
}
