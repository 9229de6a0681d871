// Package pending holds what waits for an answer: a capped table from an id to
// whatever belongs to the answer. It serves acks (requirement R31) and requests
// between nodes.
//
// The table knows no time: whoever adds an entry also takes it when the wait
// ends, by whatever cause. Take hands each entry to exactly one caller, so the
// answer, the timeout and the end of the connection cannot all claim it.
package pending

import (
	"errors"
	"sync"
)

// ErrFull reports that a Table holds as many entries as its cap allows.
var ErrFull = errors.New("pending: full")

// ErrClosed reports that a Table was closed.
var ErrClosed = errors.New("pending: closed")

// ErrDuplicate reports that a Table holds an entry with the same id.
var ErrDuplicate = errors.New("pending: duplicate id")

// Table maps ids to values of those who wait. It belongs to the connection or
// node whose answers it collects, which ends it with Close.
//
// The zero value is ready for use. A Table must not be copied. All methods may
// be called concurrently. An empty table holds no memory beyond itself, and one
// entry at a time, which is the common case, needs none either.
type Table[K comparable, V any] struct {
	mu     sync.Mutex
	closed bool
	// The first entry stands in the table itself, the others in the map, which is
	// nil while there are none.
	single bool
	id     K
	value  V
	more   map[K]V
}

// Add enters v under id. It fails with ErrClosed after Close, with ErrDuplicate
// if id is in the table, and with ErrFull if the table holds limit entries
// already.
func (t *Table[K, V]) Add(limit int, id K, v V) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, found := t.more[id]
	switch {
	case t.closed:
		return ErrClosed
	case found || t.single && t.id == id:
		return ErrDuplicate
	case t.len() >= limit:
		return ErrFull
	case !t.single:
		t.single, t.id, t.value = true, id, v
		return nil
	}
	if t.more == nil {
		t.more = make(map[K]V)
	}
	t.more[id] = v
	return nil
}

// Take removes the entry of id and returns its value, and false if there is
// none.
func (t *Table[K, V]) Take(id K) (V, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.single && t.id == id {
		v := t.value
		t.dropSingle()
		return v, true
	}
	v, ok := t.more[id]
	if !ok {
		return v, false
	}
	delete(t.more, id)
	if len(t.more) == 0 {
		t.more = nil
	}
	return v, true
}

// Close removes all entries and returns their values, in no particular order.
// Later calls of Add fail with ErrClosed.
func (t *Table[K, V]) Close() []V {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	n := t.len()
	if n == 0 {
		return nil
	}
	all := make([]V, 0, n)
	if t.single {
		all = append(all, t.value)
		t.dropSingle()
	}
	for _, v := range t.more {
		all = append(all, v)
	}
	t.more = nil
	return all
}

// Len returns the number of entries.
func (t *Table[K, V]) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.len()
}

// len is Len with the lock held.
func (t *Table[K, V]) len() int {
	n := len(t.more)
	if t.single {
		n++
	}
	return n
}

// dropSingle empties the place in the table itself. The lock is held.
func (t *Table[K, V]) dropSingle() {
	var (
		id K
		v  V
	)
	t.single, t.id, t.value = false, id, v
}
