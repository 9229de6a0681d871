package adaptertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/realtime-go/realtime"
)

// peer is a node without a server: it notes what its adapter tells it, and answers as the rule wants.
type peer struct {
	c       *cluster
	adapter realtime.Adapter
	self    realtime.Node

	onAsk func(m *realtime.Message, reply func(*realtime.Message)) // set before the start, called in OnAsk

	// Guarded by c.mu.
	onMessage func(*realtime.Message) // called in OnMessage, without the lock
	heard     []*realtime.Message     // probes left out
	asked     []*realtime.Message
	nodes     []nodeNews
	states    []realtime.AdapterState
	presence  []presenceNews
	rivals    []rivalNews
	probes    map[string]bool
	closed    bool     // Close has returned
	late      []string // what was called after that
}

// newPeer makes a node that is not started.
func (c *cluster) newPeer() *peer {
	name := c.nodeName()
	self := realtime.Node{ID: fmt.Sprintf("%s-%d", name, time.Now().UnixNano()), Name: name, Started: time.Now()}
	return &peer{c: c, adapter: c.bus.Node(), self: self, probes: map[string]bool{}}
}

// peers starts n nodes, which answer as onAsk says: at once and in full if it is nil.
func (c *cluster) peers(n int, onAsk func(p *peer, m *realtime.Message, reply func(*realtime.Message))) []*peer {
	c.Helper()
	if onAsk == nil {
		onAsk = func(p *peer, m *realtime.Message, reply func(*realtime.Message)) { p.answer(m, reply) }
	}
	list := make([]*peer, n)
	adapters := make([]realtime.Adapter, n)
	for i := range list {
		p := c.newPeer()
		p.onAsk = func(m *realtime.Message, reply func(*realtime.Message)) { onAsk(p, m, reply) }
		p.start()
		list[i], adapters[i] = p, p.adapter
	}
	c.gather(adapters...)
	return list
}

// start starts the node and opens "/"; the node is closed at the end of the test.
func (p *peer) start() {
	p.c.Helper()
	p.c.Cleanup(func() { _ = p.close() }) // a rule that cares for the result closes itself
	ctx, cancel := p.c.deadline()
	defer cancel()
	var err error
	p.c.does("Start of "+p.self.Name, func() {
		if err = p.adapter.Start(ctx, p.self, p); err == nil {
			err = p.adapter.OpenNamespace(ctx, "/")
		}
	})
	if err != nil {
		p.c.Fatalf("Start of %s: %v", p.self.Name, err)
	}
}

// close closes the node.
func (p *peer) close() error {
	// The context of a test has ended when its cleanup runs.
	ctx, cancel := context.WithTimeout(context.Background(), p.c.factory.Watchdog)
	defer cancel()
	err := p.adapter.Close(ctx)
	p.c.note(func() { p.closed = true })
	return err
}

// message returns a message of the node about rooms of "/".
func (p *peer) message(op realtime.Op, rooms ...string) *realtime.Message {
	return &realtime.Message{Op: op, Node: p.self.ID, Namespace: "/", Rooms: rooms}
}

// event returns a broadcast of the node.
func (p *peer) event(room, name string, args ...any) *realtime.Message {
	m := p.message(realtime.OpBroadcast)
	if room != "" {
		m.Rooms = []string{room}
	}
	m.Data = array(append([]any{name}, args...)...)
	return m
}

// publish publishes and fails the test if the adapter refuses.
func (p *peer) publish(m *realtime.Message) {
	p.c.Helper()
	ctx, cancel := p.c.deadline()
	defer cancel()
	if err := p.adapter.Publish(ctx, m); err != nil {
		p.c.Fatalf("Publish of %s: %v", p.self.Name, err)
	}
}

// answer answers a question in full, with the name of the node where the answer has a place for it.
func (p *peer) answer(m *realtime.Message, reply func(*realtime.Message)) {
	switch m.Op {
	case realtime.OpBroadcastAck:
		reply(p.count(m, 0))
	case realtime.OpFetch:
		r := p.reply(m)
		r.Data, r.Conns = nil, []realtime.ConnInfo{{ID: p.self.Name, Node: p.self.ID}}
		reply(r)
	default:
		reply(p.reply(m, p.self.Name))
	}
}

// answerOf returns the name that an answer of answer holds.
func answerOf(r *realtime.Message) string {
	if len(r.Conns) > 0 {
		return r.Conns[0].ID
	}
	name, _ := event(r.Data)
	return name
}

