// Package load is a load generator that costs little: one thread, epoll, raw frames that are made once, and
// nothing parsed that need not be. It is the client side of the benchmarks, and knows the wires of the servers
// that are compared as a [Dialect].
//
// It needs Linux.
package load
