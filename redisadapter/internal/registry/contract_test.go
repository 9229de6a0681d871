//go:build unix

package registry

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
)

// Two devices of a user on two nodes are one user, whose coming and going is decided once.
func TestTwoDevicesAreOneUser(t *testing.T) {
	f, _ := single(t)
	a, b := f.node(), f.node()
	phone := a.enter("ann", "1")
	f.awaitHeard("ann online")
	desk := b.enter("ann", "2")
	f.await("both devices", func() bool { return len(b.user("ann").Conns) == 2 })
	got := a.user("ann")
	if since := got.Since; time.Since(since) > watchdog || time.Until(since) > watchdog {
		t.Errorf("online since %v", since)
	}
	got.Since = time.Time{}
	want := realtime.UserPresence{UserID: "ann", Online: true, Conns: []realtime.PresenceConn{phone.Conn, desk.Conn}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	a.exit("ann", "1")
	f.await("one device", func() bool { return len(a.user("ann").Conns) == 1 })
	b.exit("ann", "2")
	f.await("the grace", func() bool { return len(a.user("ann").Conns) == 0 })
	f.awaitHeard("ann online", "ann offline")
	if u := a.user("ann"); u.Online || u.Seen.IsZero() || !u.Since.IsZero() {
		t.Errorf("afterwards: %+v", u)
	}
	if n := a.decisions() + b.decisions(); n != 2 {
		t.Errorf("%d decisions, want 2", n)
	}
	if a.count() != 0 {
		t.Error("somebody is there")
	}
}

// Whoever comes back within the grace was never away, wherever that is, and keeps what was attached.
func TestComingBackWithinTheGrace(t *testing.T) {
	f, _ := single(t)
	a, b := f.node(), f.node()
	long := func(n *testNode, conn string) realtime.PresenceEntry {
		e := n.entry("ann", conn)
		e.Grace = time.Hour
		return e
	}
	a.PresenceEnter(long(a, "1"))
	f.awaitHeard("ann online")
	since := a.user("ann").Since
	if ok, err := b.PresenceSet(t.Context(), "/", "ann", json.RawMessage(`{"in":"game"}`)); !ok || err != nil {
		t.Fatalf("attach: %v, %v", ok, err)
	}
	for i := range 5 {
		from, to := a, b
		if i%2 == 1 {
			from, to = b, a
		}
		from.PresenceExit(long(from, fmt.Sprint(i+1)))
		f.await("the grace", func() bool { return len(a.conns("ann")) == 0 })
		if u := to.user("ann"); !u.Online || u.Seen.Before(since) {
			t.Errorf("during the grace: %+v", u)
		}
		to.PresenceEnter(long(to, fmt.Sprint(i+2)))
		f.await("a connection", func() bool { return len(a.conns("ann")) == 1 })
	}
	u := a.user("ann")
	if !u.Since.Equal(since) || string(u.Meta) != `{"in":"game"}` || !u.Seen.IsZero() {
		t.Errorf("%+v", u)
	}
	last := b.entry("ann", "6")
	last.Grace = 0
	b.PresenceEnter(last)
	b.PresenceExit(last)
	f.awaitHeard("ann online", "ann offline")
	if ok, err := a.PresenceSet(t.Context(), "/", "ann", json.RawMessage(`1`)); ok || err != nil {
		t.Errorf("attach to a user who is offline: %v, %v", ok, err)
	}
	if u := a.user("ann"); u.Meta != nil {
		t.Errorf("the value did not go with the user: %s", u.Meta)
	}
}

// A grace survives the node that began it.
func TestGraceOutlivesItsNode(t *testing.T) {
	f, _ := single(t)
	a, b := f.node(), f.node()
	a.enter("ann", "1")
	f.awaitHeard("ann online")
	a.exit("ann", "1")
	f.await("the grace", func() bool { return len(b.conns("ann")) == 0 })
	a.crash()
	f.awaitHeard("ann online", "ann offline")
	if b.decisions() != 1 {
		t.Error("the other node has not decided")
	}
}

// Once a connection is there, the handler hears of all that its user has, the oldest first, whatever their nodes' clocks
// say.
func TestRivals(t *testing.T) {
	f, _ := single(t)
	a, b := f.node(), f.node()
	e := a.entry("ann", "z")
	e.Conn.Connected = time.Now().Add(time.Hour)
	a.PresenceEnter(e)
	f.awaitHeard("ann online")
	b.enter("ann", "m")
	f.await("two", func() bool { return len(b.conns("ann")) == 2 })
	a.enter("ann", "a")
	rivals := func(n *testNode) (list []string) {
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, r := range n.rivals {
			list = append(list, r.entry.Conn.ID+": "+strings.Join(r.conns, " "))
		}
		return list
	}
	f.await("rivals", func() bool { return len(rivals(a)) == 2 && len(rivals(b)) == 1 })
	if diff := cmp.Diff([]string{"z: z", "a: z m a"}, rivals(a)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"m: z m"}, rivals(b)); diff != "" {
		t.Error(diff)
	}
}

