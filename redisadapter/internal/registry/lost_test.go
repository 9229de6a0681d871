//go:build unix

package registry

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

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

// When somebody was told to be offline although another node, which is cut off, has a connection of that user too, its
// coming back is told: only who was not told to be away comes back in silence.
func TestComingBackAfterTheDataWasLost(t *testing.T) {
	f, s := single(t)
	a, b := f.node(), f.node()
	a.enter("ann", "1")
	f.awaitHeard("ann online")
	b.enter("ann", "2")
	f.await("two", func() bool { return len(a.conns("ann")) == 2 })
	b.cable.Cut()
	s.Do("FLUSHALL")
	a.exit("ann", "1")
	f.await("an end", func() bool { return count(a, "ann offline") == 1 })
	b.cable.Mend()
	f.await("ann again", func() bool { return len(a.conns("ann")) == 1 })
	f.await("the news", func() bool { return count(a, "ann online") == 2 && count(b, "ann online") == 2 })
	b.exit("ann", "2")
	f.await("the second end", func() bool { return count(a, "ann offline") == 2 && count(b, "ann offline") == 2 })
	a.sure(t)
	b.sure(t)
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

// When the data is lost and the clock of the new Redis is behind, changes are told as before.
func TestDataLostAndClockBehind(t *testing.T) {
	f, s := single(t)
	a, b := f.node(), f.node()
	a.enter("ann", "1")
	f.awaitHeard("ann online")
	log := a.keys.log(whoOf("/", "ann").shard())
	birth := a.keys.birth(whoOf("/", "ann").shard())
	begin := time.Now()
	f.await("that the birth is known", func() bool { return time.Since(begin) > 3*a.cfg.Beat })
	s.Do("EVAL", `redis.call('DEL', KEYS[1])
		redis.call('SET', KEYS[2], '1.000000', 'PX', 60000)
		redis.call('XADD', KEYS[1], '5000-0', 'ns', '/', 'user', 'ann', 'on', '0', 'at', 5000, 'by', 'x')
		redis.call('XADD', KEYS[1], '5001-0', 'ns', '/', 'user', 'ann', 'on', '1', 'at', 5001, 'by', 'x')
		redis.call('PEXPIRE', KEYS[1], 60000)
		return 1`, "2", log, birth)
	a.exit("ann", "1")
	f.await("the end", func() bool { return len(a.heard()) == 5 && len(b.heard()) == 5 })
	for _, n := range []*testNode{a, b} {
		if got := n.heard(); !slices.Equal(got, []string{"ann online", "gap", "ann offline", "ann online", "ann offline"}) {
			t.Errorf("%q", got)
		}
	}
}
