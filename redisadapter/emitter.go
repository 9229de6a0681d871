package redisadapter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/internal/workq"
	"github.com/realtime-go/realtime/redisadapter/internal/nodewire"
)

// Emitter sends to the clients of a cluster from a process that holds no connections, as
// @socket.io/redis-emitter does. It listens to nothing, so what needs an answer (EmitWithAck,
// Conns, Len) fails with ErrUnsupported. All methods may be called concurrently.
//
// On the wire Native what an emitter says is numbered as what nodes say, so its losses are
// told on the nodes, and so is its death.
type Emitter struct {
	srv     realtime.Server
	adapter *emitterAdapter
}

// NewEmitter connects to Redis, trying again until ctx ends. Of the server's
// configuration only what shapes messages matters, and must be that of the cluster's
// servers: RawRooms, Codec and the limits on names and attachments.
func NewEmitter(ctx context.Context, cfg Config, server realtime.Config) (*Emitter, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	a := &emitterAdapter{cfg: cfg.withDefaults()}
	a.life, a.end = context.WithCancelCause(context.Background())
	server.Adapter = a
	if server.Auth == nil {
		server.Auth = nobody{}
	}
	if server.Logger == nil {
		server.Logger = slog.New(slog.DiscardHandler) // an emitter tells its errors to its callers
	}
	srv, err := realtime.New(server)
	if err != nil {
		return nil, err
	}
	if err := srv.Start(ctx); err != nil {
		return nil, err
	}
	return &Emitter{srv: srv, adapter: a}, nil
}

// Of returns a namespace of the cluster; a leading slash is added. Everything that a
// [realtime.Broadcaster] does, it does on all nodes.
func (e *Emitter) Of(namespace string) EmitterNamespace {
	ns := e.srv.Of(namespace)
	return EmitterNamespace{Broadcaster: ns, ns: ns}
}

// EmitterNamespace selects everyone in a namespace. It is a value that may be kept.
type EmitterNamespace struct {
	realtime.Broadcaster
	ns realtime.Namespace
}

// ToConn selects connections by their ids.
func (n EmitterNamespace) ToConn(ids ...string) realtime.Broadcaster { return n.ns.ToConn(ids...) }

// ServerSideEmit runs the functions that the servers have registered with OnServerSide.
func (n EmitterNamespace) ServerSideEmit(ctx context.Context, event string, args ...any) error {
	return n.ns.ServerSideEmit(ctx, event, args...)
}

// Close sends what is queued. If that fails, or ctx ends first, the error says so.
func (e *Emitter) Close(ctx context.Context) error { return e.srv.Shutdown(ctx) }

// nobody admits nobody: an emitter serves no clients.
type nobody struct{}

func (nobody) Authenticate(context.Context, *realtime.Handshake) (*realtime.Identity, error) {
	return nil, errors.New("redisadapter: an emitter has no clients")
}

// emitterAdapter publishes and does nothing else.
type emitterAdapter struct {
	cfg       Config
	group     workq.Group
	life      context.Context
	end       context.CancelCauseFunc
	client    *client // from Start on, as the next two
	publisher *publisher
	wire      emitterWire
}

// emitterWire is what an emitter needs of a wire.
type emitterWire interface {
	message(m *realtime.Message) (outgoing, error)
	leave() error // says that nothing more comes
}

func (a *emitterAdapter) Start(ctx context.Context, self realtime.Node, h realtime.AdapterHandler) error {
	c, err := dial(ctx, &a.cfg, &a.group)
	if err != nil {
		return err
	}
	n := newNotices(&a.group)
	n.handler = h
	n.hearing(nil) // nothing is expected
	a.client = c
	a.publisher = newPublisher(a.life, c, &a.cfg, self.ID, n, &a.group)
	a.publisher.beacon = func() outgoing {
		return outgoing{channel: a.cfg.Prefix + "-node#", payload: []byte("{}"), queued: time.Now()} // news of nobody
	}
	as := &node{cfg: &a.cfg, self: self, publisher: a.publisher}
	if a.cfg.Wire == NodeClassic {
		a.wire = classicEmitter{newClassic(as)}
		return nil
	}
	w, err := newNativeEmitter(as)
	if err != nil {
		a.publisher.notices.close()
		c.close()
		return err
	}
	a.wire = w
	a.publisher.pack = w.sender.pack
	w.sender.sharded = a.cfg.ShardedPubSub && c.cluster
	a.publisher.sharded = w.sender.sharded
	a.group.Go(func() { w.beats(a.life) }) // owned by the emitter; ends with its life
	return nil
}

func (a *emitterAdapter) Publish(_ context.Context, m *realtime.Message) error {
	out, err := a.wire.message(m)
	if err != nil {
		return err
	}
	return a.publisher.send(out)
}

// classicEmitter writes what the official emitter does.
type classicEmitter struct{ wire *classic }

func (e classicEmitter) message(m *realtime.Message) (outgoing, error) {
	if m.Op == realtime.OpBroadcast {
		return e.wire.broadcast(m, nodewire.EmitterUID)
	}
	r, err := command(m, false)
	if err != nil {
		return outgoing{}, err
	}
	if r.Type == nodewire.ServerSide { // the only one that bears it
		r.UID = nodewire.EmitterUID
	}
	return e.wire.request(m.Namespace, r)
}

func (classicEmitter) leave() error { return nil }

// nativeEmitter is the wire Native, or Rolling, of somebody who only speaks.
type nativeEmitter struct {
	*native
	both *rolling // nil: Native alone
}

func newNativeEmitter(as *node) (nativeEmitter, error) {
	layout, err := newLayout(as.cfg)
	if err != nil {
		return nativeEmitter{}, fmt.Errorf("redisadapter: %w", err)
	}
	w, err := newNative(as, newShards(layout))
	if err != nil {
		return nativeEmitter{}, err
	}
	e := nativeEmitter{native: w}
	if as.cfg.Wire == Rolling {
		e.both = newRolling(as, w)
	}
	return e, nil
}

func (e nativeEmitter) message(m *realtime.Message) (outgoing, error) {
	if e.both != nil {
		return e.both.message(m)
	}
	return e.native.message(m)
}

// beats tells how far the numbers have come until life ends.
func (e nativeEmitter) beats(life context.Context) {
	ticker := time.NewTicker(e.n.cfg.Heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_ = e.beat(false) // the next one tells the same
		case <-life.Done():
			return
		}
	}
}

func (e nativeEmitter) leave() error {
	if err := e.beat(true); err != nil {
		return fmt.Errorf("redisadapter: last heartbeat: %w", err)
	}
	return nil
}

func (a *emitterAdapter) Ask(context.Context, *realtime.Message, func(*realtime.Message)) (int, error) {
	return 0, fmt.Errorf("%w: an emitter hears no answers", ErrUnsupported)
}

func (a *emitterAdapter) Nodes(context.Context) ([]realtime.Node, error) {
	return nil, fmt.Errorf("%w: an emitter knows no nodes", ErrUnsupported)
}

func (a *emitterAdapter) OpenNamespace(context.Context, string) error { return nil }

func (a *emitterAdapter) CloseNamespace(context.Context, string) error { return nil }

func (a *emitterAdapter) Close(ctx context.Context) error {
	err := errors.Join(a.wire.leave(), a.publisher.drain(ctx))
	a.end(ErrClosed)
	a.publisher.notices.close()
	return errors.Join(err, retire(ctx, &a.group, a.publisher, a.client))
}
