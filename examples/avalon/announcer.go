package main

import "sync"

// announcer lets one goroutine at a time tell the clients what many have changed, so that they hear of the changes in one
// order although no lock is held while anything is sent. Nothing queues up: what changed during an announcement is told by
// the next one, as it is then.
type announcer struct {
	mu    sync.Mutex
	busy  bool // somebody is announcing
	again bool // something changed since
}

// announce calls tell, which has to look at the present state, until no other call of announce came in between. If somebody
// else is at it, the rest is left to them.
func (a *announcer) announce(tell func()) {
	a.mu.Lock()
	a.again = true
	if a.busy {
		a.mu.Unlock()
		return
	}
	a.busy = true
	for a.again {
		a.again = false
		a.mu.Unlock() // tell may be called back by what it sends
		tell()
		a.mu.Lock()
	}
	a.busy = false
	a.mu.Unlock()
}
