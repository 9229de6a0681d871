package loadgen

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// plainSockets have a goroutine for each connection, which hands what it reads to the one user. They cost more than
// epoll, and work everywhere and with anything that is a net.Conn.
type plainSockets struct {
	open    opener
	done    func() // called by close
	conns   map[int]net.Conn
	next    int
	happens chan happening
	ctx     context.Context // ends with close
	cancel  context.CancelFunc
	readers sync.WaitGroup
}

// opener makes a connection.
type opener func(ctx context.Context, target netip.AddrPort, source netip.Addr) (net.Conn, error)

// happening is what one goroutine has to tell: a connection, bytes, or an error.
type happening struct {
	id   int
	conn net.Conn
	data []byte
	err  error
}

func newPlainSockets(open opener, done func()) sockets {
	ctx, cancel := context.WithCancel(context.Background())
	return &plainSockets{open: open, done: done, conns: map[int]net.Conn{}, happens: make(chan happening, 512), ctx: ctx, cancel: cancel}
}

func (s *plainSockets) dial(target netip.AddrPort, source netip.Addr) (int, error) {
	s.next++
	id := s.next
	s.conns[id] = nil
	s.readers.Go(func() { // owned by the sockets, ends with the connection or with close, which waits for it
		c, err := s.open(s.ctx, target, source)
		if err == nil {
			defer c.Close()
			defer context.AfterFunc(s.ctx, func() { c.Close() })()
		}
		if !s.tell(happening{id: id, conn: c, err: err}) || err != nil {
			return
		}
		for {
			buf := make([]byte, 16<<10)
			n, err := c.Read(buf)
			if n > 0 && !s.tell(happening{id: id, data: buf[:n]}) {
				return
			}
			if err != nil {
				s.tell(happening{id: id, err: err})
				return
			}
		}
	})
	return id, nil
}

// tell reports false when nobody listens any more.
func (s *plainSockets) tell(e happening) bool {
	select {
	case s.happens <- e:
		return true
	case <-s.ctx.Done():
		return false
	}
}

func (s *plainSockets) write(id int, p []byte) (int, error) { return s.conns[id].Write(p) }

func (s *plainSockets) wait(d time.Duration, h events) error {
	var over <-chan time.Time
	if d >= 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		over = t.C
	}
	select {
	case e := <-s.happens:
		s.hand(e, h)
		for range len(s.happens) {
			s.hand(<-s.happens, h)
		}
	case <-over:
	}
	return nil
}

func (s *plainSockets) hand(e happening, h events) {
	if _, known := s.conns[e.id]; !known {
		return
	}
	switch {
	case e.err != nil:
		h.failed(e.id, e.err)
	case e.conn != nil:
		s.conns[e.id] = e.conn
		h.writable(e.id)
	default:
		h.readable(e.id, e.data)
	}
}

func (s *plainSockets) drop(id int) {
	if c := s.conns[id]; c != nil {
		c.Close()
	}
	delete(s.conns, id)
}

func (s *plainSockets) close() error {
	s.cancel()
	for id := range s.conns {
		s.drop(id)
	}
	s.readers.Wait()
	s.done()
	return nil
}
