package engine

import (
	"context"
	"net/http"
)

// Receiver takes what a session's client sends. The layer above implements it.
type Receiver interface {
	// Receive is called for each message, in order and by one goroutine at a
	// time. data belongs to the receiver from then on. It may block to slow the
	// client down: the session then counts as alive (decision D3); it must return
	// when the session's context ends. An error closes the session, with ErrForced
	// and the error as cause.
	Receive(data []byte, binary bool) error
	// Closed is called exactly once, after the last Receive has returned, on a
	// goroutine that holds no lock.
	Closed(cause error)
}

// Server serves Engine.IO 4 to the clients of one path. It is an http.Handler;
// make one with New. All methods may be called concurrently. It ends with
// Shutdown.
type Server struct {
	opts   Options
	accept func(*Session) Receiver
}

// Stats are the gauges of a Server at one moment.
type Stats struct {
	// Polling and WebSocket count the open sessions by transport.
	Polling, WebSocket int
	// Unjoined counts those in which no namespace was joined yet.
	Unjoined int
	// Lingering counts closed polling sessions that wait for a last GET.
	Lingering int
	// Probing counts the upgrades in progress.
	Probing int
	// Handshakes counts the handshakes being worked on or waiting.
	Handshakes int
	// BudgetBytes is what counts against the process budget.
	BudgetBytes int64
}

// New returns a server. accept is called for each session before anything is
// sent to its client and returns the receiver of its messages. It panics when
// Options.Validate reports an error.
func New(o Options, accept func(*Session) Receiver) *Server {
	if err := o.Validate(); err != nil {
		panic("engine: " + err.Error())
	}
	return &Server{opts: o.withDefaults(), accept: accept}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {}

// Explain returns why r would be refused, without side effects; nothing if it
// would be served.
func (s *Server) Explain(r *http.Request) []Refusal { return nil }

// Shutdown refuses new handshakes, closes every session at the Engine.IO level
// with ErrServerClosed, and waits until what is queued has been written and all
// goroutines have ended. When ctx ends first it cuts all connections and returns
// the context's error. It may be called again.
func (s *Server) Shutdown(ctx context.Context) error { return nil }

// Stats returns the gauges.
func (s *Server) Stats() Stats { return Stats{} }

// Charge counts n bytes of a partly received packet against the process budget,
// or reports false and counts nothing if there is no room. Release gives them
// back.
func (s *Server) Charge(n int64) bool { return true }

// Release gives back what Charge has counted.
func (s *Server) Release(n int64) {}
