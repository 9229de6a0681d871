package redisadapter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter/internal/registry"
)

// node is what an adapter becomes when it is started.
type node struct {
	cfg      *Config
	self     realtime.Node
	handler  realtime.AdapterHandler
	interest *interest

	client     *client
	notices    *notices
	inbox      *inbox
	publisher  *publisher
	subscriber *subscriber
	peers      *peers
	registry   *registry.Registry // nil: WithoutKeys
	asks       asks
	wire       wire
	native     *native // the wire, or a half of it; nil if it is NodeClassic

	failures atomic.Uint64 // answers that were not sent
	logged   atomic.Int64  // when, in nanoseconds since 1970
}

// newNode puts the parts together.
func (a *Adapter) newNode(c *client, self realtime.Node, h realtime.AdapterHandler) (*node, error) {
	n := &node{cfg: &a.cfg, self: self, handler: h, interest: &a.interest, client: c}
	n.asks.limit = a.cfg.Limits.Requests
	n.notices = newNotices(&a.group)
	n.notices.handler = h
	n.publisher = newPublisher(a.life, c, &a.cfg, self.ID, n.notices, &a.group)
	n.peers = newPeers(c, &a.cfg, n.notices, self, n.publisher.send)
	n.wire = newClassic(n)
	if a.shards != nil {
		w, err := newNative(n, a.shards)
		if err != nil {
			return nil, err
		}
		n.wire, n.native = w, w
		if a.cfg.Wire == Rolling {
			n.wire = newRolling(n, w)
		}
	}
	n.inbox = newInbox(&a.cfg, n, &a.group)
	own := n.peers.channel(self.ID)
	n.subscriber = newSubscriber(c, &a.cfg, n.notices, subscription{channels: n.base(own)}, own)
	n.subscriber.deliver = n.inbox.take
	n.subscriber.tick = func() {
		_ = n.publisher.send(n.subscriber.pulse.beat(time.Now())) // a beat that is not sent is not missed
		n.peers.look(a.life, &a.group)
		if n.native != nil {
			_ = n.native.beat(false) // the next one tells the same
		}
	}
	n.subscriber.joined = func() {
		n.publisher.wake()
		_ = n.peers.say(opHello, n.peers.shared) // said again when a look finds that somebody has not heard it
		if n.registry != nil {
			n.registry.Missed()
		}
	}
	n.publisher.beacon = func() outgoing { return n.subscriber.pulse.beat(time.Now()) }
	if w := n.native; w != nil {
		n.subscriber.confirmed, n.subscriber.dropped = w.confirmed, w.dropped
		n.publisher.pack = w.sender.pack
		n.peers.over = w.gone
		n.inbox.numbered = true
		if a.cfg.ShardedPubSub && c.cluster {
			n.publisher.sharded, w.sender.sharded = true, true
			w.rooms = newSharded(a.life, c, n.notices, &a.group)
			w.rooms.deliver, w.rooms.confirmed, w.rooms.dropped = n.inbox.take, w.confirmed, w.dropped
		}
	}
	return n, nil
}

// isAside reports whether a channel bears what does not wait behind messages: answers, and
// news of nodes.
func (n *node) isAside(channel string) bool {
	return n.peers.owns(channel) || channel == presenceChannel(n.cfg) || n.wire.isAnswer(channel)
}

// base is what the node itself subscribes.
func (n *node) base(own string) []string {
	channels := []string{n.peers.shared, own, presenceChannel(n.cfg)}
	if n.native != nil {
		channels = append(channels, n.native.own()...)
	}
	return channels
}

func (n *node) hearAside(in incoming) error {
	if n.peers.owns(in.channel) {
		return n.peers.hear(in.payload)
	}
	if in.channel == presenceChannel(n.cfg) {
		if n.registry == nil {
			return nil
		}
		return n.registry.Receive([]byte(in.payload))
	}
	return n.wire.answer(in)
}

// failedAnswer notes that another node does not get an answer: it will miss it. One in a
// second is logged.
func (n *node) failedAnswer(namespace string, err error) {
	n.failures.Add(1)
	now, last := time.Now().UnixNano(), n.logged.Load()
	if now-last >= int64(time.Second) && n.logged.CompareAndSwap(last, now) {
		n.cfg.Logger.Warn("answer to another node not sent", slog.String("namespace", namespace), slog.Any("err", err))
	}
}

// meet waits, for a moment, until the other Go nodes are known.
func (n *node) meet(ctx context.Context) {
	const moment = time.Second
	ctx, cancel := context.WithTimeout(ctx, moment)
	defer cancel()
	n.peers.gather(ctx)
}

// settle subscribes what the rooms of a new namespace need, or ends it.
func (n *node) settle(ctx context.Context) error {
	if n.native == nil {
		return nil
	}
	return n.native.settle(ctx)
}

// closeRegistry takes this node's connections out of Redis.
func (n *node) closeRegistry(ctx context.Context) error {
	if n.registry == nil {
		return nil
	}
	return n.registry.Close(ctx)
}

// leave says goodbye: first nobody counts on this node any more, then the handler hears
// nothing, then what is queued goes out.
func (n *node) leave(ctx context.Context) error {
	errs := []error{n.closeRegistry(ctx), n.subscriber.leaveAll(ctx)}
	if n.native != nil && n.native.rooms != nil {
		n.native.rooms.close()
	}
	quiet := make(chan struct{})
	go func() { // owned by leave; ends when the calls of the handler do that are running
		n.inbox.close()
		n.notices.close()
		close(quiet)
	}()
	select {
	case <-quiet:
	case <-ctx.Done():
		return errors.Join(append(errs, fmt.Errorf("redisadapter: close: the handler has not returned: %w", context.Cause(ctx)))...)
	}
	if n.native != nil {
		if err := n.native.beat(true); err != nil {
			errs = append(errs, fmt.Errorf("redisadapter: last heartbeat: %w", err))
		}
	}
	if err := n.peers.say(opBye, n.peers.shared); err != nil {
		errs = append(errs, fmt.Errorf("redisadapter: say goodbye: %w", err))
	}
	return errors.Join(append(errs, n.publisher.drain(ctx))...)
}
