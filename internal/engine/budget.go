package engine

import (
	"cmp"
	"slices"
	"sync/atomic"
)

// budget counts the bytes that the process holds for clients: queued messages,
// each once however many queues hold it, copies that are being written, and
// partly received packets (requirement R44). All methods may be called
// concurrently.
type budget struct {
	limit int64
	over  func() // called when an addition leads above the limit; must not block
	used  atomic.Int64
}

// hold counts m if this is the first queue that takes it.
func (b *budget) hold(m *Message) {
	if m.counted() && m.refs.Add(1) == 1 {
		b.add(int64(len(m.frames)))
	}
}

// release undoes one hold.
func (b *budget) release(m *Message) {
	if m.counted() && m.refs.Add(-1) == 0 {
		b.used.Add(-int64(len(m.frames)))
	}
}

func (b *budget) releaseAll(batch []*Message) {
	for _, m := range batch {
		b.release(m)
	}
}

func (b *budget) add(n int64) {
	if b.used.Add(n) > b.limit {
		b.over()
	}
}

// charge counts n bytes if there is room for them.
func (b *budget) charge(n int64) bool {
	if b.used.Add(n) > b.limit {
		b.used.Add(-n)
		return false
	}
	return true
}

// overBudget starts the goroutine that makes room, unless it is running.
func (s *Server) overBudget() {
	if s.reaping.CompareAndSwap(false, true) {
		// Owner: the server's group. It ends when the budget is met or no session
		// has anything queued.
		s.group.Go(s.reap)
	}
}

// reap closes the sessions with the largest queues, one after the other, until
// the budget is met.
func (s *Server) reap() {
	for {
		progress := true
		for progress && s.budget.used.Load() > s.budget.limit {
			progress = s.reapOnce()
		}
		s.reaping.Store(false)
		// An addition between the last look and the line above found us running.
		if !progress || s.budget.used.Load() <= s.budget.limit || !s.reaping.CompareAndSwap(false, true) {
			return
		}
	}
}

// reapOnce goes through the sessions once and reports whether it closed any.
func (s *Server) reapOnce() bool {
	type candidate struct {
		session *Session
		weight  int64
	}
	var list []candidate
	for _, session := range s.sessions.all() {
		if _, weight := session.queue.Len(); weight > 0 {
			list = append(list, candidate{session, weight})
		}
	}
	slices.SortFunc(list, func(a, b candidate) int { return cmp.Compare(b.weight, a.weight) })
	closed := false
	for _, c := range list {
		if s.budget.used.Load() <= s.budget.limit {
			break
		}
		if c.session.finish(because(ErrSlowConsumer, "the process budget is full and this queue the largest", nil), endCut) {
			closed = true
		} else if c.session.dropLinger() {
			closed = true
		}
	}
	return closed
}
