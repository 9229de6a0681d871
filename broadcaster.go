package realtime

import (
	"context"
	"iter"
	"slices"

	"github.com/realtime-go/realtime/internal/engine"
	"github.com/realtime-go/realtime/internal/siowire"
)

// Broadcaster is an immutable selection of connections in one namespace, on all nodes: the union of what To
// and ToUser name (everyone, if they name nothing) without the union of what the Except methods name. Each
// method that narrows returns a new value, so one can be kept and shared between goroutines. A connection
// gets an emit at most once, however many of its rooms match.
type Broadcaster interface {
	// To adds rooms.
	To(rooms ...string) Broadcaster
	// ToUser adds all connections of users.
	ToUser(ids ...string) Broadcaster
	// Except takes the members of rooms out.
	Except(rooms ...string) Broadcaster
	// ExceptUser takes the connections of users out.
	ExceptUser(ids ...string) Broadcaster
	// ExceptConn takes connections out.
	ExceptConn(ids ...string) Broadcaster
	// Local restricts the selection to this node.
	Local() Broadcaster
	// Volatile lets Emit skip connections that are busy.
	Volatile() Broadcaster
	// Latest is for states of which only the newest counts, as positions and clocks: while an event waits in
	// the queue of a connection, a newer one with the same name and key takes its place, so that a slow
	// client gets the newest state and not the backlog. It keeps the turn of the one that it replaces, and
	// so may arrive before events that were sent between the two. A connection that keeps up gets them
	// all. Other nodes that are reached by a Node.js wire replace nothing. EmitWithAck ignores it.
	Latest(key string) Broadcaster
	// Compress says whether messages are worth compressing where Config.Compression is on; they are if nothing is said.
	Compress(on bool) Broadcaster

	// Emit sends an event to everyone selected. It encodes once, queues, publishes, and never waits for a
	// client: its error means a bad payload, a server that has shut down, or an adapter that refused, and
	// never that one client is slow. After an adapter's error the local connections have got the event.
	Emit(ctx context.Context, event string, args ...any) error
	// EmitWithAck sends an event and waits for the answer of each. It returns what came, and a
	// *PartialError naming the silent when the deadline of ctx (Config.AckTimeout without one) passed.
	EmitWithAck(ctx context.Context, event string, args ...any) ([]RawReply, error)
	// Conns yields everyone selected. What other nodes did not answer in time is missing, and the last pair
	// is a *PartialError then. Breaking off is fine.
	Conns(ctx context.Context) iter.Seq2[ConnInfo, error]
	// JoinAll makes everyone selected join rooms. The error is ErrRoomName, the adapter's, or joins those of
	// the local connections that could not.
	JoinAll(ctx context.Context, rooms ...string) error
	// LeaveAll makes everyone selected leave rooms.
	LeaveAll(ctx context.Context, rooms ...string) error
	// DisconnectAll does Conn.Disconnect for everyone selected.
	DisconnectAll(ctx context.Context, reason string) error
	// CloseAll does Conn.Close for everyone selected.
	CloseAll(ctx context.Context, reason string) error
	// ReconnectAll does Conn.Reconnect for everyone selected.
	ReconnectAll(ctx context.Context, reason string) error
}

// broadcaster implements Broadcaster as a value. Its slices are never appended to in place.
type broadcaster struct {
	ns       *namespace
	rooms    []string // wire names
	except   []string
	local    bool
	volatile bool
	latest   *string // key of Latest
	compress *bool
}

func (b broadcaster) with(names []string) broadcaster {
	b.rooms = append(slices.Clip(b.rooms), names...)
	return b
}

func (b broadcaster) without(names []string) broadcaster {
	b.except = append(slices.Clip(b.except), names...)
	return b
}

func (b broadcaster) To(rooms ...string) Broadcaster {
	return b.with(b.ns.srv.roomNames(rooms))
}
func (b broadcaster) ToUser(ids ...string) Broadcaster { return b.with(userNames(ids)) }
func (b broadcaster) Except(rooms ...string) Broadcaster {
	return b.without(b.ns.srv.roomNames(rooms))
}
func (b broadcaster) ExceptUser(ids ...string) Broadcaster { return b.without(userNames(ids)) }
func (b broadcaster) ExceptConn(ids ...string) Broadcaster { return b.without(ids) }

func (b broadcaster) Local() Broadcaster {
	b.local = true
	return b
}

func (b broadcaster) Volatile() Broadcaster {
	b.volatile = true
	return b
}

func (b broadcaster) Latest(key string) Broadcaster {
	b.latest = &key
	return b
}

func (b broadcaster) Compress(on bool) Broadcaster {
	b.compress = &on
	return b
}

func (s *server) roomNames(rooms []string) []string {
	names := make([]string, len(rooms))
	for i, room := range rooms {
		names[i] = s.roomName(room)
	}
	return names
}

