package workq

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group
		if err := g.Wait(t.Context()); err != nil {
			t.Errorf("Wait without goroutines = %v", err)
		}
		gate := make(chan struct{})
		g.Go(func() { <-gate })
		g.Go(func() { <-gate })
		if n := g.Len(); n != 2 {
			t.Errorf("Len() = %d, want 2", n)
		}
		cause := errors.New("too long")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer cancel()
		if err := g.Wait(ctx); !errors.Is(err, cause) {
			t.Errorf("Wait = %v, want %v", err, cause)
		}
		var waiters Group
		for range 3 {
			waiters.Go(func() {
				if err := g.Wait(t.Context()); err != nil {
					t.Errorf("Wait = %v", err)
				}
			})
		}
		synctest.Wait()
		gate <- struct{}{}
		synctest.Wait()
		if n := waiters.Len(); n != 3 {
			t.Errorf("%d of 3 wait while one goroutine is left", n)
		}
		g.Go(func() { <-gate }) // during Wait
		gate <- struct{}{}
		synctest.Wait()
		if n := waiters.Len(); n != 3 {
			t.Errorf("%d of 3 wait while a later goroutine is left", n)
		}
		gate <- struct{}{}
		synctest.Wait()
		if g.Len() != 0 || waiters.Len() != 0 {
			t.Errorf("%d goroutines and %d waiters are left", g.Len(), waiters.Len())
		}
		if err := g.Wait(ctx); err != nil {
			t.Errorf("Wait without goroutines and without time = %v", err)
		}
	})
}

// TestGroupGoDuringWait starts and ends goroutines while others wait. A Wait must
// not return while the goroutines that were there before it run, and must return
// in the end.
func TestGroupGoDuringWait(t *testing.T) {
	const waiters, rounds = 4, 20_000
	var (
		g  Group
		wg sync.WaitGroup
	)
	for range waiters {
		wg.Go(func() { // owner: this test; ends after its rounds
			for range rounds {
				var ended atomic.Bool
				g.Go(func() { ended.Store(true) })
				if err := g.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				if !ended.Load() {
					t.Error("Wait returned before the end of a goroutine started earlier")
				}
			}
		})
	}
	wg.Wait()
	if n := g.Len(); n != 0 {
		t.Errorf("Len() = %d in the end", n)
	}
}
