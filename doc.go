// Package realtime is an embeddable server for realtime rooms. It speaks Engine.IO 4 and Socket.IO 5
// exactly, so every client of Socket.IO v4 works: browsers, Unity, WeChat mini games, Java, Swift, Dart.
//
// A server is an http.Handler. Handlers are typed functions, registered once on a namespace; the result of
// a handler is the acknowledgement of its caller:
//
//	srv, err := realtime.New(realtime.Config{})
//	if err != nil {
//		return err
//	}
//	srv.OnConnect(func(ctx context.Context, c *realtime.Conn) error { return c.Join(ctx, "lobby") })
//	realtime.Handle(srv, "say", func(ctx context.Context, c *realtime.Conn, text string) (string, error) {
//		return "heard", c.To("lobby").Emit(ctx, "said", c.ID(), text)
//	})
//	http.Handle("/socket.io/", srv)
//	return http.ListenAndServe(":3001", nil)
//
// # Three words
//
// A session is one client's link: polling or websocket, and it may change from one to the other. A [Conn]
// is that client in one namespace; a client may join several over its one link. A room is a name under
// which connections of a namespace are found:
//
//	client ══ session ─┬─ Conn in "/"      ── rooms "lobby", "42"
//	                   └─ Conn in "/chat"  ── room "general"
//
// Membership is always local to the node that holds the connection. An [Adapter] carries messages between
// nodes and is no registry; without one a server is a single node.
//
// # Promises
//
// Events of one connection are handled one at a time, in the order of their arrival, unless the event is
// [Concurrent]. Messages to one connection arrive in the order in which they were sent. After Join has
// returned, later broadcasts of this node reach the connection. A connection gets a broadcast at most once,
// however many of its rooms match. Between nodes delivery is at most once, in order for each sending node
// and room.
//
// OnDisconnect runs exactly once for every connection that was admitted, after all of its events. The
// caller of an event always gets its acknowledgement: the result, an [*Error], or code "internal" with an id
// that stands in the log.
//
// # Identity
//
// Config.Auth says who a client is: [JWT], or an [Authenticator] of your own. An identity that expires is warned,
// refreshed or ended ([ExpiryPolicy]); an event may ask for it ([Authenticated], [Require], [Authorize]). All
// connections of a user are found by Namespace.User.
//
// # Concurrency
//
// All exported methods may be called from any goroutine and from every callback. Emit queues and never
// waits for a client; a client that does not take what is queued for it is closed as a slow consumer.
// Acknowledgements do not pass the queue of events, so a handler may wait for its own client. Every wait
// has an end: the deadline of its context, or Config.AckTimeout.
//
// The context of a handler ends with its connection, and [DisconnectedOf] reads why from its cause. Use
// context.WithoutCancel for work that must be finished although the client has gone.
//
// # Mounting
//
// The http.Server should have a ReadHeaderTimeout; ReadTimeout and WriteTimeout do no harm, since the
// server sets the deadlines of its own requests. Call Server.Shutdown before http.Server.Shutdown, which
// does not know of websockets.
package realtime
