package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/realtime-go/realtime/internal/engine"
	"github.com/realtime-go/realtime/internal/siowire"
	"github.com/realtime-go/realtime/internal/workq"
)

// mux is one per session: it decodes packets and hands them to the connection of their namespace. The
// engine calls Receive and Closed from one goroutine at a time; what other goroutines touch is below mu.
type mux struct {
	srv     *server
	session *engine.Session
	limiter limiter // shared by the session's connections

	// Decoding state, of the engine's goroutine.
	decoder     siowire.Decoder
	charged     int64       // bytes of attachments, charged to the process budget
	partial     *time.Timer // ends the session when attachments do not arrive
	attempts    bucket      // CONNECT packets
	unknownAcks int
	fullSince   time.Time // when a push into a mailbox first had to wait, without one since that had not

	mu    sync.Mutex
	conns []*Conn             // of joined and joining namespaces, few
	quiet map[string]struct{} // namespaces that the server ended: events on their way are dropped
	ended bool
}

func newMux(srv *server, session *engine.Session) *mux {
	now, limits := time.Now(), &srv.cfg.Limits
	m := &mux{srv: srv, session: session}
	m.decoder.Init(&srv.wire)
	m.limiter.events = newBucket(int64(limits.EventRate), int64(limits.EventBurst), now)
	m.limiter.bytes = newBucket(limits.ByteRate, limits.ByteBurst, now)
	m.attempts = bucket{
		rate: float64(limits.ConnectAttempts) / time.Minute.Seconds(), burst: float64(limits.ConnectAttempts),
		tokens: float64(limits.ConnectAttempts), last: now,
	}
	return m
}

// Receive takes one message of the session. It blocks while the mailbox it belongs to is full.
func (m *mux) Receive(data []byte, binary bool) error {
	var p siowire.Packet
	var whole bool
	var err error
	if binary {
		if err = m.charge(len(data)); err != nil {
			return err
		}
		p, whole, err = m.decoder.Binary(data)
	} else {
		p, whole, err = m.decoder.Text(data)
	}
	switch {
	case err != nil:
		m.discharge()
		return protocolError("decode", err)
	case !whole:
		return m.await()
	}
	m.discharge()
	return m.accept(&p)
}

// Closed ends every connection of the session.
func (m *mux) Closed(cause error) {
	m.discharge()
	m.decoder.Discard()
	why := sessionEnded(cause)
	m.mu.Lock()
	conns := m.conns
	m.conns, m.quiet, m.ended = nil, nil, true
	m.mu.Unlock()
	for _, c := range conns {
		c.leave(why)
	}
	m.srv.sessionClosed(m, why)
}

// end closes the session and ends its connections at once, not only when the engine tells of it: a caller
// finds them ended, and nothing can change the cause any more.
func (m *mux) end(cause error) {
	m.session.Close(cause)
	if first := context.Cause(m.session.Context()); first != nil {
		cause = first // it had ended before
	}
	for _, c := range m.all() {
		c.leave(sessionEnded(cause))
	}
}

// accept hands a whole packet to where it belongs.
func (m *mux) accept(p *siowire.Packet) error {
	c, quiet := m.find(p.Namespace)
	switch p.Type {
	case siowire.Connect:
		if c != nil {
			return protocolError("CONNECT", errConnectTwice)
		}
		return m.connect(p)
	case siowire.Event, siowire.Ack, siowire.Disconnect:
	default:
		return protocolError("packet", errUnexpectedType)
	}
	switch {
	case c == nil && quiet:
		return nil
	case c == nil:
		return protocolError("packet", errNotJoined)
	}
	switch p.Type {
	case siowire.Ack:
		return m.ack(c, p)
	case siowire.Disconnect:
		c.leave(Disconnected{Cause: CauseClientDisconnect})
		return nil
	default:
		return m.event(c, p)
	}
}

// connect begins a connection; what it needs of user code runs as the first task of its mailbox.
func (m *mux) connect(p *siowire.Packet) error {
	limits := &m.srv.cfg.Limits
	if limits.ConnectAttempts >= 0 && !m.attempts.allow(1, time.Now()) {
		m.refuse(p.Namespace, "too many attempts", CodeTooMany)
		return protocolError("CONNECT", errConnectAttempts)
	}
	if limits.Namespaces >= 0 && m.count() >= limits.Namespaces {
		m.refuse(p.Namespace, "too many namespaces", CodeTooMany)
		return nil
	}
	ns, known := m.srv.acquire(p.Namespace)
	if ns == nil {
		if known {
			m.refuse(p.Namespace, "too many namespaces", CodeTooMany)
		} else {
			m.refuse(p.Namespace, "Invalid namespace", codeBadNamespace)
		}
		return nil
	}
	c := newConn(ns, m, p.Data)
	if !m.add(c) {
		ns.release()
		return nil
	}
	_ = c.mailbox.Push(len(p.Data), task{}) // an open and empty queue takes anything
	if c.open() {
		_ = c.enterNamespace() // now, so that replies come in the order of the CONNECT packets
	}
	return nil
}

// refuse answers a CONNECT for which no connection was made. The texts are ours, so they need no escaping. The
// protocol's own refusal has no data.
func (m *mux) refuse(namespace, message, code string) {
	data := `{"message":"` + message + `"}`
	if code != codeBadNamespace {
		data = `{"message":"` + message + `","data":{"code":"` + code + `"}}`
	}
	m.srv.refused("connect:"+code, func() []any {
		return []any{slog.String("address", m.address()), slog.String("detail", message)}
	})
	_ = m.session.Send(packetMessage(siowire.ConnectError, namespace, 0, false, []byte(data), nil))
}

