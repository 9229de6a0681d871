package realtime

import (
	"errors"
	"sync/atomic"

	"github.com/realtime-go/realtime/internal/payload"
	"github.com/realtime-go/realtime/internal/siowire"
)

// Event is one inbound event. Its arguments stay as they came until a handler asks for them, and stay
// readable after the handler has returned. Bind and Reply may be called from any goroutine.
type Event struct {
	Name    string // a numeric name is the number as JavaScript prints it
	Size    int    // bytes of JSON and attachments
	WantAck bool   // whether the client asked for an acknowledgement

	packet siowire.Packet
	codec  Codec
	route  *route
	conn   *Conn       // whom the acknowledgement goes to; nil for an event of another node
	done   atomic.Bool // Reply was called

	input     any    // *In of a payload that Authorize decoded before the handler
	failure   error  // what the handler returned, for a reply policy that looks closer than at the public part
	result    [1]any // of Handle, sent by the reply policy
	hasResult bool
}

// eventArgs are the arguments of an EVENT packet, without its name. As a view of the packet they become an
// interface without an allocation.
type eventArgs siowire.Packet

func (a *eventArgs) Len() int         { return max(a.Args.Len()-1, 0) }
func (a *eventArgs) Raw(i int) []byte { return a.Args.Raw(a.Data, i+1) }

// ackArgs are the arguments of an ACK packet.
type ackArgs siowire.Packet

func (a *ackArgs) Len() int         { return a.Args.Len() }
func (a *ackArgs) Raw(i int) []byte { return a.Args.Raw(a.Data, i) }

// Len returns the number of arguments, without the acknowledgement.
func (e *Event) Len() int { return e.args().Len() }

func (e *Event) args() *eventArgs { return (*eventArgs)(&e.packet) }

// Bind decodes the arguments into dst in their order: pointers to Go values, where *[]byte and *Binary take
// an attachment. Arguments without a dst are ignored, and a dst without an argument is left as it is. More
// than 128 arguments, or more than 50,000 JSON values for a dst that holds interfaces, are an error.
func (e *Event) Bind(dst ...any) error {
	return payload.Bind(e.codec, e.args(), e.packet.Attachments, dst...)
}

func (e *Event) bindInto(dst any) error {
	return payload.BindInto(e.codec, e.args(), e.packet.Attachments, dst)
}

// Raw returns argument i as the JSON that came, or nil if there is none. It must not be changed.
func (e *Event) Raw(i int) []byte {
	if i < 0 || i >= e.Len() {
		return nil
	}
	return e.args().Raw(i)
}

// Reply sends the acknowledgement, if the client asked for one, and otherwise does nothing. The second call
// returns ErrReplied; a call whose arguments do not encode returns why and does not count. After Reply the handler's result is not sent; its error still is.
func (e *Event) Reply(args ...any) error {
	if !e.done.CompareAndSwap(false, true) {
		return ErrReplied
	}
	if !e.WantAck {
		return nil
	}
	err := e.conn.reply(e.packet.ID, args)
	if err != nil && !errors.Is(err, ErrClosed) {
		e.done.Store(false) // nothing was sent, so the error can be
	}
	return err
}

// Replied reports whether Reply was called.
func (e *Event) Replied() bool { return e.done.Load() }

func (e *Event) setResult(v any) { e.result[0], e.hasResult = v, true }

// results is what the reply policy gets: nothing, or the one result.
func (e *Event) results() []any {
	if !e.hasResult {
		return nil
	}
	return e.result[:]
}

// newEvent takes over a whole EVENT packet of a connection.
func newEvent(c *Conn, p *siowire.Packet) *Event {
	t := c.ns.table()
	e := &Event{packet: *p, codec: c.ns.srv.cfg.Codec, conn: c, WantAck: p.HasID, Size: len(p.Data)}
	for _, a := range p.Attachments {
		e.Size += len(a)
	}
	name, _ := p.EventName()
	if rt, ok := t.routes[string(name)]; ok { // no copy of a known name
		e.Name, e.route = rt.event, rt
	} else if string(name) == eventRefresh && c.ns.authenticator() != nil {
		e.Name, e.route = eventRefresh, t.refresh
	} else {
		e.Name, e.route = string(name), t.unknown
	}
	return e
}
