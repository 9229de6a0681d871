package realtimetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/internal/payload"
	"github.com/realtime-go/realtime/internal/siowire"
)

// Transport says how a client connects.
type Transport int

// The ways to connect.
const (
	WebSocket Transport = iota // websocket from the start
	Polling                    // long polling for good
	Upgrade                    // polling first, then websocket, as stock clients do
)

// Options say how a client connects. The zero value joins "/" over websocket.
type Options struct {
	Namespace string        // "/"
	Path      string        // "/socket.io/"
	Transport Transport     // WebSocket
	Auth      any           // payload of CONNECT, encoded as a JSON object; nil: none
	Query     url.Values    // of the handshake
	Header    http.Header   // of the handshake
	Host      string        // the Host header; "realtime.test"
	Address   string        // the client's IP address; "192.0.2.1"
	Timeout   time.Duration // for every wait; 10 s, longer than the server's own timeouts for answers
}

func (o Options) withDefaults() Options {
	set(&o.Namespace, "/")
	set(&o.Path, "/socket.io/")
	set(&o.Host, "realtime.test")
	set(&o.Address, "192.0.2.1")
	set(&o.Timeout, 10*time.Second)
	return o
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Client is one namespace of a client's link. Its methods may be called concurrently, but those that fail
// the test belong to the test's own goroutine.
type Client struct {
	link      *link
	options   Options
	namespace string

	// Guarded by link.mu.
	id      string
	refused *realtime.ConnectError
	reason  string
	events  []received
	acks    map[uint64]*siowire.Packet // nil while the answer is awaited
	nextAck uint64
	answers map[string]func(args, attachments [][]byte) ([]any, error)
}

// received is an event that nobody has expected yet.
type received struct {
	name   string
	packet *siowire.Packet
}

// Connect opens a link and joins a namespace. It fails the test if the server refuses.
func (s *Server) Connect(o Options) *Client {
	s.t.Helper()
	c, err := s.TryConnect(o)
	if err != nil {
		s.t.Fatalf("realtimetest: Connect: %v", err)
	}
	return c
}

// TryConnect is Connect that returns the refusal: a *RefusedError of the handshake, or a
// *realtime.ConnectError whose Data is a json.RawMessage.
func (s *Server) TryConnect(o Options) (*Client, error) {
	o = o.withDefaults()
	l, err := s.dial(&o)
	if err != nil {
		return nil, err
	}
	return l.join(o)
}

// dial opens a session.
func (s *Server) dial(o *Options) (*link, error) {
	l := newLink(s)
	if o.Transport == WebSocket {
		t, err := dialWebSocket(l, o, "")
		if err != nil {
			return nil, err
		}
		l.transport = t
		go func() { // owned by the link, ends with the websocket
			defer close(l.ended)
			t.read()
		}()
	} else {
		t := newPollTransport(l, o)
		if err := t.get(); err != nil {
			return nil, err
		}
		l.transport = t
		go func() { // owned by the link, ends with the polling and, after an upgrade, the websocket
			defer close(l.ended)
			if t.poll(); !t.isPaused() {
				return
			}
			<-t.switched
			if ws, ok := l.current().(*wsTransport); ok {
				ws.read()
			}
		}()
	}
	s.mu.Lock()
	s.clients = append(s.clients, l)
	s.mu.Unlock()
	return l, nil
}

// join sends CONNECT and waits for the reply, and upgrades if that is wanted.
func (l *link) join(o Options) (*Client, error) {
	var auth []byte
	if o.Auth != nil {
		var err error
		if auth, err = json.Marshal(o.Auth); err != nil {
			return nil, err
		}
	}
	c := &Client{link: l, options: o, namespace: o.Namespace, acks: make(map[uint64]*siowire.Packet)}
	l.mu.Lock()
	first := len(l.clients) == 0
	l.clients[o.Namespace] = c
	l.mu.Unlock()
	header := siowire.AppendHeader(nil, siowire.Connect, 0, o.Namespace, 0, false)
	if err := l.send(message{data: append(header, auth...)}); err != nil {
		return nil, err
	}
	if err := c.wait(func() bool { return c.id != "" || c.refused != nil }); err != nil {
		return nil, err
	}
	if c.refused != nil {
		return nil, c.refused
	}
	if first && o.Transport == Upgrade {
		return c, l.upgrade(&o)
	}
	return c, nil
}

// upgrade moves the link from polling to websocket, in the order of the official client.
func (l *link) upgrade(o *Options) error {
	ws, err := dialWebSocket(l, o, l.open.SID)
	if err != nil {
		return err
	}
	if err := ws.text("2probe"); err != nil {
		return err
	}
	if _, data, err := ws.conn.ReadMessage(); err != nil || string(data) != "3probe" {
		return fmt.Errorf("realtimetest: probe answered with %q: %w", data, err)
	}
	l.sendMu.Lock() // what is sent from now on waits for the websocket
	defer l.sendMu.Unlock()
	poll := l.current().(*pollTransport)
	poll.pause()
	defer close(poll.switched)
	select {
	case <-poll.idle:
	case <-time.After(o.Timeout):
		return errors.New("realtimetest: the held GET was not released during the probe")
	}
	l.mu.Lock()
	l.transport = ws
	l.mu.Unlock()
	return ws.text("5")
}

// Join joins a further namespace over the client's link. Only Namespace, Auth and Timeout of o are used. It
// fails the test if the server refuses.
func (c *Client) Join(o Options) *Client {
	c.link.host.t.Helper()
	joined, err := c.TryJoin(o)
	if err != nil {
		c.link.host.t.Fatalf("realtimetest: Join %s: %v", o.Namespace, err)
	}
	return joined
}

// TryJoin is Join that returns the refusal, a *realtime.ConnectError.
func (c *Client) TryJoin(o Options) (*Client, error) { return c.link.join(o.withDefaults()) }

// ID returns the connection's id.
func (c *Client) ID() string {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	return c.id
}

// Transport returns "websocket" or "polling".
func (c *Client) Transport() string {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	return c.link.transport.name()
}

// Emit sends an event without asking for an acknowledgement. Arguments are encoded as the server's are,
// realtime.Binary included. It fails the test if that cannot be done or the link has ended.
func (c *Client) Emit(event string, args ...any) {
	c.link.host.t.Helper()
	if err := c.send(siowire.Event, event, 0, false, args); err != nil {
		c.link.host.t.Fatalf("realtimetest: Emit %s: %v", event, err)
	}
}

// Send sends Socket.IO packets as they are, without the Engine.IO digit, all at once: several in one POST
// over polling. It is for tests of what a broken client does.
func (c *Client) Send(packets ...string) error {
	ms := make([]message, len(packets))
	for i, p := range packets {
		ms[i].data = []byte(p)
	}
	return c.link.send(ms...)
}

func (c *Client) send(t siowire.Type, event string, id uint64, hasID bool, args []any) error {
	data := []byte{'['}
	if event != "" {
		data = siowire.AppendString(data, event)
	}
	data, attachments, err := payload.AppendArgs(data, payload.JSON, args, nil)
	if err != nil {
		return err
	}
	if event == "" && len(args) > 0 {
		data = slices.Delete(data, 1, 2) // the comma before the first argument
	}
	text := siowire.AppendHeader(nil, t, len(attachments), c.namespace, id, hasID)
	ms := []message{{data: append(append(text, data...), ']')}}
	for _, a := range attachments {
		ms = append(ms, message{data: a, binary: true})
	}
	return c.link.send(ms...)
}

// Disconnect leaves the namespace with a DISCONNECT packet; the link stays.
func (c *Client) Disconnect() {
	c.link.host.t.Helper()
	c.link.mu.Lock()
	c.finish(ReasonClient)
	delete(c.link.clients, c.namespace)
	c.link.mu.Unlock()
	if err := c.link.send(message{data: siowire.AppendHeader(nil, siowire.Disconnect, 0, c.namespace, 0, false)}); err != nil {
		c.link.host.t.Fatalf("realtimetest: Disconnect: %v", err)
	}
}

// Close drops the link of all of the client's namespaces without a word, as a closed laptop's kernel does.
func (c *Client) Close() { c.link.close(ReasonClient) }

// Cut makes the wire go dead: nothing arrives on either side any more, and neither is told.
func (c *Client) Cut() {
	c.link.mu.Lock()
	c.link.dead = true
	t := c.link.transport
	c.link.mu.Unlock()
	t.cut()
}

// Stall makes the client stop reading; Resume lets it go on.
func (c *Client) Stall() { c.link.current().stall(true) }

// Resume ends Stall.
func (c *Client) Resume() { c.link.current().stall(false) }

// Reason returns why the client has ended, as one of the Reason constants, or "" while it is connected.
func (c *Client) Reason() string {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	return c.reason
}

// WaitClosed waits until the client has ended and returns the reason.
func (c *Client) WaitClosed() string {
	c.link.host.t.Helper()
	if err := c.wait(func() bool { return c.reason != "" }); c.Reason() == "" {
		c.link.host.t.Fatalf("realtimetest: WaitClosed: %v", err)
	}
	return c.Reason()
}

// finish notes the end. The caller holds link.mu.
func (c *Client) finish(reason string) {
	if c.reason == "" {
		c.reason = reason
	}
}

// packet takes one packet of the namespace. The caller holds link.mu.
func (c *Client) packet(p *siowire.Packet) {
	switch p.Type {
	case siowire.Connect:
		var reply struct {
			SID string `json:"sid"`
		}
		_ = json.Unmarshal(p.Data, &reply) // an empty id is noticed by join
		c.id = reply.SID
	case siowire.ConnectError:
		var body struct {
			Message string          `json:"message"`
			Data    json.RawMessage `json:"data"`
		}
		_ = json.Unmarshal(p.Data, &body)
		c.refused = &realtime.ConnectError{Message: body.Message}
		if body.Data != nil {
			c.refused.Data = body.Data
		}
		delete(c.link.clients, c.namespace)
	case siowire.Disconnect:
		c.finish(ReasonServer)
		delete(c.link.clients, c.namespace)
	case siowire.Ack:
		if waiting, ok := c.acks[p.ID]; ok && waiting == nil {
			c.acks[p.ID] = p
		}
	case siowire.Event:
		c.event(p)
	}
}

// event answers a question, or keeps the event for Expect. The caller holds link.mu.
func (c *Client) event(p *siowire.Packet) {
	name, _ := p.EventName()
	answer := c.answers[string(name)]
	if answer == nil {
		c.events = append(c.events, received{string(name), p})
		return
	}
	args := make([][]byte, 0, p.Args.Len())
	for i := 1; i < p.Args.Len(); i++ {
		args = append(args, p.Args.Raw(p.Data, i))
	}
	go func() { // the lock is held here; ends when the answer is written or the link is closed
		if out, err := answer(args, p.Attachments); err == nil && p.HasID {
			_ = c.send(siowire.Ack, "", p.ID, true, out)
		}
	}()
}

// wait waits until cond, which runs under link.mu, is true. The error says what ended the wait otherwise.
func (c *Client) wait(cond func() bool) error {
	timer := time.NewTimer(c.options.Timeout)
	defer timer.Stop()
	for {
		c.link.mu.Lock()
		if cond() {
			c.link.mu.Unlock()
			return nil
		}
		reason, changed := c.reason, c.link.changed
		c.link.mu.Unlock()
		if reason != "" {
			return errors.New("connection ended: " + reason)
		}
		select {
		case <-changed:
		case <-timer.C:
			return errTimeout
		}
	}
}
