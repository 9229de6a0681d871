package workq

import (
	"math"
	"runtime"
	"sync"
	"time"
)

// maxKeptList bounds the list of workers that a Sweeper keeps for reuse.
const maxKeptList = 4096

// Sweeper runs the batches of many workers, one worker after the other, on one
// goroutine, which lives while any of them has items. So a burst that goes to
// many queues costs one goroutine, not one for each, and by the time it comes to
// a queue more may have gathered there. A batch that would have to wait, as for a
// slow client, goes to a goroutine of that worker.
//
// A Sweeper belongs to whoever makes it with NewSweeper; one that is dropped
// together with its queues leaks nothing. All methods may be called concurrently.
type Sweeper[T any] struct {
	group *Group
	delay time.Duration
	loop  func() // the goroutine's body, ready-made as a worker's is

	mu     sync.Mutex // inside of the queues' locks
	active bool       // there is a goroutine, or a timer that will start one
	list   []*Worker[T]
	spare  []*Worker[T] // what the next list is made of
	timer  *time.Timer
}

// NewSweeper returns a sweeper whose goroutines are counted in g. It lets items
// gather for delay, counted from the first that waits, before it sweeps; zero or
// less is as soon as whoever else can run has run.
func NewSweeper[T any](g *Group, delay time.Duration) *Sweeper[T] {
	s := &Sweeper[T]{group: g, delay: max(delay, 0)}
	s.loop = s.sweep
	return s
}

// Drain makes a Worker the consumer of q, as the function Drain does. The sweeper
// calls try with a batch. It must not block, and reports whether it is done with
// the batch; if not, the worker's own goroutine calls run with an empty batch, to
// finish what try has begun, and then with batches until the queue is empty. try
// may be nil: then each batch is run's. At most one of the two runs at a time.
//
// With a delay the worker does not wait for more when what is queued makes a batch
// of maxWeight, fills half of the queue, or when the queue is closed.
func (s *Sweeper[T]) Drain(q *Queue[T], maxWeight int, try func(batch []T) bool, run func(batch []T)) *Worker[T] {
	w := newWorker(q, s.group, maxWeight, run)
	w.try = try
	if try != nil || s.delay > 0 {
		w.sweeper = s
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.attach(w, nil)
	return w
}

// add puts a worker on the list. The lock of its queue is held.
func (s *Sweeper[T]) add(w *Worker[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, w)
	if !s.active {
		s.active = true
		s.wake()
	}
}

// wake starts the goroutine, at once or after the delay. The lock is held.
func (s *Sweeper[T]) wake() {
	switch {
	case s.delay == 0:
		s.group.add()
		// Owner: the sweeper, counted in its group. It ends when no worker of it
		// has anything to do.
		go s.loop()
	case s.timer == nil:
		s.timer = time.AfterFunc(s.delay, func() { // owner: the sweeper, as above; it ends after one list
			s.group.add()
			s.sweep()
		})
	default:
		s.timer.Reset(s.delay)
	}
}

// sweep is the goroutine: it runs what is listed until nothing is. With a delay it
// ends after one list, and another follows.
func (s *Sweeper[T]) sweep() {
	defer s.group.done()
	for {
		if s.delay == 0 {
			// Whoever else can run goes first, and may push more for the first batch:
			// under load a writer makes a sixth to a quarter fewer writes for it,
			// otherwise nobody is there and it costs nothing.
			runtime.Gosched()
		}
		list := s.next()
		if list == nil {
			return
		}
		s.each(list)
		if !s.again(list) {
			return
		}
	}
}

// next takes the list, or nil when it is empty; then the goroutine ends.
func (s *Sweeper[T]) next() []*Worker[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) == 0 {
		s.active = false
		return nil
	}
	list := s.list
	s.list, s.spare = s.spare, nil
	return list
}

// again takes a list back that was swept, and tells whether the goroutine goes on.
func (s *Sweeper[T]) again(list []*Worker[T]) bool {
	clear(list)
	s.mu.Lock()
	defer s.mu.Unlock()
	if cap(list) <= maxKeptList {
		s.spare = list[:0]
	}
	if s.delay == 0 {
		return true
	}
	if len(s.list) == 0 {
		s.active = false
	} else {
		s.wake()
	}
	return false
}

// each sweeps workers. If a batch ends the goroutine, another one goes on with the
// workers behind it.
func (s *Sweeper[T]) each(list []*Worker[T]) {
	done := 0
	defer func() {
		if done < len(list) {
			s.abandon(list[done:])
		}
	}()
	p := list[0].q.pool
	b := p.batch()
	for _, w := range list {
		w.sweep(b)
		done++
	}
	p.putBatch(b)
}

// abandon replaces a goroutine that try has ended while it ran the first worker.
func (s *Sweeper[T]) abandon(list []*Worker[T]) {
	list[0].abandon()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, list[1:]...)
	s.wake()
}

// clampWeight makes a bound of a batch one that a Worker has room for.
func clampWeight(n int) int32 { return int32(min(max(n, 0), math.MaxInt32)) } //nolint:gosec // bounded here
