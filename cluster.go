package realtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/realtime-go/realtime/internal/siowire"
)

// publish hands a message to the other nodes.
func (s *server) publish(ctx context.Context, m *Message) error {
	began := time.Now()
	ctx, sp := s.tracePublish(ctx, m)
	err := s.cfg.Adapter.Publish(ctx, m)
	sp.end(err)
	s.observePublished(m.Op, began, err)
	return err
}

// ask asks the other nodes, gives each OpAnswer to onAnswer, one at a time, and enters the silent nodes in
// partial. It returns why answers are missing.
func (s *server) ask(ctx context.Context, m *Message, partial *PartialError, onAnswer func(*Message)) error {
	if s.closed() {
		return ErrServerClosed
	}
	if deadline, ok := ctx.Deadline(); ok {
		m.Timeout = time.Until(deadline)
	}
	due := make(map[string]int) // by node: answers still to come
	began := time.Now()
	ctx, sp := s.tracePublish(ctx, m)
	asked, err := s.cfg.Adapter.Ask(ctx, m, func(r *Message) {
		if r.Op == OpCount {
			due[r.Node] += r.Count
			return
		}
		if m.Op != OpBroadcastAck {
			due[r.Node] = 0
		} else {
			due[r.Node]--
		}
		onAnswer(r)
	})
	sp.end(err)
	s.observePublished(m.Op, began, err)
	if err == nil {
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = ErrAckTimeout
	}
	partial.Nodes = s.silentNodes(due, asked)
	return err
}

// silentNodes names the live nodes that have not answered in full.
func (s *server) silentNodes(due map[string]int, asked int) []string {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.AckTimeout)
	defer cancel()
	nodes, err := s.cfg.Adapter.Nodes(ctx)
	if err != nil {
		return []string{fmt.Sprintf("(%d asked, unknown)", asked)}
	}
	var silent []string
	for _, n := range nodes {
		if left, answered := due[n.ID]; n.ID != s.self.ID && (!answered || left > 0) {
			silent = append(silent, n.ID)
		}
	}
	return silent
}

// remoteReply wraps an answer of another node. What it holds is untrusted until it has been scanned.
func (ns *namespace) remoteReply(m *Message) RawReply {
	return RawReply{Conn: m.Conn, Node: m.Node, packet: parse(&ns.srv.wire, siowire.Ack, m), codec: ns.srv.cfg.Codec}
}

// parse makes a packet of what another node sent, by the rules that hold for clients; one that breaks them
// becomes empty.
func parse(limits *siowire.Limits, t siowire.Type, m *Message) siowire.Packet {
	var d siowire.Decoder
	d.Init(limits)
	header := siowire.AppendHeader(nil, t, len(m.Attachments), "/", 0, true)
	p, whole, err := d.Text(append(header, m.Data...))
	for _, a := range m.Attachments {
		if err == nil && !whole {
			p, whole, err = d.Binary(a)
		}
	}
	if err != nil || !whole {
		return siowire.Packet{}
	}
	return p
}

// clusterHandler is the server as its adapter sees it. Local connections are served in the calling
// goroutine, which never blocks; user code goes to the server's background queue.
type clusterHandler struct{ srv *server }

// OnMessage applies what another node published.
func (h clusterHandler) OnMessage(m *Message) {
	ns := h.srv.existing(m.Namespace)
	if ns == nil && m.Op == OpRevoke { // the user may come to a namespace that shares the authenticator
		ns = h.srv.namespace
	}
	if ns == nil || m.Node == h.srv.self.ID {
		return
	}
	ctx, sp := h.srv.traceReceive(m)
	receivers, err := h.apply(ctx, ns, m)
	sp.end(err)
	h.srv.observeDelivered(m.Op, receivers)
}

// errInvalidPacket is for the spans of what other nodes send.
var errInvalidPacket = errors.New("realtime: invalid packet from another node")

