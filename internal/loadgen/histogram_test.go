package loadgen

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestQuantilesAreWithinOnePercentOfTheTrueOnes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var h Histogram
	var all []time.Duration
	for range 20_000 {
		d := time.Duration(1) << rnd.IntN(36)
		d += time.Duration(rnd.Int64N(int64(d)))
		h.Record(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.1, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[min(int(q*float64(len(all))), len(all)-1)]
		if got := h.Quantile(q); float64(got) < 0.99*float64(want) || float64(got) > 1.01*float64(want) {
			t.Errorf("quantile %g: %d, want %d", q, got, want)
		}
	}
	if h.Max() != all[len(all)-1] || h.Count() != 20_000 {
		t.Errorf("max %d, count %d", h.Max(), h.Count())
	}
}

func TestAHistogramTakesWhatIsOutOfRange(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 {
		t.Error("an empty one has a median")
	}
	h.Record(-time.Second)
	h.Record(1 << 62)
	if h.Quantile(0) != 0 || h.Max() != 1<<62 || h.Count() != 2 {
		t.Errorf("%d, %d, %d", h.Quantile(0), h.Max(), h.Count())
	}
}

func TestEveryValueIsInTheBucketThatEndsAtOrAboveIt(t *testing.T) {
	for v := uint64(0); v < 1<<40; v += 1 + v/50 {
		i := bucket(v)
		if upper(i) < v || i > 0 && upper(i-1) >= v {
			t.Fatalf("%d is in bucket %d, which ends at %d and begins after %d", v, i, upper(i), upper(i-1))
		}
	}
}
