package realtime

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Router is where handlers are registered: a [Namespace], or what Server.OfFunc returns. Handlers are
// registered once, never per connection, so nothing doubles after a reconnect. Registering is allowed at
// any time and from any goroutine; what is registered later holds for later packets. Mistakes (a nil
// handler, a reserved or doubled event) panic.
type Router interface {
	// Use adds a step before a connection is admitted. An error refuses it with a CONNECT_ERROR.
	Use(mw ...func(ctx context.Context, c *Conn) error)
	// UseEvent adds a step around every event, in the order of the calls, outermost first.
	UseEvent(mw ...func(next HandlerFunc) HandlerFunc)
	// OnConnect adds a function that runs after a connection was admitted and before its first event. An
	// error (or a panic) tells the client with an "exception" event and disconnects it.
	OnConnect(fn func(ctx context.Context, c *Conn) error)
	// OnDisconnect adds a function that runs exactly once for every admitted connection, after all of its
	// events. The connection has left the namespace; its rooms are still readable, and ctx is alive.
	OnDisconnect(fn func(ctx context.Context, c *Conn, why Disconnected))
	// OnAny adds a function that sees every inbound event before its handler, refused ones too.
	OnAny(fn func(ctx context.Context, c *Conn, ev *Event))
	// OnAnyOutgoing adds a function that sees every emit, once with its target, never once per receiver.
	// It runs in the emitting goroutine.
	OnAnyOutgoing(fn func(ctx context.Context, out Outgoing))
	// OnJoin adds a function that runs after a connection joined a room, in the joining goroutine.
	OnJoin(fn func(ctx context.Context, c *Conn, room string))
	// OnLeave adds a function that runs after a connection left a room; at the end of a connection once
	// for each of its rooms, before OnDisconnect.
	OnLeave(fn func(ctx context.Context, c *Conn, room string))
	// HandleEvent sets the handler of an event: the untyped form that [On] and [Handle] wrap.
	HandleEvent(event string, h HandlerFunc, opts ...HandlerOption)
}

// HandlerFunc handles one event. Its error is told to the client by the server's ReplyPolicy.
type HandlerFunc func(ctx context.Context, c *Conn, ev *Event) error

// Outgoing is what an OnAnyOutgoing function sees.
type Outgoing struct {
	Namespace string
	Event     string
	Args      []any    // as given; do not change them
	Rooms     []string // wire names; none and no Conn: everyone
	Except    []string // wire names
	Conn      string   // receiver's id when one connection was addressed
	Volatile  bool
	WantAck   bool
}

// router implements Router. Readers load the table without a lock; writers copy it.
type router struct {
	nameLimit int

	mu    sync.Mutex // serialises writers
	table atomic.Pointer[table]
}

// table is immutable once stored.
type table struct {
	use           []func(context.Context, *Conn) error
	useEvent      []func(HandlerFunc) HandlerFunc
	onConnect     []func(context.Context, *Conn) error
	onDisconnect  []func(context.Context, *Conn, Disconnected)
	onAny         []func(context.Context, *Conn, *Event)
	onAnyOutgoing []func(context.Context, Outgoing)
	onJoin        []func(context.Context, *Conn, string)
	onLeave       []func(context.Context, *Conn, string)
	routes        map[string]*route
	unknown       *route // the route of events without a handler
	refresh       *route // of "auth:refresh", where a namespace has an authenticator and no handler of its own
}

// route is one event's handler with its options and the middleware around it. It belongs to one table.
type route struct {
	event    string
	handler  HandlerFunc
	options  handlerOptions
	useEvent []func(HandlerFunc) HandlerFunc
	wrapped  atomic.Pointer[HandlerFunc]
}

// run returns the handler inside all of its middleware. That is put together when the first event needs it:
// middleware is user code, and registering holds a lock.
func (rt *route) run() HandlerFunc {
	if h := rt.wrapped.Load(); h != nil {
		return *h
	}
	h := rt.options.wrap(rt.handler)
	for _, mw := range slices.Backward(rt.useEvent) {
		h = mw(h)
	}
	rt.wrapped.Store(&h)
	return h
}

