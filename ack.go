package realtime

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/realtime-go/realtime/internal/payload"
	"github.com/realtime-go/realtime/internal/pending"
	"github.com/realtime-go/realtime/internal/siowire"
)

// RawReply is an answer whose arguments have not been decoded. It may be kept and used from any goroutine.
type RawReply struct {
	Conn string // id of the connection that answered, "" where the adapter's wire does not carry it
	Node string // id of the node that it is on

	packet siowire.Packet
	codec  Codec
}

// NewRawReply makes an answer with the given arguments, encoded with encoding/json, for fakes of
// [Broadcaster] in unit tests. It returns the errors of the encoding.
func NewRawReply(conn, node string, args ...any) (RawReply, error) {
	cfg := Config{}.withDefaults()
	p, err := encodeArgs(&cfg, "", args)
	if err != nil {
		return RawReply{}, err
	}
	defer p.release()
	m := &Message{Data: slices.Clone(p.data()), Attachments: p.attachments}
	return RawReply{Conn: conn, Node: node, packet: parse(&siowire.Limits{}, siowire.Ack, m), codec: cfg.Codec}, nil
}

// Len returns the number of arguments.
func (r RawReply) Len() int { return r.packet.Args.Len() }

// Bind decodes the arguments in their order; see Event.Bind.
func (r RawReply) Bind(dst ...any) error {
	return payload.Bind(r.codec, (*ackArgs)(&r.packet), r.packet.Attachments, dst...)
}

func (r RawReply) bindInto(dst any) error {
	return payload.BindInto(r.codec, (*ackArgs)(&r.packet), r.packet.Attachments, dst)
}

// Reply is a decoded answer.
type Reply[Out any] struct {
	Conn  string // as RawReply.Conn
	Node  string
	Value Out
	Err   error // why Value could not be decoded
}

// BroadcastWithAck is Broadcaster.EmitWithAck with the first argument of each answer decoded into Out. An
// answer that does not decode has its Err set; it does not fail the others.
func BroadcastWithAck[Out any](ctx context.Context, b Broadcaster, event string, args ...any) ([]Reply[Out], error) {
	raw, err := b.EmitWithAck(ctx, event, args...)
	replies := make([]Reply[Out], len(raw))
	for i, r := range raw {
		replies[i].Conn, replies[i].Node = r.Conn, r.Node
		replies[i].Err = r.bindInto(&replies[i].Value)
	}
	return replies, err
}

// ackWaiter waits for the acknowledgement of one or more connections.
type ackWaiter interface {
	answered(c *Conn, p siowire.Packet)
	gone(c *Conn) // the connection ended without an answer
}

type ackAnswer struct {
	reply RawReply
	err   error
}

// singleAck is the wait of Conn.EmitWithAck. Its channel has room for the one answer.
type singleAck struct{ answer chan ackAnswer }

func (w *singleAck) answered(c *Conn, p siowire.Packet) {
	w.answer <- ackAnswer{reply: c.ns.reply(c.id, p)}
}

func (w *singleAck) gone(*Conn) { w.answer <- ackAnswer{err: ErrClosed} }

// reply wraps an ACK packet of a connection on this node.
func (ns *namespace) reply(conn string, p siowire.Packet) RawReply {
	return RawReply{Conn: conn, Node: ns.srv.self.ID, packet: p, codec: ns.srv.cfg.Codec}
}

// expect registers w for an acknowledgement of the connection.
func (c *Conn) expect(w ackWaiter) (id uint64, err error) {
	id = c.ns.nextAck()
	return id, c.expectID(id, w)
}

func (c *Conn) expectID(id uint64, w ackWaiter) error {
	switch err := c.acks.Add(c.ns.srv.cfg.Limits.PendingAcks, id, w); {
	case errors.Is(err, pending.ErrFull):
		return ErrTooManyAcks
	case err != nil:
		return ErrClosed
	}
	return nil
}

// multiAck collects the answers to a broadcast from this node's connections. onReply, if set, takes each
// answer as it comes instead of the list.
type multiAck struct {
	event   string
	began   time.Time
	onReply func(RawReply)

	mu      sync.Mutex
	waiting map[*Conn]struct{}
	silent  []string // ended, or could not be asked
	replies []RawReply
	sealed  bool          // all connections that are to be asked are known
	done    chan struct{} // closed when nobody is waited for any more
}

func newMultiAck(event string, onReply func(RawReply)) *multiAck {
	return &multiAck{event: event, began: time.Now(), onReply: onReply, waiting: make(map[*Conn]struct{}), done: make(chan struct{})}
}

func (w *multiAck) add(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting[c] = struct{}{}
}

// seal tells that add will not be called any more.
func (w *multiAck) seal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sealed = true
	w.finishLocked()
}

func (w *multiAck) finishLocked() {
	if w.sealed && len(w.waiting) == 0 {
		w.sealed = false
		close(w.done)
	}
}

func (w *multiAck) answered(c *Conn, p siowire.Packet) {
	reply := c.ns.reply(c.id, p)
	w.mu.Lock()
	_, expected := w.waiting[c]
	if expected {
		delete(w.waiting, c)
		if w.onReply == nil {
			w.replies = append(w.replies, reply)
		}
	}
	w.mu.Unlock()
	if expected {
		c.ns.observeAcked(w.event, w.began, true)
	}
	if expected && w.onReply != nil {
		w.onReply(reply)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finishLocked()
}

func (w *multiAck) gone(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, expected := w.waiting[c]; expected {
		delete(w.waiting, c)
		w.silent = append(w.silent, c.id)
		c.ns.observeAcked(w.event, w.began, false)
		w.finishLocked()
	}
}

// stop forgets those who have not answered and returns everything known.
func (w *multiAck) stop(id uint64) (replies []RawReply, silent []string) {
	w.mu.Lock()
	rest := make([]*Conn, 0, len(w.waiting))
	for c := range w.waiting {
		rest = append(rest, c)
		w.silent = append(w.silent, c.id)
	}
	clear(w.waiting)
	replies, silent = w.replies, w.silent
	w.mu.Unlock()
	for _, c := range rest {
		c.acks.Take(id)
		c.ns.observeAcked(w.event, w.began, false)
	}
	return replies, silent
}

// ackContext gives ctx the default timeout if it has no deadline.
func (s *server) ackContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, s.cfg.AckTimeout)
}

// ackError is why a wait for an answer ended.
func ackError(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ErrAckTimeout
	}
	return context.Cause(ctx)
}
