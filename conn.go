package realtime

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-go/realtime/internal/pending"
	"github.com/realtime-go/realtime/internal/workq"
)

// Conn is one client in one namespace. A client that joined several namespaces over one link has a Conn in
// each, and each has an id of its own.
//
// Its events are handled one at a time, in the order of their arrival, by functions registered on the
// namespace. All methods may be called from any goroutine and from every callback. A Conn ends once, with
// a cause that can be read from Context; methods called after that return [ErrClosed].
type Conn struct {
	id        string
	ns        *namespace
	mux       *mux
	auth      json.RawMessage // of the Handshake
	connected time.Time
	order     uint64 // among the server's connections
	class     string // of Config.Sessions, set before the connection is in the index

	ctx    context.Context
	cancel context.CancelCauseFunc

	// Dispatch state, used by the mailbox's one goroutine.
	mailbox    workq.Queue[task]
	concurrent sync.WaitGroup        // handlers of Concurrent events
	slots      chan struct{}         // bounds them
	slow       *time.Timer           // names a handler that blocks
	current    atomic.Pointer[Event] // read by slow
	admitted   bool                  // it joined; without that, events are dropped (D12)

	gate    gate
	acks    pending.Table[uint64, ackWaiter]
	expires atomic.Int64 // Unix time in ns at which the identity's grace ends, 0: never

	mu       sync.Mutex // guards the state of the connection; outside of the rooms index's locks
	phase    phase
	rooms    []string // wire names without its own id; a snapshot once the connection has left
	staged   []string // of them, those joined before the connection was admitted: OnJoin is still to run
	why      Disconnected
	identity *Identity
	clock    identityClock
	public   json.RawMessage

	valuesMu sync.Mutex
	values   map[*keyID]any // of Key and RateLimit
}

// phase is where a connection is in its life. It only grows.
type phase uint8

const (
	connecting phase = iota // authentication and middleware run
	joined                  // in the index, handlers run
	left                    // out of the index, the last task is queued
)

func newConn(ns *namespace, m *mux, auth json.RawMessage) *Conn {
	c := &Conn{id: newConnID(), ns: ns, mux: m, auth: auth, connected: time.Now(), order: ns.srv.order.Add(1)}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	limits := &ns.srv.cfg.Limits
	c.mailbox.Init(limits.InboundEvents, limits.InboundBytes)
	workq.Drain(&c.mailbox, &ns.srv.tasks, mailboxBatch, c.work)
	return c
}

// ID returns the connection's public id: 20 characters, new for each connection. It is not a secret.
func (c *Conn) ID() string { return c.id }

// UserID returns the user of the connection's identity, or "".
func (c *Conn) UserID() string {
	if id := c.Identity(); id != nil {
		return id.UserID
	}
	return ""
}

// Identity returns who the connection belongs to, or nil if it is anonymous.
func (c *Conn) Identity() *Identity {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.identity
}

// Namespace returns the namespace that the connection has joined.
func (c *Conn) Namespace() Namespace { return c.ns }

// Handshake returns a copy of what the client sent when it connected.
func (c *Conn) Handshake() *Handshake { return c.mux.handshake(c.auth) }

// Context returns a context that is cancelled when the connection ends; [DisconnectedOf] reads why from its
// cause. The contexts of the connection's handlers are derived from it.
func (c *Conn) Context() context.Context { return c.ctx }

// Transport returns "websocket" or "polling". A polling connection may become a websocket one.
func (c *Conn) Transport() string { return c.mux.session.Transport() }

// Recovered reports whether the connection continues an earlier one. It is always false for now.
func (c *Conn) Recovered() bool { return false }

// RTT returns how long the last heartbeat took, 0 before the first.
func (c *Conn) RTT() time.Duration { return c.mux.session.RTT() }

// Queue returns what waits to be sent on the connection's link, all of its namespaces together.
func (c *Conn) Queue() (messages int, bytes int64) { return c.mux.session.Queue() }

// String returns the namespace and the id.
func (c *Conn) String() string { return c.ns.name + "#" + c.id }

// GoString is String: the fields of a connection change while it lives, and hold what its client sent.
func (c *Conn) GoString() string { return c.String() }

// SetPublic stores a small value, encoded as JSON, that other nodes see in ConnInfo.Public (Node's
// socket.data). It returns the codec's error, or ErrPublicData above Limits.PublicData bytes.
func (c *Conn) SetPublic(v any) error {
	data, err := c.ns.srv.encodePublic(v)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.public = data
	c.mu.Unlock()
	c.ns.srv.tapChanged(c)
	return nil
}

// Public returns what SetPublic stored, or nil. It must not be changed.
func (c *Conn) Public() json.RawMessage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.public
}

// encodePublic encodes a small value that other nodes see.
func (s *server) encodePublic(v any) (json.RawMessage, error) {
	data, err := s.cfg.Codec.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("realtime: public data: %w", err)
	}
	if limit := s.cfg.Limits.PublicData; limit >= 0 && len(data) > limit {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrPublicData, len(data), limit)
	}
	return slices.Clone(data), nil
}

// info is what other nodes may know, with the rooms by their wire names: see server.shown.
func (c *Conn) info() ConnInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	info := ConnInfo{
		ID: c.id, Node: c.ns.srv.self.ID, Rooms: slices.Clone(c.rooms), Public: c.public,
		Address: c.mux.address(), Secure: c.mux.session.Handshake().TLS, Connected: c.connected,
		Transport: c.mux.session.Transport(),
	}
	if c.identity != nil {
		info.UserID = c.identity.UserID
	}
	return info
}

// Disconnect sends the client a DISCONNECT packet for this namespace: an official client stays away. The
// reason is for the log and [Disconnected], the wire has no place for it. Other namespaces of the client
// are not touched. It does not wait for handlers, so one may disconnect its own connection.
func (c *Conn) Disconnect(_ context.Context, reason string) error {
	if !c.kick(CauseServerDisconnect, reason) {
		return ErrClosed
	}
	return nil
}

// Close does what Disconnect does for every namespace of the client, then closes the link.
func (c *Conn) Close(_ context.Context, reason string) error {
	if c.ended() {
		return ErrClosed
	}
	for _, other := range c.mux.all() {
		other.kick(CauseServerDisconnect, reason)
	}
	c.mux.session.Close(&closeCause{CauseServerDisconnect, reason, errClosedByServer})
	return nil
}

// Reconnect closes the link without a DISCONNECT packet, so that an official client comes back by itself,
// as a new connection.
func (c *Conn) Reconnect(_ context.Context, reason string) error {
	if c.ended() {
		return ErrClosed
	}
	c.mux.end(&closeCause{CauseReconnect, reason, errReconnect})
	return nil
}
