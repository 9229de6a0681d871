//go:build unix

package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
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
	if n := a.ledger.users(); n != users+users/2 {
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
