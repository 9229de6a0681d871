package realtime

import (
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/realtime-go/realtime/internal/engine"
)

// Hooks are called when something happens that a program may want to know of; nil fields cost nothing. A
// panic in one is recovered and logged. But for AllowHandshake, HandlerError and Panic, which run where the
// thing happened, they run one at a time on a goroutine of the server, behind a bounded queue.
type Hooks struct {
	// AllowHandshake may refuse a session before anything else is known of it: the client gets HTTP 403,
	// code 4, with the error's text (400 on a failed websocket handshake, as the protocol has it). It is
	// called concurrently.
	AllowHandshake func(r *http.Request) error
	// HandlerError is told every error that a client sees as code "internal", panics included.
	HandlerError func(c *Conn, ev *Event, err error)
	// Panic is told of every recovered panic of user code, with the id that the log line has.
	Panic func(where string, value any, stack []byte, id string)
	// Refused is told of refused handshakes, and of refused requests of sessions that live on.
	Refused func(f Finding)
	// Upgraded is told of the connections whose session went from polling to websocket.
	Upgraded func(conns []*Conn)
	// RoomCreated and RoomEmptied tell of rooms of this node. A room that comes and goes quickly may be told
	// of less often than it changed, but never in the wrong order.
	RoomCreated func(namespace, room string)
	RoomEmptied func(namespace, room string)
	// UserOnline and UserOffline tell of users (see [Presence]), each change on one node of the cluster.
	UserOnline  func(namespace, user string)
	UserOffline func(namespace, user string)
	// Anomaly tells of what is odd: see [AnomalyConfig]. At most 100 of a kind are told a second; Stats counts them all.
	Anomaly func(a Anomaly)
	// AdapterState tells of the bus between nodes.
	AdapterState func(s AdapterState)
	// NodeJoined and NodeLost tell of other nodes.
	NodeJoined func(n Node)
	NodeLost   func(n Node)
}

// Finding says why a handshake is refused.
type Finding struct {
	Rule       string        // short and stable: the X-Realtime-Refused header and the metric label
	Status     int           // HTTP status
	Code       int           // Engine.IO error code, 0 to 5, or -1 where the protocol has none
	Detail     string        // what was wrong, in words; holds no secret
	Setting    string        // the Config field that would admit the request, "" if none would
	RetryAfter time.Duration // for temporary refusals
}

func finding(r *engine.Refusal) Finding {
	return Finding{Rule: r.Rule, Status: r.Status, Code: r.Code, Detail: r.Detail, Setting: setting(r), RetryAfter: r.RetryAfter}
}

// setting names the field of Config behind an option of the engine.
func setting(r *engine.Refusal) string {
	switch r.Setting {
	case "MaxHandshakes":
		return "Limits.Handshakes"
	case "MaxUnjoined":
		return "Limits.UnjoinedSessions"
	case "MaxPerAddress":
		return "Limits.ConnectionsPerAddress"
	case "MaxPayload":
		return "Limits.MessageSize"
	case "MaxPayloadBeforeJoin":
		return "Limits.ConnectMessageSize"
	case "Allow":
		return "Hooks.AllowHandshake"
	}
	return r.Setting
}

// Stats is a snapshot of a server. Counters count from the start of the server.
type Stats struct {
	Sessions    int               `json:"sessions"`   // client links
	Polling     int               `json:"polling"`    // of them
	WebSocket   int               `json:"websocket"`  // of them
	Unjoined    int               `json:"unjoined"`   // sessions without a joined namespace
	Handshakes  int               `json:"handshakes"` // in progress
	Conns       int               `json:"conns"`      // in all namespaces
	Namespaces  int               `json:"namespaces"`
	Rooms       int               `json:"rooms"` // of this node, users' rooms included
	Users       int               `json:"users"` // with a connection to this node; who is in two namespaces counts twice
	QueuedBytes int64             `json:"queued_bytes"`
	Handlers    int               `json:"handlers"` // goroutines that run handlers now
	Opened      uint64            `json:"opened"`   // sessions so far
	Closed      map[string]uint64 `json:"closed"`   // of them, by Cause.String

	// Messages of clients and to them so far, and their bytes, as ConnStats has them for one link.
	ReceivedMessages uint64 `json:"received_messages"`
	ReceivedBytes    uint64 `json:"received_bytes"`
	SentMessages     uint64 `json:"sent_messages"`
	SentBytes        uint64 `json:"sent_bytes"`

	Disconnects map[string]uint64 `json:"disconnects"` // by Cause.String
	Refused     map[string]uint64 `json:"refused"`     // by Finding.Rule; CONNECT refusals as "connect:" and their code
	Anomalies   map[string]uint64 `json:"anomalies"`   // by AnomalyKind
	Panics      uint64            `json:"panics"`
	HooksLost   uint64            `json:"hooks_lost"` // calls of hooks that a full queue has dropped
	Limits      Limits            `json:"-"`          // in force
}

// HealthStatus is how a server is.
type HealthStatus string

