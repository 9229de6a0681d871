package realtime

import (
	"container/list"
	"slices"
	"sync"
	"time"
)

// tallies counts occasions by subject, each in windows of its own. It holds a bounded number of subjects: windows that are over go
// first, and then the oldest, so that whoever makes up users or addresses takes room from others for a window and no more memory.
type tallies struct {
	mu     sync.Mutex
	max    int
	window time.Duration
	byKey  map[tallyKey]*list.Element
	order  list.List // of *tally, by the beginning of the window
}

// tallyKey is one subject of one kind.
type tallyKey struct {
	kind      AnomalyKind
	namespace string
	subject   string
}

type tally struct {
	key       tallyKey
	begun     time.Time
	count     int
	addresses []string // of AnomalyManyAddresses
}

// maxTallyAddresses bounds the addresses of one user that are told apart, whatever the threshold.
const maxTallyAddresses = 64

func (t *tallies) init(limit int, window time.Duration) {
	t.max, t.window, t.byKey = limit, window, make(map[tallyKey]*list.Element)
}

// count counts an occasion and returns how many there were in the window.
func (t *tallies) count(key tallyKey, now time.Time) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.find(key, now)
	one.count++
	return one.count
}

// address counts an address that is new in the window and returns how many there are, or 0 for a known one.
func (t *tallies) address(key tallyKey, address string, now time.Time) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.find(key, now)
	if len(one.addresses) >= maxTallyAddresses || slices.Contains(one.addresses, address) {
		return 0
	}
	one.addresses = append(one.addresses, address)
	return len(one.addresses)
}

// find returns the subject in its window, which may begin now. The lock is held.
func (t *tallies) find(key tallyKey, now time.Time) *tally {
	t.expire(now)
	if e := t.byKey[key]; e != nil {
		return e.Value.(*tally) //nolint:forcetypeassert // nothing else is in the list
	}
	if t.order.Len() >= t.max {
		t.drop(t.order.Front())
	}
	one := &tally{key: key, begun: now}
	t.byKey[key] = t.order.PushBack(one)
	return one
}

// expire forgets windows that are over.
func (t *tallies) expire(now time.Time) {
	for e := t.order.Front(); e != nil && now.Sub(e.Value.(*tally).begun) >= t.window; e = t.order.Front() { //nolint:forcetypeassert // as above
		t.drop(e)
	}
}

func (t *tallies) drop(e *list.Element) {
	delete(t.byKey, t.order.Remove(e).(*tally).key) //nolint:forcetypeassert // as above
}
