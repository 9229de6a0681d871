package redisadapter

import (
	"slices"
	"sync"
)

// interest knows which rooms have members on this node. All methods may be called
// concurrently.
type interest struct {
	mu    sync.RWMutex                   // guards what follows
	told  bool                           // somebody has told of a room: only then a missing one means anything
	rooms map[string]map[string]struct{} // by namespace
}

func (i *interest) set(namespace, room string, open bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.told = true
	rooms := i.rooms[namespace]
	if !open {
		delete(rooms, room)
		if len(rooms) == 0 {
			delete(i.rooms, namespace)
		}
		return
	}
	if rooms == nil {
		rooms = make(map[string]struct{})
		if i.rooms == nil {
			i.rooms = make(map[string]map[string]struct{})
		}
		i.rooms[namespace] = rooms
	}
	rooms[room] = struct{}{}
}

// has reports whether somebody here may be in a room. A connection's own room, named by
// its id, is told to nobody.
func (i *interest) has(namespace, room string) bool {
	if looksLikeConnID(room) {
		return true
	}
	i.mu.RLock()
	defer i.mu.RUnlock()
	_, open := i.rooms[namespace][room]
	return open || !i.told
}

// list returns the rooms of a namespace, sorted.
func (i *interest) list(namespace string) []string {
	i.mu.RLock()
	defer i.mu.RUnlock()
	rooms := make([]string, 0, len(i.rooms[namespace]))
	for room := range i.rooms[namespace] {
		rooms = append(rooms, room)
	}
	slices.Sort(rooms)
	return rooms
}

// looksLikeConnID reports whether s has the form of a connection's id: 20 characters of
// base64url, here and in Node.js.
func looksLikeConnID(s string) bool {
	const length = 20
	if len(s) != length {
		return false
	}
	for i := range len(s) {
		ch := s[i]
		if !(ch >= '0' && ch <= '9' || ch >= 'A' && ch <= 'Z' || ch >= 'a' && ch <= 'z' || ch == '-' || ch == '_') {
			return false
		}
	}
	return true
}
