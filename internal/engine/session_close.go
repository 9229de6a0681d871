package engine

import "time"

// ending says how the transport ends together with its session.
type ending byte

const (
	// endFlush writes what is queued, then the close frame. A polling client
	// without a parked GET may fetch it later.
	endFlush ending = iota
	// endFrame writes what is queued and the close frame if that takes no time. A
	// parked GET is answered with a close packet, and what is queued for polling is
	// dropped.
	endFrame
	// endCut cuts the connection and drops what is queued. A parked GET is answered
	// with a close packet.
	endCut
	// endPeer is endFrame for a client that closed over polling itself: a parked
	// GET is answered with a noop (capture polling-close-packet).
	endPeer
)

// finish ends the session, once; it reports whether this call did. It never
// blocks. Nobody calls it holding a lock.
func (s *Session) finish(cause error, how ending) bool {
	return s.finishWith(cause, how, closeFrame)
}

// finishWith is finish with a close frame other than the one without status.
func (s *Session) finishWith(cause error, how ending, last *Message) bool {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return false
	}
	s.closed, s.cause = true, cause
	s.ended.Store(true)
	// Before the receiver can be told, which happens on another goroutine.
	s.cancel(cause)
	s.heart.stop()
	s.connect.stop()
	if !s.joined.Load() {
		s.srv.sessions.unjoined.Add(-1)
	}
	s.countTransport(-1)
	probe := s.dropProbe()
	w := s.wire.Load()
	lingers := false
	if probe != nil {
		probe.stop(endFrame)
	}
	if w != nil {
		s.endWire(w, how, last)
	} else {
		lingers = s.endPolling(how)
		if s.delivering == nil {
			s.tellClosed()
		}
	}
	s.mu.Unlock()

	s.srv.sessions.forget(s, lingers)
	return true
}

// endWire ends the websocket. The lock is held, so that the reader finds it told
// to stop once it has seen the cause.
func (s *Session) endWire(w *wire, how ending, last *Message) {
	if how == endCut {
		s.queue.Close()
		s.discard()
	} else {
		s.queue.Close(last)
	}
	w.stop(how)
}

// endPolling ends the polling transport and reports whether the session lingers.
// The lock is held.
func (s *Session) endPolling(how ending) (lingers bool) {
	s.polling.unblockPost()
	s.queue.Close()
	if how != endFlush {
		s.discard()
	}
	n, _ := s.queue.Len()
	if s.polling.get != nil && n == 0 {
		reply := pollClosed
		if how == endPeer {
			reply = pollNoop
		}
		s.polling.ending = s.polling.get.done
		s.answerPoll(reply)
		return false
	}
	if how != endFlush {
		return false
	}
	// A parked GET has been woken by what is queued and takes it; the close packet
	// waits for the next one (captures polling-server-disconnect-close,
	// polling-sio-bad-no-get).
	s.linger = time.AfterFunc(lingerTime, func() { s.dropLinger() })
	s.fetched = make(chan struct{})
	return true
}

// dropLinger removes a lingering session; it reports whether there was one.
func (s *Session) dropLinger() bool {
	s.mu.Lock()
	lingered := s.takeLinger()
	s.mu.Unlock()
	if lingered {
		s.discard()
		s.srv.sessions.remove(s)
	}
	return lingered
}

// takeLinger makes the session linger no longer and reports whether it did. The
// lock is held. The caller removes the session from the table.
func (s *Session) takeLinger() bool {
	if s.linger == nil {
		return false
	}
	s.linger.Stop()
	s.linger = nil
	close(s.fetched)
	if s.polling.get != nil {
		// It was woken by what is queued, but somebody else takes that now.
		s.answerPoll(pollClosed)
	}
	return true
}

// lingering returns a channel that is closed when the session lingers no more, or
// nil if it does not linger.
func (s *Session) lingering() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.linger == nil {
		return nil
	}
	return s.fetched
}

// tellClosed tells the receiver on a goroutine of its own, because whoever ends a
// session may hold locks of the layer above. The lock is held; the session is
// closed and nobody is calling the receiver.
func (s *Session) tellClosed() {
	if receiver := s.receiver; receiver != nil {
		cause := s.cause
		// Owner: the server's group. It ends when the receiver returns.
		s.srv.group.Go(func() { receiver.Closed(cause) })
	}
}

// endDelivery notes that a polling request has finished calling the receiver. The
// lock is held.
func (s *Session) endDelivery() {
	close(s.delivering)
	s.delivering = nil
	// A websocket's reader tells the receiver itself.
	if s.closed && s.wire.Load() == nil {
		s.tellClosed()
	}
}

// causeOfEnd returns the cause of an ended session.
func (s *Session) causeOfEnd() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}
