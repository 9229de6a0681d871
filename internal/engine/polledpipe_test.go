package engine

import (
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/realtime-go/realtime/internal/readpoll"
)

// polledPipe is the server's end of a net.Pipe that tells when it can be read, as the kernel does of a socket. So
// event-driven reading can be tested in fake time, in which a goroutine may not wait for the kernel.
type polledPipe struct {
	net.Conn

	mu       sync.Mutex
	waker    readpoll.Waker // nil: nobody is told
	coming   int            // bytes that the client has begun to write
	ended    error          // by either side
	deadline time.Time
}

func newPolledPipe() (client, server net.Conn) {
	c, s := net.Pipe()
	p := &polledPipe{Conn: s}
	return &announcer{c, p}, p
}

// watchPipe is Server.poll for the server's end of such a pipe.
func watchPipe(conn net.Conn, w readpoll.Waker) (source, error) {
	p, ok := conn.(*polledPipe)
	if !ok {
		return nil, errWrapped
	}
	p.mu.Lock()
	p.waker = w
	p.mu.Unlock()
	p.announce(0, nil) // what is there already
	return &pipeSource{p}, nil
}

// announce tells of bytes that come, or of an end.
func (p *polledPipe) announce(n int, ended error) {
	p.mu.Lock()
	p.coming += n
	if p.ended == nil {
		p.ended = ended
	}
	w := p.waker
	if p.coming == 0 && p.ended == nil {
		w = nil
	}
	p.mu.Unlock()
	if w != nil {
		w.Wake()
	}
}

func (p *polledPipe) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.coming -= n
	return n, err
}

func (p *polledPipe) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = t
	return p.Conn.SetReadDeadline(t)
}

func (p *polledPipe) Close() error {
	p.announce(0, net.ErrClosed)
	return p.Conn.Close()
}

// pipeSource reads what was announced.
type pipeSource struct{ p *polledPipe }

func (s *pipeSource) Read(b []byte) (int, error) {
	p := s.p
	p.mu.Lock()
	coming, ended, deadline := p.coming, p.ended, p.deadline
	p.mu.Unlock()
	switch {
	case !deadline.IsZero() && !time.Now().Before(deadline):
		return 0, os.ErrDeadlineExceeded
	case coming > 0:
		return p.Read(b) // the writer is there, or about to be
	case ended != nil:
		return 0, ended
	}
	return 0, readpoll.ErrWouldBlock
}

func (s *pipeSource) Stop() {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.p.waker = nil
}

// announcer is the client's end.
type announcer struct {
	net.Conn
	server *polledPipe
}

func (a *announcer) Write(b []byte) (int, error) {
	a.server.announce(len(b), nil)
	n, err := a.Conn.Write(b)
	a.server.announce(n-len(b), nil)
	return n, err
}

func (a *announcer) Close() error {
	err := a.Conn.Close()
	a.server.announce(0, io.EOF)
	return err
}
