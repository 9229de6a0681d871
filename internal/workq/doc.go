// Package workq holds the library's mechanisms for work that waits: a
// bounded first-in first-out Queue, and a Worker that drains one with a
// goroutine which lives only while there are items. A Sweeper is that goroutine
// for many workers, as long as none of them has to wait for anything. A Group
// counts goroutines so that a shutdown can join them.
//
// An idle connection must cost next to nothing, so an empty queue holds no
// buffer and an idle worker no goroutine. The price is one goroutine start for
// each burst of items; batches amortise it, and sweepers do.
//
// Locks: a queue's mutex is the innermost lock of the library but for the
// Sweeper's and the Group's. It is never held while a batch runs or while anybody waits.
package workq

import "errors"

// ErrFull reports that a push would exceed the bound of a Queue, or would
// overtake somebody who waits in PushWait.
var ErrFull = errors.New("workq: full")

// ErrClosed reports that a Queue was closed before the items could enter it.
var ErrClosed = errors.New("workq: closed")
