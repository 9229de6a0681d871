package redisadapter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/internal/workq"
)

// Adapter joins a server to the others that use the same Redis. It implements
// [realtime.Adapter], [realtime.RoomInterest], [realtime.PresenceStore] and
// [realtime.RevocationStore]. All methods may be called concurrently, also by the handler,
// except that Close waits for calls of the handler.
type Adapter struct {
	cfg      Config
	interest interest
	shards   *shards // of the wire Native, else nil
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

// New makes an adapter. It returns the errors of Config.Validate, and dials nothing.
func New(cfg Config) (*Adapter, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	a := &Adapter{cfg: cfg.withDefaults(), turn: make(chan struct{}, 1)}
	if a.cfg.Wire != NodeClassic {
		layout, err := newLayout(&a.cfg)
		if err != nil {
			return nil, fmt.Errorf("redisadapter: %w", err)
		}
		a.shards = newShards(layout)
	}
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
	n, err := a.newNode(c, self, h)
	if err == nil {
		err = a.openRegistry(ctx, n)
	}
	if err != nil {
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
	if n.native != nil {
		a.group.Go(func() { n.native.tune(a.life) }) // owned by the adapter; ends with its life
	}
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
	count, _, err := n.audience(ctx, namespace)
	if err != nil {
		return nil, err
	}
	for i := 1; n.wire.nameless() && len(nodes) < count; i++ {
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
	return errors.Join(n.subscriber.open(ctx, namespace, n.wire.subscription(namespace)), n.settle(ctx))
}

// CloseNamespace ends the subscription of a namespace.
func (a *Adapter) CloseNamespace(ctx context.Context, namespace string) error {
	n, err := a.running()
	if err != nil {
		return err
	}
	return errors.Join(n.subscriber.leave(ctx, namespace), n.settle(ctx))
}

// RoomOpened notes that a room has members here.
func (a *Adapter) RoomOpened(namespace, room string) { a.interested(namespace, room, true) }

// RoomClosed notes that a room has no members here any more.
func (a *Adapter) RoomClosed(namespace, room string) { a.interested(namespace, room, false) }

func (a *Adapter) interested(namespace, room string, open bool) {
	a.interest.set(namespace, room, open)
	if a.shards != nil {
		a.shards.set(namespace, room, open)
	}
}

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
