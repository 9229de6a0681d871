package engine

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-go/realtime/internal/workq"
)

// Session is one client's link: it has one transport at a time and may change
// from polling to websocket. It is owned by its Server and ends with Close, with
// its client, or with a limit. All methods may be called concurrently.
type Session struct {
	srv       *Server
	id        string
	handshake *Handshake
	addr      netip.Addr // counted for MaxPerAddress if valid

	// ctx ends with the session, with the cause.
	ctx    context.Context
	cancel context.CancelCauseFunc

	// queue holds what waits for the client. Its consumer is the parked GET or the
	// worker of the websocket.
	queue  workq.Queue[*Message]
	latest atomic.Pointer[latest] // nil until a message with a key is sent

	wire     atomic.Pointer[wire] // the websocket; nil while polling; set under mu
	joined   atomic.Bool
	ended    atomic.Bool   // closed, for those who do not hold mu
	overflow atomic.Bool   // a goroutine is on its way to close a slow session
	rtt      atomic.Int64  // of the last pong, in nanoseconds
	activity atomic.Uint64 // calls of Receive, begun and ended: odd while one runs

	receivedBytes, sent, sentBytes atomic.Uint64

	mu       sync.Mutex
	receiver Receiver // set once, before anything can be received
	closed   bool
	// lingerCounted is guarded by the table's lock.
	lingerCounted bool
	cause         error
	// delivering is not nil while a polling request (or the handshake) is calling
	// the receiver, and closed when it has done so: nobody else may call it
	// meanwhile. A websocket's reader needs no such mark.
	delivering chan struct{}
	heart      heartbeat
	connect    connectTimer
	polling    pollState
	probe      *wire         // a websocket that asks to take over
	probeTimer *time.Timer   // answers parked GETs while probe is there
	linger     *time.Timer   // removes a closed polling session; nil unless it lingers
	fetched    chan struct{} // made with linger, closed when the session lingers no more
}

// newSession returns a session that is in the table but not yet started. w is its
// websocket, or nil for a polling session.
func (s *Server) newSession(h *Handshake, addr netip.Addr, w *wire) (*Session, *Refusal) {
	n := &Session{srv: s, id: newSID(s.opts.NodeTag), handshake: h, addr: addr}
	n.ctx, n.cancel = context.WithCancelCause(context.Background())
	n.queue.Init(s.opts.MaxQueueItems, s.opts.MaxQueueBytes)
	n.delivering = make(chan struct{})
	if w != nil {
		w.session = n
		n.wire.Store(w)
	}
	n.countTransport(1)
	if ref := s.sessions.add(n); ref != nil {
		n.countTransport(-1)
		n.cancel(ErrClosed)
		return nil, ref
	}
	return n, nil
}

// countTransport adds n to the gauge of the session's transport.
func (s *Session) countTransport(n int64) {
	if s.wire.Load() != nil {
		s.srv.sessions.websocket.Add(n)
	} else {
		s.srv.sessions.polling.Add(n)
	}
}

// start asks for the receiver and starts the timers. From now on the session is
// the receiver's: it is told when the session ends, even if it has ended already.
func (s *Session) start() {
	receiver := s.srv.accept(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receiver = receiver
	if !s.closed {
		s.startHeartbeat()
		s.startConnectTimer()
	}
	s.endDelivery()
}

// ID is the session id: a secret of this client, not to be logged.
func (s *Session) ID() string { return s.id }

// Receiver is what accept returned, or nil while it runs.
func (s *Session) Receiver() Receiver {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.receiver
}

// Handshake is what was kept of the first request.
func (s *Session) Handshake() *Handshake { return s.handshake }

// Transport is "polling" or "websocket".
func (s *Session) Transport() string {
	if s.wire.Load() != nil {
		return transportWebSocket
	}
	return transportPolling
}

// Send queues a message and never blocks. It returns ErrClosed, or
// ErrSlowConsumer when the queue is full; then the engine closes the session
// itself, on a goroutine of its own, so Send may be called under locks.
func (s *Session) Send(m *Message) error {
	if m.placed != nil {
		return s.sendLatest(m)
	}
	s.srv.budget.hold(m)
	err := s.push(m, len(m.frames))
	if err != nil {
		s.srv.budget.release(m)
	}
	return err
}

// push puts a message into the queue, or closes a session that is too slow for it.
func (s *Session) push(m *Message, weight int) error {
	err := s.queue.Push(weight, m)
	if err == nil {
		return nil
	}
	if !errors.Is(err, workq.ErrFull) {
		return ErrClosed
	}
	if s.overflow.CompareAndSwap(false, true) {
		// Owner: the server's group. It ends when the session is closed.
		s.srv.group.Go(func() {
			s.finish(because(ErrSlowConsumer, "the outbound queue is full", nil), endCut)
		})
	}
	return ErrSlowConsumer
}

// SendVolatile queues a message unless the session is busy: a write in progress
// or something queued that does not only wait for the flush delay (decision D16).
// sent tells whether it was queued.
func (s *Session) SendVolatile(m *Message) (sent bool, err error) {
	if s.ended.Load() {
		return false, ErrClosed
	}
	if s.busy() {
		return false, nil
	}
	if err := s.Send(m); err != nil {
		return false, err
	}
	return true, nil
}

func (s *Session) busy() bool {
	if w := s.wire.Load(); w != nil {
		return w.busy()
	}
	n, _ := s.queue.Len()
	return n > 0 || s.pollWriting()
}

// Close ends the session with the given cause; later calls do nothing. It
// returns at once. What is queued is still written to a live transport, bounded
// by the write timeout; a polling client without a parked GET may fetch it within
// 30 s (decision D5).
func (s *Session) Close(cause error) {
	if cause == nil {
		cause = ErrClosed
	}
	s.finish(cause, endFlush)
}

// Queue returns what waits to be written.
func (s *Session) Queue() (messages int, bytes int64) { return s.queue.Len() }

// RTT is the time the last pong took, 0 before the first one.
func (s *Session) RTT() time.Duration { return time.Duration(s.rtt.Load()) }

// Done is closed when the session ends.
func (s *Session) Done() <-chan struct{} { return s.ctx.Done() }

// Context is cancelled with the cause when the session ends.
func (s *Session) Context() context.Context { return s.ctx }

// Joined notes that the first namespace was joined: the connect timeout is off
// for good and the full payload limit holds.
func (s *Session) Joined() {
	if s.joined.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.joined.Load() {
		return
	}
	s.joined.Store(true)
	s.connect.stop()
	s.srv.sessions.unjoined.Add(-1)
}

// payloadLimit is the largest message or polling body that is accepted now.
func (s *Session) payloadLimit() int64 {
	if s.joined.Load() {
		return s.srv.opts.MaxPayload
	}
	return s.srv.opts.MaxPayloadBeforeJoin
}
