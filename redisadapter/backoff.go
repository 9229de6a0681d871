package redisadapter

import (
	"context"
	"math/rand/v2"
	"time"
)

// How long to wait between two attempts to subscribe (requirement R61), and between two
// looks of the open breaker at Redis (R65).
const (
	firstRetry, lastRetry = 50 * time.Millisecond, time.Second
	firstProbe, lastProbe = 250 * time.Millisecond, 2 * time.Second
)

// backoff doubles the time between attempts, with jitter so that the nodes of a cluster
// do not come back all at once. It belongs to one goroutine.
type backoff struct {
	next, last time.Duration
}

func newBackoff(first, last time.Duration) *backoff {
	return &backoff{next: first, last: last}
}

// delay returns the time to wait now: between half of the current step and all of it.
func (b *backoff) delay() time.Duration {
	d := b.next
	b.next = min(2*b.next, b.last)
	return d/2 + rand.N(d/2+1)
}

// wait waits for the next attempt, or for hurry, which may be nil. It is false when ctx
// has ended.
func (b *backoff) wait(ctx context.Context, hurry <-chan struct{}) bool {
	t := time.NewTimer(b.delay())
	defer t.Stop()
	select {
	case <-t.C:
	case <-hurry:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
