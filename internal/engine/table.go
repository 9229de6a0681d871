package engine

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// table holds the sessions of a server by id, and the limits on their number.
// All methods may be called concurrently.
type table struct {
	maxUnjoined, maxPerAddr int

	// Gauges.
	polling, websocket, unjoined, lingering, probing atomic.Int64

	opened atomic.Uint64

	mu     sync.RWMutex
	ended  Traffic // of sessions that were forgotten
	byID   map[string]*Session
	byAddr map[netip.Addr]int // only of limited addresses
	drain  chan struct{}      // closed when draining begins
	// ending holds the websockets that were told to stop and have not ended yet,
	// so that Shutdown can cut them.
	ending map[*wire]struct{}
}

func (t *table) init(o *Options) {
	t.maxUnjoined = o.MaxUnjoined
	if len(o.TrustedProxies) > 0 {
		t.maxPerAddr = o.MaxPerAddress
	}
	t.byID = make(map[string]*Session)
	t.byAddr = make(map[netip.Addr]int)
	t.ending = make(map[*wire]struct{})
	t.drain = make(chan struct{})
}

// draining tells whether Shutdown has begun.
func (t *table) draining() bool {
	select {
	case <-t.drain:
		return true
	default:
		return false
	}
}

// find returns the session with the given id, or nil.
func (t *table) find(id string) *Session {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byID[id]
}

// full tells which limit, if any, a new session of addr would meet. An invalid
// address is not limited.
func (t *table) full(addr netip.Addr) *Refusal {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.fullLocked(addr)
}

func (t *table) fullLocked(addr netip.Addr) *Refusal {
	if t.unjoined.Load() >= int64(t.maxUnjoined) {
		return busy("unjoined", "too many sessions have not joined a namespace yet", "MaxUnjoined")
	}
	if addr.IsValid() && t.maxPerAddr > 0 && t.byAddr[addr] >= t.maxPerAddr {
		return busy("address", "too many sessions from one address", "MaxPerAddress")
	}
	return nil
}

// add enters a session, or says why it may not.
func (t *table) add(s *Session) *Refusal {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.draining() {
		return busy("draining", "the server is shutting down", "")
	}
	if ref := t.fullLocked(s.addr); ref != nil {
		return ref
	}
	t.byID[s.id] = s
	t.opened.Add(1)
	t.unjoined.Add(1)
	if s.addr.IsValid() {
		t.byAddr[s.addr]++
	}
	return nil
}

// forget takes an ended session out of the count, and out of the table unless it
// lingers for a last GET. It is called once for each session that was added.
func (t *table) forget(s *Session, lingers bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !lingers {
		t.removeLocked(s)
	} else if t.byID[s.id] == s { // else a GET was faster
		s.lingerCounted = true
		t.lingering.Add(1)
	}
	if s.addr.IsValid() {
		if t.byAddr[s.addr]--; t.byAddr[s.addr] == 0 {
			delete(t.byAddr, s.addr)
		}
	}
}

// remove takes a lingering session out of the table.
func (t *table) remove(s *Session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.removeLocked(s)
	if s.lingerCounted {
		s.lingerCounted = false
		t.lingering.Add(-1)
	}
}

func (t *table) removeLocked(s *Session) {
	if t.byID[s.id] == s {
		delete(t.byID, s.id)
		t.ended.add(s)
	}
}

// traffic sums up what went over all sessions so far: it looks at each of them, so
// that a message costs nothing more.
func (t *table) traffic() Traffic {
	t.mu.RLock()
	defer t.mu.RUnlock()
	sum := t.ended
	for _, s := range t.byID {
		sum.add(s)
	}
	return sum
}

// all returns the sessions of the moment, lingering ones included.
func (t *table) all() []*Session {
	t.mu.RLock()
	defer t.mu.RUnlock()
	list := make([]*Session, 0, len(t.byID))
	for _, s := range t.byID {
		list = append(list, s)
	}
	return list
}

// close makes draining begin; later calls do nothing.
func (t *table) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.draining() {
		close(t.drain)
	}
}

// track notes a websocket that was told to stop, untrack that it has ended.
func (t *table) track(w *wire) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ending[w] = struct{}{}
}

func (t *table) untrack(w *wire) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.ending, w)
}

// cutAll cuts every websocket that has not ended.
func (t *table) cutAll() {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for w := range t.ending {
		w.cut()
	}
}

// slots bounds the handshakes that are worked on at the same time (R12).
type slots struct {
	free  chan struct{} // one element for each taken slot; nil: no bound
	wait  time.Duration
	count atomic.Int64
}

// take waits for a slot, until done or draining is closed or the time is over.
func (l *slots) take(done, drain <-chan struct{}) bool {
	l.count.Add(1)
	if l.free == nil {
		return true
	}
	select {
	case l.free <- struct{}{}:
		return true
	default:
	}
	timer := time.NewTimer(l.wait)
	defer timer.Stop()
	select {
	case l.free <- struct{}{}:
		return true
	case <-timer.C:
	case <-done:
	case <-drain:
	}
	l.count.Add(-1)
	return false
}

func (l *slots) release() {
	l.count.Add(-1)
	if l.free != nil {
		<-l.free
	}
}
