package realtime

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-go/realtime/internal/engine"
	"github.com/realtime-go/realtime/internal/siowire"
)

// Emitter sends events.
type Emitter interface {
	Emit(ctx context.Context, event string, args ...any) error
}

// Emit sends an event to this connection. It queues and never waits for the client; messages arrive in the
// order of the calls. It returns ErrInvalidEvent, an error of the codec, ErrTooManyAttachments, or
// ErrClosed.
func (c *Conn) Emit(ctx context.Context, event string, args ...any) error {
	return connEmitter{c: c}.Emit(ctx, event, args...)
}

// Volatile returns an emitter whose events are dropped, without an error, while the connection is busy.
func (c *Conn) Volatile() Emitter { return connEmitter{c: c, volatile: true} }

// Latest returns an emitter whose events replace those with the same name and key that still wait in the
// connection's queue, as Broadcaster.Latest has it.
func (c *Conn) Latest(key string) Emitter { return connEmitter{c: c, latest: &key} }

// connEmitter sends to one connection.
type connEmitter struct {
	c        *Conn
	volatile bool
	latest   *string // key of Latest
}

func (e connEmitter) Emit(ctx context.Context, event string, args ...any) error {
	c := e.c
	p, err := c.ns.encode(event, args)
	if err != nil {
		return err
	}
	defer p.release()
	c.ns.outgoing(ctx, Outgoing{Event: event, Args: args, Conn: c.id, Volatile: e.volatile}, p.data(), c.alone)
	m := p.message(siowire.Event, c.ns.name, 0, false)
	if e.latest != nil {
		m.SetKey(latestKey(c.ns.name, event, *e.latest))
	}
	return c.emit(event, m, e.volatile)
}

// metaLatest is the key of Broadcaster.Latest in Message.Meta.
const metaLatest = "latest"

// latestKey makes a key of a session out of one of a user. The parts cannot be taken for others: names of
// namespaces hold no comma on the wire.
func latestKey(namespace, event, key string) string {
	return namespace + "," + strconv.Itoa(len(event)) + "," + event + key
}

// alone is the list of this connection.
func (c *Conn) alone() []*Conn { return []*Conn{c} }

// emit hands an event to the session.
func (c *Conn) emit(event string, m *engine.Message, volatile bool) error {
	if c.ended() {
		return ErrClosed
	}
	sent, err := c.queue(m, volatile)
	switch {
	case sent:
		c.ns.observeEmitted(event, m, 1, 0)
	case err == nil:
		c.ns.observeEmitted(event, m, 0, 1)
	}
	return closedBy(err)
}

// deliver queues a message without a look at the connection's state, for those who hold its place in the index.
func (c *Conn) deliver(m *engine.Message, volatile bool) error {
	_, err := c.queue(m, volatile)
	return closedBy(err)
}

// closedBy is what the program learns of an error of the session.
func closedBy(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, engine.ErrSlowConsumer):
		return fmt.Errorf("%w: %w", ErrClosed, err)
	default:
		return ErrClosed
	}
}

// queue hands a message to the session, or to the gate while the CONNECT reply has not been sent; it is not sent, without
// an error, if it is volatile and the session busy. It may be called under the locks of the rooms index, and is the whole
// cost of one receiver of a broadcast.
func (c *Conn) queue(m *engine.Message, volatile bool) (sent bool, err error) {
	if !c.gate.open.Load() && c.gate.hold(m) {
		return true, nil
	}
	if volatile {
		return c.mux.session.SendVolatile(m)
	}
	err = c.mux.session.Send(m)
	return err == nil, err
}

// gate keeps the CONNECT reply the first thing that a client sees: the connection is in the index before the
// reply goes out, so that nothing is missed after it, and what is sent to it in between is held.
type gate struct {
	open atomic.Bool

	mu   sync.Mutex // inside of the index's locks
	held []*engine.Message
}

// hold keeps m back; it is false if the gate has opened.
func (g *gate) hold(m *engine.Message) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open.Load() {
		return false
	}
	g.held = append(g.held, m)
	return true
}

// pass sends first and what was held, and opens the gate.
func (g *gate) pass(session *engine.Session, first *engine.Message) {
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = session.Send(first) // a dead or slow session ends by itself
	for _, m := range g.held {
		_ = session.Send(m)
	}
	g.held = nil
	g.open.Store(true)
}

// EmitWithAck sends an event and waits for the client's answer. The deadline of ctx is the timeout,
// Config.AckTimeout if it has none; then the error is ErrAckTimeout. It may be called in a handler of the
// same connection. Other errors are those of Emit, ErrConnecting in a Use middleware,
// ErrTooManyAcks, ErrClosed when the connection ends meanwhile, and the cause of ctx.
func (c *Conn) EmitWithAck(ctx context.Context, event string, args ...any) (RawReply, error) {
	p, err := c.ns.encode(event, args)
	if err != nil {
		return RawReply{}, err
	}
	defer p.release()
	if !c.gate.open.Load() { // the question would be held until long after its timeout
		return RawReply{}, ErrConnecting
	}
	ctx, cancel := c.ns.srv.ackContext(ctx)
	defer cancel()
	w := &singleAck{answer: make(chan ackAnswer, 1)}
	id, err := c.expect(w)
	if err != nil {
		return RawReply{}, err
	}
	defer c.acks.Take(id)
	c.ns.outgoing(ctx, Outgoing{Event: event, Args: args, Conn: c.id, WantAck: true}, p.data(), c.alone)
	began := time.Now()
	if err := c.emit(event, p.message(siowire.Event, c.ns.name, id, true), false); err != nil {
		return RawReply{}, err
	}
	select {
	case a := <-w.answer:
		c.ns.observeAcked(event, began, a.err == nil)
		return a.reply, a.err
	case <-ctx.Done():
		c.ns.observeAcked(event, began, false)
		return RawReply{}, ackError(ctx)
	}
}

// EmitWithAck is Conn.EmitWithAck with the first argument of the answer decoded into Out (see [Positional]
// for several). An answer of the shape {"error":{"code":...}} is not an error here: the client's protocol
// is the application's.
func EmitWithAck[Out any](ctx context.Context, c *Conn, event string, args ...any) (Out, error) {
	var out Out
	raw, err := c.EmitWithAck(ctx, event, args...)
	if err != nil {
		return out, err
	}
	err = raw.bindInto(&out)
	return out, err
}

// To selects rooms of the namespace, on all nodes, without this connection.
func (c *Conn) To(rooms ...string) Broadcaster { return c.Others().To(rooms...) }

// Others selects everyone in the namespace but this connection.
func (c *Conn) Others() Broadcaster { return c.ns.everyone().ExceptConn(c.id) }
