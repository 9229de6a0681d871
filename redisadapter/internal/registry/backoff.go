package registry

import (
	"math/rand/v2"
	"time"
)

// How long to wait after a call that failed (requirement R61).
const firstRetry, lastRetry = 50 * time.Millisecond, time.Second

// backoff doubles the time between attempts, with jitter so that nodes do not come back all at once. The zero value
// is ready for use; it belongs to one goroutine.
type backoff struct{ step time.Duration }

// next returns between half of the current step and all of it.
func (b *backoff) next() time.Duration {
	b.step = min(max(2*b.step, firstRetry), lastRetry)
	return b.step/2 + rand.N(b.step/2+1)
}

func (b *backoff) reset() { b.step = 0 }
