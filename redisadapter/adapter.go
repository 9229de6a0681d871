package redisadapter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/internal/workq"
	"github.com/realtime-go/realtime/redisadapter/internal/registry"
)

// Adapter joins a server to the others that use the same Redis. It implements
// [realtime.Adapter], [realtime.RoomInterest], [realtime.PresenceStore] and
// [realtime.RevocationStore]. All methods may be called concurrently, also by the handler,
// except that Close waits for calls of the handler.
type Adapter struct {
	cfg      Config
	interest interest
	presence presence
	keyless  atomic.Bool
	group    workq.Group   // every goroutine
	turn     chan struct{} // one slot: its holder starts or closes
	closed   atomic.Bool

	// open ends when Close begins, life when what is queued has been sent.
	open, life       context.Context
	endOpen, endLife context.CancelCauseFunc

	mu   sync.Mutex // guards what follows
	node *node      // nil before Start
}

var (
	_ realtime.Adapter      = (*Adapter)(nil)
	_ realtime.RoomInterest = (*Adapter)(nil)
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

	failures atomic.Uint64 // answers that were not sent
	logged   atomic.Int64  // when, in nanoseconds since 1970
}

// New makes an adapter. It returns the errors of Config.Validate, and dials nothing.
func New(cfg Config) (*Adapter, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	a := &Adapter{cfg: cfg.withDefaults(), turn: make(chan struct{}, 1)}
	a.open, a.endOpen = context.WithCancelCause(context.Background())
	a.life, a.endLife = context.WithCancelCause(context.Background())
	return a, nil
}

// Start connects and returns once messages of the other nodes are heard. Until ctx ends it
// tries again and again; after a failure it may be called again.
func (a *Adapter) Start(ctx context.Context, self realtime.Node, h realtime.AdapterHandler) error {
	ctx, cancel := withLife(ctx, a.open)
	defer cancel(nil)
	if err := a.take(ctx); err != nil {
		return err
	}
	defer func() { <-a.turn }()
	if _, err := a.running(); !errors.Is(err, ErrNotStarted) {
		if err == nil {
			err = ErrStarted
		}
		return err
	}
	c, err := dial(ctx, &a.cfg, &a.group)
	if err != nil {
		return err
	}
	n := a.newNode(c, self, h)
	if err := a.openRegistry(ctx, n); err != nil {
		c.close()
		return err
	}
	if err := n.subscriber.start(ctx, a.life, &a.group); err != nil {
		err = errors.Join(err, n.closeRegistry(ctx))
		c.close()
		return err
	}
	a.mu.Lock()
	a.node = n
	a.mu.Unlock()
	if n.registry != nil {
		a.presence.opened(n.registry)
	}
	n.meet(ctx)
	return nil
}

// take waits for the turn to start or to close.
func (a *Adapter) take(ctx context.Context) error {
	if ctx.Err() != nil {
		return fmt.Errorf("redisadapter: start: %w", context.Cause(ctx))
	}
	select {
	case a.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("redisadapter: start: %w", context.Cause(ctx))
	}
}

// newNode puts the parts together.
func (a *Adapter) newNode(c *client, self realtime.Node, h realtime.AdapterHandler) *node {
	n := &node{cfg: &a.cfg, self: self, handler: h, interest: &a.interest, client: c}
	n.asks.limit = a.cfg.Limits.Requests
	n.notices = newNotices(&a.group)
	n.notices.handler = h
	n.publisher = newPublisher(a.life, c, &a.cfg, self.ID, n.notices, &a.group)
	n.peers = newPeers(c, &a.cfg, n.notices, self, n.publisher.send)
	n.wire = newClassic(n)
	n.inbox = newInbox(&a.cfg, n, &a.group)
	own := n.peers.channel(self.ID)
	n.subscriber = newSubscriber(c, &a.cfg, n.notices, subscription{channels: n.base(own)}, own)
	n.subscriber.deliver = n.inbox.take
	n.subscriber.tick = func() {
		_ = n.publisher.send(n.subscriber.pulse.beat(time.Now())) // a beat that is not sent is not missed
		n.peers.look(a.life, &a.group)
	}
	n.subscriber.joined = func() {
		n.publisher.wake()
		_ = n.peers.say(opHello, n.peers.shared) // said again when a look finds that somebody has not heard it
		if n.registry != nil {
			n.registry.Missed()
		}
	}
	n.publisher.beacon = func() outgoing { return n.subscriber.pulse.beat(time.Now()) }
	return n
}

