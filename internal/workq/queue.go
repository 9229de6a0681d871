package workq

import "sync"

// Queue is a first-in first-out queue that is bounded by the number of items
// and by their total weight (bytes, as a rule). It belongs to the connection or
// conversation that it serves. The full queue's policy is the pusher's: Push
// fails at once, PushWait waits.
//
// One push is always accepted by an empty queue, whatever its weight, so that
// no message is too heavy to ever pass. An empty queue holds no buffer.
//
// Make one with NewQueue, or embed a Queue by value and call Init before use. A
// Queue must not be copied. All methods may be called concurrently. It has one
// consumer at a time: a Worker, or somebody who calls Take. A queue that is
// dropped without Close leaks nothing.
type Queue[T any] struct {
	pool      *pool[T]
	maxWeight int64
	maxItems  int

	mu     sync.Mutex
	closed bool
	items  int
	weight int64
	// Buffer: a list of chunks, both nil while the queue is empty.
	head, tail *chunk[T]
	// Consumer: at most one of the two is set.
	worker *Worker[T]
	wake   func()
	// Those who wait in PushWait, in order. While there is one, the queue is not
	// empty, so a consumer will come and admit it.
	firstWaiter, lastWaiter *waiter[T]
}

// NewQueue returns a queue that holds at most maxItems items of at most
// maxWeight total weight. See Init.
func NewQueue[T any](maxItems int, maxWeight int64) *Queue[T] {
	q := new(Queue[T])
	q.Init(maxItems, maxWeight)
	return q
}

// Init sets the bounds of a queue that is part of another struct. It must come
// before any other call. It panics unless maxItems is positive; a maxWeight of
// zero or less means that the items alone are bounded.
func (q *Queue[T]) Init(maxItems int, maxWeight int64) {
	if maxItems <= 0 {
		panic("workq: a queue needs a positive bound")
	}
	q.pool, q.maxItems, q.maxWeight = poolFor[T](), maxItems, maxWeight
}

// Push appends the items, all or none, and never blocks. The weight (not
// negative) is that of all items together. Items of one push stand next to each
// other. The error is ErrFull or ErrClosed; ErrFull also while somebody waits in
// PushWait, who would otherwise be overtaken for ever.
func (q *Queue[T]) Push(weight int, items ...T) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return ErrClosed
	case len(items) == 0:
		return nil
	case q.firstWaiter != nil || !q.fits(len(items), weight):
		return ErrFull
	}
	q.add(weight, items)
	return nil
}

// Take appends the longest batch to dst, in order, whose weight does not exceed
// maxWeight, and at least one item if there is any; maxWeight of zero or less
// means everything. What was taken no longer counts against the bounds. Items
// may be left: the wake function is not called for them, so a consumer takes
// until nothing comes, or asks Len.
func (q *Queue[T]) Take(dst []T, maxWeight int) []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.take(dst, maxWeight)
}

// Close appends the last items, which bypass the bounds and have no weight,
// and ends the queue: pushes fail with ErrClosed from now on, as do those who
// wait in PushWait; what is queued can still be taken. It reports whether this
// was the first call; the last items of later calls are dropped.
func (q *Queue[T]) Close(last ...T) (first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.closed = true
	for w := q.firstWaiter; w != nil; w = q.firstWaiter {
		q.unlink(w)
		w.settle(ErrClosed)
	}
	if len(last) > 0 {
		q.add(0, last)
	}
	q.hurry()
	return true
}

// Discard drops everything queued, as after the death of a transport, and
// returns the number of items. Call Close first: to an open queue it is like a
// Take, and those who wait in PushWait enter.
func (q *Queue[T]) Discard() int {
	return q.discard(nil)
}

// DiscardFunc is Discard that tells f about each dropped item, in order. It
// calls f without holding a lock.
func (q *Queue[T]) DiscardFunc(f func(T)) {
	q.discard(f)
}

