package engine

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/realtime-go/realtime/internal/workq"
)

// maxBatch is how much one write carries at most, in bytes of queue weight. A
// larger message is written alone.
const maxBatch = 64 << 10

// batchSizes are the classes of buffers that batches are copied into. They are
// pooled, and apart, because a slow client holds its buffer until its write ends.
var (
	batchSizes   = [...]int{4 << 10, 16 << 10, maxBatch}
	batchBuffers [len(batchSizes)]sync.Pool
)

// newSweepers returns who writes to websockets: as many as can run at a time.
func newSweepers(g *workq.Group, delay time.Duration) []*workq.Sweeper[*Message] {
	list := make([]*workq.Sweeper[*Message], runtime.GOMAXPROCS(0))
	for i := range list {
		list[i] = workq.NewSweeper[*Message](g, delay)
	}
	return list
}

// startWriter makes the wire the consumer of its session's queue.
func (c *wire) startWriter() {
	s := c.session
	try := c.try
	if c.direct = newDirect(c.Conn); c.direct == nil {
		try = nil
	}
	list := s.srv.sweepers
	sweeper := list[s.srv.swept.Add(1)%uint32(len(list))] //nolint:gosec // a few
	c.worker = sweeper.Drain(&s.queue, maxBatch, try, c.run)
}

// try writes one batch as far as the kernel takes it at once, and tells whether that is
// all of it. The rest is for run. A write that fails is made again by run, which learns
// the error then.
func (c *wire) try(batch []*Message) bool {
	batch = c.session.claim(batch)
	for len(batch) > 0 && !c.broken {
		out := c.gather(batch)
		batch = batch[out.taken:]
		if n := c.direct.write(out.frames); n < len(out.frames) {
			c.unsent = &unsent{out, n, slices.Clone(batch)}
			return false
		}
		c.written(&out, nil)
	}
	c.session.srv.budget.releaseAll(batch)
	return true
}

// unsent is what try leaves to run.
type unsent struct {
	out   output
	sent  int        // bytes of out
	after []*Message // the rest of the batch, which the budget still counts
}

// run writes what try has left, and one batch, and waits for a client that does not take
// it at once. The worker calls one of the two at a time.
func (c *wire) run(batch []*Message) {
	if u := c.unsent; u != nil {
		c.unsent = nil
		c.finishWrite(&u.out, u.sent)
		c.writeAll(u.after)
	}
	c.writeAll(c.session.claim(batch))
}

func (c *wire) writeAll(batch []*Message) {
	for len(batch) > 0 && !c.broken {
		out := c.gather(batch)
		batch = batch[out.taken:]
		c.finishWrite(&out, 0)
	}
	c.session.srv.budget.releaseAll(batch)
}

// finishWrite writes what follows the bytes that are sent.
func (c *wire) finishWrite(out *output, sent int) {
	c.written(out, c.write(out.frames[sent:]))
}

// written notes the end of a write.
func (c *wire) written(out *output, err error) {
	out.done(&c.session.srv.budget)
	if err != nil {
		c.fail(err)
	} else if out.last {
		c.noteFlushed()
	}
}

// frames is a message as this client gets it.
func (c *wire) frames(m *Message) []byte {
	if c.deflates() && !m.plain && m.kind == dataMessage && len(m.frames) >= c.session.srv.opts.CompressionThreshold {
		return m.compressed()
	}
	return m.websocket(c.base64)
}

// output is what one write carries.
type output struct {
	frames []byte
	taken  int      // messages of the batch
	alone  *Message // whose frames these are
	copied *[]byte  // pooled, for frames that were copied
	class  int      // of the pool
	last   bool     // the close frame is among them
}

// gather puts the first messages of a batch into one buffer: the number of writes
// decides the cost of a broadcast, copying hardly counts. A message that does not fit
// with others goes alone. What was copied is released, but a large buffer counts
// against the budget while it is written: it may belong to a client that does not
// read. The messages count as sent.
func (c *wire) gather(batch []*Message) output {
	out := c.join(batch)
	c.session.countSent(batch[:out.taken])
	out.last = batch[out.taken-1].kind == finalMessage
	return out
}

// join is gather without the books.
func (c *wire) join(batch []*Message) output {
	first := c.frames(batch[0])
	if len(batch) == 1 || len(first) > maxBatch {
		return output{frames: first, taken: 1, alone: batch[0]}
	}
	size, n := 0, 0
	for _, m := range batch {
		more := len(c.frames(m))
		if size+more > maxBatch {
			break
		}
		size += more
		n++
	}
	out := output{taken: n}
	for out.class < len(batchSizes)-1 && batchSizes[out.class] < size {
		out.class++
	}
	out.copied, _ = batchBuffers[out.class].Get().(*[]byte)
	if out.copied == nil {
		buf := make([]byte, 0, batchSizes[out.class])
		out.copied = &buf
	}
	b := &c.session.srv.budget
	buf := (*out.copied)[:0]
	for _, m := range batch[:n] {
		buf = append(buf, c.frames(m)...)
		b.release(m)
	}
	if out.class > 0 {
		b.add(int64(cap(buf)))
	}
	out.frames = buf
	return out
}

// done gives back what the write has held.
func (o *output) done(b *budget) {
	if o.copied == nil {
		b.release(o.alone)
		return
	}
	if o.class > 0 {
		b.used.Add(-int64(cap(o.frames)))
	}
	*o.copied = o.frames[:0]
	batchBuffers[o.class].Put(o.copied)
}

// extendDeadline gives the next write at least three quarters of the write timeout
// and never more than that (requirement R23): moving a deadline costs a tenth of a
// small write, so it is moved only when a quarter of it is gone.
func (c *wire) extendDeadline() {
	timeout := c.session.srv.opts.WriteTimeout
	c.mu.Lock()
	defer c.mu.Unlock()
	// Under the lock, so that the deadline of stop, which is the last, stands.
	if now := time.Now(); !c.stopping && c.writeBy.Sub(now) < timeout*3/4 {
		c.writeBy = now.Add(timeout)
		_ = c.Conn.SetWriteDeadline(c.writeBy)
	}
}

// write writes whole frames at once, with a deadline. Only the worker and who has no
// worker may write to an established websocket.
func (c *wire) write(frames []byte) error {
	c.extendDeadline()
	_, err := c.Conn.Write(frames)
	return err
}

// fail ends the session after a failed write. It is never retried: a frame may be
// torn.
func (c *wire) fail(err error) {
	c.broken = true
	cause := because(ErrTransportError, "write", err)
	if isTimeout(err) {
		cause = because(ErrSlowConsumer, "a write took longer than "+c.session.srv.opts.WriteTimeout.String(), err)
	}
	if !c.session.finish(cause, endCut) {
		c.cut() // it was ending: then it ends now
	}
	c.noteFlushed()
}

// noteFlushed shortens the wait of a reader that has nothing more to wait for
// than the client's answer.
func (c *wire) noteFlushed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flushed = true
	if c.draining {
		_ = c.Conn.SetReadDeadline(time.Now().Add(closeWait))
	}
}
