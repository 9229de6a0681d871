package engine

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/realtime-go/realtime/internal/eiowire"
)

// runningPost is a POST that is being read or handled. It is guarded by
// Session.mu.
type runningPost struct {
	rc      *http.ResponseController
	reading bool // its body is being read, and a deadline would end that
	dropped bool // its connection is closed without an answer
}

// unblockPost ends the reading of a POST whose session has ended. The lock is
// held, so that the handler cannot have returned.
func (p *pollState) unblockPost() {
	if p.post != nil && p.post.reading {
		_ = p.post.rc.SetReadDeadline(longAgo)
	}
}

// longAgo is a deadline that has passed, also on a fake clock.
var longAgo = time.Unix(1, 0)

// servePost reads a payload and handles its packets before it answers.
func (s *Session) servePost(w http.ResponseWriter, r *http.Request) {
	p := &runningPost{rc: http.NewResponseController(w), reading: true}
	if ref := s.enterPost(p); ref != nil {
		s.refuse(w, r, ref)
		return
	}
	// The answer waits while the receiver does: the server's own deadline must not
	// cut it (decision D59).
	_ = p.rc.SetWriteDeadline(time.Time{})
	// Only the exact content type is refused (decision D8).
	if r.Header.Get("Content-Type") == "application/octet-stream" {
		s.leavePost(p)
		s.finish(because(ErrTransportError, "invalid content", nil), endCut)
		s.refuse(w, r, bare(http.StatusBadRequest, "binary-body", "a polling body is text; binary is base64"))
		return
	}
	body := newScratch()
	defer body.free()
	if !s.readBody(w, r, p, body) {
		return
	}
	ref, dropped := s.deliverBody(p, body)
	switch {
	case dropped:
		// Capture polling-concurrent-post.
		panic(http.ErrAbortHandler)
	case ref != nil:
		s.refuse(w, r, ref)
	default:
		s.awaitClosePacket()
		// Whether the client was there shows at its next request.
		_ = s.bounded(p.rc, func() {
			w.Header().Set("Content-Type", "text/html")
			writeOK(w, r, []byte("ok"))
		})
	}
}

// awaitClosePacket waits, if the body has ended the session, until the parked GET is
// answered: a client that reads "ok" first posts what it has left, is told that there is
// no such session, and takes that for an error of the transport.
func (s *Session) awaitClosePacket() {
	if !s.ended.Load() {
		return
	}
	s.mu.Lock()
	ending := s.polling.ending
	s.mu.Unlock()
	if ending == nil {
		return
	}
	limit := time.NewTimer(s.srv.opts.WriteTimeout)
	defer limit.Stop()
	select {
	case <-ending:
	case <-limit.C:
	}
}

// enterPost enters a POST, or refuses it.
func (s *Session) enterPost(p *runningPost) *Refusal {
	s.mu.Lock()
	switch first := s.polling.post; {
	case s.closed:
		s.mu.Unlock()
		return unknownSession()
	case s.wire.Load() != nil:
		s.mu.Unlock()
		return mismatch()
	case first != nil:
		first.dropped = true
		s.mu.Unlock()
		s.finish(because(ErrTransportError, "data request overlap from client", nil), endCut)
		return bare(http.StatusBadRequest, "overlap", "a second POST while one is being read")
	}
	s.polling.post = p
	s.mu.Unlock()
	return nil
}

// leavePost ends a POST and tells whether it must be dropped without an answer.
func (s *Session) leavePost(p *runningPost) (dropped bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.reading = false
	s.polling.post = nil
	return p.dropped
}

// readBody reads the body, or answers the request and reports false.
func (s *Session) readBody(w http.ResponseWriter, r *http.Request, p *runningPost, body *scratch) bool {
	limit := s.payloadLimit()
	over, err := r.ContentLength > limit, error(nil)
	if !over {
		over, err = body.read(r.Body, limit)
	}
	whole := !over && err == nil
	if over {
		// Take what a moderate excess has left, so that the client gets to read
		// the answer on a connection that lives (decision D7).
		_, rest := io.CopyN(io.Discard, r.Body, 2*limit)
		whole = errors.Is(rest, io.EOF)
	}
	s.mu.Lock()
	p.reading = false
	ended := s.closed
	if whole && !ended {
		// What net/http reads next on this connection is not ours to bound. But
		// the rest of a body is: there the deadline stays.
		_ = p.rc.SetReadDeadline(time.Time{})
	}
	s.mu.Unlock()
	if !over && err == nil {
		return true
	}
	if s.leavePost(p) {
		panic(http.ErrAbortHandler)
	}
	switch {
	case ended:
		s.refuse(w, r, unknownSession())
	case over:
		ref := bare(http.StatusRequestEntityTooLarge, "payload-too-large",
			(&PayloadTooLarge{Size: max(r.ContentLength, int64(body.n)), Limit: limit}).Error())
		ref.Setting = "MaxPayload"
		if limit < s.srv.opts.MaxPayload {
			ref.Setting = "MaxPayloadBeforeJoin"
		}
		s.refuse(w, r, ref)
	case isTimeout(err):
		s.finish(because(ErrTransportError, "data request took longer than "+s.srv.opts.BodyTimeout.String(), nil), endCut)
		s.refuse(w, r, bare(http.StatusRequestTimeout, "body-timeout", "the body did not arrive in time"))
	default:
		s.finish(because(ErrTransportError, "data request connection closed prematurely", nil), endCut)
		s.refuse(w, r, bare(http.StatusBadRequest, "body", "the body did not arrive"))
	}
	return false
}

// deliverBody handles the packets of a body, and leaves the POST.
func (s *Session) deliverBody(p *runningPost, body *scratch) (ref *Refusal, dropped bool) {
	s.mu.Lock()
	if s.closed || s.wire.Load() != nil {
		ref = unknownSession()
		if !s.closed {
			ref = mismatch()
		}
		s.polling.post = nil
		dropped = p.dropped
		s.mu.Unlock()
		return ref, dropped
	}
	s.delivering = make(chan struct{})
	s.mu.Unlock()
	defer func() { // also when the receiver panics
		s.mu.Lock()
		s.polling.post = nil
		dropped = p.dropped
		s.endDelivery()
		s.mu.Unlock()
	}()
	s.deliverPayload(body.view())
	return nil, false
}

// deliverPayload handles packets until one of them, or somebody else, ends the
// session.
func (s *Session) deliverPayload(payload []byte) {
	// The official server decodes the body as UTF-8 with replacement.
	if !utf8.Valid(payload) {
		payload = bytes.ToValidUTF8(payload, []byte("\uFFFD"))
	}
	others := 0
	for more := true; more && !s.ended.Load(); {
		var text []byte
		text, payload, more = eiowire.NextPacket(payload)
		p, err := eiowire.Decode(text)
		if err != nil {
			s.finish(because(ErrParse, "polling", err), endCut)
			return
		}
		if p.Type == eiowire.Message {
			if !p.Binary {
				p.Data = bytes.Clone(p.Data)
			}
			s.receive(p.Data, p.Binary)
			continue
		}
		if others++; others > s.srv.opts.MaxNonMessages {
			s.finish(because(ErrParse, "too many packets in one body that are not messages", nil), endCut)
			return
		}
		if p.Type == eiowire.Close {
			s.finish(because(ErrTransportClose, "close packet", nil), endPeer)
			return
		}
		s.control(p)
	}
}
