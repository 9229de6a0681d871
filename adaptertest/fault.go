package adaptertest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// faultRules are about nodes that lose their link to the bus.
var faultRules = []rule{
	{name: "SeveredNodeIsDown", nodes: 2, needs: []Ability{Sever}, run: severedIsDown},
	{name: "SeveredNodeServesItsClients", nodes: 2, needs: []Ability{Sever}, run: severedServes},
	{name: "LossLiesInAGap", nodes: 2, needs: []Ability{Sever}, run: lossInGap},
}

// status waits until a node was told a state after the first n, and returns how many it has been told by then.
func (p *peer) status(n int, want ...realtime.AdapterStatus) int {
	p.c.Helper()
	p.c.await(fmt.Sprintf("%s is told that the bus is %v", p.self.Name, want), func() bool {
		return slices.ContainsFunc(p.states[min(n, len(p.states)):], func(s realtime.AdapterState) bool { return slices.Contains(want, s.Status) })
	})
	p.c.look(func() { n = len(p.states) })
	return n
}

func severedIsDown(c *cluster) {
	all := c.peers(c.size, nil)
	c.joins(all, "x")
	node, bus := all[0], c.severer()
	for range 2 {
		var before int
		c.look(func() { before = len(node.states) })
		bus.Sever(node.adapter)
		now := node.status(before, realtime.AdapterDown)
		c.look(func() {
			for _, s := range node.states[before:now] {
				if s.Status == realtime.AdapterDown && s.Err == nil {
					c.Error("AdapterDown without an error that says why")
				}
			}
		})
		bus.Mend(node.adapter)
		node.status(now, realtime.AdapterUp, realtime.AdapterGap)
		c.connected(all, "x")
		c.connected(all, "")
	}
	c.gather(adapters(all)...)
}

// severedServes emits on a node without a bus. Whether the adapter returns an error is its own affair.
func severedServes(c *cluster) {
	servers := c.servers(nil)
	crowd := c.crowd(servers)
	s, bus := servers[0], c.severer()
	bus.Sever(s.adapter)
	c.await("the server is told that the bus is down", func() bool {
		return slices.ContainsFunc(s.states, func(st realtime.AdapterState) bool { return st.Status == realtime.AdapterDown })
	})
	if h := s.Health(); h.Status != realtime.HealthDegraded {
		c.Errorf("health %+v, want degraded", h)
	}
	for i := range 10 {
		c.does("Emit without a bus", func() { _ = s.To("x").Emit(c.Context(), "n", i) })
		for _, k := range those(crowd, func(k *client) bool { return k.server == s && k.in("x") }) {
			if got := realtimetest.Expect[int](k.Client, "n"); got != i {
				c.Errorf("%s got %d, want %d", k.user, got, i)
			}
		}
	}
	bus.Mend(s.adapter)
	for _, room := range []string{"x", "y"} {
		c.reconnected(servers, crowd, room)
	}
	if h := s.Health(); h.Status != realtime.HealthOK {
		c.Errorf("health %+v, want ok", h)
	}
}

// reconnected waits until what each server sends to a room arrives again.
func (c *cluster) reconnected(servers []*server, crowd []*client, room string) {
	c.Helper()
	for _, s := range servers {
		id := c.unique("probe")
		ok := c.retried(func() bool {
			_ = s.To(room).Emit(c.Context(), "probe", id) // what counts is that one arrives
			return c.within(retry, func() bool {
				return !slices.ContainsFunc(crowd, func(k *client) bool { return k.in(room) && !k.probes[id] })
			})
		})
		if !ok {
			c.Fatalf("what %s sends to room %s does not arrive again within %v", s.name, room, c.factory.Watchdog)
		}
	}
}

// shot is one message of lossInGap.
type shot struct {
	from          *peer
	n             int
	before, after time.Time // of Publish
}

