//go:build unix

package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
)

// populate enters users with a connection at each of some nodes.
func populate(f *fabric, users int, nodes ...*testNode) {
	f.Helper()
	for i := range users {
		for j, n := range nodes {
			e := n.entry(fmt.Sprint("u", i), fmt.Sprint("c", j))
			n.PresenceEnter(e)
		}
	}
	f.await("all users", func() bool { return complete(nodes[0], users, len(nodes)) })
}

// complete reports whether all users are there with so many connections each. A Redis that does not answer has none.
func complete(n *testNode, users, conns int) bool {
	n.f.Helper()
	all, err := n.members("/")
	for _, u := range all {
		if len(u.Conns) != conns {
			return false
		}
	}
	return err == nil && len(all) == users
}

// sure fails the test unless each user's changes alternate; a gap begins anew.
func (n *testNode) sure(t testing.TB) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	last := map[[2]string]bool{}
	for _, c := range n.changes {
		if c.Gap {
			clear(last)
			continue
		}
		user := [2]string{c.Namespace, c.User}
		if is, known := last[user]; known && is == c.Online {
			t.Errorf("%s: %q is told to be online %t twice in a row", n.id[:4], user, is)
		}
		last[user] = c.Online
	}
}

// Requirement R83: after FLUSHALL the registry is built again from the connections that live, and as nobody has left,
// nobody is told to have come: only that changes may have been missed. With the times that users get.
func TestFlushAll(t *testing.T) {
	f, s := single(t)
	a, b := f.node(shippedTimes), f.node(shippedTimes)
	const users = 300
	populate(f, users, a, b)
	before := a.user("u7")
	for range 2 {
		gaps := len(slices.DeleteFunc(a.heard(), func(line string) bool { return line != "gap" }))
		s.Do("FLUSHALL")
		flushed := time.Now()
		f.await("all users again", func() bool { return complete(b, users, 2) })
		t.Logf("all there %v after the flush", time.Since(flushed))
		f.await("two beats", func() bool { return time.Since(flushed) > 3*a.cfg.Beat })
		f.await("a gap", func() bool {
			return len(slices.DeleteFunc(a.heard(), func(line string) bool { return line != "gap" })) > gaps
		})
	}
	for _, n := range []*testNode{a, b} {
		online := slices.DeleteFunc(n.heard(), func(line string) bool { return line == "gap" })
		if len(online) != users {
			t.Errorf("%d changes, want the %d of the begin", len(online), users)
		}
		if news := n.news(); len(news) != 1 {
			t.Errorf("nodes: %v", news)
		}
	}
	if after := a.user("u7"); !after.Since.Equal(before.Since) {
		t.Errorf("online since %v, before it was %v", after.Since, before.Since)
	}
}

// Who left while the data was lost is told to be offline even so.
func TestLeavingWhileTheDataIsLost(t *testing.T) {
	f, s := single(t)
	a, b := f.node(), f.node()
	populate(f, 50, a)
	b.enter("u1", "elsewhere")
	f.await("two connections", func() bool { return len(a.conns("u1")) == 2 })
	f.await("news", func() bool { return len(a.heard()) == 50 && len(b.heard()) == 50 })
	a.cable.Cut()
	s.Do("FLUSHALL")
	for i := range 10 {
		a.exit(fmt.Sprint("u", i), "c0")
	}
	a.cable.Mend()
	f.await("nine ends", func() bool { return count(a, " offline") == 9 && count(b, " offline") == 9 })
	f.await("the rest", func() bool { return complete(a, 41, 1) })
	for _, n := range []*testNode{a, b} {
		n.sure(t)
		if slices.Contains(n.heard(), "u1 offline") || count(n, " online") != 50 {
			t.Errorf("%s has heard %q", n.id[:4], n.heard())
		}
	}
	if d := a.decisions() + b.decisions(); d != 59 {
		t.Errorf("%d decisions", d)
	}
}

// count counts the lines with a text.
func count(n *testNode, text string) (sum int) {
	for _, line := range n.heard() {
		if strings.Contains(line, text) {
			sum++
		}
	}
	return sum
}

// A Redis that is killed and comes back empty is filled again. Meanwhile nothing blocks, and questions say why they are
// not answered.
func TestRedisIsKilled(t *testing.T) {
	f, s := single(t)
	a, b := f.node(), f.node()
	const users = 100
	populate(f, users, a, b)
	s.Kill()
	for i := range 5000 { // come and go unseen
		a.enter(fmt.Sprint("late", i), "c")
		a.exit(fmt.Sprint("late", i), "c")
	}
	for i := range users / 2 {
		a.enter(fmt.Sprint("new", i), "c0")
		b.enter(fmt.Sprint("new", i), "c1")
	}
	unanswered(t, a)
	if n := a.ledger.size(); n != users+users/2 {
		t.Errorf("the ledger has %d", n)
	}
	s.Restart()
	f.await("all users", func() bool { return complete(a, users+users/2, 2) && complete(b, users+users/2, 2) })
	f.await("the news", func() bool { return count(a, " online") == users+users/2 && count(b, " online") == users+users/2 })
	a.sure(t)
	b.sure(t)
}

