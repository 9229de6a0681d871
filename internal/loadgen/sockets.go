package loadgen

import (
	"net/netip"
	"time"
)

// sockets are TCP connections that never block their one user. An id is a small number, used again after drop.
type sockets interface {
	// dial begins a connection, from a source address if that is valid; writable is told when it is there.
	dial(target netip.AddrPort, source netip.Addr) (id int, err error)
	// write sends what goes without waiting. If that is not all, writable is told when more goes.
	write(id int, p []byte) (n int, err error)
	// wait tells h what happens, for as long as that takes and at least one event or d; d < 0 is no limit.
	wait(d time.Duration, h events) error
	// drop closes a connection, of which h is told nothing more.
	drop(id int)
	close() error
}

// events is told what happens to connections. What is readable is only valid during the call.
type events interface {
	readable(id int, p []byte)
	writable(id int)
	failed(id int, err error)
}

// readSize is what one read takes.
const readSize = 256 << 10
