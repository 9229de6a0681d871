//go:build unix

package registry

import (
	"slices"

	"github.com/realtime-go/realtime"
)

type told struct {
	realtime.PresenceChange
	decided bool
}

type rivalry struct {
	entry realtime.PresenceEntry
	conns []string
}

func (n *testNode) OnNode(node realtime.Node, up bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	verb := "down "
	if up {
		verb = "up "
	}
	n.nodes = append(n.nodes, verb+node.ID)
}

func (n *testNode) OnPresence(change realtime.PresenceChange, decided bool) {
	n.mu.Lock()
	also := n.also
	if also == nil {
		n.changes = append(n.changes, told{change, decided})
	}
	n.mu.Unlock()
	if also != nil {
		also()
	}
}

func (n *testNode) OnRivals(e realtime.PresenceEntry, conns []realtime.PresenceConn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := rivalry{entry: e}
	for _, c := range conns {
		r.conns = append(r.conns, c.ID)
	}
	n.rivals = append(n.rivals, r)
}

// heard returns the changes as "user online", "user offline" and "gap".
func (n *testNode) heard() (lines []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.changes {
		switch {
		case c.Gap:
			lines = append(lines, "gap")
		case c.Online:
			lines = append(lines, c.User+" online")
		default:
			lines = append(lines, c.User+" offline")
		}
	}
	return lines
}

// decisions counts the changes that the node has decided.
func (n *testNode) decisions() (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.changes {
		if c.decided {
			count++
		}
	}
	return count
}

func (n *testNode) news() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.nodes)
}

// awaitHeard waits until every node has heard exactly this.
func (f *fabric) awaitHeard(want ...string) {
	f.Helper()
	f.mu.Lock()
	nodes := slices.Clone(f.nodes)
	f.mu.Unlock()
	for _, n := range nodes {
		f.await("the news", func() bool { return len(n.heard()) >= len(want) })
		if got := n.heard(); !slices.Equal(got, want) {
			f.Errorf("%s has heard %q, want %q", n.id[:4], got, want)
		}
	}
}
