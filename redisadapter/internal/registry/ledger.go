package registry

import (
	"slices"
	"sync"
	"time"

	"github.com/realtime-go/realtime"
)

// ledger is the truth about this node's connections, and what of it Redis has. It grows with them, and by those that
// went while Redis had them: repeated calls for a connection are one entry. All methods may be called concurrently.
type ledger struct {
	now func() time.Time

	mu     sync.Mutex
	books  [shards]book
	turn   int    // where take goes on
	lives  uint64 // counts leases, so that an answer to an earlier one is known
	sealed bool   // nothing comes in any more
}

// book is the part of one shard.
type book struct {
	items   map[itemKey]*item
	waiting []*item   // that Redis has to be told of, in the order of the calls
	dropped int       // how many of them are dropped
	writes  int64     // that Redis has counted for this lease
	counted bool      // writes is known for sure
	changed uint64    // counts takes and answers, so that a look at Redis can be seen to have been overtaken
	checked time.Time // when all items were compared last
	retry   backoff
	pause   time.Time // nothing is taken before
}

type itemKey struct {
	who  who
	conn string
}

// item is one connection.
type item struct {
	key    itemKey
	shard  int
	entry  realtime.PresenceEntry
	here   bool // the truth
	held   holding
	queued bool // it stands in waiting
	drop   bool // it came and went before Redis was told, and is an item no longer
	left   time.Time

	// What Redis has said of it.
	order int64  // when it came
	since int64  // since when its user is online
	birth string // of the data that had it; "" if none had
}

// holding is what Redis has of an item under the lease of now.
type holding uint8

const (
	absent  holding = iota
	unknown         // a write of it has not been answered
	present
)

func newLedger(now func() time.Time) *ledger {
	l := &ledger{now: now}
	for i := range l.books {
		l.books[i] = book{items: make(map[itemKey]*item), counted: true, checked: now()}
	}
	return l
}

// enter notes that a connection is there, or what it looks like now. It is false after seal.
func (l *ledger) enter(e realtime.PresenceEntry) bool {
	w := whoOf(e.Namespace, e.User)
	key, shard := itemKey{w, e.Conn.ID}, w.shard()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sealed {
		return false
	}
	b := &l.books[shard]
	it := b.items[key]
	if it == nil {
		it = &item{key: key, shard: shard}
		b.items[key] = it
	}
	it.entry, it.here = e, true
	b.queue(it)
	return true
}

// exit notes that a connection has gone.
func (l *ledger) exit(e realtime.PresenceEntry) {
	w := whoOf(e.Namespace, e.User)
	l.mu.Lock()
	defer l.mu.Unlock()
	b := &l.books[w.shard()]
	it := b.items[itemKey{w, e.Conn.ID}]
	if it == nil || !it.here || l.sealed {
		return
	}
	it.entry, it.here, it.left = e, false, l.now()
	if it.held == absent && it.birth == "" && it.queued {
		b.drop(it)
		return
	}
	b.queue(it)
}

// drop forgets an item of which Redis knows nothing. What waits is cleaned now and then, so that it does not grow with
// those who come and go while Redis is away. The lock is held.
func (b *book) drop(it *item) {
	const least = 64
	delete(b.items, it.key)
	it.drop = true
	b.dropped++
	if b.dropped >= least && 2*b.dropped >= len(b.waiting) {
		b.waiting = slices.DeleteFunc(b.waiting, func(it *item) bool { return it.drop })
		b.dropped = 0
	}
}

// queue puts an item among those that wait. The lock is held.
func (b *book) queue(it *item) {
	if !it.queued {
		it.queued = true
		b.waiting = append(b.waiting, it)
	}
}

// op is a write of one item, as it was when it was taken.
type op struct {
	item    *item
	enter   bool
	entry   realtime.PresenceEntry
	order   int64
	since   int64
	birth   string
	elapsed time.Duration // since the exit
	life    uint64
}

// take returns at most n writes. When there are none, wait is the time until there may be some, 0 if nothing waits.
func (l *ledger) take(n int) (ops []op, wait time.Duration) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for range shards {
		b := &l.books[l.turn%shards]
		if rest := b.pause.Sub(now); rest > 0 && len(b.waiting) > 0 {
			if wait == 0 || rest < wait {
				wait = rest
			}
		} else if ops = b.take(ops, n, now, l.lives); len(ops) >= n {
			return ops, 0
		}
		l.turn++
	}
	return ops, wait
}

// take appends writes until there are n. The lock is held.
func (b *book) take(ops []op, n int, now time.Time, life uint64) []op {
	i := 0
	for ; i < len(b.waiting) && len(ops) < n; i++ {
		it := b.waiting[i]
		b.waiting[i] = nil
		it.queued = false
		if it.drop {
			b.dropped--
			continue
		}
		if !it.here && it.held == absent && it.birth == "" {
			delete(b.items, it.key) // it came and went, and nobody has seen it
			continue
		}
		o := op{item: it, enter: it.here, entry: it.entry, order: it.order, since: it.since, birth: it.birth, life: life}
		if it.here {
			it.held = unknown
		} else {
			o.elapsed = now.Sub(it.left)
		}
		b.changed++
		ops = append(ops, o)
	}
	b.waiting = b.waiting[i:]
	if len(b.waiting) == 0 {
		b.waiting = nil
	}
	return ops
}

// answer is what Redis said to a write.
type answer struct {
	ok     bool
	stale  bool // refused, because the lease did not hold
	order  int64
	since  int64
	birth  string
	writes int64
}

// done takes over the answer. It returns whether the item is as it was written.
func (l *ledger) done(o op, a answer) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	it := o.item
	b := &l.books[it.shard]
	b.changed++
	if o.life != l.lives { // renew has had everything said again
		return false
	}
	if !a.ok {
		b.counted = b.counted && a.stale
		b.queue(it)
		return false
	}
	b.writes = a.writes
	if o.enter {
		it.held, it.order, it.since, it.birth = present, a.order, a.since, a.birth
		return it.here
	}
	if it.here { // it came back meanwhile, and waits
		it.held, it.order, it.birth = absent, 0, ""
		return false
	}
	it.held, it.birth = absent, ""
	if !it.queued {
		delete(b.items, it.key)
	}
	return true
}

// pace makes a shard wait after a write that failed, or ends that.
func (l *ledger) pace(shard int, failed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := &l.books[shard]
	if failed {
		b.pause = l.now().Add(b.retry.next())
		return
	}
	b.retry.reset()
	b.pause = time.Time{}
}

// renew begins anew under another lease: Redis has nothing.
func (l *ledger) renew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lives++
	for i := range l.books {
		b := &l.books[i]
		b.writes, b.counted, b.pause = 0, true, time.Time{}
		b.changed++
		for key, it := range b.items {
			it.held = absent
			if !it.here && it.birth == "" {
				if !it.queued {
					delete(b.items, key)
				}
				continue
			}
			b.queue(it)
		}
	}
}
