package realtime

import (
	"context"
	"time"
)

// admission bounds the authentications in progress.
type admission struct {
	slots chan struct{}
	wait  time.Duration
}

// enter takes a place; it is false if none became free in time.
func (a *admission) enter(ctx context.Context) bool {
	if a.try() {
		return true
	}
	t := time.NewTimer(a.wait)
	defer t.Stop()
	select {
	case a.slots <- struct{}{}:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}

// try takes a place if one is free now.
func (a *admission) try() bool {
	select {
	case a.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

func (a *admission) exit() { <-a.slots }
