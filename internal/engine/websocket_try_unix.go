//go:build unix

package engine

import (
	"errors"
	"net"
	"sync"
	"syscall"
)

// direct is the way to a connection's descriptor, for writes that do not wait.
type direct struct{ raw syscall.RawConn }

// newDirect returns nil for a connection that is not the kernel's own: a wrapper may
// change what is written, as TLS does, even if it has SyscallConn.
func newDirect(conn net.Conn) *direct {
	var raw syscall.RawConn
	var err error
	switch c := conn.(type) {
	case *net.TCPConn:
		raw, err = c.SyscallConn()
	case *net.UnixConn:
		raw, err = c.SyscallConn()
	default:
		return nil
	}
	if err != nil {
		return nil
	}
	return &direct{raw}
}

// write writes what the kernel takes at once, and returns how much that was. Whoever
// wants to know why it was not all has to write the rest.
func (d *direct) write(p []byte) (n int) {
	a := attempts.Get().(*attempt)
	a.p, a.n = p, 0
	_ = d.raw.Write(a.try)
	n, a.p = a.n, nil
	attempts.Put(a)
	return n
}

// attempt is one write. It is pooled, since what a RawConn's function touches escapes.
type attempt struct {
	p   []byte
	n   int
	try func(fd uintptr) bool
}

var attempts = sync.Pool{New: func() any {
	a := new(attempt)
	a.try = a.write
	return a
}}

// write is never to be called again for the same attempt, hence true.
func (a *attempt) write(fd uintptr) bool {
	n, err := syscall.Write(int(fd), a.p)
	for errors.Is(err, syscall.EINTR) {
		n, err = syscall.Write(int(fd), a.p)
	}
	a.n = max(n, 0)
	return true
}
