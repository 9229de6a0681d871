package workq

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
)

const (
	modelItems  = 6
	modelWeight = 20
)

// model is the naive queue: plain slices, no chunks, no sharing.
type model struct {
	queued  []modelItem
	waiting []modelItem
	closed  bool
	woken   int
}

type modelItem struct {
	item, weight int
	cancel       context.CancelFunc // of one who waits
	ended        <-chan outcome
}

func (d *model) weight() int {
	sum := 0
	for _, it := range d.queued {
		sum += it.weight
	}
	return sum
}

func (d *model) fits(n, weight int) bool {
	return len(d.queued)+n <= modelItems && (len(d.queued) == 0 || d.weight()+weight <= modelWeight)
}

func (d *model) push(items ...modelItem) {
	if len(d.queued) == 0 {
		d.woken++
	}
	d.queued = append(d.queued, items...)
}

// admit lets in who fits, and returns them.
func (d *model) admit() (in []modelItem) {
	for len(d.waiting) > 0 && d.fits(1, d.waiting[0].weight) {
		d.push(d.waiting[0])
		in = append(in, d.waiting[0])
		d.waiting = d.waiting[1:]
	}
	return in
}

func (d *model) take(maxWeight int) (batch []int) {
	sum := 0
	for len(d.queued) > 0 {
		sum += d.queued[0].weight
		if maxWeight > 0 && sum > maxWeight && len(batch) > 0 {
			break
		}
		batch = append(batch, d.queued[0].item)
		d.queued = d.queued[1:]
	}
	return batch
}

// TestQueueAgainstModel runs random operations, with callers that wait and give
// up, on a queue and on the model.
func TestQueueAgainstModel(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				playModel(t, rand.New(rand.NewPCG(seed, 5)))
			})
		})
	}
}

func playModel(t *testing.T, r *rand.Rand) {
	q := NewQueue[int](modelItems, modelWeight)
	d := new(model)
	woken := 0
	q.OnReady(func() { woken++ })
	for i := range 600 {
		ended, want := step(t, r, q, d, i)
		for _, it := range ended {
			expectEnded(t, want, it.ended)
			it.cancel()
		}
		for _, it := range d.waiting {
			expectWaiting(t, it.ended)
		}
		if items, weight := q.Len(); items != len(d.queued) || weight != int64(d.weight()) {
			t.Errorf("Len() = %d, %d, want %d, %d", items, weight, len(d.queued), d.weight())
		}
		if woken != d.woken {
			t.Errorf("woken %d times, want %d", woken, d.woken)
		}
		if len(d.queued) == 0 {
			checkEmpty(t, q)
		}
		if t.Failed() {
			t.Fatalf("after step %d", i)
		}
	}
	q.Close()
	for _, it := range d.waiting {
		expectEnded(t, ErrClosed, it.ended)
		it.cancel()
	}
}

// step does one operation on both and returns the calls of PushWait which must
// have ended by it, and how.
func step(t *testing.T, r *rand.Rand, q *Queue[int], d *model, i int) (ended []modelItem, how error) {
	weight := r.IntN(9)
	if r.IntN(20) == 0 {
		weight = 3 * modelWeight
	}
	switch op := r.IntN(20); {
	case op < 6:
		d.doPush(t, q, weight, 10*i, r.IntN(4))
	case op < 11 && !d.closed:
		d.doPushWait(t, q, weight, 10*i)
	case op < 16:
		most := r.IntN(2 * modelWeight)
		if got, want := q.Take(nil, most), d.take(most); !slices.Equal(got, want) {
			t.Errorf("Take(%d) = %v, want %v", most, got, want)
		}
		return d.admit(), nil
	case op < 18 && len(d.waiting) > 0:
		d.doCancel(t, r.IntN(len(d.waiting)))
		return d.admit(), nil
	case op == 18:
		var got []int
		q.DiscardFunc(func(item int) { got = append(got, item) })
		if want := d.take(0); !slices.Equal(got, want) {
			t.Errorf("DiscardFunc told %v, want %v", got, want)
		}
		return d.admit(), nil
	case op == 19 && i > 300 && r.IntN(10) == 0:
		return d.doClose(t, q, 10*i), ErrClosed
	}
	return nil, nil
}

// doPush pushes n items, numbered from first on.
func (d *model) doPush(t *testing.T, q *Queue[int], weight, first, n int) {
	items := make([]int, n)
	queued := make([]modelItem, n)
	for j := range items {
		items[j] = first + j
		share := weight / n
		if j == 0 {
			share = weight - share*(n-1)
		}
		queued[j] = modelItem{item: items[j], weight: share}
	}
	var want error
	switch {
	case d.closed:
		want = ErrClosed
	case n == 0:
	case len(d.waiting) > 0 || !d.fits(n, weight):
		want = ErrFull
	default:
		d.push(queued...)
	}
	if err := q.Push(weight, items...); !errors.Is(err, want) {
		t.Errorf("Push(%d, %v) = %v, want %v", weight, items, err, want)
	}
}

// doPushWait pushes an item, and leaves the caller waiting if it must.
func (d *model) doPushWait(t *testing.T, q *Queue[int], weight, item int) {
	ctx, cancel := context.WithCancel(t.Context())
	it := modelItem{item: item, weight: weight, cancel: cancel}
	it.ended = pushWait(ctx, q, weight, item)
	if len(d.waiting) > 0 || !d.fits(1, weight) {
		d.waiting = append(d.waiting, it)
		return
	}
	d.push(it)
	if o := <-it.ended; o.waited || o.err != nil {
		t.Errorf("PushWait ended with %+v", o)
	}
	cancel()
}

// doCancel lets one of those who wait give up.
func (d *model) doCancel(t *testing.T, at int) {
	it := d.waiting[at]
	it.cancel()
	d.waiting = slices.Delete(slices.Clone(d.waiting), at, at+1)
	expectEnded(t, context.Canceled, it.ended)
}

// doClose closes the queue with a last item and returns those who waited.
func (d *model) doClose(t *testing.T, q *Queue[int], last int) (ended []modelItem) {
	if first := q.Close(last); first == d.closed {
		t.Errorf("Close() = %v", first)
	}
	if d.closed {
		return nil
	}
	d.closed = true
	d.push(modelItem{item: last})
	ended, d.waiting = d.waiting, nil
	return ended
}
