package engine

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/realtime-go/realtime/internal/eiowire"
)

// What a GET is told when there is nothing to send.
const (
	pollClosed = byte(eiowire.Close)
	pollNoop   = byte(eiowire.Noop)
)

// pollState is the polling transport of a session. It is guarded by Session.mu.
type pollState struct {
	get *parkedGet // the GET that waits, or nil
	// ending is closed when the GET that was answered because the session ended has
	// been written; nil if there was none.
	ending chan struct{}
	// writing is closed when the answer to the GET before is written; nil if there
	// was none. The next GET waits for it, so that batches cannot overtake each
	// other and one client cannot hold several.
	writing chan struct{}
	post    *runningPost // the POST that is being read or handled, or nil
}

// parkedGet is a GET that waits for something to send. Its handler is net/http's
// goroutine.
type parkedGet struct {
	wake     chan struct{} // the queue has something; capacity 1
	answered chan struct{} // closed when somebody else has set reply
	done     chan struct{} // closed when its handler is done
	reply    byte
}

// serveHTTP serves a polling request of this session.
func (s *Session) serveHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		s.serveGet(w, r)
	case http.MethodPost:
		s.servePost(w, r)
	default:
		// Capture methods-on-session.
		s.refuse(w, r, bare(http.StatusInternalServerError, "method", "a session is served by GET and POST"))
	}
}

func (s *Session) refuse(w http.ResponseWriter, r *http.Request, ref *Refusal) {
	s.srv.told(r, ref)
	ref.write(w, false)
}

// serveGet holds the request until there is something to send.
func (s *Session) serveGet(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	// The server's own deadlines must not cut a long poll (decision D59). What
	// cannot be set need not be undone, so errors are of no interest.
	if r.ContentLength == 0 {
		_ = rc.SetReadDeadline(time.Time{})
	}
	_ = rc.SetWriteDeadline(time.Time{})

	g, before, ref := s.park()
	if ref != nil {
		s.refuse(w, r, ref)
		return
	}
	if g == nil { // the session has ended and lingers for this GET
		s.writeLast(w, r, rc)
		return
	}
	defer close(g.done)
	if before != nil {
		select {
		case <-before:
		case <-g.answered:
		case <-r.Context().Done():
		}
	}
	s.queueWakes(g)
	for {
		select {
		case <-g.wake:
			if batch, done := s.takeFor(g); batch != nil {
				s.writeBatch(w, r, rc, batch, done)
				return
			}
		case <-g.answered:
			writeText(w, r, []byte{g.reply})
			return
		case <-r.Context().Done():
			if s.unpark(g) {
				s.finish(because(ErrTransportError, "poll connection closed prematurely", nil), endCut)
				return
			}
			// It was answered at the same moment: the loop writes it for what it
			// is worth.
			<-g.answered
			return
		}
	}
}

// park enters a GET. Without refusal and without parkedGet the session lingers.
func (s *Session) park() (g *parkedGet, before chan struct{}, ref *Refusal) {
	s.mu.Lock()
	switch {
	case s.closed && s.linger != nil:
		s.mu.Unlock()
		return nil, nil, nil
	case s.closed:
		s.mu.Unlock()
		return nil, nil, unknownSession()
	case s.wire.Load() != nil:
		s.mu.Unlock()
		return nil, nil, mismatch()
	case s.polling.get != nil:
		s.mu.Unlock()
		// Capture polling-concurrent-get: the parked one gets a close packet.
		s.finish(because(ErrTransportError, "overlap from client", nil), endCut)
		return nil, nil, bare(http.StatusBadRequest, "overlap", "a second GET while one is parked")
	}
	g = &parkedGet{wake: make(chan struct{}, 1), answered: make(chan struct{}), done: make(chan struct{})}
	s.polling.get = g
	before = s.polling.writing
	s.mu.Unlock()
	return g, before, nil
}

// pollWriting tells whether the answer to a GET is being written.
func (s *Session) pollWriting() bool {
	s.mu.Lock()
	writing := s.polling.writing
	s.mu.Unlock()
	if writing == nil {
		return false
	}
	select {
	case <-writing:
		return false
	default:
		return true
	}
}

