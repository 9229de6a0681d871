package engine

import (
	"context"
	"time"
)

// Session is one client's link: it has one transport at a time and may change
// from polling to websocket. It is owned by its Server and ends with Close, with
// its client, or with a limit. All methods may be called concurrently.
type Session struct {
	srv *Server
	id  string
}

// ID is the session id: a secret of this client, not to be logged.
func (s *Session) ID() string { return s.id }

// Handshake is what was kept of the first request.
func (s *Session) Handshake() *Handshake { return nil }

// Transport is "polling" or "websocket".
func (s *Session) Transport() string { return "" }

// Send queues a message and never blocks. It returns ErrClosed, or
// ErrSlowConsumer when the queue is full; then the engine closes the session
// itself, on a goroutine of its own, so Send may be called under locks.
func (s *Session) Send(m *Message) error { return nil }

// SendVolatile queues a message unless the session is busy: a write in progress
// or something queued (decision D16). sent tells whether it was queued.
func (s *Session) SendVolatile(m *Message) (sent bool, err error) { return false, nil }

// Close ends the session with the given cause; later calls do nothing. It
// returns at once. What is queued is still written to a live transport, bounded
// by the write timeout; a polling client without a parked GET may fetch it within
// 30 s (decision D5).
func (s *Session) Close(cause error) {}

// Queue returns what waits to be written.
func (s *Session) Queue() (messages int, bytes int64) { return 0, 0 }

// RTT is the time the last pong took, 0 before the first one.
func (s *Session) RTT() time.Duration { return 0 }

// Joined notes that the first namespace was joined: the connect timeout is off
// for good and the full payload limit holds.
func (s *Session) Joined() {}

// HoldConnectTimeout pauses the connect timeout while authentication or
// middleware runs (decision D13). release may be called more than once.
func (s *Session) HoldConnectTimeout() (release func()) { return func() {} }

// Done is closed when the session ends.
func (s *Session) Done() <-chan struct{} { return nil }

// Context is cancelled with the cause when the session ends.
func (s *Session) Context() context.Context { return context.Background() }
