// Command benchmarks compares this library with its peers on the same work in the same run: socket.io on Node.js, a
// plain gorilla server, melody, gws and centrifuge.
//
//	go -C benchmarks run . -runs 3
//
// It needs Linux (epoll, /proc, taskset), redis-server, Node.js and npm, listens on loopback only, and ends by itself;
// what it started ends with it. Results go to results/, tables and plots of them to docs/ of the library. It is a module
// of its own, so that the peers never enter the library's.
//
// # What is measured
//
// Each cell of a table is a server started afresh, as a process of its own on the first processor, and a load generator,
// another process, on the second (-pin=false lets both go where they want). Systems take turns within a round, and ratios are
// those of one round. The figure that holds best on a noisy machine is deliveries, or answers, per second of server
// CPU: user and system time from /proc of all server processes, in a window that begins after a second of the same work.
// Beside it stands what the generator took: a cell in which it worked for more than nine tenths of the window
// is marked, since then the server had to wait for it.
package main
