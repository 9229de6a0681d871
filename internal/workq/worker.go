package workq

import "runtime"

// Worker drains a Queue with a goroutine that is started when the queue goes
// from empty to non-empty and ends when it finds the queue empty; or it is one of
// a Sweeper's, whose goroutine drains the queue as long as that need not wait. Drain
// or Sweeper.Drain makes one. It belongs to whoever owns the queue; Detach ends it
// for good, and a worker that is dropped together with its queue leaks nothing. All
// methods may be called concurrently.
type Worker[T any] struct {
	q     *Queue[T]
	group *Group
	run   func(batch []T)
	// loop is the body of the goroutine as a ready-made function value: a go
	// statement with a method call would allocate a closure for each start.
	loop func()

	sweeper *Sweeper[T]          // nil: the worker always has a goroutine of its own
	try     func(batch []T) bool // nil: run does it all

	// Guarded by the queue's lock, so that "the queue is empty" and "the
	// goroutine ends" are one step and no item falls between the two.
	idle      chan struct{} // made by Wait, closed when the worker comes to rest
	maxWeight int32
	running   bool // a goroutine runs batches, its own or the sweeper's
	listed    bool // the sweeper will come
	begun     bool // try has left something to run
	detached  bool
}

// Drain makes a Worker the consumer of q, in place of an earlier Worker or
// OnReady function. run is called with batches in order, as Take(nil, maxWeight)
// would return them, by at most one goroutine at a time, which is counted in g
// and holds no lock. The batch is reused: run must not keep it.
//
// If run ends its goroutine (runtime.Goexit, as testing.T.FailNow does) the rest
// of that batch is lost and the worker goes on with the next.
func Drain[T any](q *Queue[T], g *Group, maxWeight int, run func(batch []T)) *Worker[T] {
	w := newWorker(q, g, maxWeight, run)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.attach(w, nil)
	return w
}

func newWorker[T any](q *Queue[T], g *Group, maxWeight int, run func(batch []T)) *Worker[T] {
	w := &Worker[T]{q: q, group: g, maxWeight: clampWeight(maxWeight), run: run}
	w.loop = w.drain
	return w
}

// Busy reports whether the worker has something to do that does not only wait for
// the sweeper's delay: from the push that wakes it until it has found the queue empty.
func (w *Worker[T]) Busy() bool {
	w.q.mu.Lock()
	defer w.q.mu.Unlock()
	return w.running || w.listed && w.sweeper.delay == 0
}

// Detach makes the worker take nothing more, for good, and returns at once. What
// is queued stays for the next consumer. A batch that is being run goes on: see
// Wait.
func (w *Worker[T]) Detach() {
	w.q.mu.Lock()
	defer w.q.mu.Unlock()
	w.detach()
	if w.q.worker == w {
		w.q.worker = nil
	}
}

// detach is Detach with the queue's lock held; the queue forgets the worker.
func (w *Worker[T]) detach() {
	w.detached = true
	w.listed = false
	w.settle()
}

// Wait waits until the worker has come to rest, and not at all if it is at rest
// and not about to start. After Detach that is the end of the batch being run;
// otherwise it is the moment when the queue was found empty, and a later push may
// wake the worker again. Called from run or try it would wait for itself.
func (w *Worker[T]) Wait() {
	w.q.mu.Lock()
	if !w.running && !w.listed {
		w.q.mu.Unlock()
		return
	}
	if w.idle == nil {
		w.idle = make(chan struct{})
	}
	idle := w.idle
	w.q.mu.Unlock()
	<-idle
}

// start makes somebody come for what is queued, unless somebody does. The queue's
// lock is held.
func (w *Worker[T]) start() {
	switch {
	case w.running || w.listed || w.detached:
	case w.sweeper != nil && !w.urgent():
		w.listed = true
		w.sweeper.add(w)
	default:
		w.launch()
	}
}

// urgent tells whether there is a delay and no reason for it. The queue's lock is held.
func (w *Worker[T]) urgent() bool {
	q := w.q
	return w.sweeper.delay > 0 && (q.closed ||
		q.items >= (q.maxItems+1)/2 ||
		q.maxWeight > 0 && q.weight >= (q.maxWeight+1)/2 ||
		w.maxWeight > 0 && q.weight >= int64(w.maxWeight))
}

// hurry ends the wait for the sweeper if there is no reason for it any more. The
// sweeper still has the worker on its list, and may come early for what is queued
// later. The queue's lock is held.
func (w *Worker[T]) hurry() {
	if w.listed && w.urgent() {
		w.listed = false
		w.launch()
	}
}

// launch starts the goroutine. The queue's lock is held.
func (w *Worker[T]) launch() {
	w.running = true
	w.group.add()
	// Owner: the worker, counted in its group. It ends when it finds the queue
	// empty or the worker detached.
	go w.loop()
}

// drain is the goroutine: it runs batches until there are none.
func (w *Worker[T]) drain() {
	defer w.group.done()
	ended := false
	defer func() {
		if !ended {
			w.abandon()
		}
	}()
	if w.begun { // whoever has started this goroutine is done with it
		w.begun = false
		w.run(nil)
	} else {
		runtime.Gosched() // as the sweeper does
	}
	b := w.q.pool.batch()
	for again := false; ; again = true {
		b.items = w.next(b.items[:0], again)
		if len(b.items) == 0 {
			ended = true
			w.q.pool.putBatch(b)
			return
		}
		w.run(b.items)
		clear(b.items)
	}
}

// next takes a batch, or ends the worker's run if there is none, or if what has come
// meanwhile is the sweeper's.
func (w *Worker[T]) next(dst []T, again bool) []T {
	w.q.mu.Lock()
	defer w.q.mu.Unlock()
	if !w.detached && !(again && w.sweeper != nil && !w.urgent()) {
		dst = w.q.take(dst, int(w.maxWeight))
	}
	if len(dst) == 0 {
		w.stop()
	}
	return dst
}

// sweep runs one batch on the sweeper's goroutine. The batch is b's.
func (w *Worker[T]) sweep(b *batch[T]) {
	if b.items = w.come(b.items[:0]); len(b.items) == 0 {
		return
	}
	done := w.try(b.items)
	clear(b.items)
	w.q.mu.Lock()
	defer w.q.mu.Unlock()
	if done {
		w.stop()
	} else {
		w.begun = true
		w.launch()
	}
}

// come takes a batch for the sweeper, who has found the worker on its list. It is
// empty if there is nothing for the sweeper to do.
func (w *Worker[T]) come(dst []T) []T {
	w.q.mu.Lock()
	defer w.q.mu.Unlock()
	if !w.listed {
		return dst
	}
	w.listed = false
	switch {
	case w.q.items == 0: // somebody has discarded it
		w.settle()
	case w.try == nil:
		w.launch()
	default:
		w.running = true
		dst = w.q.take(dst, int(w.maxWeight))
	}
	return dst
}

// abandon replaces a goroutine that run or try has ended.
func (w *Worker[T]) abandon() {
	w.q.mu.Lock()
	defer w.q.mu.Unlock()
	w.stop()
}

// stop notes that a goroutine runs no more batches, and makes somebody come for what
// is left. The queue's lock is held.
func (w *Worker[T]) stop() {
	w.running = false
	if w.q.items > 0 {
		w.start()
	}
	w.settle()
}

// settle tells those who wait for it that the worker has come to rest, if it has.
// The queue's lock is held.
func (w *Worker[T]) settle() {
	if w.idle != nil && !w.running && !w.listed {
		close(w.idle)
		w.idle = nil
	}
}
