// Command benchmarks measures this library beside others: socket.io on Node.js, centrifuge, melody, gws, and a plain server
// on gorilla/websocket.
//
//	go -C benchmarks run . -runs 3           # all scenarios; results/main.json, tables and plots of docs/performance.md
//	go -C benchmarks run . -scenario scale   # how costs grow with connections, rooms and nodes
//	go -C benchmarks run . -quick            # whether everything works
//
// It needs Linux, Node.js with npm, redis-server and `ulimit -n` of 20,000 for the largest scenarios, listens on loopback only
// and ends by itself; what it has started ends with it, also when it is killed.
//
// # What is measured
//
// Every run starts its servers afresh, as processes of their own, and another process with the generator of internal/loadgen:
// one thread with epoll, which says when it is itself the limit. With -pin, which is the default, servers are bound to the first
// processor, generator and Redis to the second, before they start, so that Go's runtime and Node.js see one processor and
// GOMAXPROCS is left alone. Systems take turns within a scenario, each round begins with another one, and a ratio is always taken within a round.
//
// The figure that holds best on a noisy machine is deliveries per second of server CPU: user and system time of all server
// processes from /proc between the begin and the end of the window that is measured. Memory is resident memory per connection, once as it stands and once after
// a collection of garbage that the server was asked for, less what it was before the first connection.
//
// # The servers
//
// All are on their default settings, but that this library's limits of events and bytes a second and connection are off, because closed loops are floods by design, and that
// melody may take messages of 4 KB. They do the same: join a room, hand a message to the room's other members (centrifuge: to all members), answer a question
// with its payload. Those without a protocol of their own get a JSON object that they decode and encode with encoding/json.
package main
