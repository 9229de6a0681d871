package loadgen

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// epoll is level-triggered: one read for each event, and what is left makes the next event.
type epoll struct {
	fd     int
	events []syscall.EpollEvent
	batch  []syscall.EpollEvent // those of the wait that is going on
	buf    []byte
}

func newSockets() (sockets, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	return &epoll{fd: fd, events: make([]syscall.EpollEvent, 512), buf: make([]byte, readSize)}, nil
}

func (s *epoll) dial(target netip.AddrPort, source netip.Addr) (int, error) {
	family := syscall.AF_INET
	if target.Addr().Is6() {
		family = syscall.AF_INET6
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	if err := s.connect(fd, target, source); err != nil {
		_ = syscall.Close(fd)
		return 0, err
	}
	return fd, nil
}

// bindNoPort leaves the choice of a port to connect, which can use it for several targets.
const bindNoPort = 24 // IP_BIND_ADDRESS_NO_PORT

func (s *epoll) connect(fd int, target netip.AddrPort, source netip.Addr) error {
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if source.IsValid() {
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, bindNoPort, 1) // old kernels do without
		if err := syscall.Bind(fd, sockaddr(netip.AddrPortFrom(source, 0))); err != nil {
			return os.NewSyscallError("bind", err)
		}
	}
	if err := syscall.Connect(fd, sockaddr(target)); err != nil && !errors.Is(err, syscall.EINPROGRESS) {
		return os.NewSyscallError("connect", err)
	}
	return s.control(syscall.EPOLL_CTL_ADD, fd, syscall.EPOLLOUT)
}

func sockaddr(a netip.AddrPort) syscall.Sockaddr {
	if a.Addr().Is4() {
		return &syscall.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &syscall.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

func (s *epoll) control(op, fd int, events uint32) error {
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(s.fd, op, fd, &syscall.EpollEvent{Events: events, Fd: int32(fd)}))
}

func (s *epoll) write(fd int, p []byte) (int, error) {
	for n := 0; ; {
		m, err := syscall.Write(fd, p[n:])
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			return n, s.control(syscall.EPOLL_CTL_MOD, fd, syscall.EPOLLIN|syscall.EPOLLOUT)
		case err != nil:
			return n, os.NewSyscallError("write", err)
		}
		if n += m; n == len(p) {
			return n, nil
		}
	}
}

func (s *epoll) wait(d time.Duration, h events) error {
	n, err := s.poll(d)
	if err != nil {
		return err
	}
	s.batch = s.events[:n]
	for i := range s.batch {
		e := &s.batch[i]
		fd := int(e.Fd)
		if fd == dropped {
			continue
		}
		if e.Events&syscall.EPOLLOUT != 0 && e.Events&syscall.EPOLLERR == 0 {
			if err := s.control(syscall.EPOLL_CTL_MOD, fd, syscall.EPOLLIN); err != nil {
				h.failed(fd, err)
				continue
			}
			h.writable(fd)
		}
		if e.Fd != dropped && e.Events&(syscall.EPOLLIN|syscall.EPOLLERR|syscall.EPOLLHUP) != 0 {
			s.read(fd, h)
		}
	}
	return nil
}

func (s *epoll) read(fd int, h events) {
	n, err := syscall.Read(fd, s.buf)
	switch {
	case n > 0:
		h.readable(fd, s.buf[:n])
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
	case err != nil:
		h.failed(fd, os.NewSyscallError("read", err))
	default:
		h.failed(fd, io.ErrUnexpectedEOF)
	}
}

// poll waits to the millisecond with epoll itself, and for less with ppoll on its descriptor.
func (s *epoll) poll(d time.Duration) (int, error) {
	ms := int(d / time.Millisecond)
	if d < 0 {
		ms = -1
	} else if ms == 0 && d > 0 {
		s.doze(d)
	}
	n, err := syscall.EpollWait(s.fd, s.events, ms)
	if errors.Is(err, syscall.EINTR) {
		return 0, nil
	}
	return n, os.NewSyscallError("epoll_wait", err)
}

func (s *epoll) doze(d time.Duration) {
	type pollfd struct {
		fd              int32
		events, revents int16
	}
	const pollIn = 1
	p, t := pollfd{int32(s.fd), pollIn, 0}, syscall.NsecToTimespec(int64(d))
	_, _, _ = syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(unsafe.Pointer(&t)), 0, 0, 0) // epoll_wait tells what came
	runtime.KeepAlive(&p)
}

// dropped stands in the batch for a connection that is no more.
const dropped = -1

// drop also forgets the events of the connection that have not been told: another one may have its number soon.
func (s *epoll) drop(fd int) {
	for i := range s.batch {
		if int(s.batch[i].Fd) == fd {
			s.batch[i].Fd = dropped
		}
	}
	_ = syscall.Close(fd)
}

func (s *epoll) close() error { return os.NewSyscallError("close", syscall.Close(s.fd)) }
