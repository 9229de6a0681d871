package engine

import (
	"math"
	"time"
)

// SessionStats are the figures of one session at one moment.
type SessionStats struct {
	// Heartbeats holds how long the last pongs took, in whole milliseconds, at most
	// eight, the oldest first.
	Heartbeats []time.Duration
	// Average is the moving average of them all, 0 before the first.
	Average time.Duration
	// Awaiting is how long the last ping has been unanswered, 0 if it was answered.
	Awaiting time.Duration
	// QueuedMessages and QueuedBytes wait to be written.
	QueuedMessages int
	QueuedBytes    int64

	Traffic
}

// Traffic is what went over one session, or all of them.
type Traffic struct {
	// Received counts the messages that were handed to the receiver, and
	// ReceivedBytes the bytes in them; a binary part is a message of its own.
	Received, ReceivedBytes uint64
	// Sent counts the messages that were taken for a write, and SentBytes their
	// bytes as they stand on a websocket; binary parts belong to their message.
	Sent, SentBytes uint64
}

func (t *Traffic) add(s *Session) {
	t.Received += s.activity.Load() / 2
	t.ReceivedBytes += s.receivedBytes.Load()
	t.Sent += s.sent.Load()
	t.SentBytes += s.sentBytes.Load()
}

// Stats returns the figures. It may be called from any goroutine.
func (s *Session) Stats() SessionStats {
	var st SessionStats
	st.add(s)
	st.QueuedMessages, st.QueuedBytes = s.queue.Len()
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Heartbeats, st.Average = s.heart.trips.list(), s.heart.trips.mean()
	if s.heart.awaiting {
		st.Awaiting = time.Since(s.heart.sent)
	}
	return st
}

// countSent counts what is about to be written at once, pings and frames left out.
func (s *Session) countSent(batch []*Message) {
	n, size := 0, 0
	for _, m := range batch {
		if m.kind == dataMessage {
			n++
			size += len(m.frames)
		}
	}
	if n > 0 {
		s.sent.Add(uint64(n))
		s.sentBytes.Add(uint64(size)) //nolint:gosec // a sum of lengths
		if hook := s.srv.opts.Hooks.OnWrite; hook != nil {
			hook(s.Transport(), n, size)
		}
	}
}

// roundTrips remembers how long the last pongs took, in as few bytes as will do: every session has one.
type roundTrips struct {
	last    [8]uint16 // milliseconds, 65 s at most
	average uint32    // microseconds, 71 minutes at most
	count   uint32
}

// averageShare is what a new round trip counts in the moving average, one part in so many.
const averageShare = 8

// add notes a round trip and returns the average before it.
func (r *roundTrips) add(d time.Duration) (before time.Duration) {
	before = r.mean()
	us := min(d.Microseconds(), math.MaxUint32)
	if r.count > 0 {
		us = (int64(r.average)*(averageShare-1) + us) / averageShare
	}
	r.average = uint32(us)                                                              //nolint:gosec // bounded, and never negative: the clock is monotonic
	r.last[r.count%uint32(len(r.last))] = uint16(min(d.Milliseconds(), math.MaxUint16)) //nolint:gosec // the same
	r.count++
	return before
}

func (r *roundTrips) mean() time.Duration { return time.Duration(r.average) * time.Microsecond }

// list returns the last round trips, the oldest first.
func (r *roundTrips) list() []time.Duration {
	size := uint32(len(r.last))
	n := min(r.count, size)
	list := make([]time.Duration, n)
	for i := range n {
		list[i] = time.Duration(r.last[(r.count-n+i)%size]) * time.Millisecond
	}
	return list
}
