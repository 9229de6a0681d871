package rooms

import (
	"math/bits"
	"sync"
)

const (
	// inlineSkips is the number of names that a walk looks up one by one for each
	// member; with more of them it keeps a set of members instead.
	inlineSkips = 4
	// smallSet is the number of members up to which a set comes from the pool of
	// small ones: clearing a map costs as much as it ever held.
	smallSet = 512
)

// Each calls visit for everyone who is in at least one of the rooms (everyone at
// all if there are none) and in none of the excepts: once each, in no particular
// order. Rooms and excepts may be ids.
//
// The rooms are seen as they are at one moment, so that a member which moves from
// one of them to another is not missed. Whoever joined before the call is
// visited; who joins or leaves during it may be or not.
//
// visit runs under read locks: it must not block, and must not call the index,
// whose writers may be waiting for it.
//
// One room, or everyone, is a walk over slices. Up to four names that have to be
// left out (excepts, and rooms visited before) are looked up for each member;
// with more of them the walk keeps a pooled set. Nothing else is allocated.
func (x *Index[M]) Each(rooms, except []string, visit func(M)) {
	if len(except) == 0 && len(rooms) == 1 {
		x.eachIn(rooms[0], visit)
		return
	}
	locked := x.lock(rooms, except)
	defer x.unlock(locked)

	var k skips[M]
	if len(except)+max(len(rooms)-1, 0) > inlineSkips {
		k.pool = x.setPool(rooms, except)
		k.set = takeSet[M](k.pool)
		defer k.release()
	}
	for _, name := range except {
		k.skipRoom(x.room(name))
		if m, ok := x.Get(name); ok {
			k.skipMember(m)
		}
	}
	if len(rooms) == 0 {
		x.eachMember(&k, visit)
		return
	}
	for i, name := range rooms {
		x.eachOnce(name, &k, i == len(rooms)-1, visit)
	}
}

// eachIn visits the members of one room.
func (x *Index[M]) eachIn(name string, visit func(M)) {
	shard := x.shard(name)
	s := &x.rooms[shard]
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.byName[name]; r != nil {
		for _, m := range r.list {
			visit(m)
		}
	}
	o := &x.members[shard]
	o.mu.RLock()
	defer o.mu.RUnlock()
	if at, ok := o.byID[name]; ok {
		visit(o.list[at])
	}
}

// eachMember visits everyone whom k does not leave out.
func (x *Index[M]) eachMember(k *skips[M], visit func(M)) {
	for i := range x.members {
		x.members[i].each(k, visit)
	}
}

func (s *memberShard[M]) each(k *skips[M], visit func(M)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, m := range s.list {
		if !k.has(m) {
			visit(m)
		}
	}
}

// eachOnce visits the members of one of several rooms whom k does not leave out,
// and makes k leave them out from then on unless this room is the last. The
// rooms are locked.
func (x *Index[M]) eachOnce(name string, k *skips[M], last bool, visit func(M)) {
	r := x.room(name)
	if r != nil {
		for _, m := range r.list {
			if k.first(m) {
				visit(m)
			}
		}
	}
	s := &x.members[x.shard(name)]
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, ok := s.byID[name]
	if ok && k.first(s.list[at]) {
		visit(s.list[at])
	}
	if last || k.set != nil {
		return
	}
	k.skipRoom(r)
	if ok {
		k.skipMember(s.list[at])
	}
}

// room returns the room of that name or nil. Its shard is locked.
func (x *Index[M]) room(name string) *room[M] {
	return x.rooms[x.shard(name)].byName[name]
}

// lockSet is a set of room shards, one bit each.
type lockSet uint64

// lock read-locks the shards of all names, in ascending order: two walks that
// wait for each other's writers would otherwise never end.
func (x *Index[M]) lock(rooms, except []string) lockSet {
	var set lockSet
	for _, name := range rooms {
		set |= 1 << x.shard(name)
	}
	for _, name := range except {
		set |= 1 << x.shard(name)
	}
	for left := set; left != 0; left &= left - 1 {
		x.rooms[bits.TrailingZeros64(uint64(left))].mu.RLock()
	}
	return set
}

func (x *Index[M]) unlock(set lockSet) {
	for left := set; left != 0; left &= left - 1 {
		x.rooms[bits.TrailingZeros64(uint64(left))].mu.RUnlock()
	}
}

// skips is what one walk leaves out: a few rooms and members to look into, or a
// set of members if there is one.
type skips[M Member] struct {
	members  [inlineSkips]M
	rooms    [inlineSkips]*room[M]
	nMembers int
	nRooms   int
	set      map[M]struct{}
	pool     *sync.Pool // where set goes
}

// skipRoom leaves out the members of r, which may be nil.
func (k *skips[M]) skipRoom(r *room[M]) {
	switch {
	case r == nil:
	case k.set != nil:
		for _, m := range r.list {
			k.set[m] = struct{}{}
		}
	default:
		k.rooms[k.nRooms] = r
		k.nRooms++
	}
}

// skipMember leaves out m.
func (k *skips[M]) skipMember(m M) {
	if k.set != nil {
		k.set[m] = struct{}{}
		return
	}
	k.members[k.nMembers] = m
	k.nMembers++
}

// has reports whether m is left out.
func (k *skips[M]) has(m M) bool {
	if k.set != nil {
		_, ok := k.set[m]
		return ok
	}
	for _, other := range k.members[:k.nMembers] {
		if other == m {
			return true
		}
	}
	for _, r := range k.rooms[:k.nRooms] {
		if r.find(m) >= 0 {
			return true
		}
	}
	return false
}

// first reports whether m is to be visited. If there is a set, m is left out from
// now on.
func (k *skips[M]) first(m M) bool {
	if k.set == nil {
		return !k.has(m)
	}
	n := len(k.set)
	k.set[m] = struct{}{}
	return len(k.set) > n
}

// setPool returns the pool for a set of all the members of the rooms.
func (x *Index[M]) setPool(rooms, except []string) *sync.Pool {
	n := len(rooms) + len(except) // ids
	for _, names := range [...][]string{rooms, except} {
		for _, name := range names {
			if r := x.room(name); r != nil {
				n += len(r.list)
			}
		}
	}
	if n > smallSet {
		return &x.large
	}
	return &x.small
}

func takeSet[M Member](p *sync.Pool) map[M]struct{} {
	if set, ok := p.Get().(map[M]struct{}); ok {
		return set
	}
	return make(map[M]struct{})
}

// release gives the set back.
func (k *skips[M]) release() {
	clear(k.set)
	k.pool.Put(k.set)
}
