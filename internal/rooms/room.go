package rooms

const (
	// A room of more than indexedAbove members has a map of their places. Below,
	// a scan of the slice is faster and needs no memory. The map goes when the
	// room shrinks to indexedBelow, half of it, so that a room at the border does
	// not build it again and again.
	indexedAbove = 16
	indexedBelow = 8
	// minShrink is the capacity up to which a slice is not made smaller.
	minShrink = 32
)

// room is the members of one room. The lock of its shard guards it.
type room[M comparable] struct {
	list   []M
	places map[M]int // nil while the room is small
}

// add puts m into the room unless it is in.
func (r *room[M]) add(m M) {
	if r.find(m) >= 0 {
		return
	}
	r.list = append(r.list, m)
	switch n := len(r.list); {
	case r.places != nil:
		r.places[m] = n - 1
	case n > indexedAbove:
		r.index()
	}
}

// remove takes m out of the room and reports whether it was in.
func (r *room[M]) remove(m M) bool {
	at := r.find(m)
	if at < 0 {
		return false
	}
	var shrunk bool
	r.list, shrunk = cut(r.list, at)
	switch {
	case r.places == nil:
	case len(r.list) <= indexedBelow:
		r.places = nil
	case shrunk:
		r.index()
	default:
		delete(r.places, m)
		if at < len(r.list) {
			r.places[r.list[at]] = at
		}
	}
	return true
}

// index builds the map of places anew.
func (r *room[M]) index() {
	r.places = make(map[M]int, len(r.list))
	for i, m := range r.list {
		r.places[m] = i
	}
}

// find returns the place of m, or −1.
func (r *room[M]) find(m M) int {
	if r.places != nil {
		if at, ok := r.places[m]; ok {
			return at
		}
		return -1
	}
	for i := range r.list {
		if r.list[i] == m {
			return i
		}
	}
	return -1
}

// cut removes list[at] by moving the last element to its place. A slice that has
// become far too large is replaced; the map of its places should be as well,
// since maps do not shrink.
func cut[M any](list []M, at int) (rest []M, shrunk bool) {
	var none M
	last := len(list) - 1
	list[at] = list[last]
	list[last] = none
	list = list[:last]
	if cap(list) <= minShrink || last > cap(list)/4 {
		return list, false
	}
	return append(make([]M, 0, cap(list)/2), list...), true
}
