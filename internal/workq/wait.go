package workq

import "context"

// waiter is one call of PushWait that found the queue full.
type waiter[T any] struct {
	item       T
	weight     int
	prev, next *waiter[T]

	settled bool          // guarded by the queue's lock
	err     error         // written before done is closed
	done    chan struct{} // closed when settled
}

// settle ends the waiting of w. The queue's lock is held.
func (w *waiter[T]) settle(err error) {
	w.settled, w.err = true, err
	close(w.done)
}

// PushWait appends the item, waiting until there is room for it and for everyone
// who came to PushWait before; waited tells whether it had to. It ends with
// ErrClosed, or with context.Cause(ctx) when ctx ends first: then the item is not
// queued. With room in the queue ctx is not looked at.
func (q *Queue[T]) PushWait(ctx context.Context, weight int, item T) (waited bool, err error) {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false, ErrClosed
	}
	if q.firstWaiter == nil && q.fits(1, weight) {
		q.add(weight, []T{item})
		q.mu.Unlock()
		return false, nil
	}
	w := &waiter[T]{item: item, weight: weight, done: make(chan struct{})}
	q.link(w)
	q.mu.Unlock()

	select {
	case <-w.done:
		return true, w.err
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.settled {
		// The item entered (or the queue was closed) at the same moment; saying
		// otherwise would make the caller lose or repeat it.
		return true, w.err
	}
	q.unlink(w)
	// A heavy item at the front may have held back lighter ones that fit.
	q.admit()
	return true, context.Cause(ctx)
}

// admit lets those in who wait and now fit, in order. The lock is held.
func (q *Queue[T]) admit() {
	for w := q.firstWaiter; w != nil && q.fits(1, w.weight); w = q.firstWaiter {
		q.unlink(w)
		q.add(w.weight, []T{w.item})
		w.settle(nil)
	}
}

// link appends w to those who wait. The lock is held.
func (q *Queue[T]) link(w *waiter[T]) {
	w.prev = q.lastWaiter
	if w.prev == nil {
		q.firstWaiter = w
	} else {
		w.prev.next = w
	}
	q.lastWaiter = w
}

// unlink removes w from those who wait. The lock is held.
func (q *Queue[T]) unlink(w *waiter[T]) {
	if w.prev == nil {
		q.firstWaiter = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.lastWaiter = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
}
