package load

import (
	"math/bits"
	"time"
)

// Histogram counts durations in buckets of about 1.5 % width. The zero value is empty.
type Histogram struct {
	counts [64 << perOctave]uint64
	n      uint64
}

// perOctave is how many bits of a duration below its highest one are kept.
const perOctave = 6

// Add counts one duration; one that is negative counts as 0.
func (h *Histogram) Add(d time.Duration) {
	h.counts[bucket(uint64(max(d, 0)))]++
	h.n++
}

// Count is how many were counted.
func (h *Histogram) Count() uint64 { return h.n }

// Quantile returns the duration that the share q of all do not exceed, 0 if there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	want := uint64(q * float64(h.n))
	seen := uint64(0)
	for i, c := range h.counts {
		if seen += c; c > 0 && seen >= want {
			return time.Duration(upper(i))
		}
	}
	return 0
}

func bucket(v uint64) int {
	octave := bits.Len64(v >> perOctave)
	if octave == 0 {
		return int(v)
	}
	return octave<<perOctave + int(v>>(octave-1))&(1<<perOctave-1)
}

// upper is the largest value of a bucket.
func upper(i int) uint64 {
	octave, low := i>>perOctave, uint64(i&(1<<perOctave-1))
	if octave == 0 {
		return low
	}
	return (1<<perOctave+low+1)<<(octave-1) - 1
}