// apply does what a message asks for. receivers is -1 but for broadcasts.
func (h clusterHandler) apply(ctx context.Context, ns *namespace, m *Message) (receivers int, err error) {
	b := broadcaster{ns: ns, rooms: m.Rooms, except: m.Except, local: true, volatile: m.Volatile, compress: m.Compress}
	switch m.Op {
	case OpBroadcast:
		p, ok := h.packet(siowire.Event, m)
		if !ok {
			return 0, errInvalidPacket
		}
		out := packetMessage(siowire.Event, ns.name, 0, false, p.Data, p.Attachments)
		if key, ok := m.Meta[metaLatest]; ok {
			out.SetKey(key)
		}
		b.mark(out)
		h.srv.tapSent(ns.remote(&p), p.Data, b.sample)
		queued, skipped := b.deliver(out)
		ns.observeEmitted(clusterEvent, out, queued, skipped)
		return queued, nil
	case OpJoin:
		h.move(b, (*Conn).join, ns.runJoinHooks, m.Names)
	case OpLeave:
		h.move(b, (*Conn).leaveRooms, ns.runLeaveHooks, m.Names)
	case OpDisconnect, OpReconnect, OpReplace, OpRevoke:
		h.end(ns, b, m)
	case OpServerSide:
		h.serverSide(ctx, ns, m, nil)
	default:
		h.srv.log.Warn("unknown operation from another node", slog.Int("op", int(m.Op)), slog.String("from", m.Node))
	}
	return -1, nil
}

// remote describes an event of another node for a Tap.
func (ns *namespace) remote(p *siowire.Packet) Outgoing {
	name, _ := p.EventName()
	return Outgoing{Namespace: ns.name, Event: string(name)}
}

// end ends connections as another node wants it.
func (h clusterHandler) end(ns *namespace, b broadcaster, m *Message) {
	ctx := context.Background()
	switch {
	case m.Op == OpRevoke:
		h.revoke(ns, m)
	case m.Op == OpReconnect:
		b.endLocal(ctx, (*Conn).Reconnect, m.Reason)
	case m.Op == OpReplace && len(m.Rooms) > 0: // it is never meant for everyone
		h.srv.end(b.members())
	case m.Op == OpDisconnect && m.Close:
		b.endLocal(ctx, (*Conn).Close, m.Reason)
	case m.Op == OpDisconnect:
		b.endLocal(ctx, (*Conn).Disconnect, m.Reason)
	}
}

// OnAsk answers a question of another node.
func (h clusterHandler) OnAsk(m *Message, reply func(*Message)) {
	ns := h.srv.existing(m.Namespace)
	answer := &Message{Op: OpAnswer, Node: h.srv.self.ID, Namespace: m.Namespace}
	if ns == nil {
		if m.Op == OpBroadcastAck {
			answer.Op = OpCount
		}
		reply(answer)
		return
	}
	ctx, sp := h.srv.traceReceive(m)
	defer sp.end(nil)
	defer h.srv.observeDelivered(m.Op, -1)
	b := broadcaster{ns: ns, rooms: m.Rooms, except: m.Except, local: true, volatile: m.Volatile, compress: m.Compress}
	switch m.Op {
	case OpFetch:
		for _, c := range b.members() {
			answer.Conns = append(answer.Conns, c.info())
		}
		reply(answer)
	case OpCountMembers:
		ns.index.Each(b.rooms, b.except, func(*Conn) { answer.Count++ })
		reply(answer)
	case OpBroadcastAck:
		h.broadcastAck(b, m, reply)
	case OpServerSideAck:
		h.serverSide(ctx, ns, m, reply)
	default:
		h.srv.log.Warn("unknown question from another node", slog.Int("op", int(m.Op)), slog.String("from", m.Node))
	}
}

// packet checks the array that another node sent, as an event for clients or, with siowire.Ack, as any array.
func (h clusterHandler) packet(t siowire.Type, m *Message) (siowire.Packet, bool) {
	p := parse(&h.srv.wire, t, m)
	if p.Args.Len() == 0 {
		h.srv.log.Warn("invalid packet from another node dropped", slog.String("from", m.Node), slog.String("namespace", m.Namespace))
		return p, false
	}
	return p, true
}

// move changes rooms at once, so that the order with broadcasts is kept, and tells the hooks later.
func (h clusterHandler) move(b broadcaster, change func(*Conn, []string) ([]string, error),
	hooks func(context.Context, *Conn, []string), names []string,
) {
	for _, c := range b.members() {
		changed, err := change(c, names)
		if err != nil && !errors.Is(err, ErrClosed) {
			h.srv.log.Warn("room change asked by another node failed", c.logAttrs(slog.Any("err", err))...)
		}
		if len(changed) > 0 {
			h.srv.later("room hook", func() { hooks(context.WithoutCancel(c.ctx), c, changed) })
		}
	}
}