// The states of a server.
const (
	HealthOK       HealthStatus = "ok"
	HealthDegraded HealthStatus = "degraded" // local clients are served, other nodes are out of reach
	HealthDown     HealthStatus = "down"     // shut down, or shutting down
)

// Health says how a server is, and why it is not better.
type Health struct {
	Status HealthStatus `json:"status"`
	Causes []string     `json:"causes,omitempty"`
}

// counters are the server's own figures.
type counters struct {
	disconnects [len(causes)]atomic.Uint64 // of connections
	closed      [len(causes)]atomic.Uint64 // of sessions
	panics      atomic.Uint64
	hooksLost   atomic.Uint64
}

func (s *server) countDisconnect(c Cause) { s.counters.disconnects[c].Add(1) }

// Stats returns a snapshot. It may be called at any time.
func (s *server) Stats() Stats {
	e, traffic := s.engine.Stats(), s.engine.Traffic()
	st := Stats{
		Sessions: e.Polling + e.WebSocket, Polling: e.Polling, WebSocket: e.WebSocket, Unjoined: e.Unjoined,
		Handshakes: e.Handshakes, QueuedBytes: e.BudgetBytes, Handlers: s.tasks.Len(),
		Opened: s.engine.Opened(), ReceivedMessages: traffic.Received, ReceivedBytes: traffic.ReceivedBytes,
		SentMessages: traffic.Sent, SentBytes: traffic.SentBytes,
		Disconnects: byCause(&s.counters.disconnects), Closed: byCause(&s.counters.closed), Refused: s.refusals.snapshot(),
		Anomalies: s.anomalies.snapshot(),
		Panics:    s.counters.panics.Load(), HooksLost: s.counters.hooksLost.Load(), Limits: s.cfg.Limits,
	}
	for _, ns := range s.namespaceList() {
		n := ns.stats()
		st.Namespaces++
		st.Conns += n.Conns
		st.Rooms += n.Rooms
		st.Users += n.Users
	}
	return st
}

// byCause names the counters that are not 0.
func byCause(counts *[len(causes)]atomic.Uint64) map[string]uint64 {
	named := make(map[string]uint64)
	for c := range counts {
		if n := counts[c].Load(); n > 0 {
			named[Cause(c).String()] = n //nolint:gosec // the array has as many entries as there are causes
		}
	}
	return named
}

// Health returns how the server is. It may be called at any time.
func (s *server) Health() Health {
	if s.stopping() {
		return Health{HealthDown, []string{"the server is shutting down"}}
	}
	s.adapterMu.Lock()
	defer s.adapterMu.Unlock()
	if s.cfg.Adapter != nil && s.adapterState.Status == AdapterDown {
		cause := "the adapter is down"
		if s.adapterState.Err != nil {
			cause += ": " + s.adapterState.Err.Error()
		}
		return Health{HealthDegraded, []string{cause}}
	}
	return Health{Status: HealthOK}
}

func (s *server) setAdapterState(state AdapterState) {
	s.adapterMu.Lock()
	defer s.adapterMu.Unlock()
	if state.Status == AdapterGap { // messages cross
		state.Status = AdapterUp
	}
	s.adapterState, s.adapterTold = state, true
}

// adapterFailed says why the adapter did not start.
func (s *server) adapterFailed(err error) {
	s.adapterMu.Lock()
	defer s.adapterMu.Unlock()
	s.adapterState = AdapterState{Status: AdapterDown, Err: err}
}

// adapterStarted says that messages cross, unless the adapter has said how it is meanwhile.
func (s *server) adapterStarted() {
	s.adapterMu.Lock()
	defer s.adapterMu.Unlock()
	if !s.adapterTold {
		s.adapterState = AdapterState{Status: AdapterUp}
	}
}

// panicked logs and counts a recovered panic.
func (s *server) panicked(p *panicError, stack []byte, attrs ...any) {
	s.counters.panics.Add(1)
	s.observePanic(p.where)
	attrs = append(attrs, slog.String("id", p.id), slog.String("where", p.where),
		slog.Any("panic", p.value), slog.String("stack", string(stack)))
	s.log.Error("panic recovered", attrs...)
	if fn := s.cfg.Hooks.Panic; fn != nil {
		defer func() { _ = recover() }() // a panicking panic hook has nowhere left to be told
		fn(p.where, p.value, stack, p.id)
	}
}

// logAttrs are the attributes that every line about a connection has, and more.
func (c *Conn) logAttrs(more ...slog.Attr) []any {
	attrs := make([]any, 0, 3+len(more))
	attrs = append(attrs, slog.String("conn", c.id), slog.String("namespace", c.ns.name))
	if user := c.UserID(); user != "" {
		attrs = append(attrs, slog.String("user", user))
	}
	for _, a := range more {
		attrs = append(attrs, a)
	}
	return attrs
}

// logName is the event's name for the log: that of a handler, never text that only a client chose.
func (s *server) logName(ev *Event) string {
	if ev.route == nil || ev.route.event == "" {
		return unregistered
	}
	return ev.Name
}