// lossInGap sends before, during and after a time without a link, in both directions, and looks for a gap
// around everything that was accepted and did not arrive.
func lossInGap(c *cluster) {
	all := c.peers(c.size, nil)
	c.joins(all, "x")
	node, bus := all[0], c.severer()
	var shots []shot
	n := 0
	fire := func() {
		for range 20 {
			for _, p := range all {
				n++
				before := time.Now()
				var err error
				c.does("Publish", func() { err = p.adapter.Publish(c.Context(), p.event("x", "shot", n)) })
				if err == nil { // otherwise the message was not sent, and the caller knows
					shots = append(shots, shot{p, n, before, time.Now()})
				}
			}
		}
	}
	fire()
	c.fence(all, "x") // nothing is on its way, so all that is missing is missing because of the fault
	bus.Sever(node.adapter)
	fire() // before anybody has noticed
	node.status(0, realtime.AdapterDown)
	fire()
	bus.Mend(node.adapter)
	c.connected(all, "x")
	fire()
	c.fence(all, "x")
	for _, p := range all {
		c.missed(p, shots)
	}
}

// missed fails the test unless each shot of another node has been heard, once and in order, or lies in a gap
// that the receiver or the publisher was told of.
func (c *cluster) missed(p *peer, shots []shot) {
	c.Helper()
	got := map[int]bool{}
	from := map[int]*peer{}
	for _, s := range shots {
		from[s.n] = s.from
	}
	last := map[*peer]int{}
	c.look(func() {
		for _, m := range p.heard {
			name, args := event(m.Data)
			var n int
			if name != "shot" || len(args) != 1 {
				continue
			}
			if _, err := fmt.Sscan(string(args[0]), &n); err != nil {
				c.Errorf("heard %s", m.Data)
			}
			if from[n] == nil {
				c.Errorf("%s heard number %d, which Publish had refused", p.self.Name, n)
			}
			if prev, ok := last[from[n]]; ok && n <= prev {
				c.Errorf("%s heard number %d after number %d of the same node", p.self.Name, n, prev)
			}
			got[n] = true
			last[from[n]] = n
		}
	})
	lost := map[*peer][]shot{}
	for _, s := range shots {
		if s.from != p && !got[s.n] {
			lost[s.from] = append(lost[s.from], s)
		}
	}
	for from, list := range lost {
		if err := c.inGaps(p, from, list); err != nil {
			c.Errorf("of %s %s has missed %d messages: %v", from.self.Name, p.self.Name, len(list), err)
		}
	}
}

// inGaps waits for gaps around the lost messages of one node, and returns what is wrong with them otherwise.
func (c *cluster) inGaps(p, from *peer, lost []shot) error {
	var gaps []realtime.Gap
	covered := func(s shot) bool {
		return slices.ContainsFunc(gaps, func(g realtime.Gap) bool {
			return (g.From.IsZero() || !g.From.After(s.after)) && (g.To.IsZero() || !g.To.Before(s.before))
		})
	}
	enough := func() bool {
		gaps = append(gapsOf(p, from), gapsOf(from, from)...)
		sum := 0
		for _, g := range gaps {
			if g.Count < 0 {
				return !slices.ContainsFunc(lost, func(s shot) bool { return !covered(s) })
			}
			sum += g.Count
		}
		return sum >= len(lost) && !slices.ContainsFunc(lost, func(s shot) bool { return !covered(s) })
	}
	if !c.within(c.factory.Watchdog, enough) {
		if len(gaps) == 0 {
			return errors.New("no gap was told")
		}
		return fmt.Errorf("the gaps that were told do not hold all of them: %+v", gaps)
	}
	return nil
}

// gapsOf returns the gaps that a node was told of in which a message of from about room x of "/" can lie. c.mu
// is held.
func gapsOf(p, from *peer) (gaps []realtime.Gap) {
	for _, s := range p.states {
		if s.Status != realtime.AdapterGap || s.Gap == nil {
			continue
		}
		g := *s.Gap
		if (g.Node == "" || g.Node == from.self.ID) && (g.Namespace == "" || g.Namespace == "/") && (g.Room == "" || g.Room == "x") {
			gaps = append(gaps, g)
		}
	}
	return gaps
}
