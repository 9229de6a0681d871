package realtime

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/realtime-go/realtime/internal/rooms"
)

// Namespace is one conversation that clients can join over their link. It is a [Router] for the handlers of
// its connections and a [Broadcaster] to all of them. Its methods may be called from any goroutine and from
// every callback.
type Namespace interface {
	Router
	Broadcaster
	// Name returns the name, "/" for the default namespace.
	Name() string
	// Room returns a view of a room, which need not exist.
	Room(id string) Room
	// User returns a view of all connections of one user, on all nodes.
	User(id string) User
	// ToConn selects connections by id, on any node.
	ToConn(ids ...string) Broadcaster
	// Conn returns a connection of this node.
	Conn(id string) (*Conn, bool)
	// Presence returns a view of who is in the namespace.
	Presence() Presence
	// SetAuth replaces Config.Auth for this namespace; nil makes it anonymous. It holds for later connections.
	SetAuth(a Authenticator)
	// ServerSideEmit runs the OnServerSide functions of the other nodes. Without an adapter there are none.
	ServerSideEmit(ctx context.Context, event string, args ...any) error
	// ServerSideEmitWithAck does the same and returns one answer for each other node, and a *PartialError if
	// some did not answer before ctx ended (Config.AckTimeout without a deadline).
	ServerSideEmitWithAck(ctx context.Context, event string, args ...any) ([]RawReply, error)
	// OnServerSide sets the function for an event of other nodes. Its result is the answer, nil is an empty
	// one. Functions run one at a time; a mistake in registering panics.
	OnServerSide(event string, fn func(ctx context.Context, ev *Event) (any, error))
}

// namespace implements Namespace. A dynamic one shares its router with all that match the same function.
type namespace struct {
	*router
	broadcaster

	srv   *server
	name  string
	index *rooms.Index[*Conn]
	acks  atomic.Uint64                 // ids issued
	users atomic.Int64                  // whose room has members
	auth  atomic.Pointer[Authenticator] // set by SetAuth

	revoked revocations // of a namespace with an authenticator of its own

	// Guarded by server.mu.
	dynamic bool
	pinned  bool // the application holds it, so it stays when it is empty
	refs    int  // connections joining, joined, or running their last task

	serverSideMu sync.RWMutex
	serverSide   map[string]func(context.Context, *Event) (any, error)

	interestMu sync.Mutex          // orders the calls of RoomInterest and the room hooks
	open       map[string]struct{} // rooms that the outside knows of
}

func newNamespace(srv *server, name string, r *router) *namespace {
	ns := &namespace{router: r, srv: srv, name: name, index: rooms.New[*Conn]()}
	ns.broadcaster = broadcaster{ns: ns}
	return ns
}

// Name returns the name.
func (ns *namespace) Name() string { return ns.name }

func (ns *namespace) table() *table { return ns.router.table.Load() }

// everyone is the selector without a selection.
func (ns *namespace) everyone() broadcaster { return ns.broadcaster }

// Conn returns a connection of this node.
func (ns *namespace) Conn(id string) (*Conn, bool) { return ns.index.Get(id) }

// ToConn selects connections by id.
func (ns *namespace) ToConn(ids ...string) Broadcaster { return ns.broadcaster.with(ids) }

// SetAuth replaces Config.Auth.
func (ns *namespace) SetAuth(a Authenticator) { ns.auth.Store(&a) }

func (ns *namespace) authenticator() Authenticator {
	if a := ns.auth.Load(); a != nil {
		return *a
	}
	return ns.srv.cfg.Auth
}

// nextAck issues an id for an acknowledgement; they count from 0 in each namespace.
func (ns *namespace) nextAck() uint64 { return ns.acks.Add(1) - 1 }

// acksIssued is the id that was not issued yet.
func (ns *namespace) acksIssued() uint64 { return ns.acks.Load() }

// encode checks the name and encodes an event. The caller releases the result.
func (ns *namespace) encode(event string, args []any) (encoded, error) {
	if err := checkEvent(event, ns.srv.cfg.Limits.NameLength); err != nil {
		return encoded{}, fmt.Errorf("%w: %q", err, event)
	}
	return encodeArgs(&ns.srv.cfg, event, args)
}

