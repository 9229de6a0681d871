// Command bench measures what fan-out over two nodes and a Redis costs: two Go nodes with
// redisadapter, once with each wire, two Node.js nodes with socket.io and
// @socket.io/redis-adapter, and one Go node alone, in turn, over the same redis-server.
//
//	go run ./redisadapter/bench
//
// It needs Linux (processor times come from /proc), redis-server, Node.js and npm, listens on
// loopback only, and ends by itself in less than three minutes. Everything it started ends
// with it, also when it is killed.
//
// # What is measured
//
// Every run starts its servers afresh, as processes of their own, and connects raw websockets
// from this one. Half of a room's members are on each node. One more client on node A sends an
// event, whose handler broadcasts it to a room.
//
// First in a closed loop: a fixed number of messages is on its way, the next one is sent when
// all members have got one, so the servers work as fast as they can and no queue grows without
// bound. Then a few messages a second to a room of one member on each node: how long from the
// publisher's write to the arrival at either.
//
// The figure that holds best on a noisy machine is deliveries per second of server CPU: user
// and system time of all server processes, without Redis, whose own is told apart. What the
// generator takes is told too; it parses nothing, but compares every frame with the one that
// it must be. A message that does not arrive ends the run with an error.
//
// Limits of events a second and connection are off in the Go nodes, because a closed loop is a
// flood by design; everything else is as it is by default, in Node.js too.
package main
