package adaptertest

import (
	"fmt"

	"github.com/realtime-go/realtime"
)

// raceRules let everything happen at the same time. They say most under the race detector.
var raceRules = []rule{
	{name: "ConcurrentUse", nodes: 1, run: concurrentUse},
	{name: "ConcurrentClose", nodes: 1, needs: []Ability{NodeList}, run: concurrentClose},
}

// everything makes each call of a node, and returns the first error.
func (p *peer) everything(i int) error {
	ctx, cancel := p.c.deadline()
	defer cancel()
	name := fmt.Sprintf("/n-%d", i%3)
	m := p.message(realtime.OpServerSideAck)
	m.Data = array("who")
	if interest, ok := p.adapter.(realtime.RoomInterest); ok {
		interest.RoomOpened("/", name)
		defer interest.RoomClosed("/", name)
	}
	if err := p.adapter.OpenNamespace(ctx, name); err != nil {
		return fmt.Errorf("OpenNamespace: %w", err)
	}
	if err := p.adapter.Publish(ctx, p.event("x", "n", p.self.Name, i)); err != nil {
		return fmt.Errorf("Publish: %w", err)
	}
	if _, err := p.adapter.Ask(ctx, m, func(*realtime.Message) {}); err != nil {
		return fmt.Errorf("Ask: %w", err)
	}
	if _, err := p.adapter.Nodes(ctx); err != nil {
		return fmt.Errorf("Nodes: %w", err)
	}
	if err := p.adapter.CloseNamespace(ctx, name); err != nil {
		return fmt.Errorf("CloseNamespace: %w", err)
	}
	return nil
}

func concurrentUse(c *cluster) {
	const workers, rounds = 3, 20
	all := c.peers(c.size, nil)
	c.joins(all, "x")
	c.hearing(all, func(p *peer, _ *realtime.Message) { _, _ = p.adapter.Nodes(c.Context()) })
	var waits []func()
	for _, p := range all {
		for range workers {
			waits = append(waits, c.during("calls at the same time", func() {
				for i := range rounds {
					if err := p.everything(i); err != nil {
						c.Errorf("%s: %v", p.self.Name, err)
					}
				}
			}))
		}
	}
	for _, wait := range waits {
		wait()
	}
	for _, p := range all {
		want := (c.size - 1) * workers * rounds
		c.await(fmt.Sprintf("%s hears %d messages", p.self.Name, want), func() bool { return p.hears("n") >= want })
		c.look(func() {
			if got := p.hears("n"); got != want {
				c.Errorf("%s hears %d messages, want %d", p.self.Name, got, want)
			}
		})
	}
}

// concurrentClose closes every node while the others, and it itself, are busy.
func concurrentClose(c *cluster) {
	all := c.peers(c.size, nil)
	var waits []func()
	for _, p := range all {
		waits = append(waits, c.during("calls during Close", func() {
			for i := 0; p.everything(i) == nil; i++ { // until the node is closed
			}
		}))
	}
	for _, p := range all {
		c.await("everybody is busy", func() bool { return c.size == 1 || len(p.asked) > 0 })
	}
	for _, p := range all {
		waits = append(waits, c.during("Close while busy", func() {
			if err := p.close(); err != nil {
				c.Errorf("Close of %s: %v", p.self.Name, err)
			}
		}))
	}
	for _, wait := range waits {
		wait()
	}
}