// queueWakes makes the queue wake g, unless it was answered meanwhile.
func (s *Session) queueWakes(g *parkedGet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polling.get != g {
		return
	}
	s.queue.OnReady(func() {
		select {
		case g.wake <- struct{}{}:
		default:
		}
	})
}

// takeFor takes a batch for g, which is parked no longer then; done must be closed
// when the batch is written. Nothing is taken if g was answered meanwhile.
func (s *Session) takeFor(g *parkedGet) (batch []*Message, done chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polling.get != g {
		return nil, nil
	}
	batch = s.take(int(min(s.srv.opts.MaxPayload, maxPollBatch)))
	if len(batch) == 0 {
		return nil, nil
	}
	done = make(chan struct{})
	s.polling.get, s.polling.writing = nil, done
	s.queue.OnReady(nil)
	return batch, done
}

// maxPollBatch bounds one payload, in bytes of queue weight.
const maxPollBatch = 1 << 20

// answerPoll answers the parked GET with one packet; there must be one. The lock
// is held.
func (s *Session) answerPoll(reply byte) {
	g := s.polling.get
	s.polling.get = nil
	s.queue.OnReady(nil)
	g.reply = reply
	close(g.answered)
}

// unpark takes back a GET whose client has gone, and reports whether it was still
// parked.
func (s *Session) unpark(g *parkedGet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polling.get != g {
		return false
	}
	s.polling.get = nil
	s.queue.OnReady(nil)
	return true
}

// writeBatch answers a GET with a batch. What cannot be written is lost, and the
// session with it.
func (s *Session) writeBatch(w http.ResponseWriter, r *http.Request, rc *http.ResponseController, batch []*Message, done chan struct{}) {
	defer close(done)
	if err := s.writePayload(w, r, rc, batch, nil); err != nil {
		s.finish(because(ErrTransportError, "write", err), endCut)
	}
}

// writeLast answers a GET for which an ended session has lingered: first what was
// queued, alone, then, to the next GET, a noop and the close packet (capture
// polling-server-disconnect-close). Official clients act on a close packet before
// the messages that stand in front of it in the same payload, so a kick would not
// be heard.
func (s *Session) writeLast(w http.ResponseWriter, r *http.Request, rc *http.ResponseController) {
	if batch := s.take(0); len(batch) > 0 {
		// A client that is not there any more misses it either way.
		_ = s.writePayload(w, r, rc, batch, nil)
		return
	}
	s.mu.Lock()
	lingered := s.takeLinger()
	s.mu.Unlock()
	if !lingered {
		s.refuse(w, r, unknownSession())
		return
	}
	s.srv.sessions.remove(s)
	_ = s.writePayload(w, r, rc, nil, []byte{pollNoop, eiowire.Separator, pollClosed})
}

// payloads holds buffers for polling payloads.
var payloads = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// maxPooledPayload is the largest buffer that goes back to the pool, in bytes.
const maxPooledPayload = 64 << 10

// writePayload writes a batch as one payload and gives it back to the budget.
func (s *Session) writePayload(w http.ResponseWriter, r *http.Request, rc *http.ResponseController, batch []*Message, tail []byte) error {
	defer s.srv.budget.releaseAll(batch)
	s.countSent(batch)
	p := payloads.Get().(*[]byte)
	buf := (*p)[:0]
	for _, m := range batch {
		if m.kind >= frameMessage {
			continue // only a websocket has a use for it
		}
		if len(buf) > 0 {
			buf = append(buf, eiowire.Separator)
		}
		buf = append(buf, m.polling()...)
	}
	buf = append(buf, tail...)
	err := s.bounded(rc, func() { writeText(w, r, buf) })
	if cap(buf) <= maxPooledPayload {
		*p = buf
		payloads.Put(p)
	}
	return err
}

// bounded writes an answer within the write timeout. Its error tells that the
// client was not there.
func (s *Session) bounded(rc *http.ResponseController, write func()) error {
	_ = rc.SetWriteDeadline(time.Now().Add(s.srv.opts.WriteTimeout))
	write()
	err := rc.Flush()
	if errors.Is(err, http.ErrNotSupported) {
		err = nil
	}
	// The connection may carry other requests, for which net/http sets no deadline
	// of its own.
	_ = rc.SetWriteDeadline(time.Time{})
	return err
}
