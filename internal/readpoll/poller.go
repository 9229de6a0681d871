// Package readpoll tells when connections have something to read, so that nobody has to
// wait for each of them: one goroutine waits for all, and only while there are some. It
// works on Linux, with an edge-triggered epoll set of its own; elsewhere Add fails.
//
// An edge is told once. Who is told reads until ErrWouldBlock, and what arrives after
// that read is a new edge: nothing is lost if the reader looks again whenever it was told
// something since it began to look.
//
// Go's own poller keeps the connection too, so blocking reads, deadlines and writes go on
// as before. Locks: Poller.mu is innermost; none is held while a Waker runs.
package readpoll

import (
	"errors"
	"sync"
	"syscall"
)

// ErrWouldBlock reports that there is nothing to read now.
var ErrWouldBlock = errors.New("readpoll: nothing to read")

// Waker is told that a connection can be read: data, its end, or an error has come. Wake
// is called from the poller's goroutine and must not block. It may be called although
// there is nothing, and until Stop has returned.
type Waker interface{ Wake() }

// Poller watches connections. The zero value is ready once Go is set. All methods may be
// called concurrently.
type Poller struct {
	// Go starts the goroutine that waits; it ends when the last watch is stopped.
	Go func(func())

	mu      sync.Mutex
	set     *set
	watches map[uint64]*Watch
	last    uint64 // ids are not used again: the kernel may tell of a connection that was closed
}

// Watch is one connection that is watched.
type Watch struct {
	poller *Poller
	id     uint64
	raw    syscall.RawConn
	waker  Waker
}

// Add watches a connection until Stop. What can be read already is told at once. The
// error is errors.ErrUnsupported where the platform has no such poller.
func (p *Poller) Add(conn syscall.Conn, waker Waker) (*Watch, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	w := &Watch{poller: p, raw: raw, waker: waker}
	set, err := p.enter(w)
	if err != nil {
		return nil, err
	}
	if err := set.add(raw, w.id); err != nil {
		w.Stop()
		return nil, err
	}
	return w, nil
}

// enter puts w among the watches, and makes the set with the first one.
func (p *Poller) enter(w *Watch) (*set, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.set == nil {
		set, err := newSet()
		if err != nil {
			return nil, err
		}
		p.set, p.watches = set, make(map[uint64]*Watch)
		// Owner: whoever has set Go. It ends when the set is closed, in Stop.
		p.Go(func() { p.run(set) })
	}
	p.last++
	w.id = p.last
	p.watches[w.id] = w
	return p.set, nil
}

// Stop ends the watch; it is called once. The caller closes the connection, which takes
// it out of the kernel's set.
func (w *Watch) Stop() {
	p := w.poller
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.watches, w.id)
	if len(p.watches) == 0 {
		p.set.close()
		p.set, p.watches = nil, nil
	}
}

// run wakes who has something to read, until the set is closed.
func (p *Poller) run(set *set) {
	var ids [maxEvents]uint64
	var ready [maxEvents]Waker
	for {
		n, err := set.wait(&ids)
		if err != nil {
			return
		}
		for i, w := range ready[:p.find(ids[:n], &ready)] {
			w.Wake()
			ready[i] = nil
		}
	}
}

// maxEvents is how many connections are told of at a time.
const maxEvents = 128

// find puts the wakers of ids into ready and returns how many there are. An id of a watch
// that was stopped meanwhile has none.
func (p *Poller) find(ids []uint64, ready *[maxEvents]Waker) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		if w := p.watches[id]; w != nil {
			ready[n] = w.waker
			n++
		}
	}
	return n
}
