package registry

import "time"

// expected is what Redis should say of a shard, as the ledger has it.
type expected struct {
	shard   int
	writes  int64
	counted bool
	changed uint64
	checked time.Time
}

// expect returns what is expected of those shards about which nothing is on its way.
func (l *ledger) expect() (list []expected) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.books {
		if b := &l.books[i]; len(b.waiting) == 0 {
			list = append(list, expected{i, b.writes, b.counted, b.changed, b.checked})
		}
	}
	return list
}

// settled reports whether nothing has changed since e.
func (l *ledger) settled(e expected) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := &l.books[e.shard]
	return b.changed == e.changed && len(b.waiting) == 0
}

// verified notes that all items of a shard were compared, when Redis had counted that many writes.
func (l *ledger) verified(e expected, writes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := &l.books[e.shard]
	b.checked = l.now()
	if b.changed == e.changed {
		b.writes, b.counted = writes, true
	}
}

// present returns the items that Redis should have.
func (l *ledger) present(shard int) (list []itemKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, it := range l.books[shard].items {
		if it.here && it.held == present {
			list = append(list, key)
		}
	}
	return list
}

// missing notes that Redis does not have an item. It is said again.
func (l *ledger) missing(key itemKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := &l.books[key.who.shard()]
	if it := b.items[key]; it != nil && it.here {
		it.held = absent
		b.queue(it)
	}
}

// has reports whether a connection is there.
func (l *ledger) has(key itemKey) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	it := l.books[key.who.shard()].items[key]
	return it != nil && it.here
}

// counts returns how many connections each user of a shard has.
func (l *ledger) counts(shard int) map[who]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := make(map[who]int)
	for key, it := range l.books[shard].items {
		if it.here {
			counts[key.who]++
		}
	}
	return counts
}

// stray has a connection taken out that Redis has under this node's lease and that is not there.
func (l *ledger) stray(key itemKey) {
	namespace, user, ok := key.who.names()
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	shard := key.who.shard()
	b := &l.books[shard]
	it := b.items[key]
	if it == nil {
		it = &item{key: key, shard: shard, left: l.now()}
		it.entry.Namespace, it.entry.User, it.entry.Conn.ID = namespace, user, key.conn
		it.entry.Grace = -1 // as Redis has it
		b.items[key] = it
	}
	if it.here {
		return
	}
	it.held = unknown
	b.queue(it)
}

// doubt has everything compared again.
func (l *ledger) doubt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.books {
		l.books[i].counted = false
	}
}

// idle reports whether nothing waits for Redis.
func (l *ledger) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.books {
		if len(l.books[i].waiting) > 0 {
			return false
		}
	}
	return true
}

// seal lets nothing in any more, and makes all that Redis may have wait for its end. It returns those users.
func (l *ledger) seal() (rest []op) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sealed = true
	now := l.now()
	for i := range l.books {
		seen := make(map[who]bool)
		for key, it := range l.books[i].items {
			if it.held == absent && it.birth == "" || seen[key.who] {
				continue
			}
			seen[key.who] = true
			o := op{item: it, entry: it.entry, since: it.since, birth: it.birth}
			if !it.here {
				o.elapsed = now.Sub(it.left)
			}
			rest = append(rest, o)
		}
	}
	return rest
}

// users returns how many users have connections here.
func (l *ledger) users() (n int) {
	for shard := range shards {
		n += len(l.counts(shard))
	}
	return n
}
