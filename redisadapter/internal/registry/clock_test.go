//go:build unix

package registry

import (
	"fmt"
	"testing"
	"time"
)

// Requirement R79: nodes whose clocks are wrong by an hour, in either direction, keep each other alive, and agree on
// who is there since when. Only the clock of Redis decides.
func TestClocksOfNodesAreWrong(t *testing.T) {
	f, _ := single(t)
	shifted := func(d time.Duration) func(*Config) {
		return func(c *Config) {
			c.Now = func() time.Time { return time.Now().Add(d) }
			c.Self.Started = c.Now()
		}
	}
	early, right, late := f.node(shifted(-time.Hour)), f.node(), f.node(shifted(time.Hour))
	nodes := []*testNode{early, right, late}
	const users = 30
	begin := time.Now()
	for i := range users {
		n := nodes[i%3]
		e := n.entry(fmt.Sprint("u", i), "c")
		e.Conn.Connected = n.cfg.Now()
		n.PresenceEnter(e)
	}
	f.await("all", func() bool { return complete(right, users, 1) })
	f.await("several lives of a lease", func() bool { return time.Since(begin) > 2*right.cfg.Dead })
	for _, n := range nodes {
		if !complete(n, users, 1) || len(n.heard()) != users || len(n.news()) != 2 {
			t.Errorf("%d changes, nodes %v", len(n.heard()), n.news())
		}
		list, err := n.Nodes(t.Context())
		if err != nil || len(list) != 3 {
			t.Errorf("%v, %v", list, err)
		}
	}
	for i := range users {
		if since := right.user(fmt.Sprint("u", i)).Since; since.Before(begin.Add(-time.Minute)) || since.After(time.Now().Add(time.Minute)) {
			t.Errorf("u%d is online since %v", i, since)
		}
	}
	nodes[0].exit("u0", "c")
	f.await("an end", func() bool { return count(late, "u0 offline") == 1 })
	if seen := late.user("u0").Seen; seen.Before(begin) || seen.After(time.Now().Add(time.Minute)) {
		t.Errorf("seen %v", seen)
	}
}

// When the clock of Redis itself is set forward by half an hour, all leases look old, and nobody is dead. The test sets the
// leases back instead, which looks the same. Set back as much, it does not keep dead nodes alive.
func TestClockOfRedisJumps(t *testing.T) {
	f, s := single(t)
	a, b := f.node(), f.node()
	const users = 30
	for i := range users { // half of them at each
		n := []*testNode{a, b}[i%2]
		n.enter(fmt.Sprint("u", i), "c")
	}
	f.await("all", func() bool { return complete(a, users, 1) && len(a.news()) == 1 && len(b.news()) == 1 })
	begin := time.Now()
	shift := func(by float64) {
		s.Do("EVAL", `local by = tonumber(ARGV[1])
			for _, lease in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
				redis.call('ZINCRBY', KEYS[1], by, lease)
			end
			return 1`, "1", a.keys.nodes(), fmt.Sprint(by))
	}
	f.await("regular hearts", func() bool { return time.Since(begin) > a.cfg.Dead })
	shift(-1_800_000)
	f.await("some beats", func() bool { return time.Since(begin) > 2*a.cfg.Dead })
	for _, n := range []*testNode{a, b} {
		if len(n.heard()) != users || len(n.news()) != 1 || !complete(n, users, 1) {
			t.Errorf("%d changes, nodes %v", len(n.heard()), n.news())
		}
	}
	b.crash()
	shift(1_800_000)
	f.await("the death", func() bool { return len(a.news()) == 2 && complete(a, users/2, 1) })
}
