package workq

import "sync"

const (
	// chunkLen is the number of items in one chunk. With items of one pointer a
	// chunk is 256 bytes, which is a size class of the allocator.
	chunkLen = 15
	// maxPooledBatch bounds the batch slices that are kept for reuse, so that a
	// single burst does not pin a large slice in the pool.
	maxPooledBatch = 1024
)

// entry is one queued item and its share of the weight.
type entry[T any] struct {
	item   T
	weight int
}

// chunk is a link of a queue's buffer; items[lo:hi] are queued. Chunks instead
// of one growing slice keep memory proportional to what is queued, also in the
// pool, and never copy.
type chunk[T any] struct {
	items  [chunkLen]entry[T]
	next   *chunk[T]
	lo, hi int32
}

// batch is a reusable slice for Worker.
type batch[T any] struct{ items []T }

// pool recycles the buffers of all queues of one item type. It may be used
// concurrently.
type pool[T any] struct {
	chunks  sync.Pool
	batches sync.Pool
}

// pools maps a nil *T to the *pool[T] of the process: the language has no
// generic package variables, and a pool in each queue would be memory per idle
// connection and reuse nothing between connections.
var pools sync.Map

// poolFor returns the pool that all queues of T share.
func poolFor[T any]() *pool[T] {
	key := any((*T)(nil))
	p, ok := pools.Load(key)
	if !ok {
		p, _ = pools.LoadOrStore(key, new(pool[T]))
	}
	return p.(*pool[T])
}

func (p *pool[T]) chunk() *chunk[T] {
	if c, ok := p.chunks.Get().(*chunk[T]); ok {
		return c
	}
	return new(chunk[T])
}

// putChunk takes back a chunk whose items have been zeroed.
func (p *pool[T]) putChunk(c *chunk[T]) {
	c.next, c.lo, c.hi = nil, 0, 0
	p.chunks.Put(c)
}

func (p *pool[T]) batch() *batch[T] {
	if b, ok := p.batches.Get().(*batch[T]); ok {
		return b
	}
	return new(batch[T])
}

// putBatch takes back a batch whose items have been zeroed.
func (p *pool[T]) putBatch(b *batch[T]) {
	if cap(b.items) <= maxPooledBatch {
		b.items = b.items[:0]
		p.batches.Put(b)
	}
}
