// Package loadgen puts load on a realtime server and costs little itself: many websocket connections, one
// goroutine and, on Linux, one thread with epoll. Frames are prebuilt, masked with a key of zeros,
// and of what arrives only the first bytes and the time of sending are looked at.
//
// Dial opens connections and joins their rooms, Run puts one load on them and measures, as often as wanted, Close
// ends them:
//
//	c, err := loadgen.Dial(ctx, loadgen.Config{Targets: []string{"127.0.0.1:3001"}, Dialect: loadgen.SocketIO{}, Conns: 1000, Members: 1000, Publisher: true})
//	r, err := c.Run(ctx, loadgen.Load{Window: 16, Warm: time.Second, Measure: 5 * time.Second}) // closed loop
//	r, err = c.Run(ctx, loadgen.Load{Rate: 20, Measure: 5 * time.Second})                      // so many a second
//
// A load is one of two kinds. A closed loop keeps a fixed number of messages on their way, so that the server works as fast as
// it can and no queue grows without bound. A paced one sends on a schedule, and a latency counts from the moment at which the
// message was due, not from the one at which it could be sent: who is late hides nothing.
//
// A Result says in Limit when the generator was what held things up. Layers: sockets (epoll, or goroutines on other systems), frames, a
// Dialect that knows what a server is told, and the loads on top. Long-polling (Config.Polling) is made to look like websockets, by
// goroutines and net/http, and costs several times as much. There is no TLS and no compression.
package loadgen