func (p *peer) count(m *realtime.Message, n int) *realtime.Message {
	return &realtime.Message{Op: realtime.OpCount, Node: p.self.ID, Namespace: m.Namespace, Count: n}
}

func (p *peer) reply(m *realtime.Message, args ...any) *realtime.Message {
	return &realtime.Message{Op: realtime.OpAnswer, Node: p.self.ID, Namespace: m.Namespace, Data: array(args...)}
}

// joins says that a room has members on every peer, and waits until that has got round.
func (c *cluster) joins(peers []*peer, room string) {
	c.Helper()
	for _, p := range peers {
		interest, ok := p.adapter.(realtime.RoomInterest)
		if !ok {
			return
		}
		interest.RoomOpened("/", room)
	}
	c.connected(peers, room)
}

// connected waits until what each peer publishes about a room reaches all others.
func (c *cluster) connected(peers []*peer, room string) {
	c.Helper()
	for _, p := range peers {
		id := c.unique("probe")
		ok := c.retried(func() bool {
			_ = p.adapter.Publish(c.Context(), p.event(room, "probe", id)) // what counts is that one arrives
			return c.within(retry, func() bool {
				return !slices.ContainsFunc(peers, func(other *peer) bool { return other != p && !other.probes[id] })
			})
		})
		if !ok {
			c.Fatalf("what %s publishes about room %q does not reach all others within %v", p.self.Name, room, c.factory.Watchdog)
		}
	}
}

// fence makes sure that what every peer has published about a room so far has arrived everywhere.
func (c *cluster) fence(peers []*peer, room string) {
	c.Helper()
	id := c.unique("fence")
	for _, p := range peers {
		p.publish(p.event(room, "probe", id+" of "+p.self.ID))
	}
	c.await("a last message of each node about room "+room, func() bool {
		for _, p := range peers {
			for _, from := range peers {
				if from != p && !p.probes[id+" of "+from.self.ID] {
					return false
				}
			}
		}
		return true
	})
}

// OnMessage notes a message.
func (p *peer) OnMessage(m *realtime.Message) {
	name, args := event(m.Data)
	if m.Op == realtime.OpBroadcast && name == "probe" && len(args) == 1 {
		p.c.note(func() { p.probes[text(args[0])] = true })
		return
	}
	var then func(*realtime.Message)
	p.c.note(func() {
		p.heard = append(p.heard, m)
		p.called("OnMessage")
		then = p.onMessage
	})
	if then != nil {
		then(m)
	}
}

// OnAsk notes a question and answers it.
func (p *peer) OnAsk(m *realtime.Message, reply func(*realtime.Message)) {
	p.c.note(func() {
		p.asked = append(p.asked, m)
		p.called("OnAsk")
	})
	if p.onAsk != nil {
		p.onAsk(m, reply)
	}
}

// OnNode notes who came or went.
func (p *peer) OnNode(n realtime.Node, up bool) {
	p.c.note(func() {
		p.nodes = append(p.nodes, nodeNews{n, up})
		p.called("OnNode")
	})
}

// OnState notes how the bus is.
func (p *peer) OnState(s realtime.AdapterState) {
	p.c.note(func() {
		p.states = append(p.states, s)
		p.called("OnState")
	})
}

// OnPresence notes who came online or is offline.
func (p *peer) OnPresence(change realtime.PresenceChange, decided bool) {
	p.c.note(func() {
		p.presence = append(p.presence, presenceNews{change, decided})
		p.called("OnPresence")
	})
}

// OnRivals notes whom a connection of the node has beside it.
func (p *peer) OnRivals(e realtime.PresenceEntry, conns []realtime.PresenceConn) {
	p.c.note(func() {
		p.rivals = append(p.rivals, rivalNews{e, conns})
		p.called("OnRivals")
	})
}

// called notes calls that come too late. c.mu is held.
func (p *peer) called(what string) {
	if p.closed {
		p.late = append(p.late, what)
	}
}

// array encodes arguments as the JSON array of a packet.
func array(args ...any) json.RawMessage {
	data, err := json.Marshal(args)
	if err != nil {
		panic("adaptertest: " + err.Error()) // the kit's own values encode
	}
	return data
}

// event takes the JSON array of an event apart.
func event(data json.RawMessage) (name string, args []json.RawMessage) {
	if json.Unmarshal(data, &args) != nil || len(args) == 0 {
		return "", nil
	}
	return text(args[0]), args[1:]
}

// text decodes a JSON string, or returns what it is as it is written.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return string(bytes.TrimSpace(raw))
	}
	return s
}