// revoke does what User.Revoke did on another node, by that node's clock, as long as it is not ahead.
func (h clusterHandler) revoke(ns *namespace, m *Message) {
	before := m.Time
	if now := time.Now(); before.After(now) {
		before = now
	}
	for _, user := range m.Names {
		if err := ns.revoke(user, before, m.Reason); err != nil {
			h.srv.log.Error("revocation of another node not kept", slog.String("user", user), slog.Any("err", err))
		}
	}
}

// broadcastAck sends to local clients and passes their answers on, for the time an answer may take.
func (h clusterHandler) broadcastAck(b broadcaster, m *Message, reply func(*Message)) {
	count := &Message{Op: OpCount, Node: h.srv.self.ID, Namespace: m.Namespace}
	p, ok := h.packet(siowire.Event, m)
	if !ok {
		reply(count)
		return
	}
	id := b.ns.nextAck()
	var early earlyReplies
	h.srv.tapSent(b.ns.remote(&p), p.Data, b.sample)
	out := packetMessage(siowire.Event, b.ns.name, id, true, p.Data, p.Attachments)
	b.mark(out)
	w, asked := b.askLocal(clusterEvent, id, out, func(r RawReply) {
		early.add(func() {
			reply(&Message{
				Op: OpAnswer, Node: h.srv.self.ID, Namespace: m.Namespace, Conn: r.Conn,
				Data: r.packet.Data, Attachments: r.packet.Attachments,
			})
		})
	})
	b.ns.observeEmitted(clusterEvent, out, asked, 0)
	count.Count = asked
	reply(count)
	early.open()
	timeout := min(m.Timeout, maxAskTimeout) // what another node says is untrusted
	if timeout <= 0 {
		timeout = h.srv.cfg.AckTimeout
	}
	time.AfterFunc(timeout, func() { w.stop(id) })
}

// earlyReplies holds answers back until the number of them has been announced.
type earlyReplies struct {
	mu     sync.Mutex
	opened bool
	queue  []func()
}

func (e *earlyReplies) add(send func()) {
	e.mu.Lock()
	if !e.opened {
		e.queue = append(e.queue, send)
		e.mu.Unlock()
		return
	}
	e.mu.Unlock()
	send()
}

func (e *earlyReplies) open() {
	e.mu.Lock()
	e.opened = true
	queue := e.queue
	e.queue = nil
	e.mu.Unlock()
	for _, send := range queue {
		send()
	}
}

// OnNode tells the hooks of a node.
func (h clusterHandler) OnNode(n Node, up bool) {
	h.srv.observeNode(n, up)
	h.srv.log.Info("node", slog.String("peer", n.ID), slog.String("name", n.Name), slog.Bool("up", up))
	fn := h.srv.cfg.Hooks.NodeLost
	if up {
		fn = h.srv.cfg.Hooks.NodeJoined
	}
	if fn != nil {
		h.srv.later("node hook", func() { fn(n) })
	}
}

// OnState keeps the state for Health and tells the hooks.
func (h clusterHandler) OnState(s AdapterState) {
	h.srv.setAdapterState(s)
	h.srv.observeAdapterState(s)
	if s.Status != AdapterDown {
		h.srv.reloadRevocations()
	}
	level := slog.LevelInfo
	if s.Status != AdapterUp {
		level = slog.LevelWarn
	}
	h.srv.log.Log(context.Background(), level, "adapter", slog.String("state", s.Status.String()), slog.Any("err", s.Err))
	if fn := h.srv.cfg.Hooks.AdapterState; fn != nil {
		h.srv.later("adapter hook", func() { fn(s) })
	}
	if s.Status == AdapterGap && s.Gap != nil && h.srv.cfg.ReconnectAfterGap {
		h.srv.later("Config.ReconnectAfterGap", func() { h.reconnect(s.Gap) })
	}
}

// reconnect lets connections of this node come back that may have missed what lies in a gap. What this node could not
// publish its own connections have got.
func (h clusterHandler) reconnect(g *Gap) {
	if g.Node == h.srv.self.ID {
		return
	}
	for _, ns := range h.srv.namespaceList() {
		if g.Namespace != "" && g.Namespace != ns.name {
			continue
		}
		b := broadcaster{ns: ns, local: true}
		if g.Room != "" {
			b.rooms = []string{g.Room}
		}
		b.endLocal(context.Background(), (*Conn).Reconnect, "messages between nodes were lost")
	}
}