// logRooms writes a line for each room, at debug: rooms come and go as often as events.
func (c *Conn) logRooms(ctx context.Context, what string, rooms []string) {
	if len(rooms) == 0 || !c.ns.srv.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	for _, name := range rooms {
		attrs := c.logAttrs(slog.String("room", c.ns.srv.visibleRoom(name)))
		if what == "OnJoin" {
			c.ns.srv.log.DebugContext(ctx, "joined", attrs...)
		} else {
			c.ns.srv.log.DebugContext(ctx, "left", attrs...)
		}
	}
}

// runJoinHooks tells the OnJoin functions of rooms, given by wire name, that c has joined.
func (ns *namespace) runJoinHooks(ctx context.Context, c *Conn, rooms []string) {
	ns.runRoomHooks(ctx, "OnJoin", ns.table().onJoin, c, rooms)
}

func (ns *namespace) runLeaveHooks(ctx context.Context, c *Conn, rooms []string) {
	ns.runRoomHooks(ctx, "OnLeave", ns.table().onLeave, c, rooms)
}

func (ns *namespace) runRoomHooks(ctx context.Context, where string, fns []func(context.Context, *Conn, string), c *Conn, rooms []string) {
	c.logRooms(ctx, where, rooms)
	for _, name := range rooms {
		for _, fn := range fns {
			_ = c.guard(where, func() error { fn(ctx, c, ns.srv.visibleRoom(name)); return nil })
		}
		ns.srv.tapRoom(where, c, ns.srv.visibleRoom(name))
	}
}

// roomOpened and roomClosed are called, under the lock of a connection, after the index changed. Two
// connections may do so in either order, so what is told is the truth at this moment, in one order.
func (ns *namespace) roomOpened(room string) {
	ns.countUser(room, 1)
	ns.tellRoom(room)
}

func (ns *namespace) roomClosed(room string) {
	ns.countUser(room, -1)
	ns.tellRoom(room)
}

// countUser counts the rooms of users, and with them the users.
func (ns *namespace) countUser(room string, n int64) {
	if strings.HasPrefix(room, userPrefix) {
		ns.users.Add(n)
	}
}

func (ns *namespace) tellRoom(room string) {
	interest, hooks := ns.srv.interest, &ns.srv.cfg.Hooks
	if interest == nil && hooks.RoomCreated == nil && hooks.RoomEmptied == nil {
		return
	}
	ns.interestMu.Lock()
	defer ns.interestMu.Unlock()
	_, known := ns.open[room]
	exists := ns.index.RoomLen(room) > 0
	if exists == known {
		return
	}
	hook, tell := hooks.RoomEmptied, RoomInterest.RoomClosed
	if exists {
		if ns.open == nil {
			ns.open = make(map[string]struct{})
		}
		ns.open[room] = struct{}{}
		hook, tell = hooks.RoomCreated, RoomInterest.RoomOpened
	} else {
		delete(ns.open, room)
	}
	if interest != nil {
		tell(interest, ns.name, room)
	}
	if hook != nil {
		ns.srv.later("room hook", func() { hook(ns.name, ns.srv.visibleRoom(room)) })
	}
}

// release ends what server.acquire began.
func (ns *namespace) release() { ns.srv.releaseNamespace(ns) }

// OnServerSide sets the function for an event of other nodes.
func (ns *namespace) OnServerSide(event string, fn func(ctx context.Context, ev *Event) (any, error)) {
	mustNotBeNil(fn != nil, "OnServerSide "+event)
	if slices.Contains([]string{"", "connect", "connection", "new_namespace"}, event) {
		panic("realtime: OnServerSide: reserved event name: " + event)
	}
	ns.serverSideMu.Lock()
	defer ns.serverSideMu.Unlock()
	if _, taken := ns.serverSide[event]; taken {
		panic("realtime: OnServerSide: event has a function already: " + event)
	}
	if ns.serverSide == nil {
		ns.serverSide = make(map[string]func(context.Context, *Event) (any, error))
	}
	ns.serverSide[event] = fn
}

func (ns *namespace) serverSideFunc(event string) func(context.Context, *Event) (any, error) {
	ns.serverSideMu.RLock()
	defer ns.serverSideMu.RUnlock()
	return ns.serverSide[event]
}
