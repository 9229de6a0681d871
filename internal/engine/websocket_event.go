package engine

import (
	"bufio"
	"errors"
	"net"
	"sync"

	"github.com/realtime-go/realtime/internal/readpoll"
)

// With Options.EventDriven a websocket that has nothing to say has neither a goroutine nor
// a buffer. The server's poller tells when something has come; a goroutine lends the wire
// a buffer, lets gorilla read all messages that are there, and gives the buffer back when
// the next byte would block. Within a message it waits as any reader does, so a message
// that comes in pieces keeps its goroutine, and every deadline is that of the other mode.

// eventReader is the state of a reader that rests. It belongs to whoever has taken
// wire.wakes from zero.
type eventReader struct {
	watch   source
	lent    *bufio.Reader // the pooled one whose buffer wire.br has; nil for the first
	seen    int64         // wire.wakes before the last look
	looking bool          // a read must not block
	between bool          // gorilla waits for the next frame after a control frame
}

// readBuffers are those that no reader has at the moment.
var readBuffers sync.Pool

// source reads from a connection without blocking; it is a *readpoll.Watch.
type source interface {
	Read(p []byte) (int, error)
	Stop()
}

// errWrapped means that a connection is not the kernel's own.
var errWrapped = errors.New("engine: a wrapped connection cannot be polled")

// poll watches a connection that reads what the kernel has for its descriptor. A wrapper
// may hold something back or change it, as TLS does, even if it has SyscallConn.
func (s *Server) poll(conn net.Conn, w readpoll.Waker) (source, error) {
	switch c := conn.(type) {
	case *net.TCPConn:
		return s.poller.Add(c, w)
	case *net.UnixConn:
		return s.poller.Add(c, w)
	}
	return nil, errWrapped
}

// watch gives the connection to the poller if it may rest at all.
func (c *wire) watch() bool {
	s := c.session.srv
	if !s.opts.EventDriven {
		return false
	}
	watch, err := s.watchConn(c.Conn, c)
	switch {
	case errors.Is(err, errWrapped), errors.Is(err, net.ErrClosed): // cut before it was read
		return false
	case err != nil:
		s.notPolled(err)
		return false
	}
	c.event = &eventReader{watch: watch, seen: 1}
	return true
}

// notPolled tells, once, that connections are read by goroutines after all.
func (s *Server) notPolled(err error) {
	if hook := s.opts.Hooks.OnNotPolled; hook != nil {
		s.pollerFailed.Do(func() { hook(err) })
	}
}

// startReading reads an established websocket from now on. The caller has nothing of it
// in the buffer.
func (c *wire) startReading() {
	switch {
	case !c.watch():
		// Owner: the server's group. It ends when the connection does, which stop
		// forces.
		c.session.srv.group.Go(c.serve)
	case !c.rest():
		c.session.srv.group.Go(c.woken)
	}
}

// takeOverReading is startReading on the goroutine that has read until now.
func (c *wire) takeOverReading() {
	if c.watch() {
		c.attend()
	} else {
		c.serve()
	}
}

// Wake counts that there may be something to read, or that the wire was told to stop. The
// first one after a rest starts a reader.
func (c *wire) Wake() {
	if c.wakes.Add(1) == 1 {
		// Owner: the server's group. It ends when there is nothing to read, or with
		// the connection, which stop forces.
		c.session.srv.group.Go(c.woken)
	}
}

func (c *wire) woken() {
	c.borrow()
	c.attend()
}

// attend reads until there is nothing more to read, or the connection has ended.
func (c *wire) attend() {
	for c.silent() || c.turn() {
		if c.rest() {
			return
		}
		c.borrow()
	}
}

// silent tells whether there is nothing to read. An error is something: it comes again.
func (c *wire) silent() bool {
	e := c.event
	// What is counted after this may have come after the look.
	e.seen = c.wakes.Load()
	e.looking = true
	_, err := c.br.Peek(1)
	e.looking = false
	return errors.Is(err, readpoll.ErrWouldBlock)
}

// rest gives the buffer back and ends the reader's turn, unless it was woken since it
// looked. When it has, the wire may be another goroutine's already.
func (c *wire) rest() bool {
	e := c.event
	seen, shell := e.seen, e.lent
	if shell == nil {
		shell = new(bufio.Reader)
	}
	*shell, *c.br, e.lent = *c.br, bufio.Reader{}, nil
	shell.Reset(nil) // it must not keep the wire
	readBuffers.Put(shell)
	return c.wakes.CompareAndSwap(seen, 0)
}

// borrow lets gorilla's reader have a buffer. The reader is gorilla's for good, hence the
// exchange of its content.
func (c *wire) borrow() {
	shell, _ := readBuffers.Get().(*bufio.Reader)
	if shell == nil {
		shell = bufio.NewReaderSize(c, readBuffer)
	}
	shell.Reset(c)
	*c.br, c.event.lent = *shell, shell
}

// noopFrame is the packet that means nothing, as a client would send it.
var noopFrame = []byte{0x81, 0x81, 0, 0, 0, 0, '6'}

// read is Read of a wire that may rest. gorilla does not return from a control frame; so
// that the reader comes to rest after one too, it is told of a message that nobody sent.
func (c *wire) read(p []byte) (int, error) {
	e := c.event
	switch {
	case e.looking:
		return e.watch.Read(p)
	case e.between && !c.reading && c.br.Buffered() == 0:
		n, err := e.watch.Read(p)
		if errors.Is(err, readpoll.ErrWouldBlock) {
			return copy(p, noopFrame), nil
		}
		return n, err
	}
	return c.Conn.Read(p)
}
