package engine

import (
	"context"
	"sync"
)

// requests counts the goroutines of net/http that are inside ServeHTTP, so that
// Shutdown can wait for the answers they are writing. The zero value is ready.
type requests struct {
	mu   sync.Mutex
	n    int
	zero chan struct{} // made by wait, closed when n becomes zero
}

func (q *requests) enter() {
	q.mu.Lock()
	q.n++
	q.mu.Unlock()
}

func (q *requests) leave() {
	q.mu.Lock()
	q.n--
	if q.n == 0 && q.zero != nil {
		close(q.zero)
		q.zero = nil
	}
	q.mu.Unlock()
}

// wait waits until nobody is inside, or returns the cause of ctx's end.
func (q *requests) wait(ctx context.Context) error {
	q.mu.Lock()
	if q.n == 0 {
		q.mu.Unlock()
		return nil
	}
	if q.zero == nil {
		q.zero = make(chan struct{})
	}
	zero := q.zero
	q.mu.Unlock()
	select {
	case <-zero:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
