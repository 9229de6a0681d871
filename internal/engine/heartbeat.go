package engine

import (
	"math/rand/v2"
	"time"
)

// phaseShare is the largest part of the first ping interval that is left out at
// random, so that the pings of clients who came together do not stay together
// (decision D3).
const phaseShare = 0.2

// heartGrace is a second chance for a pong that stands behind messages we were
// slow to take. It is given once for each ping.
const heartGrace = time.Second

// heartbeat is the state of one session's ping and pong (Engine.IO 4,
// "heartbeat"): the server pings, and only a pong is a sign of life. It is
// guarded by Session.mu. One timer serves both waits; when it fires early,
// because the wait was prolonged meanwhile, it is armed again.
type heartbeat struct {
	timer    *time.Timer
	due      time.Time
	sent     time.Time // when the last ping was queued
	activity uint64    // Session.activity at the last look
	awaiting bool      // a ping is out
	graced   bool      // the second chance was given
	trips    roundTrips
}

// startHeartbeat is called once. The lock is held.
func (s *Session) startHeartbeat() {
	first := s.srv.opts.PingInterval
	first -= time.Duration(rand.Float64() * phaseShare * float64(first))
	s.heart.due = time.Now().Add(first)
	s.heart.timer = time.AfterFunc(first, s.beat)
}

func (h *heartbeat) stop() {
	if h.timer != nil {
		h.timer.Stop()
	}
}

// wait makes the timer fire d after now.
func (h *heartbeat) wait(now time.Time, d time.Duration) {
	h.due = now.Add(d)
	h.timer.Reset(d)
}

// beat runs on the timer's goroutine.
func (s *Session) beat() {
	ping, late, dead := s.look()
	switch {
	case ping:
		if hook := s.srv.opts.Hooks.OnPing; hook != nil {
			hook(s, late)
		}
		// A full queue closes the session as any message would.
		_ = s.Send(pingPacket)
	case dead:
		s.finish(because(ErrPingTimeout, "no pong came within "+s.srv.opts.PingTimeout.String(), nil), endFrame)
	}
}

// look decides what is due, and tells how late it is for a ping.
func (s *Session) look() (ping bool, late time.Duration, dead bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &s.heart
	if s.closed {
		return false, 0, false
	}
	now := time.Now()
	left := h.due.Sub(now)
	if left > 0 {
		h.timer.Reset(left)
		return false, 0, false
	}
	activity := s.activity.Load()
	timeout := s.srv.opts.PingTimeout
	switch {
	case !h.awaiting:
		h.awaiting, h.sent, h.graced = true, now, false
		h.activity = activity
		h.wait(now, timeout)
		return true, -left, false
	case activity%2 == 1:
		// We are the ones who do not read: the pong may stand behind the message
		// that the receiver is holding (decision D3).
		h.activity, h.graced = activity, false
		h.wait(now, timeout)
		return false, 0, false
	case activity != h.activity && !h.graced:
		h.activity, h.graced = activity, true
		h.wait(now, min(heartGrace, timeout))
		return false, 0, false
	}
	return false, 0, true
}

// pong notes a sign of life. A pong that nobody asked for changes nothing
// (requirement R15).
func (s *Session) pong() {
	trip, average, heard := s.heard()
	if hook := s.srv.opts.Hooks.OnPong; heard && hook != nil {
		hook(s, trip, average)
	}
}

// heard ends the wait for a pong. average is that before this one.
func (s *Session) heard() (trip, average time.Duration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &s.heart
	if s.closed || !h.awaiting {
		return 0, 0, false
	}
	now := time.Now()
	h.awaiting = false
	trip = now.Sub(h.sent)
	s.rtt.Store(int64(trip))
	average = h.trips.add(trip)
	h.wait(now, s.srv.opts.PingInterval)
	return trip, average, true
}

// AwaitingPong returns how long the last ping has been unanswered, 0 if it was answered. It may be called
// from any goroutine.
func (s *Session) AwaitingPong() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.heart.awaiting {
		return 0
	}
	return time.Since(s.heart.sent)
}

// pongMayMove gives an outstanding pong its full time again, because the client
// may have kept it back while it changed the transport. The lock is held.
func (s *Session) pongMayMove() {
	if h := &s.heart; h.awaiting {
		h.wait(time.Now(), s.srv.opts.PingTimeout)
	}
}

// connectTimer ends a session in which no namespace is joined in time (decision
// D13, requirement R11). It is guarded by Session.mu.
type connectTimer struct {
	timer *time.Timer // nil when it is off
	due   time.Time
	left  time.Duration // while held
	holds int
}

// startConnectTimer is called once. The lock is held.
func (s *Session) startConnectTimer() {
	d := s.srv.opts.ConnectTimeout
	if d < 0 || s.joined.Load() {
		return
	}
	s.connect.due = time.Now().Add(d)
	s.connect.timer = time.AfterFunc(d, s.connectExpired)
	if s.connect.holds > 0 { // accept holds it already
		s.connect.timer.Stop()
		s.connect.left = d
	}
}

// stop turns the timer off for good. The lock is held.
func (c *connectTimer) stop() {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
}

func (s *Session) connectExpired() {
	s.mu.Lock()
	// It may have been stopped or held at the moment it fired.
	expired := s.connect.timer != nil && s.connect.holds == 0 && !time.Now().Before(s.connect.due)
	s.mu.Unlock()
	if expired {
		s.finish(ErrConnectTimeout, endFlush)
	}
}

// HoldConnectTimeout pauses the connect timeout while authentication or
// middleware runs (decision D13). release may be called more than once.
func (s *Session) HoldConnectTimeout() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.connect
	c.holds++
	if c.holds == 1 && c.timer != nil {
		c.timer.Stop()
		c.left = max(time.Until(c.due), 0)
	}
	released := false
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if released {
			return
		}
		released = true
		c.holds--
		if c.holds == 0 && c.timer != nil {
			c.due = time.Now().Add(c.left)
			c.timer.Reset(c.left)
		}
	}
}
