package adaptertest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-go/realtime"
)

// mistakesOfLife are about the beginning and the end.
var mistakesOfLife = []mistake{
	{"misses the first message", func(a *tampered) realtime.Adapter {
		missed := false // of the one goroutine that delivers
		return losing(func(*tampered, *realtime.Message) bool {
			first := !missed
			missed = true
			return first
		})(a)
	}, map[string]string{"StartHearsFromItsReturnOn": "hears one message of each other"}},
	{"starts whatever its context says", func(a *tampered) realtime.Adapter {
		a.start = func(next startFunc, ctx context.Context, self realtime.Node, h realtime.AdapterHandler) error {
			return next(context.WithoutCancel(ctx), self, h)
		}
		return a
	}, map[string]string{"StartFailsWhenItsContextHasEnded": "no error"}},
	{"ends with the context of Start", func(a *tampered) realtime.Adapter {
		a.start = func(next startFunc, ctx context.Context, self realtime.Node, h realtime.AdapterHandler) error {
			context.AfterFunc(ctx, func() { _ = a.real.Close(context.WithoutCancel(ctx)) })
			return next(ctx, self, h)
		}
		return a
	}, map[string]string{"StartOutlivesItsContext": ""}},
	{"accepts calls at any time", func(a *tampered) realtime.Adapter {
		a.publish = func(next publishFunc, ctx context.Context, m *realtime.Message) error {
			_ = next(ctx, m)
			return nil
		}
		return a
	}, map[string]string{"CallsBeforeStartFail": "Publish before Start: no error", "CallsAfterCloseFail": "Publish after Close: no error"}},
	{"goes on after Close", func(a *tampered) realtime.Adapter {
		a.close = func(closeFunc, context.Context) error { return nil }
		return a
	}, map[string]string{
		"CloseEndsCallsOfTheHandler": "called after Close", "CloseEndsQuestions": "has not returned", "CallsAfterCloseFail": "no error",
		"NodeThatLeavesIsGone": "is gone: not within", "NodeComesBack": "want 3 nodes",
	}},
	{"cannot close while it asks", func(a *tampered) realtime.Adapter {
		var asking atomic.Int32
		a.ask = func(next askFunc, ctx context.Context, m *realtime.Message, reply replyFunc) (int, error) {
			asking.Add(1) // for good: it has asked
			return next(ctx, m, reply)
		}
		a.close = func(next closeFunc, ctx context.Context) error {
			if err := next(ctx); err != nil || asking.Load() > 0 {
				return errors.New("busy")
			}
			return nil
		}
		return a
	}, map[string]string{"ConcurrentClose": "busy", "CloseEndsQuestions": "busy"}},
}

// mistakesOfNodes are about who is there.
var mistakesOfNodes = []mistake{
	{"does not list itself", func(a *tampered) realtime.Adapter {
		a.nodes = func(next nodesFunc, ctx context.Context) ([]realtime.Node, error) {
			nodes, err := next(ctx)
			return slices.DeleteFunc(nodes, func(n realtime.Node) bool { return n.ID == a.self.ID }), err
		}
		return a
	}, map[string]string{"NodesAreListed": "want 3 nodes"}},
	{"forgets names", func(a *tampered) realtime.Adapter {
		a.nodes = func(next nodesFunc, ctx context.Context) ([]realtime.Node, error) {
			nodes, err := next(ctx)
			for i := range nodes {
				nodes[i].Name = ""
			}
			return nodes, err
		}
		return a
	}, map[string]string{"NodesAreListed": "does not list"}},
	{"does not tell of nodes", func(a *tampered) realtime.Adapter {
		a.news = func(realtime.AdapterHandler, realtime.Node, bool) {}
		return a
	}, map[string]string{"NodesAreAnnounced": "is here: not within"}},
	{"never tells of a dead node", func(a *tampered) realtime.Adapter {
		a.news = func(h realtime.AdapterHandler, n realtime.Node, up bool) {
			if up {
				h.OnNode(n, up)
			}
		}
		return a
	}, map[string]string{"NodeThatDiesIsGone": "is gone: not within", "NodeThatLeavesIsGone": "is gone: not within"}},
	{"tells of nodes twice", func(a *tampered) realtime.Adapter {
		a.news = func(h realtime.AdapterHandler, n realtime.Node, up bool) {
			h.OnNode(n, up)
			h.OnNode(n, up)
		}
		return a
	}, map[string]string{"NodesAreAnnounced": "2 times", "NodeThatDiesIsGone": "2 times", "NodeThatLeavesIsGone": "2 times"}},
	{"tells of itself", func(a *tampered) realtime.Adapter {
		a.news = func(h realtime.AdapterHandler, n realtime.Node, up bool) {
			h.OnNode(n, up)
			h.OnNode(a.self, up)
		}
		return a
	}, map[string]string{"NodesAreAnnounced": "told of itself"}},
	{"waits for the dead", func(a *tampered) realtime.Adapter {
		a.ask = func(next askFunc, ctx context.Context, m *realtime.Message, reply replyFunc) (int, error) {
			before, err := a.real.Nodes(ctx)
			if err != nil {
				return 0, err
			}
			n, err := next(ctx, m, reply)
			if err == nil && n < len(before)-1 {
				<-ctx.Done()
				return len(before) - 1, context.Cause(ctx)
			}
			return n, err
		}
		return a
	}, map[string]string{"DeadNodeIsNotWaitedFor": "deadline exceeded"}},
	{"takes a restarted node for the dead one", func(a *tampered) realtime.Adapter {
		ids, dead := map[string]string{}, map[string]bool{} // of the one goroutine that delivers
		a.news = func(h realtime.AdapterHandler, n realtime.Node, up bool) {
			if id, known := ids[n.Name]; known && id != n.ID {
				dead[n.ID] = true
			}
			ids[n.Name] = n.ID
			h.OnNode(n, up)
		}
		return losing(func(_ *tampered, m *realtime.Message) bool { return dead[m.Node] })(a)
	}, map[string]string{"NodeComesBack": "a last message of each node"}},
}