func newRouter(nameLimit int) *router {
	r := &router{nameLimit: nameLimit}
	t := &table{unknown: &route{handler: func(context.Context, *Conn, *Event) error { return errUnknownEvent }}}
	t.refresh = &route{event: eventRefresh, handler: refresh}
	RateLimit(refreshLimit, time.Minute).apply(&t.refresh.options)
	r.table.Store(t)
	return r
}

// change stores a changed copy of the table.
func (r *router) change(edit func(t *table)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := *r.table.Load()
	edit(&t)
	routes := make(map[string]*route, len(t.routes))
	for name, rt := range t.routes { // anew, because middleware may come after the handlers it is around
		routes[name] = &route{event: rt.event, handler: rt.handler, options: rt.options, useEvent: t.useEvent}
	}
	t.routes, t.unknown = routes, &route{handler: t.unknown.handler, useEvent: t.useEvent}
	r.table.Store(&t)
}

// appended never shares its array with the table that readers hold.
func appended[T any](list []T, items ...T) []T { return append(slices.Clip(list), items...) }

func mustNotBeNil(ok bool, what string) {
	if !ok {
		panic("realtime: " + what + ": nil function")
	}
}

func (r *router) Use(mw ...func(context.Context, *Conn) error) {
	for _, fn := range mw {
		mustNotBeNil(fn != nil, "Use")
	}
	r.change(func(t *table) { t.use = appended(t.use, mw...) })
}

func (r *router) UseEvent(mw ...func(next HandlerFunc) HandlerFunc) {
	for _, fn := range mw {
		mustNotBeNil(fn != nil, "UseEvent")
	}
	r.change(func(t *table) { t.useEvent = appended(t.useEvent, mw...) })
}

func (r *router) OnConnect(fn func(context.Context, *Conn) error) {
	mustNotBeNil(fn != nil, "OnConnect")
	r.change(func(t *table) { t.onConnect = appended(t.onConnect, fn) })
}

func (r *router) OnDisconnect(fn func(context.Context, *Conn, Disconnected)) {
	mustNotBeNil(fn != nil, "OnDisconnect")
	r.change(func(t *table) { t.onDisconnect = appended(t.onDisconnect, fn) })
}

func (r *router) OnAny(fn func(context.Context, *Conn, *Event)) {
	mustNotBeNil(fn != nil, "OnAny")
	r.change(func(t *table) { t.onAny = appended(t.onAny, fn) })
}

func (r *router) OnAnyOutgoing(fn func(context.Context, Outgoing)) {
	mustNotBeNil(fn != nil, "OnAnyOutgoing")
	r.change(func(t *table) { t.onAnyOutgoing = appended(t.onAnyOutgoing, fn) })
}

func (r *router) OnJoin(fn func(context.Context, *Conn, string)) {
	mustNotBeNil(fn != nil, "OnJoin")
	r.change(func(t *table) { t.onJoin = appended(t.onJoin, fn) })
}

func (r *router) OnLeave(fn func(context.Context, *Conn, string)) {
	mustNotBeNil(fn != nil, "OnLeave")
	r.change(func(t *table) { t.onLeave = appended(t.onLeave, fn) })
}

func (r *router) HandleEvent(event string, h HandlerFunc, opts ...HandlerOption) {
	mustNotBeNil(h != nil, "handler of event "+event)
	if err := checkEvent(event, r.nameLimit); err != nil {
		panic(err.Error() + ": " + event)
	}
	rt := &route{event: event, handler: h}
	for _, opt := range opts {
		opt.apply(&rt.options)
	}
	r.change(func(t *table) {
		if _, taken := t.routes[event]; taken {
			panic("realtime: event has a handler already: " + event)
		}
		routes := make(map[string]*route, len(t.routes)+1)
		for name, other := range t.routes {
			routes[name] = other
		}
		routes[event] = rt
		t.routes = routes
	})
}

// checkEvent applies the rules for event names: reserved names are those of the official parser
// (Socket.IO protocol 5), which closes the link when it meets one.
func checkEvent(event string, limit int) error {
	switch event {
	case "", "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return ErrInvalidEvent
	}
	if len(event) > limit {
		return ErrInvalidEvent
	}
	return nil
}
