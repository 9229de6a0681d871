// Package engine is the server side of Engine.IO protocol 4: handshake, HTTP
// long-polling, websocket, the upgrade from one to the other, heartbeat, limits
// and the exact answers to wrong requests. It knows nothing of events,
// namespaces or rooms: it carries messages between a Session and the Receiver
// that belongs to it.
//
// # Who does what
//
// A Server is an http.Handler. For each handshake that passes its checks it
// makes a Session and asks the function given to New for the Receiver. What the
// client sends goes to Receiver.Receive, in order and from one goroutine at a
// time; what the server sends goes through Session.Send into the session's
// bounded queue, which whatever transport the session has at the moment drains.
//
//	ServeHTTP ── checks ──> Session ──> Receiver (Socket.IO)
//	                          │ queue of *Message
//	              parked GET <┴> worker ──> websocket
//
// # Goroutines
//
// An idle websocket session costs one goroutine, its reader, and one timer. With
// Options.EventDriven it costs the timer alone, and one goroutine waits for all of
// them (package readpoll). Websockets are written by as many goroutines as there are
// processors, which exist only while there is something to write (workq.Sweeper); one whose client
// does not take it at once has a goroutine of its own for that time, as has one that is not plain TCP. An idle
// polling session costs none of ours: a parked GET is net/http's. All goroutines
// that this package starts are counted in the server's workq.Group, which
// Shutdown waits for.
//
// # Deadlines
//
// Bodies, websocket messages, probes, parked GETs and every write have deadlines
// of this package, set request by request, so that ReadTimeout and WriteTimeout
// of the http.Server in front neither cut a long poll nor are needed. The time for
// a request's header is the http.Server's to bound: set its ReadHeaderTimeout.
//
// # Locks
//
// Session.mu comes first; the queue's lock, a wire's and the session table's may
// be taken under it, the table's also under a wire's, and none of them before it.
// No lock is held across I/O or across a call of the Receiver.
package engine