// mistakesOfFaults are about a broken link.
var mistakesOfFaults = []mistake{
	{"does not tell that it is down", func(a *tampered) realtime.Adapter {
		a.state = func(h realtime.AdapterHandler, s realtime.AdapterState) {
			if s.Status != realtime.AdapterDown {
				h.OnState(s)
			}
		}
		return a
	}, map[string]string{"SeveredNodeIsDown": "[down]: not within", "SeveredNodeServesItsClients": "is down: not within"}},
	{"does not say why it is down", func(a *tampered) realtime.Adapter {
		a.state = func(h realtime.AdapterHandler, s realtime.AdapterState) {
			s.Err = nil
			h.OnState(s)
		}
		return a
	}, map[string]string{"SeveredNodeIsDown": "without an error"}},
	{"does not tell that it is up again", func(a *tampered) realtime.Adapter {
		a.state = func(h realtime.AdapterHandler, s realtime.AdapterState) {
			if s.Status == realtime.AdapterDown {
				h.OnState(s)
			}
		}
		return a
	}, map[string]string{"SeveredNodeIsDown": "[up gap]: not within", "SeveredNodeServesItsClients": "want ok"}},
	{"keeps local clients waiting", func(a *tampered) realtime.Adapter {
		var mu sync.Mutex
		down := false
		a.state = func(h realtime.AdapterHandler, s realtime.AdapterState) {
			mu.Lock()
			down = s.Status == realtime.AdapterDown
			mu.Unlock()
			h.OnState(s)
		}
		a.publish = func(next publishFunc, ctx context.Context, m *realtime.Message) error {
			mu.Lock()
			wait := down
			mu.Unlock()
			if wait {
				<-ctx.Done() // for the network
				return context.Cause(ctx)
			}
			return next(ctx, m)
		}
		return a
	}, map[string]string{"SeveredNodeServesItsClients": "has not returned", "LossLiesInAGap": "has not returned"}},
	{"does not tell of gaps", func(a *tampered) realtime.Adapter {
		a.state = func(h realtime.AdapterHandler, s realtime.AdapterState) {
			if s.Status != realtime.AdapterGap {
				h.OnState(s)
			}
		}
		return a
	}, map[string]string{"LossLiesInAGap": "no gap was told"}},
	{"tells of too small gaps", gaps(func(g *realtime.Gap) { g.Count-- }), map[string]string{"LossLiesInAGap": "do not hold all of them"}},
	{"tells of gaps at another time", gaps(func(g *realtime.Gap) { g.To = g.From.Add(-time.Hour) }), map[string]string{
		"LossLiesInAGap": "do not hold all of them",
	}},
	{"sends what it has refused", func(a *tampered) realtime.Adapter {
		a.publish = func(next publishFunc, ctx context.Context, m *realtime.Message) error {
			if name, args := event(m.Data); name == "shot" && len(args[0]) == 1 && args[0][0] == '7' {
				return errors.Join(next(ctx, m), errors.New("refused"))
			}
			return next(ctx, m)
		}
		return a
	}, map[string]string{"LossLiesInAGap": "which Publish had refused"}},
	{"tells of gaps of another room", gaps(func(g *realtime.Gap) { g.Room = "y" }), map[string]string{"LossLiesInAGap": "no gap was told"}},
}

// gaps makes an adapter that changes the gaps that it tells of.
func gaps(change func(g *realtime.Gap)) func(a *tampered) realtime.Adapter {
	return func(a *tampered) realtime.Adapter {
		a.state = func(h realtime.AdapterHandler, s realtime.AdapterState) {
			if s.Gap != nil {
				g := *s.Gap
				change(&g)
				s.Gap = &g
			}
			h.OnState(s)
		}
		return a
	}
}
