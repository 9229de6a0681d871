package workq

import "time"

// delay is what a worker has that gathers items for a moment before it runs. All
// is guarded by the queue's lock.
type delay struct {
	d     time.Duration
	timer *time.Timer
	// waiting tells that there are items, no goroutine, and a timer that will
	// start one.
	waiting bool
}

// DrainDelayed is Drain with a worker that lets items gather for d, counted from
// the first, before it runs them; d of zero or less is Drain. It does not wait for
// more when they make a batch of maxWeight, fill half of the queue, or when the
// queue is closed. While it waits it has no goroutine and is not Busy.
func DrainDelayed[T any](q *Queue[T], g *Group, maxWeight int, d time.Duration, run func(batch []T)) *Worker[T] {
	w := &Worker[T]{q: q, group: g, maxWeight: maxWeight, run: run}
	w.loop = w.drain
	if d > 0 {
		w.late = &delay{d: d}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.attach(w, nil)
	return w
}

// gathers makes the worker wait for more items, if it is one that does and may.
// The queue's lock is held.
func (w *Worker[T]) gathers() bool {
	if w.late == nil || w.q.closed || w.enough() {
		return false
	}
	if w.late.waiting {
		return true
	}
	w.late.waiting = true
	if w.late.timer == nil {
		w.late.timer = time.AfterFunc(w.late.d, w.due)
	} else {
		w.late.timer.Reset(w.late.d)
	}
	return true
}

// enough tells whether there is no point in waiting for more, or no room for it.
// The queue's lock is held.
func (w *Worker[T]) enough() bool {
	q := w.q
	return q.items >= (q.maxItems+1)/2 ||
		q.maxWeight > 0 && q.weight >= (q.maxWeight+1)/2 ||
		w.maxWeight > 0 && q.weight >= int64(w.maxWeight)
}

// due is the goroutine of the timer, which becomes that of the worker. It may come
// late, when the wait it ends is another: then that run is a little early.
func (w *Worker[T]) due() {
	w.q.mu.Lock()
	if !w.waits() {
		w.q.mu.Unlock()
		return
	}
	w.late.waiting = false
	w.running = true
	w.group.add()
	w.q.mu.Unlock()
	w.drain()
}

// hurry ends the wait if there is no reason for it any more. The queue's lock is
// held.
func (w *Worker[T]) hurry() {
	if w.waits() && !w.gathers() {
		w.dismiss()
		w.launch()
	}
}

// dismiss ends the wait. The queue's lock is held.
func (w *Worker[T]) dismiss() {
	w.late.waiting = false
	w.late.timer.Stop()
}

// waits tells whether a timer will start the goroutine. The queue's lock is held.
func (w *Worker[T]) waits() bool { return w.late != nil && w.late.waiting }
