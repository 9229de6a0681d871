package engine

import (
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

// startWriter makes the wire the consumer of its session's queue.
func (c *wire) startWriter() {
	s := c.session
	c.worker = workq.DrainDelayed(&s.queue, &s.srv.group, maxBatch, s.srv.opts.FlushDelay, c.run)
}

// run writes one batch. The worker calls it, one batch at a time.
func (c *wire) run(batch []*Message) {
	b := &c.session.srv.budget
	batch = c.session.claim(batch)
	if c.broken || len(batch) == 0 {
		b.releaseAll(batch)
		return
	}
	var err error
	if len(batch) == 1 {
		err = c.write(batch[0].websocket(c.base64))
		b.release(batch[0])
	} else {
		err = c.writeCopied(batch)
	}
	last := batch[len(batch)-1].kind == finalMessage
	if err != nil {
		c.fail(err)
	} else if last {
		c.noteFlushed()
	}
}

// writeCopied puts the messages into one buffer and writes that: the number of
// writes decides the cost of a broadcast, copying hardly counts. A message that
// does not fit with others goes alone.
func (c *wire) writeCopied(batch []*Message) error {
	b := &c.session.srv.budget
	size := 0
	for _, m := range batch {
		size += len(m.websocket(c.base64))
	}
	class := 0
	for class < len(batchSizes)-1 && batchSizes[class] < size {
		class++
	}
	p, _ := batchBuffers[class].Get().(*[]byte)
	if p == nil {
		buf := make([]byte, 0, batchSizes[class])
		p = &buf
	}
	buf := (*p)[:0]
	defer func() {
		*p = buf[:0]
		batchBuffers[class].Put(p)
	}()
	for i, m := range batch {
		frames := m.websocket(c.base64)
		if len(buf)+len(frames) > cap(buf) {
			if err := c.flush(buf); err != nil {
				b.releaseAll(batch[i:])
				return err
			}
			buf = buf[:0]
		}
		if len(frames) > cap(buf) {
			err := c.write(frames)
			b.release(m)
			if err != nil {
				b.releaseAll(batch[i+1:])
				return err
			}
			continue
		}
		buf = append(buf, frames...)
		b.release(m)
	}
	return c.flush(buf)
}

// flush writes a buffer of copies. A large one counts against the budget while it
// is written: it may belong to a client that does not read.
func (c *wire) flush(buf []byte) error {
	if len(buf) == 0 {
		return nil
	}
	if cap(buf) > batchSizes[0] {
		b := &c.session.srv.budget
		b.add(int64(cap(buf)))
		defer b.used.Add(-int64(cap(buf)))
	}
	return c.write(buf)
}

// write is the only place that writes to an established websocket: whole frames,
// in one Write, with a deadline of at least three quarters of the write timeout
// and never more than that (requirement R23): moving a deadline costs a tenth of a
// small write, so it is moved only when a quarter of it is gone.
func (c *wire) write(frames []byte) error {
	timeout := c.session.srv.opts.WriteTimeout
	c.mu.Lock()
	// Under the lock, so that the deadline of stop, which is the last, stands.
	if now := time.Now(); !c.stopping && c.writeBy.Sub(now) < timeout*3/4 {
		c.writeBy = now.Add(timeout)
		_ = c.Conn.SetWriteDeadline(c.writeBy)
	}
	c.mu.Unlock()
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