// Len returns how many items are queued, and their weight.
func (q *Queue[T]) Len() (items int, weight int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.items, q.weight
}

// OnReady makes wake the function that is called whenever the queue goes from
// empty to non-empty, and at once if it is non-empty now. It is called under the
// queue's lock: it must not block and must not call the queue. It takes the
// place of an earlier function and of a Worker, which is detached thereby; nil
// only removes.
func (q *Queue[T]) OnReady(wake func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.attach(nil, wake)
}

// attach replaces the consumer. The lock is held.
func (q *Queue[T]) attach(w *Worker[T], wake func()) {
	if q.worker != nil {
		q.worker.detach()
	}
	q.worker, q.wake = w, wake
	if q.items > 0 {
		q.ready()
	}
}

// ready tells the consumer that there is something to take. The lock is held.
func (q *Queue[T]) ready() {
	switch {
	case q.worker != nil:
		q.worker.start()
	case q.wake != nil:
		q.wake()
	}
}

// fits tells whether n more items may enter. The lock is held.
func (q *Queue[T]) fits(n, weight int) bool {
	switch {
	case n > q.maxItems-q.items:
		return false
	case q.items == 0 || q.maxWeight <= 0:
		return true
	}
	return int64(weight) <= q.maxWeight-q.weight
}

// add appends items without a look at the bounds and tells the consumer. The
// lock is held.
func (q *Queue[T]) add(weight int, items []T) {
	empty := q.items == 0
	weight = max(weight, 0)
	q.items += len(items)
	q.weight += int64(weight)
	// Each item bears an equal share, so that Take can stop between them; the
	// first bears what is left over.
	share := weight / len(items)
	first := weight - share*(len(items)-1)
	for i, item := range items {
		e := entry[T]{item: item, weight: share}
		if i == 0 {
			e.weight = first
		}
		q.append(e)
	}
	if empty {
		q.ready()
	} else {
		q.hurry()
	}
}

// hurry tells a worker that gathers that there may be enough. The lock is held.
func (q *Queue[T]) hurry() {
	if q.worker != nil {
		q.worker.hurry()
	}
}

// append puts one entry behind the others. The lock is held.
func (q *Queue[T]) append(e entry[T]) {
	c := q.tail
	if c == nil || c.hi == chunkLen {
		c = q.pool.chunk()
		if q.tail == nil {
			q.head = c
		} else {
			q.tail.next = c
		}
		q.tail = c
	}
	c.items[c.hi] = e
	c.hi++
}

// take is Take with the lock held.
func (q *Queue[T]) take(dst []T, maxWeight int) []T {
	if q.items == 0 {
		return dst
	}
	left := int64(maxWeight)
	for first := true; q.items > 0; first = false {
		c := q.head
		e := &c.items[c.lo]
		w := int64(e.weight)
		if maxWeight > 0 && w > left && !first {
			break
		}
		left -= w
		q.items--
		q.weight -= w
		dst = append(dst, e.item)
		*e = entry[T]{}
		c.lo++
		if c.lo == c.hi {
			q.dropHead()
		}
	}
	q.admit()
	return dst
}

// dropHead returns the first chunk, all of whose items were taken, to the pool.
// The lock is held.
func (q *Queue[T]) dropHead() {
	c := q.head
	q.head = c.next
	if q.head == nil {
		q.tail = nil
	}
	q.pool.putChunk(c)
}

// discard empties the queue and then tells f, which may be nil, about each item.
func (q *Queue[T]) discard(f func(T)) int {
	q.mu.Lock()
	n, c := q.items, q.head
	q.head, q.tail, q.items, q.weight = nil, nil, 0, 0
	q.admit()
	q.mu.Unlock()
	for c != nil {
		for i := c.lo; i < c.hi; i++ {
			if f != nil {
				f(c.items[i].item)
			}
		}
		clear(c.items[c.lo:c.hi])
		next := c.next
		q.pool.putChunk(c)
		c = next
	}
	return n
}
