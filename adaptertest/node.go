package adaptertest

import (
	"context"
	"slices"

	"github.com/realtime-go/realtime"
)

// nodeRules are about who is there.
var nodeRules = []rule{
	{name: "NodesAreListed", nodes: 1, needs: []Ability{NodeList}, run: nodesListed},
	{name: "NodesAreAnnounced", nodes: 1, needs: []Ability{NodeList}, run: nodesAnnounced},
	{name: "NodeThatLeavesIsGone", nodes: 2, needs: []Ability{NodeList}, run: nodeLeaves},
	{name: "NodeThatDiesIsGone", nodes: 2, needs: []Ability{NodeList, Crash}, run: nodeDies},
	{name: "DeadNodeIsNotWaitedFor", nodes: 2, needs: []Ability{NodeList, Crash}, run: deadNotWaitedFor},
	{name: "NodeComesBack", nodes: 2, run: nodeComesBack},
}

func nodesListed(c *cluster) {
	servers := c.servers(nil)
	for _, s := range servers {
		nodes, err := s.Nodes(c.Context())
		if err != nil || len(nodes) != c.size {
			c.Errorf("%s lists %v, %v; want %d nodes", s.name, nodes, err, c.size)
		}
		for _, other := range servers {
			if !slices.ContainsFunc(nodes, func(n realtime.Node) bool { return n.ID == other.id() && n.Name == other.name }) {
				c.Errorf("%s does not list %s (%s): %v", s.name, other.name, other.id(), nodes)
			}
		}
	}
}

// told counts what a node was told of another one.
func told(news []nodeNews, id string, up bool) (n int) {
	for _, x := range news {
		if x.node.ID == id && x.up == up {
			n++
		}
	}
	return n
}

// announced waits until each node was told of a coming or going of another, and then makes one more node come
// and go, behind which a second telling would be seen.
func (c *cluster) announced(peers []*peer, of *peer, up bool) {
	c.Helper()
	what := map[bool]string{true: "here", false: "gone"}[up]
	for _, p := range peers {
		if p != of {
			c.await(p.self.Name+" is told that "+of.self.Name+" is "+what, func() bool { return told(p.nodes, of.self.ID, up) > 0 })
		}
	}
}

// once fails the test if a node was told of another more often than once.
func (c *cluster) once(peers []*peer, of *peer, up bool) {
	c.Helper()
	c.look(func() {
		for _, p := range peers {
			if n := told(p.nodes, of.self.ID, up); p != of && n != 1 {
				c.Errorf("%s was told %d times of %s (up: %t), want once", p.self.Name, n, of.self.Name, up)
			}
			if told(p.nodes, p.self.ID, up) > 0 {
				c.Errorf("%s was told of itself", p.self.Name)
			}
		}
	})
}

// passerBy starts one more node and closes it: what the others were told of earlier nodes they were told before.
func (c *cluster) passerBy(others []*peer) {
	c.Helper()
	p := c.newPeer()
	p.onAsk = p.answer
	p.start()
	c.announced(others, p, true)
	if err := p.close(); err != nil {
		c.Errorf("Close: %v", err)
	}
	c.announced(others, p, false)
	c.once(others, p, true)
	c.once(others, p, false)
}

func nodesAnnounced(c *cluster) {
	all := c.peers(c.size, nil)
	for _, p := range all {
		c.announced(all, p, true)
	}
	c.passerBy(all)
	for _, p := range all {
		c.once(all, p, true)
	}
}

// gone fails the test unless a node is gone for the others: announced once, not listed, not asked.
func (c *cluster) gone(node *peer, others []*peer) {
	c.Helper()
	c.announced(others, node, false)
	for _, p := range others {
		c.lists(p.self.Name, p.adapter, len(others))
		m := p.message(realtime.OpServerSideAck)
		m.Data = array("who")
		answers := 0
		if expected := p.ask(m, func(*realtime.Message) { answers++ }); expected != len(others)-1 || answers != expected {
			c.Errorf("after %s has gone %s expects %d nodes and gets %d answers, want %d", node.self.Name, p.self.Name, expected, answers, len(others)-1)
		}
	}
	c.passerBy(others)
	c.once(others, node, false)
}

func nodeLeaves(c *cluster) {
	all := c.peers(c.size, nil)
	node, others := all[0], all[1:]
	if err := node.close(); err != nil {
		c.Errorf("Close: %v", err)
	}
	c.gone(node, others)
}

func nodeDies(c *cluster) {
	all := c.peers(c.size, nil)
	node, others := all[0], all[1:]
	c.crash(node.adapter)
	c.gone(node, others)
}

// deadNotWaitedFor lets a node die that has been asked and has not answered, or not in full.
func deadNotWaitedFor(c *cluster) {
	const promised = 3
	victim := "" // guarded by c.mu
	all := c.peers(c.size, func(p *peer, m *realtime.Message, reply func(*realtime.Message)) {
		dying := false
		c.look(func() { dying = p.self.Name == victim })
		switch {
		case !dying:
			p.answer(m, reply)
		case m.Op == realtime.OpBroadcastAck:
			reply(p.count(m, promised))
		}
	})
	asker, node := all[0], all[len(all)-1]
	c.look(func() { victim = node.self.Name })
	answers := make([]int, 2)
	var waits []func()
	for i, op := range []realtime.Op{realtime.OpFetch, realtime.OpBroadcastAck} {
		m := asker.message(op)
		if op == realtime.OpBroadcastAck {
			m.Data, m.Timeout = array("who"), c.factory.Watchdog
		}
		waits = append(waits, c.during("a question to a node that dies", func() {
			ctx, cancel := context.WithTimeout(c.Context(), c.factory.Watchdog/2) // ends well before the kit gives up
			defer cancel()
			expected, err := asker.adapter.Ask(ctx, m, func(r *realtime.Message) {
				if r.Count != promised {
					answers[i]++
				}
			})
			if expected != c.size-2 || err != nil {
				c.Errorf("%d nodes expected, %v; want %d: a dead one is not", expected, err, c.size-2)
			}
		}))
	}
	c.await("the node that dies is asked", func() bool { return len(node.asked) == 2 })
	c.crash(node.adapter)
	for i, wait := range waits {
		wait()
		if answers[i] != c.size-2 {
			c.Errorf("%d answers of living nodes, want %d", answers[i], c.size-2)
		}
	}
}

// nodeComesBack replaces a node by one of the same name, as a restart does.
func nodeComesBack(c *cluster) {
	all := c.peers(c.size, nil)
	for range 2 {
		last := all[len(all)-1]
		if err := last.close(); err != nil {
			c.Errorf("Close: %v", err)
		}
		next := c.newPeer()
		next.self.Name = last.self.Name
		next.onAsk = next.answer
		next.start()
		all[len(all)-1] = next
		c.gather(adapters(all)...)
		c.joins(all, "x")
		c.fence(all, "x")
		c.fence(all, "")
		for _, p := range all {
			m := p.message(realtime.OpServerSideAck)
			m.Data = array("who")
			if expected := p.ask(m, func(*realtime.Message) {}); expected != c.size-1 {
				c.Errorf("%d nodes expected, want %d", expected, c.size-1)
			}
		}
	}
}
