package engine

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-go/realtime/internal/readpoll"
	"github.com/realtime-go/realtime/internal/workq"
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
	// goroutine of the engine that holds no lock.
	Closed(cause error)
}

// Server serves Engine.IO 4 to the clients of one path. It is an http.Handler;
// make one with New. All methods may be called concurrently. It ends with
// Shutdown.
type Server struct {
	opts    Options
	accept  func(*Session) Receiver
	origins *originPolicy
	cors    corsHeaders

	sessions table
	slots    slots
	budget   budget
	reaping  atomic.Bool
	group    workq.Group // goroutines of ours
	sweepers []*workq.Sweeper[*Message]
	swept    atomic.Uint32 // wires that were given to sweepers
	requests requests      // goroutines of net/http that are inside ServeHTTP

	poller       readpoll.Poller                                // with EventDriven
	watchConn    func(net.Conn, readpoll.Waker) (source, error) // poll; tests have other connections
	pollerFailed sync.Once
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
	// Handshakes counts the handshakes that are being worked on or wait.
	Handshakes int
	// Goroutines counts those that the engine has started.
	Goroutines int
	// BudgetBytes is what counts against the process budget.
	BudgetBytes int64
}

// New returns a server. accept is called for each session before its client can
// send anything, and returns the receiver of its messages; what it sends comes
// after the handshake. New panics when Options.Validate reports an error.
func New(o Options, accept func(*Session) Receiver) *Server {
	if err := o.Validate(); err != nil {
		panic("engine: " + err.Error())
	}
	s := &Server{opts: o.withDefaults(), accept: accept}
	s.origins, _ = newOriginPolicy(s.opts.Origins, s.opts.Credentials)
	s.cors = newCORSHeaders(&s.opts)
	s.sessions.init(&s.opts)
	s.slots.wait = s.opts.HandshakeWait
	if s.opts.MaxHandshakes > 0 {
		s.slots.free = make(chan struct{}, s.opts.MaxHandshakes)
	}
	s.sweepers = newSweepers(&s.group, s.opts.FlushDelay)
	s.poller.Go, s.watchConn = s.group.Go, s.poll
	s.budget.limit, s.budget.over = s.opts.OutboundBudget, s.overBudget
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.enter()
	defer s.requests.leave()
	if !s.serves(r) {
		http.NotFound(w, r)
		return
	}
	if r.ContentLength != 0 {
		// Whoever reads the body, we or net/http after a refusal, it has to come in
		// time (requirement R13). Where this is not supported there is no slow
		// client either.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.opts.BodyTimeout))
	}
	q := s.parse(r)
	admitted := s.writeCORS(w.Header(), r)
	if s.preflight(w, r, admitted) {
		return
	}
	rules := handshakeRules
	if q.sid != "" {
		rules = sessionRules
	}
	ref := s.check(r, q, commonRules...)
	if ref == nil {
		ref = s.check(r, q, rules...)
	}
	switch {
	case ref != nil:
		s.refuse(w, r, q, ref)
	case q.session != nil && q.upgrade && q.transport() == transportWebSocket:
		s.serveUpgrade(w, r, q)
	case q.session != nil && !q.upgrade:
		q.session.serveHTTP(w, r)
	default:
		s.serveHandshake(w, r, q)
	}
}

// refuse answers a request that a rule objects to.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, q *request, ref *Refusal) {
	s.told(r, ref)
	ref.write(w, q.upgrade)
}

// told calls the hook for a refusal.
func (s *Server) told(r *http.Request, ref *Refusal) {
	if s.opts.Hooks.OnRefused != nil {
		s.opts.Hooks.OnRefused(r, ref)
	}
}

// limitedAddr is the client address that counts for MaxPerAddress; invalid if
// none does (decision D55).
func (s *Server) limitedAddr(r *http.Request) netip.Addr {
	if s.sessions.maxPerAddr <= 0 {
		return netip.Addr{}
	}
	addr, _ := s.opts.remoteAddr(r)
	a, _ := addrOf(addr)
	return a
}

// Shutdown refuses new handshakes, closes every session at the Engine.IO level
// with ErrServerClosed (decision D1), and waits until what is queued has been
// written and all goroutines and requests have ended. When ctx ends first it cuts
// all connections and returns the cause of that. It may be called again, but not
// from a Receiver, for whose return it waits.
func (s *Server) Shutdown(ctx context.Context) error {
	s.sessions.close()
	for _, session := range s.sessions.all() {
		session.Close(ErrServerClosed)
	}
	err := s.group.Wait(ctx)
	if err == nil {
		err = s.requests.wait(ctx)
	}
	if err == nil {
		// A request may have started a goroutine as its last act.
		err = s.group.Wait(ctx)
	}
	if err == nil {
		err = s.awaitLinger(ctx)
	}
	for _, session := range s.sessions.all() {
		session.dropLinger()
	}
	if err != nil {
		s.sessions.cutAll()
	}
	return err
}

// shutdownLinger is how long Shutdown waits for polling clients between two polls
// to fetch what is queued for them. A client that is there polls again at once.
const shutdownLinger = 2 * time.Second

// awaitLinger waits until no session lingers, but not longer than shutdownLinger.
func (s *Server) awaitLinger(ctx context.Context) error {
	over := time.NewTimer(shutdownLinger)
	defer over.Stop()
	for _, session := range s.sessions.all() {
		fetched := session.lingering()
		if fetched == nil {
			continue
		}
		select {
		case <-fetched:
		case <-over.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.requests.wait(ctx)
}

// Stats returns the gauges.
func (s *Server) Stats() Stats {
	t := &s.sessions
	return Stats{
		Polling:     int(t.polling.Load()),
		WebSocket:   int(t.websocket.Load()),
		Unjoined:    int(t.unjoined.Load()),
		Lingering:   int(t.lingering.Load()),
		Probing:     int(t.probing.Load()),
		Handshakes:  int(s.slots.count.Load()),
		Goroutines:  s.group.Len(),
		BudgetBytes: s.budget.used.Load(),
	}
}

// Opened counts the sessions so far.
func (s *Server) Opened() uint64 { return s.sessions.opened.Load() }

// Traffic returns what went over all sessions so far. It looks at each of them.
func (s *Server) Traffic() Traffic { return s.sessions.traffic() }

// Charge counts n bytes of a partly received packet against the process budget,
// or reports false and counts nothing if there is no room. Release gives them
// back.
func (s *Server) Charge(n int64) bool { return s.budget.charge(n) }

// Release gives back what Charge has counted.
func (s *Server) Release(n int64) { s.budget.used.Add(-n) }

// cookie returns the Set-Cookie value of a polling handshake, or "".
func (s *Server) cookie(sid string) string {
	if s.opts.Cookie == nil {
		return ""
	}
	c := *s.opts.Cookie
	c.Value = sid
	return c.String()
}

// oldBrowser is the official server's test for browsers that look for scripts in
// any text.
func oldBrowser(r *http.Request) bool {
	agent := r.Header.Get("User-Agent")
	return strings.Contains(agent, ";MSIE") || strings.Contains(agent, "Trident/")
}
