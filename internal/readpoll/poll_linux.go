package readpoll

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// set is an epoll set. Its descriptor waits in Go's own poller: a goroutine that is
// parked there needs no thread, and is woken with all others that have something to do.
type set struct {
	file *os.File
	raw  syscall.RawConn

	// Of the goroutine that waits: here, because what a RawConn's function touches escapes.
	events [maxEvents]syscall.EpollEvent
	n      int
	err    error
}

func newSet() (*set, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil { // what NewFile goes by
		_ = syscall.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(fd), "epoll")
	raw, err := file.SyscallConn()
	if err == nil {
		err = file.SetReadDeadline(time.Time{}) // fails if Go's poller did not take it
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &set{file: file, raw: raw}, nil
}

// close makes wait return an error.
func (s *set) close() { _ = s.file.Close() }

// edge is the flag EPOLLET, whose constant is negative on some architectures.
const edge = 1 << 31

// add watches a connection, which is told of under the given id.
func (s *set) add(conn syscall.RawConn, id uint64) error {
	event := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | edge, Fd: int32(id), Pad: int32(id >> 32)}
	var failed error
	err := s.raw.Control(func(set uintptr) {
		failed = conn.Control(func(fd uintptr) {
			err := syscall.EpollCtl(int(set), syscall.EPOLL_CTL_ADD, int(fd), &event)
			failed = os.NewSyscallError("epoll_ctl", err)
		})
	})
	return errors.Join(err, failed)
}

// wait puts the ids of connections that have something to read into ids and returns how
// many there are, at least one.
func (s *set) wait(ids *[maxEvents]uint64) (n int, err error) {
	if err := errors.Join(s.raw.Read(s.look), s.err); err != nil {
		return 0, err
	}
	for i, e := range s.events[:s.n] {
		ids[i] = uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32
	}
	return s.n, nil
}

// look asks the set and reports whether it had an answer; otherwise Go's poller waits.
func (s *set) look(fd uintptr) (done bool) {
	s.n, s.err = syscall.EpollWait(int(fd), s.events[:], 0)
	for errors.Is(s.err, syscall.EINTR) {
		s.n, s.err = syscall.EpollWait(int(fd), s.events[:], 0)
	}
	return s.n != 0
}

// attempt is one read that does not block. It is pooled together with its function, which
// would escape.
type attempt struct {
	p   []byte
	n   int
	err error
	try func(fd uintptr) bool
}

var attempts = sync.Pool{New: func() any {
	a := &attempt{}
	a.try = a.read
	return a
}}

func (a *attempt) read(fd uintptr) bool {
	a.n, a.err = syscall.Read(int(fd), a.p)
	for errors.Is(a.err, syscall.EINTR) {
		a.n, a.err = syscall.Read(int(fd), a.p)
	}
	return true
}

// Read reads what is there, or returns ErrWouldBlock. A read deadline that has passed and
// a closed connection are errors as of the connection's own Read.
func (w *Watch) Read(p []byte) (int, error) {
	a := attempts.Get().(*attempt)
	a.p = p
	err := w.raw.Read(a.try)
	n, failed := a.n, a.err
	a.p, a.n, a.err = nil, 0, nil
	attempts.Put(a)
	switch {
	case err != nil:
		return 0, err
	case errors.Is(failed, syscall.EAGAIN):
		return 0, ErrWouldBlock
	case failed != nil:
		return 0, os.NewSyscallError("read", failed)
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}