// What is entered again replaces its row, and is no second connection.
func TestRowIsReplaced(t *testing.T) {
	f, _ := single(t)
	a := f.node()
	e := a.enter("ann", "1")
	f.awaitHeard("ann online")
	e.Conn.Login = "other"
	a.PresenceEnter(e)
	f.await("the row", func() bool { return a.user("ann").Conns[0].Login == "other" })
	if ids := a.conns("ann"); len(ids) != 1 {
		t.Errorf("%v", ids)
	}
	a.exit("ann", "1")
	f.awaitHeard("ann online", "ann offline")
}

// Every node tells of the same changes in the same order for each user, and each is decided by one.
func TestAllNodesHearTheSame(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		t.Run(fmt.Sprint("announcements lost: ", deaf), func(t *testing.T) {
			f, _ := single(t)
			f.deaf = deaf
			nodes := []*testNode{f.node(), f.node(), f.node()}
			const users, rounds = 20, 10
			for range rounds {
				for u := range users {
					for i, n := range nodes {
						e := n.entry(fmt.Sprint("u", u), fmt.Sprint("c", i))
						e.Grace = 0
						n.PresenceEnter(e)
						if (u+i)%2 == 0 {
							n.PresenceExit(e)
						}
					}
				}
				f.await("all here", func() bool { return nodes[0].count() == users }) // each has stayed on a node
				for u := range users {
					for i, n := range nodes {
						e := n.entry(fmt.Sprint("u", u), fmt.Sprint("c", i))
						e.Grace = 0
						n.PresenceExit(e)
					}
				}
				f.await("all gone", func() bool {
					for _, n := range nodes {
						if items, _ := n.ledger.waiting(); items > 0 {
							return false
						}
					}
					return nodes[0].count() == 0
				})
			}
			f.await("the end", func() bool {
				return len(nodes[0].heard()) == len(nodes[1].heard()) && len(nodes[1].heard()) == len(nodes[2].heard()) &&
					len(nodes[0].heard())%2 == 0 && len(nodes[0].heard()) >= 2*users*rounds
			})
			byUser := func(n *testNode) map[string][]string {
				lines := map[string][]string{}
				for _, line := range n.heard() {
					user, verb, _ := strings.Cut(line, " ")
					lines[user] = append(lines[user], verb)
				}
				return lines
			}
			want := byUser(nodes[0])
			decided := 0
			for _, n := range nodes {
				if diff := cmp.Diff(want, byUser(n)); diff != "" {
					t.Error(diff)
				}
				decided += n.decisions()
			}
			if decided != len(nodes[0].heard()) {
				t.Errorf("%d decisions of %d changes", decided, len(nodes[0].heard()))
			}
			for user, verbs := range want {
				for i, verb := range verbs {
					if (verb == "online") != (i%2 == 0) {
						t.Fatalf("%s: %v", user, verbs)
					}
				}
			}
		})
	}
}

// Nodes hear of each other, and list each other in one read.
func TestNodesComeAndGo(t *testing.T) {
	f, _ := single(t)
	a := f.node()
	b := f.node(func(c *Config) { c.Self.Meta = map[string]string{"zone": "east"} })
	f.await("a greeting", func() bool { return len(a.news()) == 1 && len(b.news()) == 1 })
	c := f.node()
	f.await("greetings", func() bool { return len(a.news()) == 2 && len(b.news()) == 2 && len(c.news()) == 2 })
	nodes, err := a.Nodes(t.Context())
	if err != nil || len(nodes) != 3 {
		t.Fatalf("%v, %v", nodes, err)
	}
	for i, n := range []*testNode{a, b, c} {
		if diff := cmp.Diff(n.cfg.Self, nodes[i], cmp.Comparer(time.Time.Equal)); diff != "" {
			t.Error(diff)
		}
	}
	b.close()
	f.await("a goodbye", func() bool { return len(a.news()) == 3 && len(c.news()) == 3 })
	c.crash()
	f.await("a death", func() bool { return len(a.news()) == 4 })
	want := []string{"up " + b.id, "up " + c.id, "down " + b.id, "down " + c.id}
	if diff := cmp.Diff(want, a.news()); diff != "" {
		t.Error(diff)
	}
}
