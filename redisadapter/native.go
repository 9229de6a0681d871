package redisadapter

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	mathrand "math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter/internal/nativewire"
)

// everyone is the name under which a reply channel is listened to by all nodes: what is
// said there concerns nodes whatever namespaces they have open. No node has this name.
const everyone = "*"

// native is the wire Native: numbered frames on shard channels (decision D33).
type native struct {
	n      *node
	layout nativewire.Layout
	keys   *nativewire.Keys // nil: nothing is signed
	shards *shards
	rooms  *sharded // nil: shard channels are subscribed as all others are
	sender sender

	reply, nodes string // names of channels
	echo         string // what the head of an own frame begins with

	mu       sync.Mutex // guards what follows
	tracker  *nativewire.Tracker
	channels map[string]nativewire.Channel // by name, those that are subscribed
	over     map[string]time.Time          // nodes that are gone, and since when
	speakers map[string]time.Time          // nodes and emitters whose heartbeats have come, and when; at most maxPeers
}

// newLayout is the layout of a configuration that is valid.
func newLayout(cfg *Config) (nativewire.Layout, error) {
	return nativewire.NewLayout(cfg.Prefix, cfg.Shards, 0)
}

func newKeys(cfg *Config) (*nativewire.Keys, error) {
	if len(cfg.Keys) == 0 {
		return nil, nil //nolint:nilnil // nil keys are keys that sign nothing
	}
	return nativewire.NewKeys(cfg.Prefix, cfg.AcceptUnsigned, cfg.Keys...)
}

func newNative(n *node, s *shards) (*native, error) {
	keys, err := newKeys(n.cfg)
	if err != nil {
		return nil, err
	}
	w := &native{
		n: n, layout: s.layout, keys: keys, shards: s,
		reply: s.layout.Name(nativewire.Reply(n.self.ID)), nodes: s.layout.Name(nativewire.Nodes()),
		tracker:  nativewire.NewTracker(nativewire.TrackerConfig{Self: n.self.ID}),
		channels: make(map[string]nativewire.Channel), over: make(map[string]time.Time), speakers: make(map[string]time.Time),
	}
	origin := nativewire.Origin{Node: n.self.ID, Epoch: nativewire.NewEpoch(time.Now(), mathrand.Uint64())}
	w.echo = echoOf(origin)
	return w, w.sender.init(n.cfg, s.layout, keys, origin)
}

// own is what a node is heard on whatever namespaces are open.
func (w *native) own() []string {
	return []string{w.nodes, w.reply, w.layout.Name(nativewire.Reply(everyone))}
}

func (w *native) subscription(namespace string) subscription {
	return subscription{channels: w.audience(namespace).heard}
}

// audience is the broadcast channel: all nodes that serve a namespace listen to it.
func (w *native) audience(namespace string) audience {
	return audience{heard: []string{w.layout.Name(nativewire.Broadcast(namespace))}}
}

func (w *native) nameless() bool { return false }

func (w *native) isAnswer(channel string) bool { return channel == w.reply }

func (w *native) isEcho(in *incoming) bool {
	const kind, head = 2, 3
	p := in.payload
	if len(p) <= head || p[kind]&1 == 0 || in.channel == w.nodes { // own heartbeats are wanted
		return false
	}
	i := head
	for i < len(p)-1 && p[i] >= 0x80 { // a varint
		i++
	}
	return strings.HasPrefix(p[i+1:], w.echo)
}

// echoOf is what the head of a frame begins with: epoch and node.
func echoOf(o nativewire.Origin) string {
	const bits = 8
	b := make([]byte, 0, 2*bits+len(o.Node))
	for shift := 64 - bits; shift >= 0; shift -= bits {
		b = append(b, byte(o.Epoch>>shift))
	}
	n := len(o.Node)
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return string(append(append(b, byte(n)), o.Node...))
}

func (w *native) newID() string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails since Go 1.24
	return strconv.FormatUint(1+binary.BigEndian.Uint64(random[:])%nativewire.MaxNumber, 10)
}

// message is checked now, and encoded when it goes out.
func (w *native) message(m *realtime.Message) (outgoing, error) {
	if m.Op < realtime.OpBroadcast || m.Op > realtime.OpRevoke || isQuestion(m.Op) || isAnswerOp(m.Op) {
		return outgoing{}, unsupported("Publish", m.Op)
	}
	s := &saying{m: m}
	if m.Op == realtime.OpRevoke {
		s.to = everyone
	}
	return s.outgoing()
}

// question goes to all nodes that serve the namespace: each of them owes an answer.
func (w *native) question(m *realtime.Message, id string) (outgoing, error) {
	op := m.Op
	if op == opAllRooms {
		op = realtime.OpFetch
	}
	if !isQuestion(op) {
		return outgoing{}, unsupported("Ask", m.Op)
	}
	ask, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return outgoing{}, err
	}
	return (&saying{m: m, op: op, ask: ask}).outgoing()
}

// tune keeps what is subscribed in step with the rooms until life ends. It is owned by the
// adapter.
func (w *native) tune(life context.Context) {
	for {
		select {
		case <-w.shards.wake:
		case <-life.Done():
			return
		}
		if err := w.settle(life); err != nil && life.Err() == nil {
			w.n.cfg.Logger.Warn("rooms not subscribed", slog.Any("err", err)) // tried again at the next heartbeat
		}
	}
}

// settle subscribes what the rooms need, and ends what they do not. Nodes that let
// connections of this one join a room send what is for it to everyone for as long as
// that takes (joinTime); if it takes too long, that is a gap.
func (w *native) settle(ctx context.Context) error {
	since, err := w.adjust(ctx)
	if err != nil {
		w.shards.undone(since)
		return err
	}
	if now := time.Now(); !since.IsZero() && now.Sub(since) > joinTime-nativewire.DefaultSettle {
		w.n.notices.gap(realtime.Gap{Count: -1, From: since, To: now})
	}
	return nil
}

// adjust subscribes the channels of shards that are wanted, and no others. It returns since when that was
// not so.
func (w *native) adjust(ctx context.Context) (since time.Time, err error) {
	want := func(namespaces []string) (names map[string]struct{}) {
		names, since = w.shards.want(namespaces)
		return names
	}
	if w.rooms == nil {
		err = w.n.subscriber.adjust(ctx, want)
	} else {
		err = w.rooms.adjust(ctx, func() map[string]struct{} { return want(w.n.subscriber.names()) })
	}
	return since, err
}
