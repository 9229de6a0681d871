package servers

import "sync"

// rooms is who is in which room, for servers that have none of their own.
type rooms[C comparable] struct {
	mu      sync.RWMutex
	members map[string]map[C]struct{}
}

func (r *rooms[C]) join(room string, c C) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.members == nil {
		r.members = make(map[string]map[C]struct{})
	}
	if r.members[room] == nil {
		r.members[room] = make(map[C]struct{})
	}
	r.members[room][c] = struct{}{}
}

func (r *rooms[C]) leave(c C) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, members := range r.members {
		delete(members, c)
	}
}

// others calls send for everyone in a room but one.
func (r *rooms[C]) others(room string, but C, send func(C)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for c := range r.members[room] {
		if c != but {
			send(c)
		}
	}
}
