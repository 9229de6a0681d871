// Package presence keeps who is where: the connections of each user, over all nodes that share one memory. A user
// is online from the first connection until a grace after the last one has gone, which hides the gap of a
// client that comes back.
//
// It knows no protocol and no network. The root uses it for a single server, memadapter for the servers of
// one process.
package presence

import (
	"slices"
	"sync"
	"time"
)

// maxSeen bounds how many users a table remembers after they have gone. Beyond it the oldest are forgotten.
const maxSeen = 10_000

// Entry is one connection of a user. Space (a namespace), User and Conn name it.
type Entry struct {
	Space, User, Conn string
	Node              string
	Grace             time.Duration // from the last connection's exit until the user is offline
	Remember          time.Duration // how long it is known when the user was seen last
}

// Change is a user who came online, or is offline.
type Change struct {
	Space, User string
	Online      bool
	At          time.Time
}

// User is what is known of a user; R is what its connections brought.
type User[R any] struct {
	Online bool
	Rows   []R // of its connections, in the order of their coming; none during the grace
	Meta   []byte
	Since  time.Time // online since, zero if offline
	Seen   time.Time // when the last connection has gone, zero while there is one
}

// Table maps users to their connections. Its owner ends it with Close. All methods may be called
// concurrently.
type Table[R any] struct {
	changed func(Change)

	mu     sync.Mutex
	closed bool
	spaces map[string]map[string]*user[R]
	seen   seenList
}

// user is one user who is online.
type user[R any] struct {
	conns []connection[R]
	meta  []byte
	since time.Time
	left  time.Time   // when the last connection has gone, zero while there is one
	grace *time.Timer // runs then
}

type connection[R any] struct {
	entry Entry
	row   R
}

// New makes a table. changed is told of each user once per change, in the order of the changes; it is called
// under the table's lock, so it queues and does not block.
func New[R any](changed func(Change)) *Table[R] {
	return &Table[R]{changed: changed, spaces: make(map[string]map[string]*user[R])}
}

// Enter adds a connection, or replaces its row.
func (t *Table[R]) Enter(e Entry, row R) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	space := t.spaces[e.Space]
	if space == nil {
		space = make(map[string]*user[R])
		t.spaces[e.Space] = space
	}
	u := space[e.User]
	if u == nil {
		u = &user[R]{since: time.Now()}
		space[e.User] = u
		t.changed(Change{e.Space, e.User, true, u.since})
	}
	if u.grace != nil {
		u.grace.Stop()
		u.grace, u.left = nil, time.Time{}
	}
	for i := range u.conns {
		if u.conns[i].entry.Conn == e.Conn {
			u.conns[i] = connection[R]{e, row}
			return
		}
	}
	u.conns = append(u.conns, connection[R]{e, row})
}

// Exit takes a connection out. The user is offline when its grace has passed without another connection.
func (t *Table[R]) Exit(space, name, conn string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if u := t.spaces[space][name]; u != nil {
		t.remove(u, func(c *connection[R]) bool { return c.entry.Conn == conn })
	}
}

// DropNode takes out all connections of a node that is gone.
func (t *Table[R]) DropNode(node string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, users := range t.spaces {
		for _, u := range users {
			t.remove(u, func(c *connection[R]) bool { return c.entry.Node == node })
		}
	}
}

// remove takes connections out of a user, and starts its grace with the last one. The lock is held.
func (t *Table[R]) remove(u *user[R], gone func(*connection[R]) bool) {
	if len(u.conns) == 0 || t.closed {
		return
	}
	last := u.conns[len(u.conns)-1].entry
	u.conns = slices.DeleteFunc(u.conns, func(c connection[R]) bool { return gone(&c) })
	if len(u.conns) > 0 {
		return
	}
	u.left = time.Now()
	if last.Grace <= 0 {
		t.offline(last, u)
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(last.Grace, func() { // stopped by Enter and Close
		t.mu.Lock()
		defer t.mu.Unlock()
		if u.grace == timer && !t.closed { // nobody came back at the moment it fired
			t.offline(last, u)
		}
	})
	u.grace = timer
}

// offline forgets a user, but for the time of its going. The lock is held.
func (t *Table[R]) offline(last Entry, u *user[R]) {
	users := t.spaces[last.Space]
	delete(users, last.User)
	if len(users) == 0 {
		delete(t.spaces, last.Space)
	}
	t.seen.add(seenKey{last.Space, last.User}, u.left, last.Remember)
	t.changed(Change{last.Space, last.User, false, time.Now()})
}

// SetMeta attaches a value to a user who is online; it is false for others. The value goes with the user.
func (t *Table[R]) SetMeta(space, name string, meta []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	u := t.spaces[space][name]
	if u == nil {
		return false
	}
	u.meta = slices.Clone(meta)
	return true
}

// User returns what is known of a user.
func (t *Table[R]) User(space, name string) User[R] {
	t.mu.Lock()
	defer t.mu.Unlock()
	u := t.spaces[space][name]
	if u == nil {
		return User[R]{Seen: t.seen.at(seenKey{space, name})}
	}
	found := User[R]{Online: true, Meta: u.meta, Since: u.since, Seen: u.left}
	for i := range u.conns {
		found.Rows = append(found.Rows, u.conns[i].row)
	}
	return found
}

// Names returns the users who are online, in no certain order.
func (t *Table[R]) Names(space string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	names := make([]string, 0, len(t.spaces[space]))
	for name := range t.spaces[space] {
		names = append(names, name)
	}
	return names
}

// Len returns how many users are online.
func (t *Table[R]) Len(space string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.spaces[space])
}

// Close stops the timers. Nobody is told of users any more.
func (t *Table[R]) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, users := range t.spaces {
		for _, u := range users {
			if u.grace != nil {
				u.grace.Stop()
			}
		}
	}
	t.spaces, t.seen = nil, seenList{}
}
