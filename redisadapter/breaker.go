package redisadapter

import (
	"sync"
)

// maxFailures in a row open the breaker (requirement R65).
const maxFailures = 5

// breaker keeps calls away from a Redis that fails. Closed, it counts failures in a row;
// open, it refuses at once, until somebody finds that Redis answers again. All methods
// may be called concurrently.
type breaker struct {
	mu       sync.Mutex // guards what follows
	failures int
	cause    error // of the last failure; the breaker is open if there are enough
}

// allow is nil, or the error to refuse with.
func (b *breaker) allow() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < maxFailures {
		return nil
	}
	return unavailable(b.cause)
}

// failed counts a failure. opened is true for the one that opens the breaker.
func (b *breaker) failed(err error) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cause = err
	b.failures = min(b.failures+1, maxFailures+1)
	return b.failures == maxFailures
}

// succeeded closes the breaker.
func (b *breaker) succeeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.cause = 0, nil
}
