package loadgen

import (
	"math/bits"
	"time"
)

const (
	subBits  = 7 // buckets of a power of two: 128, so a value is off by less than 1 %
	topBit   = 40
	nBuckets = (topBit - subBits + 1) << subBits
)

// Histogram counts durations in buckets whose width grows with the value: within 1 %, up to 18 minutes, in a fixed 34 KB.
// The zero value is empty. It may not be used from several goroutines at once.
type Histogram struct {
	counts [nBuckets]uint64
	n      uint64
	max    time.Duration
}

// Record counts one duration. A negative one counts as 0, one that is too long as the longest.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))]++
	h.n++
	h.max = max(h.max, d)
}

// Count is how many durations were recorded.
func (h *Histogram) Count() uint64 { return h.n }

// Max is the longest of them, exactly.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile is the duration that the share q of all, from 0 to 1, does not exceed; 0 if there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := uint64(q * float64(h.n))
	var seen uint64
	for i, n := range h.counts {
		if seen += n; n > 0 && seen > rank || seen == h.n {
			return min(time.Duration(upper(i)), h.max)
		}
	}
	return h.max
}

// Reset empties the histogram.
func (h *Histogram) Reset() { *h = Histogram{} }

// bucket is exact below 128 ns; above, the position of the highest bit and the seven bits after it.
func bucket(v uint64) int {
	if v < 1<<subBits {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return min(shift<<subBits+int(v>>shift), nBuckets-1)
}

// upper is the greatest value of a bucket.
func upper(i int) uint64 {
	if i < 1<<subBits {
		return uint64(i)
	}
	shift := i>>subBits - 1
	return (uint64(i-shift<<subBits)+1)<<shift - 1
}