// unanswered asks every question of a Redis that does not answer.
func unanswered(t *testing.T, n *testNode) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	questions := map[string]func() error{
		"user":    func() error { _, err := n.PresenceUser(ctx, "/", "u1"); return err },
		"online":  func() error { _, err := n.PresenceOnline(ctx, "/", []string{"u1", "u2"}); return err },
		"members": func() error { _, _, err := n.PresenceMembers(ctx, "/", ""); return err },
		"count":   func() error { _, err := n.PresenceCount(ctx, "/"); return err },
		"set":     func() error { _, err := n.PresenceSet(ctx, "/", "u1", []byte("1")); return err },
		"nodes":   func() error { _, err := n.Nodes(ctx); return err },
	}
	for name, ask := range questions {
		if err := ask(); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A Redis that hangs makes nobody wait (requirement R64). When it goes on after everybody's lease has run out, nobody is
// dead.
func TestRedisHangs(t *testing.T) {
	f, s := single(t)
	a, b := f.node(), f.node()
	const users = 100
	populate(f, users, a, b)
	f.await("greetings", func() bool { return len(a.news()) == 1 && len(b.news()) == 1 })
	s.Pause()
	a.enter("new", "c0")
	b.enter("new", "c1")
	unanswered(t, a)
	stopped := time.Now()
	f.await("the end of all leases", func() bool { return time.Since(stopped) > a.cfg.Dead+a.cfg.Call })
	s.Resume()
	f.await("all users", func() bool { return complete(a, users+1, 2) })
	f.await("steady hearts", func() bool { return time.Since(stopped) > 3*a.cfg.Dead })
	for _, n := range []*testNode{a, b} {
		if len(n.news()) != 1 || len(n.heard()) != users+1 {
			t.Errorf("nodes %v, %d changes", n.news(), len(n.heard()))
		}
	}
}

// More questions than may wait are refused at once.
func TestQuestionsAreBounded(t *testing.T) {
	f, s := single(t)
	a := f.node(func(c *Config) { c.Questions = 3 })
	s.Pause()
	defer s.Resume()
	errs := make(chan error, 3)
	for range 3 {
		go func() { _, err := a.PresenceCount(t.Context(), "/"); errs <- err }()
	}
	f.await("three that wait", func() bool { return len(a.questions) == 3 })
	if _, err := a.PresenceCount(t.Context(), "/"); !errors.Is(err, ErrBusy) {
		t.Errorf("the fourth: %v", err)
	}
	for range 3 {
		if err := <-errs; !errors.Is(err, ErrUnavailable) {
			t.Error(err)
		}
	}
}

// Connections to Redis that break again and again lose nothing and repeat nothing: not even a reply that got lost does.
func TestBrokenConnections(t *testing.T) {
	f, s := single(t)
	a, b := f.node(), f.node()
	for i := range 60 {
		a.enter(fmt.Sprint("u", i), "c0")
		b.enter(fmt.Sprint("u", i), "c1")
		if i > 2 {
			a.exit(fmt.Sprint("u", i-3), "c0")
			b.exit(fmt.Sprint("u", i-3), "c1")
		}
		s.KillClients("normal")
	}
	f.await("the rest", func() bool { return complete(a, 3, 2) })
	f.await("the same news", func() bool {
		changes := len(a.heard())
		return changes == len(b.heard()) && changes%2 == 1 && a.decisions()+b.decisions() == changes
	})
	a.sure(t)
	b.sure(t)
}

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
	a.exit("u4", "c0")
	b.exit("u4", "c1")
	f.await("an end", func() bool { return count(a, "u4 offline") == 1 })
}

// A lease that nothing is known of, because only the list of nodes was lost, is cleared away when its node has another.
func TestNodeListIsLost(t *testing.T) {
	f, s := single(t)
	a, b := f.node(), f.node()
	populate(f, 50, a, b)
	c := f.node()
	c.enter("u1", "ghost")
	f.await("three", func() bool { return len(a.conns("u1")) == 3 })
	f.await("all news", func() bool { return len(c.heard()) == 0 && len(a.heard()) == 50 && len(b.heard()) == 50 })
	c.crash()
	s.Do("DEL", a.keys.nodes(), a.keys.meta(), a.keys.dead(), a.keys.plan())
	f.await("no ghost", func() bool { return complete(a, 50, 2) })
	for _, n := range []*testNode{a, b} {
		if len(n.heard()) != 50 {
			t.Errorf("changes: %q", n.heard()[50:])
		}
	}
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