func userNames(ids []string) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = userPrefix + id
	}
	return names
}

func (b broadcaster) Emit(ctx context.Context, event string, args ...any) error {
	if b.ns.srv.closed() {
		return ErrServerClosed
	}
	p, err := b.ns.encode(event, args)
	if err != nil {
		return err
	}
	defer p.release()
	b.ns.outgoing(ctx, b.describe(event, args, false), p.data(), b.sample)
	m, key := p.message(siowire.Event, b.ns.name, 0, false), ""
	if b.latest != nil {
		key = latestKey(b.ns.name, event, *b.latest)
		m.SetKey(key)
	}
	b.mark(m)
	queued, skipped := b.deliver(m)
	b.ns.observeEmitted(event, m, queued, skipped)
	if b.alone() {
		return nil
	}
	out := b.packet(OpBroadcast, p)
	if b.latest != nil {
		out.Meta = map[string]string{metaLatest: key}
	}
	return b.publish(ctx, out)
}

// mark notes what was said with Compress.
func (b broadcaster) mark(m *engine.Message) {
	if b.compress != nil && !*b.compress {
		m.DoNotCompress()
	}
}

// deliver queues a message for the connections of this node. Those that are busy are skipped if it is volatile.
func (b broadcaster) deliver(m *engine.Message) (queued, skipped int) {
	b.ns.index.Each(b.rooms, b.except, func(c *Conn) {
		switch sent, err := c.queue(m, b.volatile); {
		case sent:
			queued++
		case err == nil:
			skipped++
		} // a dead session is told to its mux
	})
	return queued, skipped
}

// members returns the connections of this node.
func (b broadcaster) members() []*Conn {
	var list []*Conn
	b.ns.index.Each(b.rooms, b.except, func(c *Conn) { list = append(list, c) })
	return list
}

func (b broadcaster) describe(event string, args []any, ack bool) Outgoing {
	return Outgoing{
		Event: event, Args: args, Rooms: slices.Clone(b.rooms), Except: slices.Clone(b.except),
		Volatile: b.volatile, WantAck: ack,
	}
}

// alone reports whether no other node is meant.
func (b broadcaster) alone() bool { return b.local || b.ns.srv.cfg.Adapter == nil }

// message addresses a message to other nodes.
func (b broadcaster) message(op Op) *Message {
	return &Message{
		Op: op, Node: b.ns.srv.self.ID, Namespace: b.ns.name, Rooms: b.rooms, Except: b.except,
		Volatile: b.volatile, Compress: b.compress,
	}
}

// packet is message with a payload of its own, since the pooled one is about to be released.
func (b broadcaster) packet(op Op, p encoded) *Message {
	m := b.message(op)
	m.Data = slices.Clone(p.data())
	for _, a := range p.attachments {
		m.Attachments = append(m.Attachments, slices.Clone(a))
	}
	return m
}

func (b broadcaster) EmitWithAck(ctx context.Context, event string, args ...any) ([]RawReply, error) {
	if b.ns.srv.closed() {
		return nil, ErrServerClosed
	}
	p, err := b.ns.encode(event, args)
	if err != nil {
		return nil, err
	}
	defer p.release()
	b.ns.outgoing(ctx, b.describe(event, args, true), p.data(), b.sample)
	ctx, cancel := b.ns.srv.ackContext(ctx)
	defer cancel()
	id := b.ns.nextAck()
	m := p.message(siowire.Event, b.ns.name, id, true)
	b.mark(m)
	w, asked := b.askLocal(event, id, m, nil)
	b.ns.observeEmitted(event, m, asked, 0)
	var remote []RawReply
	partial := &PartialError{}
	if !b.alone() {
		partial.Err = b.ns.srv.ask(ctx, b.packet(OpBroadcastAck, p), partial, func(m *Message) {
			remote = append(remote, b.ns.remoteReply(m))
		})
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		partial.Err = ackError(ctx)
	}
	replies, silent := w.stop(id)
	replies = append(replies, remote...)
	partial.Conns = silent
	if len(silent) > 0 && partial.Err == nil {
		partial.Err = ErrClosed
	}
	if partial.Err != nil {
		return replies, partial
	}
	return replies, nil
}

// askLocal sends a message that wants acknowledgements to the connections of this node, and returns how
// many were asked.
func (b broadcaster) askLocal(event string, id uint64, m *engine.Message, onReply func(RawReply)) (w *multiAck, asked int) {
	w = newMultiAck(event, onReply)
	members := b.members()
	for _, c := range members {
		w.add(c)
	}
	for _, c := range members {
		if err := c.expectID(id, w); err != nil {
			w.gone(c)
			continue
		}
		if err := c.deliver(m, b.volatile); err != nil {
			c.acks.Take(id)
			w.gone(c)
			continue
		}
		asked++
	}
	w.seal()
	return w, asked
}
