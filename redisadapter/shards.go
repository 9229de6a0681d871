package redisadapter

import (
	"sync"
	"time"

	"github.com/realtime-go/realtime/redisadapter/internal/nativewire"
)

// shards knows which shards this node has to listen to, by the rooms that it has been told
// of. Until it is told of one it wants all, as [realtime.RoomInterest] demands. All methods
// may be called concurrently, also before Start.
type shards struct {
	layout nativewire.Layout
	linger time.Duration // see nativewire.Interest
	wake   chan struct{} // one slot: something has changed

	mu         sync.Mutex // guards what follows
	told       bool
	namespaces map[string]*shardsOf
	changed    time.Time // of the first change that no tuning has seen to the end
}

// shardsOf are those of one namespace.
type shardsOf struct {
	*nativewire.Interest
	on map[nativewire.Channel]struct{}
}

func newShards(layout nativewire.Layout) *shards {
	return &shards{layout: layout, linger: linger, wake: make(chan struct{}, 1), namespaces: make(map[string]*shardsOf)}
}

// set notes that a room has members, or has none any more.
func (s *shards) set(namespace, room string, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.namespaces[namespace]
	if of == nil {
		of = &shardsOf{nativewire.NewInterest(s.layout, namespace, s.linger), make(map[nativewire.Channel]struct{})}
		s.namespaces[namespace] = of
	}
	changed := !s.told
	s.told = true
	if open {
		channel, subscribe := of.Open(room)
		if subscribe {
			of.on[channel] = struct{}{}
			changed = true
		}
	} else {
		of.Close(room, time.Now())
	}
	if changed {
		s.change()
	}
}

// change wakes who tunes. The lock is held.
func (s *shards) change() {
	if s.changed.IsZero() {
		s.changed = time.Now()
	}
	select {
	case s.wake <- struct{}{}:
	default: // is awake
	}
}

// look ends what has lingered long enough, and has it tuned once more what could not be.
func (s *shards) look(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := !s.changed.IsZero()
	for namespace, of := range s.namespaces {
		for _, channel := range of.Due(nil, now) {
			delete(of.on, channel)
			changed = true
		}
		if len(of.on) == 0 {
			delete(s.namespaces, namespace)
		}
	}
	if changed {
		s.change()
	}
}

// want returns the names of the channels to listen to, and since when that has not been
// done, zero if it has. done says that it is now.
func (s *shards) want(namespaces []string) (names map[string]struct{}, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names = make(map[string]struct{})
	for _, namespace := range namespaces {
		if !s.told {
			for shard := range s.layout.Shards() {
				names[s.layout.Name(nativewire.Shard(namespace, shard))] = struct{}{}
			}
			continue
		}
		if of := s.namespaces[namespace]; of != nil {
			for channel := range of.on {
				names[s.layout.Name(channel)] = struct{}{}
			}
		}
	}
	since, s.changed = s.changed, time.Time{}
	return names, since
}

// undone takes back that want was done.
func (s *shards) undone(since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if since.IsZero() {
		since = time.Now()
	}
	s.changed = since
}
