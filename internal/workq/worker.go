package workq

import "runtime"

// Worker drains a Queue with a goroutine that is started when the queue goes
// from empty to non-empty and ends when it finds the queue empty. Drain makes
// one. It belongs to whoever owns the queue; Detach ends it for good, and a
// worker that is dropped together with its queue leaks nothing. All methods may
// be called concurrently.
type Worker[T any] struct {
	q         *Queue[T]
	group     *Group
	maxWeight int
	run       func(batch []T)
	// loop is the body of the goroutine as a ready-made function value: a go
	// statement with a method call would allocate a closure for each start.
	loop func()

	// Guarded by the queue's lock, so that "the queue is empty" and "the
	// goroutine ends" are one step and no item falls between the two.
	running  bool
	detached bool
	idle     chan struct{} // made by Wait, closed when running becomes false
	late     *delay        // nil: the worker does not gather
}

// Drain makes a Worker the consumer of q, in place of an earlier Worker or
// OnReady function. run is called with batches in order, as Take(nil, maxWeight)
// would return them, by at most one goroutine at a time, which is counted in g
// and holds no lock. The batch is reused: run must not keep it.
//
// If run ends its goroutine (runtime.Goexit, as testing.T.FailNow does) the rest
// of that batch is lost and the worker goes on with the next.
func Drain[T any](q *Queue[T], g *Group, maxWeight int, run func(batch []T)) *Worker[T] {
	return DrainDelayed(q, g, maxWeight, 0, run)
}

// Busy reports whether the worker's goroutine is running, which it is from the
// push that starts it until it has found the queue empty.
func (w *Worker[T]) Busy() bool {
	w.q.mu.Lock()
	defer w.q.mu.Unlock()
	return w.running
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
	if w.waits() {
		w.dismiss()
		w.stop()
	}
}

// Wait waits until the worker's goroutine has ended, and not at all if there is
// none and none is about to start. After Detach that is the end of the batch being run; otherwise it is the
// moment when the queue was found empty, and a later push may start the
// goroutine again. Called from run it would wait for itself.
func (w *Worker[T]) Wait() {
	w.q.mu.Lock()
	if !w.running && !w.waits() {
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

// start starts the goroutine unless it is there, at once or after the delay. The
// queue's lock is held.
func (w *Worker[T]) start() {
	if !w.running && !w.detached && !w.gathers() {
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
	// Whoever else can run goes first, and may push more for the first batch: under
	// load a writer makes a sixth to a quarter fewer writes for it, otherwise nobody
	// is there and it costs nothing.
	runtime.Gosched()
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
// meanwhile may wait for more.
func (w *Worker[T]) next(dst []T, again bool) []T {
	w.q.mu.Lock()
	defer w.q.mu.Unlock()
	if !w.detached && w.q.items > 0 && !(again && w.gathers()) {
		dst = w.q.take(dst, w.maxWeight)
	}
	if len(dst) == 0 {
		w.stop()
	}
	return dst
}

// abandon replaces a goroutine that run has ended.
func (w *Worker[T]) abandon() {
	w.q.mu.Lock()
	defer w.q.mu.Unlock()
	w.stop()
	if w.q.items > 0 {
		w.start()
	}
}

// stop notes that the goroutine runs no more batches. The queue's lock is held.
func (w *Worker[T]) stop() {
	w.running = false
	if w.idle != nil && !w.waits() {
		close(w.idle)
		w.idle = nil
	}
}
