//go:build unix

package registry

import (
	"slices"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
)

// What is deleted behind the registry's back is said again with the next comparison, and what nobody has put there is
// taken out.
func TestReconcile(t *testing.T) {
	f, s := single(t)
	a, b := f.node(), f.node()
	populate(f, 20, a, b)
	w := whoOf("/", "u3")
	s.Do("DEL", a.keys.user(w))
	s.Do("ZREM", a.keys.online(whoOf("/", "u4").shard(), "/"), "u4")
	lease, _ := a.lease.get()
	s.Do("DEL", a.keys.index(whoOf("/", "u5").shard(), lease))
	ghost := whoOf("/", "u6")
	s.Do("HSET", a.keys.user(ghost), lease+" ghost", "1 "+encodeRow(realtime.PresenceConn{ID: "ghost", Node: a.id}))
	s.Do("HINCRBY", a.keys.user(ghost), "n", "1")
	s.Do("HINCRBY", a.keys.index(ghost.shard(), lease), string(ghost), "1")
	f.await("the ghost", func() bool { return !slices.Contains(a.conns("u6"), "ghost") })
	f.await("all users", func() bool { return complete(a, 20, 2) })
	f.await("the index", func() bool {
		w := whoOf("/", "u5")
		n, err := s.Do("HEXISTS", a.keys.index(w.shard(), lease), string(w)).AsInt64()
		return n == 1 && err == nil
	})
	a.exit("u4", "c0")
	b.exit("u4", "c1")
	f.await("an end", func() bool { return count(a, "u4 offline") == 1 })
}

// late is a write of a connection that Redis gets when nobody expects it any more, as from a connection that hung.
func (n *testNode) late(user, conn string, until int64) error {
	e := n.entry(user, conn)
	lease, holds := n.lease.get()
	if until == 0 {
		until = holds
	}
	o := op{item: &item{key: itemKey{whoOf(e.Namespace, e.User), conn}}, enter: true, entry: e}
	return n.one(n.f.Context(), n.enterCall(o, lease, until)).Error()
}

// A write that comes late, after the connection has gone, is found by the count of writes at the next heartbeat, long before
// everything is compared.
func TestLateWrite(t *testing.T) {
	f, _ := single(t)
	a := f.node(func(c *Config) { c.Reconcile = time.Hour })
	a.enter("ann", "1")
	f.await("ann", func() bool { return len(a.conns("ann")) == 1 })
	if err := a.late("ann", "ghost", 0); err != nil {
		t.Fatal(err)
	}
	if err := a.late("bob", "ghost", 0); err != nil {
		t.Fatal(err)
	}
	f.await("no ghosts", func() bool { return len(a.conns("ann")) == 1 && len(a.conns("bob")) == 0 })
	f.await("no bob", func() bool { return count(a, "bob offline") == 1 })
	if ids := a.conns("ann"); ids[0] != "1" {
		t.Errorf("%v", ids)
	}
}

// A write under a lease that has run out is refused by the clock of Redis, even if nobody has ended the lease yet: a node
// that was frozen between taking and sending cannot bring back what another one clears away.
func TestStaleWriteIsRefused(t *testing.T) {
	f, s := single(t)
	a := f.node()
	before := len(scan(t, s))
	if err := a.late("ann", "1", 1); err != nil {
		t.Fatal(err)
	}
	if u := a.user("ann"); u.Online || len(scan(t, s)) != before {
		t.Errorf("%+v", u)
	}
}
