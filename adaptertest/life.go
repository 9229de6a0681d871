package adaptertest

import (
	"context"
	"errors"

	"github.com/realtime-go/realtime"
)

// lifeRules are about the beginning and the end of a node.
var lifeRules = []rule{
	{name: "StartHearsFromItsReturnOn", nodes: 2, run: startHears},
	{name: "StartFailsWhenItsContextHasEnded", nodes: 1, run: startEnded},
	{name: "StartOutlivesItsContext", nodes: 2, run: startOutlives},
	{name: "CallsBeforeStartFail", nodes: 1, run: callsBeforeStart},
	{name: "CallsAfterCloseFail", nodes: 1, run: callsAfterClose},
	{name: "CloseEndsCallsOfTheHandler", nodes: 2, run: closeEndsCalls},
	{name: "CloseEndsQuestions", nodes: 2, run: closeEndsQuestions},
}

// hears returns how many events of a name the node has heard. c.mu is held.
func (p *peer) hears(name string) (n int) {
	for _, m := range p.heard {
		if got, _ := event(m.Data); got == name {
			n++
		}
	}
	return n
}

func startHears(c *cluster) {
	var earlier []*peer
	for range c.size {
		p := c.newPeer()
		p.start()
		for _, other := range earlier {
			other.publish(other.event("", "hello"))
		}
		c.await("a node that has started hears one message of each other", func() bool { return p.hears("hello") == len(earlier) })
		c.look(func() { p.heard = nil })
		earlier = append(earlier, p)
	}
}

func startEnded(c *cluster) {
	others := c.peers(c.size-1, nil)
	p := c.newPeer()
	ctx, cancel := context.WithCancel(c.Context())
	cancel()
	var err error
	c.does("Start with a context that has ended", func() { err = p.adapter.Start(ctx, p.self, p) })
	if err == nil {
		c.Error("Start with a context that has ended: no error")
		return
	}
	p.start() // after a failure it may be tried again
	c.gather(append(adapters(others), p.adapter)...)
	c.connected(append(others, p), "")
}

func startOutlives(c *cluster) {
	others := c.peers(c.size-1, nil)
	p := c.newPeer()
	p.start() // cancels the context when Start has returned
	c.gather(append(adapters(others), p.adapter)...)
	all := append(others, p)
	c.fence(all, "")
	c.fence(all, "")
}

func adapters(peers []*peer) []realtime.Adapter {
	list := make([]realtime.Adapter, len(peers))
	for i, p := range peers {
		list[i] = p.adapter
	}
	return list
}

// calls makes every call that needs a live node, and returns their errors by name.
func (p *peer) calls() map[string]error {
	p.c.Helper()
	ctx, cancel := p.c.deadline()
	defer cancel()
	errs := map[string]error{}
	p.c.does("calls of a node that is not alive", func() {
		errs["Publish"] = p.adapter.Publish(ctx, p.event("", "hello"))
		_, errs["Ask"] = p.adapter.Ask(ctx, p.message(realtime.OpFetch), func(*realtime.Message) {})
		_, errs["Nodes"] = p.adapter.Nodes(ctx)
		errs["OpenNamespace"] = p.adapter.OpenNamespace(ctx, "/other")
		errs["CloseNamespace"] = p.adapter.CloseNamespace(ctx, "/other")
	})
	return errs
}

func callsBeforeStart(c *cluster) {
	others := c.peers(c.size-1, nil)
	p := c.newPeer()
	for call, err := range p.calls() {
		if err == nil {
			c.Errorf("%s before Start: no error", call)
		}
	}
	if interest, ok := p.adapter.(realtime.RoomInterest); ok {
		interest.RoomOpened("/", "early") // connections need not wait for the cluster
	}
	p.start()
	all := append(others, p)
	c.gather(adapters(all)...)
	c.joins(others, "early")
	c.connected(all, "early")
}

func callsAfterClose(c *cluster) {
	p := c.peers(c.size, nil)[0]
	if err := p.close(); err != nil {
		c.Errorf("Close: %v", err)
	}
	for call, err := range p.calls() {
		if err == nil {
			c.Errorf("%s after Close: no error", call)
		}
	}
	ctx, cancel := c.deadline()
	defer cancel()
	c.does("Start and Close after Close", func() {
		if err := p.adapter.Start(ctx, p.self, p); err == nil {
			c.Error("Start after Close: no error")
		}
		_ = p.adapter.Close(ctx) // that it returns is all that is asked
	})
}

func closeEndsCalls(c *cluster) {
	all := c.peers(c.size, nil)
	p, others := all[0], all[1:]
	c.joins(all, "x")
	traffic := func() {
		for _, other := range others {
			for range 50 {
				if err := other.adapter.Publish(c.Context(), other.event("x", "noise")); err != nil {
					c.Errorf("Publish of %s: %v", other.self.Name, err)
				}
			}
		}
	}
	wait := c.during("publishing", traffic)
	if err := p.close(); err != nil {
		c.Errorf("Close: %v", err)
	}
	wait()
	traffic()
	c.fence(others, "x")
	c.look(func() {
		if len(p.late) > 0 {
			c.Errorf("called after Close had returned: %v", p.late)
		}
	})
}

func closeEndsQuestions(c *cluster) {
	all := c.peers(c.size, func(*peer, *realtime.Message, func(*realtime.Message)) {}) // silent
	p := all[0]
	var err error
	wait := c.during("Ask of a node that closes", func() {
		_, err = p.adapter.Ask(context.WithoutCancel(c.Context()), p.message(realtime.OpFetch), func(*realtime.Message) {})
	})
	c.await("the others are asked", func() bool {
		for _, other := range all[1:] {
			if len(other.asked) == 0 {
				return false
			}
		}
		return true
	})
	if err := p.close(); err != nil {
		c.Errorf("Close: %v", err)
	}
	wait()
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		c.Errorf("Ask of a node that closed: %v, want an error of the adapter", err)
	}
}
