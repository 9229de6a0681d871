package realtimetest

import (
	"encoding/json"
	"errors"
	"sync"

	"github.com/realtime-go/realtime/internal/eiowire"
	"github.com/realtime-go/realtime/internal/siowire"
)

// Reasons for which a client ends, in the words of the official client.
const (
	ReasonServer         = "io server disconnect" // a DISCONNECT packet: an official client stays away
	ReasonClient         = "io client disconnect" // Disconnect or Close of the client
	ReasonTransportClose = "transport close"      // the server closed the link: an official client comes back
	ReasonTransportError = "transport error"      // an HTTP error, or a broken websocket
	ReasonParseError     = "parse error"          // the server sent what the protocol does not allow
)

// message is one Engine.IO message on its way to the server.
type message struct {
	data   []byte // text without its type digit, or binary
	binary bool
}

// transport carries packets of one link.
type transport interface {
	send(ms []message) error
	pong() error
	// closed ends the transport at once.
	close()
	stall(on bool)
	cut()
	name() string
}

// turn lets one goroutine write at a time. It is no mutex because a write lasts as long as the server does not
// read, and in synctest time stands still while somebody waits for a mutex.
type turn chan struct{}

func newTurn() turn  { return make(turn, 1) }
func (t turn) take() { t <- struct{}{} }
func (t turn) give() { <-t }

// stalling makes a reader wait.
type stalling struct {
	stallMu sync.Mutex
	stalled chan struct{} // not nil while stalled; closed on resume
}

func (s *stalling) stall(on bool) {
	s.stallMu.Lock()
	defer s.stallMu.Unlock()
	switch {
	case on && s.stalled == nil:
		s.stalled = make(chan struct{})
	case !on && s.stalled != nil:
		close(s.stalled)
		s.stalled = nil
	}
}

// wait blocks while the reader is stalled, but not longer than until done.
func (s *stalling) wait(done <-chan struct{}) {
	s.stallMu.Lock()
	stalled := s.stalled
	s.stallMu.Unlock()
	if stalled != nil {
		select {
		case <-stalled:
		case <-done:
		}
	}
}

// link is one Engine.IO session as its client sees it, shared by the clients of its namespaces.
type link struct {
	host *Server
	open eiowire.OpenPacket

	ended chan struct{} // closed when every goroutine of the link has returned

	sendMu sync.RWMutex // held for writing while the transport changes

	mu        sync.Mutex
	transport transport
	decoder   siowire.Decoder
	clients   map[string]*Client
	reason    string // not empty once the link has ended
	changed   chan struct{}
	dead      bool // Cut
}

func newLink(host *Server) *link {
	return &link{host: host, ended: make(chan struct{}), clients: make(map[string]*Client), changed: make(chan struct{})}
}

// wake tells everyone who waits to look again. The caller holds l.mu.
func (l *link) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// close ends the link for a reason; the first one counts.
func (l *link) close(reason string) {
	l.mu.Lock()
	if l.reason == "" {
		l.reason = reason
		for _, c := range l.clients {
			c.finish(reason)
		}
		l.wake()
	}
	t := l.transport
	l.mu.Unlock()
	if t != nil {
		t.close()
	}
}

// packet takes one Engine.IO text packet; pong is sent by the caller's transport.
func (l *link) packet(text []byte) (pong bool, err error) {
	p, err := eiowire.Decode(text)
	if err != nil {
		return false, err
	}
	switch p.Type {
	case eiowire.Open:
		return false, json.Unmarshal(p.Data, (*openJSON)(&l.open))
	case eiowire.Ping:
		return !l.isDead(), nil
	case eiowire.Close:
		l.close(ReasonTransportClose)
	case eiowire.Message:
		return false, l.message(p.Data, p.Binary)
	}
	return false, nil
}

func (l *link) current() transport {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.transport
}

func (l *link) isDead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// message takes one Socket.IO message.
func (l *link) message(data []byte, binary bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead || l.reason != "" {
		return nil
	}
	decode := l.decoder.Text
	if binary {
		decode = l.decoder.Binary
	}
	p, whole, err := decode(append([]byte(nil), data...))
	if err != nil {
		return err
	}
	if !whole {
		return nil
	}
	c := l.clients[p.Namespace]
	if c != nil { // the official client ignores other namespaces too
		c.packet(&p)
		l.wake()
	}
	return nil
}

// send hands messages to the transport, unless the wire is dead.
func (l *link) send(ms ...message) error {
	l.sendMu.RLock()
	defer l.sendMu.RUnlock()
	l.mu.Lock()
	t, dead, reason := l.transport, l.dead, l.reason
	l.mu.Unlock()
	switch {
	case reason != "":
		return errors.New("link ended: " + reason)
	case dead:
		return nil
	}
	return t.send(ms)
}

// openJSON decodes the open packet.
type openJSON eiowire.OpenPacket

// UnmarshalJSON reads what a client needs of the open packet.
func (o *openJSON) UnmarshalJSON(data []byte) error {
	var v struct {
		SID        string `json:"sid"`
		MaxPayload int64  `json:"maxPayload"`
	}
	err := json.Unmarshal(data, &v)
	o.SID, o.MaxPayload = v.SID, v.MaxPayload
	return err
}
