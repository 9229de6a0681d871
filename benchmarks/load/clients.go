package load

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Clients are connections that one thread serves. They belong to one goroutine.
type Clients struct {
	dialect *Dialect
	epoll   int
	conns   []*conn // by number
	events  []syscall.EpollEvent
	buf     []byte
	frames  map[string][]byte // of publishes without a number that matters, by room

	// What has come since the start.
	deliveries, answers int64

	sent    []time.Time // by number of a message, when latencies are wanted
	latency *Histogram
}

type conn struct {
	fd   int
	room string
	rest []byte // of a frame that is not whole yet
	out  []byte // what the socket did not take
}

// Dial connects a client for each room named, to the addresses in turn, some at a time.
func Dial(d *Dialect, addrs, rooms []string) (*Clients, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	c := &Clients{
		dialect: d, epoll: epoll, conns: make([]*conn, len(rooms)), events: make([]syscall.EpollEvent, 512), buf: make([]byte, 256<<10),
		frames: make(map[string][]byte),
	}
	const atOnce = 128
	var dialers sync.WaitGroup
	errs := make([]error, atOnce)
	for w := range atOnce {
		dialers.Go(func() {
			for i := w; i < len(rooms) && errs[w] == nil; i += atOnce {
				var fd int
				var rest []byte
				if fd, rest, errs[w] = dial(d, addrs[i%len(addrs)], rooms[i]); errs[w] == nil {
					c.conns[i] = &conn{fd: fd, room: rooms[i], rest: rest}
				}
			}
		})
	}
	dialers.Wait()
	if err := errors.Join(errs...); err != nil {
		c.Close()
		return nil, err
	}
	for i, conn := range c.conns {
		event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)} //nolint:gosec // fewer than 2^31
		if err := syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, conn.fd, &event); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// Close ends all connections.
func (c *Clients) Close() {
	for _, conn := range c.conns {
		if conn != nil {
			_ = syscall.Close(conn.fd)
		}
	}
	_ = syscall.Close(c.epoll)
}

// Deliveries and Answers are how many have come since Dial.
func (c *Clients) Deliveries() int64 { return c.deliveries }

// Answers is how many echoes have come back since Dial.
func (c *Clients) Answers() int64 { return c.answers }

// Measure lets latencies of numbered messages be counted from now on; nil ends that.
func (c *Clients) Measure(h *Histogram) { c.latency, c.sent = h, nil }

// Publish lets client i send a message to its room or another. Numbers count when latencies are measured.
func (c *Clients) Publish(i int, room string) error {
	if c.latency != nil {
		n := len(c.sent)
		c.sent = append(c.sent, time.Now())
		number := strconv.Itoa(n)
		number = "00000000"[:numberLen-len(number)] + number
		return c.send(c.conns[i], Frame(c.dialect.Publish(room, number)))
	}
	f := c.frames[room]
	if f == nil {
		f = Frame(c.dialect.Publish(room, "00000000"))
		c.frames[room] = f
	}
	return c.send(c.conns[i], f)
}

// Room is that of client i.
func (c *Clients) Room(i int) string { return c.conns[i].room }

// Echo lets client i send something that the server answers.
func (c *Clients) Echo(i int) error {
	f := c.frames[""]
	if f == nil {
		f = Frame(c.dialect.Echo())
		c.frames[""] = f
	}
	return c.send(c.conns[i], f)
}

func (c *Clients) send(conn *conn, f []byte) error {
	if len(conn.out) > 0 {
		conn.out = append(conn.out, f...)
		return nil
	}
	n, err := syscall.Write(conn.fd, f)
	if err != nil && err != syscall.EAGAIN {
		return fmt.Errorf("load: write: %w", err)
	}
	if n = max(n, 0); n < len(f) {
		conn.out = append(conn.out, f[n:]...)
	}
	return nil
}

// Poll waits for what the server sends, no longer than wait, and works it off. answered, which may be nil, is
// told of each client that was sent an answer.
func (c *Clients) Poll(wait time.Duration, answered func(i int) error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	n, err := syscall.EpollWait(c.epoll, c.events, int(wait.Milliseconds()))
	if err != nil && err != syscall.EINTR {
		return err
	}
	for _, e := range c.events[:max(n, 0)] {
		if err := c.read(int(e.Fd), answered); err != nil {
			return err
		}
	}
	return nil
}

func (c *Clients) read(i int, answered func(i int) error) error {
	conn := c.conns[i]
	if err := c.flush(conn); err != nil {
		return err
	}
	have := copy(c.buf, conn.rest)
	n, err := syscall.Read(conn.fd, c.buf[have:])
	switch {
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return nil
	case err != nil:
		return fmt.Errorf("load: read: %w", err)
	case n == 0:
		return errors.New("load: the server has closed a connection")
	}
	rest := c.buf[:have+n]
	for {
		op, message, after, ok, err := next(rest)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		rest = after
		if op == opClose {
			return fmt.Errorf("load: the server closes a connection: %q", message)
		}
		if op != opText && op != opBinary {
			continue
		}
		if err := c.message(i, message, answered); err != nil {
			return err
		}
	}
	conn.rest = append(conn.rest[:0], rest...)
	return nil
}

// message works off what stands in one frame.
func (c *Clients) message(i int, text []byte, answered func(i int) error) error {
	for len(text) > 0 {
		one := text
		text = nil
		if c.dialect.Lines {
			if end := bytes.IndexByte(one, '\n'); end >= 0 {
				one, text = one[:end], one[end+1:]
			}
		}
		switch c.dialect.Kind(one) {
		case Delivery:
			c.deliveries++
			if c.latency != nil {
				if n := number(one); n >= 0 && n < len(c.sent) {
					c.latency.Add(time.Since(c.sent[n]))
				}
			}
		case Answer:
			c.answers++
			if answered != nil {
				if err := answered(i); err != nil {
					return err
				}
			}
		case Ping:
			if err := c.send(c.conns[i], c.dialect.Pong); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush writes what a socket did not take before.
func (c *Clients) flush(conn *conn) error {
	if len(conn.out) == 0 {
		return nil
	}
	n, err := syscall.Write(conn.fd, conn.out)
	if err != nil && err != syscall.EAGAIN {
		return fmt.Errorf("load: write: %w", err)
	}
	conn.out = append(conn.out[:0], conn.out[max(n, 0):]...)
	return nil
}