// event queues an event for the connection's handlers.
func (m *mux) event(c *Conn, p *siowire.Packet) error {
	if p.Args.Len() == 0 { // an EVENT without data, which the reference server drops too
		return nil
	}
	return m.push(c, newEvent(c, p))
}

// push waits for room in the mailbox. Waiting pauses the reader and thereby this one client, for as long
// as Limits.FloodTimeout without a push that found room at once (D4).
func (m *mux) push(c *Conn, ev *Event) error {
	err := c.mailbox.Push(ev.Size, task{event: ev})
	if err == nil {
		m.fullSince = time.Time{}
		return nil
	}
	if errors.Is(err, workq.ErrClosed) {
		return nil // the connection has left: nobody is there to handle the event
	}
	now := time.Now()
	if m.fullSince.IsZero() {
		m.fullSince = now
	}
	ctx, cancel := context.WithDeadlineCause(m.session.Context(), m.fullSince.Add(m.srv.cfg.Limits.FloodTimeout), errFlood)
	defer cancel()
	_, err = c.mailbox.PushWait(ctx, ev.Size, task{event: ev})
	if errors.Is(err, errFlood) {
		return &closeCause{CauseFlood, "", errFlood}
	}
	return nil // queued, or the connection or the session has ended
}

// ack hands an acknowledgement to whoever waits for it. It does not pass the mailbox, so that a handler
// may wait for its own client.
func (m *mux) ack(c *Conn, p *siowire.Packet) error {
	if !p.HasID {
		return nil
	}
	if w, ok := c.acks.Take(p.ID); ok {
		w.answered(c, *p)
		return nil
	}
	if p.ID < c.ns.acksIssued() { // answered before, or too late: D15
		return nil
	}
	m.unknownAcks++
	if limit := m.srv.cfg.Limits.UnknownAcks; limit >= 0 && m.unknownAcks > limit {
		return protocolError("ACK", errUnknownAcks)
	}
	return nil
}

// await is called when attachments of a packet are still to come (R27).
func (m *mux) await() error {
	p, missing := m.decoder.Partial()
	if c, quiet := m.find(p.Namespace); c == nil && !quiet {
		return protocolError("packet", errNotJoined)
	}
	if missing > 0 && m.partial == nil {
		session := m.session
		m.partial = time.AfterFunc(m.srv.cfg.Limits.PartialPacket, func() {
			session.Close(protocolError("packet", errPartialPacket))
		})
	}
	return nil
}

func (m *mux) charge(n int) error {
	if !m.srv.engine.Charge(int64(n)) {
		return protocolError("packet", errPartialMemory)
	}
	m.charged += int64(n)
	return nil
}

// discharge forgets the packet that was being assembled.
func (m *mux) discharge() {
	if m.partial != nil {
		m.partial.Stop()
		m.partial = nil
	}
	if m.charged > 0 {
		m.srv.engine.Release(m.charged)
		m.charged = 0
	}
}

// find returns the connection of a namespace, or whether the server ended the last one.
func (m *mux) find(namespace string) (c *Conn, quiet bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.conns {
		if c.ns.name == namespace {
			return c, false
		}
	}
	_, quiet = m.quiet[namespace]
	return nil, quiet
}

func (m *mux) add(c *Conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		return false
	}
	delete(m.quiet, c.ns.name)
	m.conns = append(m.conns, c)
	return true
}

// forget drops a connection that has left. Events that its client sent before it knew are dropped too.
func (m *mux) forget(c *Conn, why Disconnected) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conns = slices.DeleteFunc(m.conns, func(other *Conn) bool { return other == c })
	limit := m.srv.cfg.Limits.Namespaces
	if !why.Cause.kicked() || m.ended || limit >= 0 && len(m.quiet) >= limit {
		return
	}
	if m.quiet == nil {
		m.quiet = make(map[string]struct{})
	}
	m.quiet[c.ns.name] = struct{}{}
}

func (m *mux) all() []*Conn {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.conns)
}

func (m *mux) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.conns)
}

// reply sends an acknowledgement, also when the connection has left meanwhile (as the reference server does).
func (c *Conn) reply(id uint64, args []any) error {
	p, err := encodeArgs(&c.ns.srv.cfg, "", args)
	if err != nil {
		return err
	}
	defer p.release()
	return c.deliver(p.message(siowire.Ack, c.ns.name, id, true), false)
}

func protocolError(op string, err error) error {
	return &ProtocolError{Layer: "socket.io", Op: op, Err: err}
}

// handshake is what is handed out of the session's first request, with the auth payload of one of its connections: a copy,
// which the caller may change.
func (m *mux) handshake(auth json.RawMessage) *Handshake {
	h := m.session.Handshake()
	header := h.Header()
	return &Handshake{
		Header: header, Query: h.Query(), Path: h.Path, Auth: slices.Clone(auth), Host: h.Host, Address: m.address(),
		Secure: h.TLS, XDomain: header.Get("Origin") != "", Issued: h.Issued,
	}
}

// address is the client's.
func (m *mux) address() string { return addressOf(m.session.Handshake().RemoteAddr) }

// addressOf drops the port, if there is one.
func addressOf(remote string) string {
	if host, _, err := net.SplitHostPort(remote); err == nil {
		return host
	}
	return remote
}
