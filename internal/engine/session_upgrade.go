package engine

import (
	"errors"
	"net/http"
	"time"

	"github.com/realtime-go/realtime/internal/eiowire"
)

// noopInterval is how often a parked GET is answered while a websocket probes. A
// single noop would leave some official clients on polling for ever (decision D2).
const noopInterval = 100 * time.Millisecond

// Reasons why an upgrade failed, for Hooks.OnUpgrade.
var (
	errUpgradeTwice   = errors.New("engine: a second upgrade while one is in progress or done")
	errUpgradeEnded   = errors.New("engine: the session ended during the upgrade")
	errUpgradeTimeout = errors.New("engine: the probe took too long")
	errUpgradePacket  = errors.New("engine: the probing websocket sent something else than a probe")
)

// serveUpgrade takes a websocket that wants to replace a session's polling
// (Engine.IO 4, "upgrade").
func (s *Server) serveUpgrade(w http.ResponseWriter, r *http.Request, q *request) {
	session := q.session
	c, err := s.upgrade(w, r)
	if err != nil {
		return // answered
	}
	c.session, c.probing = session, true
	_ = c.Conn.SetReadDeadline(time.Now().Add(s.opts.UpgradeTimeout))
	entered := session.enterProbe(c)
	// Owner: the server's group. It ends when the connection does: after the
	// upgrade timeout, or as an established websocket.
	s.group.Go(func() {
		err := errUpgradeTwice
		if entered {
			err = c.probe()
		}
		if session.hookUpgrade(err); err == nil {
			session.awaitDelivery()
			c.takeOverReading()
			return
		}
		c.closeNow(closeFrame)
		_ = c.Conn.Close()
		s.sessions.untrack(c)
	})
}

func (s *Session) hookUpgrade(err error) {
	if hook := s.srv.opts.Hooks.OnUpgrade; hook != nil {
		hook(s, err)
	}
}

// enterProbe makes c the session's probe. There is at most one, and none after an
// upgrade or an end.
func (s *Session) enterProbe(c *wire) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.probe != nil || s.wire.Load() != nil {
		return false
	}
	s.probe = c
	s.srv.sessions.probing.Add(1)
	return true
}

// dropProbe takes the probe out and returns it, if there is one. The lock is held.
func (s *Session) dropProbe() *wire {
	c := s.probe
	if c == nil {
		return nil
	}
	s.probe = nil
	s.srv.sessions.probing.Add(-1)
	if s.probeTimer != nil {
		s.probeTimer.Stop()
		s.probeTimer = nil
	}
	return c
}

// probe talks to the websocket until it takes over (nil) or fails. It is the only
// writer on it meanwhile.
func (c *wire) probe() error {
	s := c.session
	for {
		err := c.probeOnce()
		if errors.Is(err, errTakeOver) {
			err = s.takeOver(c)
			if err == nil {
				return nil
			}
		}
		if err == nil {
			continue
		}
		s.mu.Lock()
		if s.probe == c {
			s.dropProbe()
		}
		ended := s.closed
		s.mu.Unlock()
		if ended {
			return errUpgradeEnded
		}
		return err
	}
}

// errTakeOver means that the upgrade packet came.
var errTakeOver = errors.New("take over")

// probeOnce reads and answers one packet of the probe.
func (c *wire) probeOnce() error {
	data, text, err := c.next()
	if err != nil {
		if isTimeout(err) {
			return errUpgradeTimeout
		}
		return err
	}
	if !text {
		return errUpgradePacket
	}
	p, err := eiowire.Decode(data)
	switch {
	case err != nil:
		return err
	case p.Type == eiowire.Ping && string(p.Data) == "probe":
		if err := c.write(probeReply); err != nil {
			return err
		}
		c.session.startNoops(c)
		return nil
	case p.Type == eiowire.Upgrade:
		// Also without a probe (capture upgrade-packet-without-probe).
		return errTakeOver
	default:
		return errUpgradePacket
	}
}

// startNoops makes parked GETs return while c probes.
func (s *Session) startNoops(c *wire) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probe == c && s.probeTimer == nil {
		s.probeTimer = time.AfterFunc(noopInterval, func() { s.noop(c) })
	}
}

// noop runs on the timer's goroutine.
func (s *Session) noop(c *wire) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probe != c || s.probeTimer == nil {
		return
	}
	if n, _ := s.queue.Len(); n == 0 && s.polling.get != nil {
		s.answerPoll(pollNoop)
	}
	s.probeTimer.Reset(noopInterval)
}

// takeOver makes c the session's transport, in place of polling. What is queued
// goes out on it; a batch that a GET has taken belongs to that GET, which a
// correct client has read before it sent the upgrade packet.
func (s *Session) takeOver(c *wire) error {
	s.mu.Lock()
	if s.closed || s.probe != c {
		s.mu.Unlock()
		return errUpgradeEnded
	}
	s.dropProbe()
	if s.polling.get != nil {
		s.answerPoll(pollClosed) // capture upgrade-post-during-get-after
	}
	c.probing = false
	// Before c is published: SendVolatile asks the worker.
	c.startWriter()
	s.countTransport(-1)
	s.wire.Store(c)
	s.countTransport(1)
	s.pongMayMove()
	s.mu.Unlock()
	c.setReadDeadline(time.Time{})
	return nil
}

// awaitDelivery waits until a POST that is in the receiver's hands has left it, so
// that the websocket's reader may call the receiver. A correct client has waited
// for its answer. After takeOver no other POST gets there.
func (s *Session) awaitDelivery() {
	s.mu.Lock()
	delivering := s.delivering
	s.mu.Unlock()
	if delivering != nil {
		<-delivering
	}
}
