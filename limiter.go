package realtime

import (
	"sync"
	"time"
)

// limiter is a token bucket that lends: take always succeeds and says how long the caller has to wait
// for what it took. One is shared by the connections of a session, so that joining more namespaces buys
// no more events.
type limiter struct {
	mu     sync.Mutex
	events bucket
	bytes  bucket
}

// bucket holds tokens; rate is per second, 0 or less means unlimited.
type bucket struct {
	rate, burst float64
	tokens      float64
	last        time.Time
}

func newBucket(rate, burst int64, now time.Time) bucket {
	return bucket{rate: float64(rate), burst: float64(burst), tokens: float64(burst), last: now}
}

// take removes n tokens, which may leave a debt, and returns how long the debt lasts.
func (b *bucket) take(n float64, now time.Time) time.Duration {
	if b.rate <= 0 {
		return 0
	}
	if passed := now.Sub(b.last); passed > 0 {
		b.tokens = min(b.burst, b.tokens+passed.Seconds()*b.rate)
		b.last = now
	}
	b.tokens -= n
	if b.tokens >= 0 {
		return 0
	}
	return time.Duration(-b.tokens / b.rate * float64(time.Second))
}

// allow removes n tokens if they are there.
func (b *bucket) allow(n float64, now time.Time) bool {
	if b.take(n, now) > 0 {
		b.tokens += n
		return false
	}
	return true
}

// take accounts for one event of size bytes and returns how long it has to wait.
func (l *limiter) take(size int, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(l.events.take(1, now), l.bytes.take(float64(size), now))
}