// isAside reports whether a channel bears what does not wait behind messages: answers, and
// news of nodes.
func (n *node) isAside(channel string) bool {
	return n.peers.owns(channel) || channel == presenceChannel(n.cfg) || n.wire.isAnswer(channel)
}

// base is what the node itself subscribes.
func (n *node) base(own string) []string {
	return []string{n.peers.shared, own, presenceChannel(n.cfg)}
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

// running returns the started node, or why there is none.
func (a *Adapter) running() (*node, error) {
	if a.open.Err() != nil {
		return nil, ErrClosed
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.node == nil {
		return nil, ErrNotStarted
	}
	return a.node, nil
}

// Publish queues a message for the other nodes and returns. The errors are ErrUnavailable,
// ErrQueueFull, ErrClosed, ErrNotStarted and those of encoding: then the message is
// certainly not sent. What is lost later is told as a gap.
func (a *Adapter) Publish(_ context.Context, m *realtime.Message) error {
	n, err := a.running()
	if err != nil {
		return err
	}
	out, err := n.wire.message(m)
	if err != nil {
		return err
	}
	return n.publisher.send(out)
}

// Nodes lists the live nodes, this one first. Of Node.js nodes it only knows how many there
// are: they have made-up names.
func (a *Adapter) Nodes(ctx context.Context) ([]realtime.Node, error) {
	n, err := a.running()
	if err != nil {
		return nil, err
	}
	n.meet(ctx)
	nodes := append([]realtime.Node{n.self}, n.peers.list()...)
	namespaces := n.subscriber.names()
	if len(namespaces) == 0 {
		return nodes, nil
	}
	namespace := slices.Min(namespaces) // "/" sorts before all others
	counts, err := n.client.count(ctx, n.wire.audience(namespace))
	if err != nil {
		return nil, err
	}
	for i := 1; len(nodes) < int(counts[0]); i++ {
		nodes = append(nodes, nameless(i))
	}
	return nodes, nil
}

// OpenNamespace subscribes what concerns a namespace. While Redis cannot be reached it
// only notes the wish, and the next connection fulfils it.
func (a *Adapter) OpenNamespace(ctx context.Context, namespace string) error {
	n, err := a.running()
	if err != nil {
		return err
	}
	return n.subscriber.open(ctx, namespace, n.wire.subscription(namespace))
}

// CloseNamespace ends the subscription of a namespace.
func (a *Adapter) CloseNamespace(ctx context.Context, namespace string) error {
	n, err := a.running()
	if err != nil {
		return err
	}
	return n.subscriber.leave(ctx, namespace)
}

// RoomOpened notes that a room has members here.
func (a *Adapter) RoomOpened(namespace, room string) { a.interest.set(namespace, room, true) }

// RoomClosed notes that a room has no members here any more.
func (a *Adapter) RoomClosed(namespace, room string) { a.interest.set(namespace, room, false) }

// Close leaves the cluster, sends what is queued, and returns when no call of the handler
// is running any more and everything that Start began has ended. If Redis does not take
// part, or ctx ends first, the error says what was not done.
func (a *Adapter) Close(ctx context.Context) error {
	if !a.closed.CompareAndSwap(false, true) {
		return ErrClosed
	}
	a.endOpen(ErrClosed) // also ends a Start that is running
	a.turn <- struct{}{}
	defer func() { <-a.turn }()
	a.mu.Lock()
	n := a.node
	a.mu.Unlock()
	if n == nil {
		a.endLife(ErrClosed)
		return nil
	}
	errs := []error{n.leave(ctx)}
	a.endLife(ErrClosed)
	return errors.Join(append(errs, retire(ctx, &a.group, n.publisher, n.client))...)
}

// retire ends the connections once nobody uses them any more. If ctx ends first they end
// when those do who still use them, within the limits of their calls.
func retire(ctx context.Context, group *workq.Group, p *publisher, c *client) error {
	ended := make(chan struct{})
	go func() { // owned by the caller of Close; ends when all goroutines of the group have
		_ = group.Wait(context.Background()) // which does not end before
		p.disconnect()
		c.close()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("redisadapter: close: %w", context.Cause(ctx))
	}
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
	if err := n.peers.say(opBye, n.peers.shared); err != nil {
		errs = append(errs, fmt.Errorf("redisadapter: say goodbye: %w", err))
	}
	return errors.Join(append(errs, n.publisher.drain(ctx))...)
}
