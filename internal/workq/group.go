package workq

import (
	"context"
	"sync"
	"sync/atomic"
)

// Group counts goroutines so that a shutdown can join them. The zero value is
// ready for use; a Group must not be copied. All methods may be called
// concurrently, and unlike with sync.WaitGroup that includes Go during Wait.
type Group struct {
	n atomic.Int64

	mu   sync.Mutex
	zero chan struct{} // made by Wait, closed when n is found to be zero
}

// Go runs f on a goroutine of its own and counts it until f has returned.
func (g *Group) Go(f func()) {
	g.add()
	// Owner: the caller of Go, joined by Wait. It ends when f returns.
	go func() {
		defer g.done()
		f()
	}()
}

// Wait waits until the count is zero, or returns context.Cause(ctx) when ctx
// ends first. Goroutines may be added meanwhile; they are waited for too.
func (g *Group) Wait(ctx context.Context) error {
	g.mu.Lock()
	if g.n.Load() == 0 {
		g.mu.Unlock()
		return nil
	}
	if g.zero == nil {
		g.zero = make(chan struct{})
	}
	zero := g.zero
	g.mu.Unlock()
	select {
	case <-zero:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Len returns the number of goroutines that are running.
func (g *Group) Len() int {
	return int(g.n.Load())
}

func (g *Group) add() {
	g.n.Add(1)
}

// done is lock-free but for the last goroutine.
func (g *Group) done() {
	if g.n.Add(-1) > 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	// Another goroutine may have been added since: then somebody may have begun
	// to wait for that one, and its own done comes here later.
	if g.zero != nil && g.n.Load() == 0 {
		close(g.zero)
		g.zero = nil
	}
}
