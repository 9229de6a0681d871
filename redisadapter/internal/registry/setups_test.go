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

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// On a Redis Cluster users are spread over the masters, and everything is as on a single Redis: no script crosses a slot.
func TestRedisCluster(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3)
	f := &fabric{TB: t, addrs: c.Addrs}
	a, b := f.node(), f.node()
	const users = 300
	populate(f, users, a, b)
	for _, s := range c.Servers {
		if n := len(scan(t, s)); n < users/10 {
			t.Errorf("%s has %d keys", s.Addr, n)
		}
	}
	if a.count() != users {
		t.Errorf("%d users", a.count())
	}
	names := make([]string, users)
	for i := range names {
		names[i] = fmt.Sprint("u", i)
	}
	if online, err := b.PresenceOnline(t.Context(), "/", names); err != nil || slices.Contains(online, false) {
		t.Errorf("%v, %v", online, err)
	}
	if ok, err := a.PresenceSet(t.Context(), "/", "u1", []byte(`"x"`)); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	e := b.entry("ann", "1")
	for _, namespace := range hostile {
		e.Namespace = namespace
		b.PresenceEnter(e)
	}
	f.await("all news", func() bool { return len(a.heard()) == users+len(hostile) })
	for _, namespace := range hostile {
		e.Namespace = namespace
		b.PresenceExit(e)
	}
	b.crash()
	f.await("one node", func() bool { return complete(a, users, 1) && count(a, "ann offline") == len(hostile) })
	for i := range users {
		e := a.entry(names[i], "c0")
		e.Grace, e.Remember = 0, 0
		a.PresenceExit(e)
	}
	f.await("the ends", func() bool { return a.count() == 0 && len(a.heard()) == 2*(users+len(hostile)) })
	a.sure(t)
	a.close()
	for name := range scan(t, c.Servers...) {
		if !strings.Contains(name, ":seen:") {
			t.Errorf("left: %s", name)
		}
	}
}

// A master of a cluster that loses its data, or is away for a while, is filled again; the users of the others are not
// touched, and no node is thought dead.
func TestMasterOfAClusterLosesItsData(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3)
	f := &fabric{TB: t, addrs: c.Addrs}
	a, b := f.node(), f.node()
	const users = 200
	populate(f, users, a, b)
	f.await("greetings", func() bool { return len(a.news()) == 1 && len(b.news()) == 1 })
	for _, s := range c.Servers {
		s.Do("FLUSHALL")
		f.await("all users again", func() bool { return complete(a, users, 2) && complete(b, users, 2) })
	}
	for _, s := range c.Servers {
		s.Kill()
		f.await("that it is felt", func() bool { _, err := a.PresenceCount(t.Context(), "/"); return err != nil })
		s.Restart()
		f.await("all users again", func() bool { return complete(a, users, 2) && complete(b, users, 2) })
	}
	for _, n := range []*testNode{a, b} {
		if news := n.news(); len(news) != 1 {
			t.Errorf("nodes: %v", news)
		}
		if ends := count(n, " offline"); ends != 0 {
			t.Errorf("%d users were told to be offline", ends)
		}
	}
}

// A node that closes while a part of the cluster hangs says what is left there, and another node clears it away.
func TestCloseWhileAMasterHangs(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3)
	f := &fabric{TB: t, addrs: c.Addrs}
	a, b := f.node(), f.node()
	const users = 100
	populate(f, users, a, b)
	slot, err := c.Servers[0].Do("CLUSTER", "KEYSLOT", a.keys.nodes()).AsInt64()
	if err != nil {
		t.Fatal(err)
	}
	hangs := c.Servers[(int(slot)*3/16384+1)%3] // not the one with the leases
	hangs.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), watchdog)
	defer cancel()
	var unclean *UncleanError
	if err := a.Close(ctx); !errors.As(err, &unclean) || unclean.Users == 0 || unclean.Users == users || unclean.Lease {
		t.Errorf("%v", err)
	}
	hangs.Resume()
	f.await("the other node", func() bool { return complete(b, users, 1) && len(b.news()) == 2 })
	for name := range scan(t, c.Servers...) {
		if strings.Contains(name, a.id) {
			t.Errorf("left: %s", name)
		}
	}
}

// When Sentinel puts the replica in the place of a dead master, everything goes on there, and nobody is told to have left.
func TestSentinelFailsOver(t *testing.T) {
	t.Parallel()
	s := redistest.StartSentinel(t)
	f := &fabric{TB: t, addrs: []string{s.Sentinel.Addr}, sentinel: rueidis.SentinelOption{
		MasterSet: s.MasterSet, TopologyRefreshInterval: time.Second,
	}}
	a, b := f.node(), f.node()
	const users = 150
	populate(f, users, a, b)
	s.Master.Kill()
	for i := range users {
		a.enter(fmt.Sprint("new", i), "c0")
		b.enter(fmt.Sprint("new", i), "c1")
	}
	f.await("all users", func() bool { return complete(a, 2*users, 2) && complete(b, 2*users, 2) })
	f.await("their news", func() bool { return count(a, " online") >= 2*users && count(b, " online") >= 2*users })
	for _, n := range []*testNode{a, b} {
		n.sure(t)
		if ends := count(n, " offline"); ends != 0 {
			t.Errorf("%d users were told to be offline", ends)
		}
	}
}

// The commands that Config names for an ACL are enough.
func TestACL(t *testing.T) {
	f, s := single(t)
	rules := []string{"ACL", "SETUSER", "limited", "on", ">secret", "resetkeys", "~test:*", "resetchannels", "-@all"}
	commands := "DEL EVAL EVALSHA EXISTS GET HDEL HEXISTS HGET HGETALL HINCRBY HKEYS HLEN HMGET HSCAN HSET PEXPIRE PTTL SADD SET " +
		"SISMEMBER SMEMBERS SREM TIME XADD XRANGE XREVRANGE ZADD ZCARD ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZREM ZREMRANGEBYSCORE ZSCORE " +
		"HELLO CLIENT PING CLUSTER" // these are of the connection
	for name := range strings.FieldsSeq(commands) {
		rules = append(rules, "+"+strings.ToLower(name))
	}
	s.Do(rules...)
	f.user = "limited"
	a, b := f.node(), f.node()
	populate(f, 50, a, b)
	if ok, err := a.PresenceSet(t.Context(), "/", "u1", []byte(`"x"`)); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	if nodes, err := a.Nodes(t.Context()); len(nodes) != 2 || err != nil {
		t.Errorf("%v, %v", nodes, err)
	}
	begin := time.Now()
	b.crash()
	f.await("the other's", func() bool { return complete(a, 50, 1) })
	f.await("a comparison", func() bool { return time.Since(begin) > 2*a.cfg.Reconcile })
	a.close()
	log, err := s.Do("ACL", "LOG").ToArray()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range log {
		fields, _ := line.AsStrMap()
		t.Errorf("refused: %v", fields)
	}
	f.user = ""
	c := f.node()
	f.await("nobody", func() bool { return c.count() == 0 })
}
