package adaptertest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
)

// retry is how often the kit looks again at what no event tells of.
const retry = 20 * time.Millisecond

// cluster is what one rule works with: a bus, and the servers or bare peers that the rule starts on it.
type cluster struct {
	testing.TB
	factory *Factory
	bus     Bus
	size    int
	started int // nodes
	serial  int // of unique

	mu      sync.Mutex    // guards everything that handlers note
	changed chan struct{} // closed and replaced with every note

	reports sync.Mutex // held while the test is told something
	over    bool       // the test has ended
}

func newCluster(t testing.TB, f *Factory, size int) *cluster {
	c := &cluster{TB: t, factory: f, size: size, changed: make(chan struct{})}
	t.Cleanup(func() { // the first, so it runs last
		c.reports.Lock()
		defer c.reports.Unlock()
		c.over = true
	})
	c.bus = f.NewBus(t)
	return c
}

// Errorf fails the test, unless it has ended: a call of the adapter that has hung may return at any time.
func (c *cluster) Errorf(format string, args ...any) {
	c.Helper()
	c.reports.Lock()
	defer c.reports.Unlock()
	if !c.over {
		c.TB.Errorf(format, args...)
	}
}

// Error is Errorf without a format.
func (c *cluster) Error(args ...any) {
	c.Helper()
	c.Errorf("%s", fmt.Sprint(args...))
}

// Write makes the cluster the destination of logs, under the same condition.
func (c *cluster) Write(line []byte) (int, error) {
	c.reports.Lock()
	defer c.reports.Unlock()
	if c.over {
		return len(line), nil
	}
	return c.Output().Write(line)
}

// has reports whether the adapter does not lack an ability.
func (c *cluster) has(a Ability) bool { return !c.factory.lacks(a) }

// deadline returns a context for one call that must end by itself.
func (c *cluster) deadline() (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.Context(), c.factory.Watchdog)
}

// nodeName returns the name of the next node.
func (c *cluster) nodeName() string {
	c.started++
	return fmt.Sprintf("node-%d", c.started)
}

// unique returns a text that no other call has returned.
func (c *cluster) unique(what string) string {
	c.serial++
	return fmt.Sprintf("%s %d", what, c.serial)
}

// note changes what await looks at.
func (c *cluster) note(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	close(c.changed)
	c.changed = make(chan struct{})
}

// look reads what handlers have noted.
func (c *cluster) look(read func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	read()
}

// within waits until cond, which runs under c.mu, is true, but no longer than d.
func (c *cluster) within(d time.Duration, cond func() bool) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		c.mu.Lock()
		ok, changed := cond(), c.changed
		c.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-timer.C:
			return false
		}
	}
}

// await fails the test unless cond, which runs under c.mu, becomes true.
func (c *cluster) await(what string, cond func() bool) {
	c.Helper()
	if !c.within(c.factory.Watchdog, cond) {
		c.Fatalf("%s: not within %v", what, c.factory.Watchdog)
	}
}

// retried calls try again and again until it is true, and reports whether it became so. It is for what comes
// about in time without an event that tells of it.
func (c *cluster) retried(try func() bool) bool {
	ctx, cancel := c.deadline()
	defer cancel()
	for !try() {
		if ctx.Err() != nil {
			return false
		}
		c.within(retry, func() bool { return false })
	}
	return true
}

// gather waits until every node lists as many nodes as there are.
func (c *cluster) gather(adapters ...realtime.Adapter) {
	c.Helper()
	if !c.has(NodeList) {
		return
	}
	for i, a := range adapters {
		c.lists(fmt.Sprintf("node %d of %d", i+1, len(adapters)), a, len(adapters))
	}
}

// lists waits until an adapter lists a number of nodes.
func (c *cluster) lists(who string, a realtime.Adapter, want int) {
	c.Helper()
	var last string
	ok := c.retried(func() bool {
		nodes, err := a.Nodes(c.Context())
		last = fmt.Sprintf("%d nodes, %v", len(nodes), err)
		return err == nil && len(nodes) == want
	})
	if !ok {
		c.Fatalf("Nodes of %s: %s; want %d nodes", who, last, want)
	}
}

// does runs a call that must not take for ever on a goroutine of its own, and fails the test if it does.
func (c *cluster) does(what string, call func()) {
	c.Helper()
	done := make(chan struct{})
	go func() { // owned by this call; ends when call returns, which is what is tested
		defer close(done)
		call()
	}()
	select {
	case <-done:
	case <-time.After(c.factory.Watchdog):
		c.Fatalf("%s: has not returned within %v", what, c.factory.Watchdog)
	}
}

// during runs call on a goroutine and returns a function that waits for its end.
func (c *cluster) during(what string, call func()) (wait func()) {
	done := make(chan struct{})
	go func() { // owned by the rule, which waits for it
		defer close(done)
		call()
	}()
	return func() {
		c.Helper()
		select {
		case <-done:
		case <-time.After(c.factory.Watchdog):
			c.Fatalf("%s: has not returned within %v", what, c.factory.Watchdog)
		}
	}
}

// crash lets a node die.
func (c *cluster) crash(a realtime.Adapter) {
	c.Helper()
	bus, ok := c.bus.(Crasher)
	if !ok {
		c.Fatal("the bus does not implement Crasher, and Lacks does not say so")
	}
	bus.Crash(a)
}

// severer returns the bus as one that cuts links.
func (c *cluster) severer() Severer {
	c.Helper()
	bus, ok := c.bus.(Severer)
	if !ok {
		c.Fatal("the bus does not implement Severer, and Lacks does not say so")
	}
	return bus
}
