package readpoll

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// bell is a Waker that a test listens to.
type bell chan struct{}

func (b bell) Wake() {
	select {
	case b <- struct{}{}:
	default:
	}
}

// newPoller returns a poller whose goroutine the test waits for at its end.
func newPoller(t *testing.T) *Poller {
	t.Helper()
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	return &Poller{Go: func(f func()) { running.Go(f) }}
}

// pair returns both ends of a connection over loopback.
func pair(t *testing.T) (client, server *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		s.Close()
	})
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

func watch(t *testing.T, p *Poller, conn *net.TCPConn, w Waker) *Watch {
	t.Helper()
	watch, err := p.Add(conn, w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(watch.Stop)
	return watch
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// expect reads what is there.
func expect(t *testing.T, w *Watch, want string, wantErr error) {
	t.Helper()
	buf := make([]byte, 64)
	n, err := w.Read(buf)
	if string(buf[:n]) != want || !errors.Is(err, wantErr) {
		t.Fatalf("read %q, %v, want %q, %v", buf[:n], err, want, wantErr)
	}
}

// TestEdges: who is told and reads until there is nothing more is told of what comes next.
func TestEdges(t *testing.T) {
	client, server := pair(t)
	b := make(bell, 1)
	send(t, client, "before")
	w := watch(t, newPoller(t), server, b)
	<-b
	expect(t, w, "before", nil)
	expect(t, w, "", ErrWouldBlock)
	for range 100 {
		send(t, client, "next")
		<-b
		expect(t, w, "next", nil)
		expect(t, w, "", ErrWouldBlock)
	}
	_ = client.CloseWrite()
	<-b
	expect(t, w, "", io.EOF)
}

// TestReset: a connection that is gone is something to read.
func TestReset(t *testing.T) {
	client, server := pair(t)
	b := make(bell, 1)
	w := watch(t, newPoller(t), server, b)
	_ = client.SetLinger(0)
	client.Close()
	<-b
	if n, err := w.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, ErrWouldBlock) {
		t.Errorf("read %d, %v", n, err)
	}
}

// TestOwnEnd: deadlines and Close of the connection hold for reads that do not block.
func TestOwnEnd(t *testing.T) {
	client, server := pair(t)
	w := watch(t, newPoller(t), server, make(bell, 1))
	send(t, client, "data")
	_ = server.SetReadDeadline(time.Unix(1, 0))
	var timeout net.Error
	if _, err := w.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("after the deadline: %v", err)
	}
	server.Close()
	expect(t, w, "", net.ErrClosed)
}

// TestClosedBefore: a connection that is closed cannot be added, and nothing is left of the
// attempt.
func TestClosedBefore(t *testing.T) {
	_, server := pair(t)
	server.Close()
	p := newPoller(t)
	if _, err := p.Add(server, make(bell, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Add: %v", err)
	}
	if p.set != nil || len(p.watches) != 0 {
		t.Errorf("left: %+v", p)
	}
}

// TestEndsWithTheLast: the goroutine lives while there are watches, again and again.
func TestEndsWithTheLast(t *testing.T) {
	ended := make(chan struct{})
	p := &Poller{Go: func(f func()) {
		// Owner: the test, which receives from ended.
		go func() {
			f()
			ended <- struct{}{}
		}()
	}}
	for range 10 {
		client, server := pair(t)
		b := make(bell, 1)
		w, err := p.Add(server, b)
		if err != nil {
			t.Fatal(err)
		}
		send(t, client, "x")
		<-b
		w.Stop()
		<-ended
	}
}

// TestReusedDescriptor: what the kernel has told of a connection is not told of another one
// that got its descriptor.
func TestReusedDescriptor(t *testing.T) {
	p := &Poller{Go: func(func()) {}} // the test is the goroutine
	_, other := pair(t)
	watch(t, p, other, make(bell, 1))

	client, server := pair(t)
	old := descriptor(t, server)
	w, err := p.Add(server, make(bell, 1))
	if err != nil {
		t.Fatal(err)
	}
	send(t, client, "late")
	var ids [maxEvents]uint64
	var ready [maxEvents]Waker
	n, err := p.set.wait(&ids)
	if err != nil || n != 1 {
		t.Fatal(n, err)
	}
	w.Stop()
	server.Close()
	var reused net.Conn
	var sender net.Conn
	for reused == nil {
		client, server := pair(t)
		for end, peer := range map[*net.TCPConn]*net.TCPConn{server: client, client: server} {
			if descriptor(t, end) == old {
				reused, sender = end, peer
				watch(t, p, end, make(bell, 1))
			}
		}
	}
	if p.find(ids[:n], &ready) != 0 {
		t.Error("the new connection was told of the old one's data")
	}
	send(t, sender, "new")
	if n, err = p.set.wait(&ids); err != nil || n != 1 || p.find(ids[:n], &ready) != 1 {
		t.Errorf("the new connection was not told of its own data: %d, %v", n, err)
	}
}

func descriptor(t *testing.T, conn *net.TCPConn) (fd uintptr) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(f uintptr) { fd = f }); err != nil {
		t.Fatal(err)
	}
	return fd
}

// counter reads as the engine does: by whoever takes wakes from zero.
type counter struct {
	watch *Watch
	wakes atomic.Int64
	total int
	ended chan int
	ready chan struct{} // closed when watch is set
}

func (c *counter) Wake() {
	if c.wakes.Add(1) == 1 {
		// Owner: the test, which receives from ended. It ends when there is nothing to read.
		go c.read()
	}
}

func (c *counter) read() {
	<-c.ready
	var buf [16]byte
	for {
		seen := c.wakes.Load()
		n, err := c.watch.Read(buf[:])
		c.total += n
		switch {
		case errors.Is(err, ErrWouldBlock):
			if c.wakes.CompareAndSwap(seen, 0) {
				return
			}
		case err != nil:
			c.ended <- c.total
			return
		}
	}
}

// TestNothingIsLost: readers that rest whenever there is nothing get every byte and the end.
func TestNothingIsLost(t *testing.T) {
	const conns, writes = 100, 200
	p := newPoller(t)
	var senders sync.WaitGroup
	var counters []*counter
	sizes := make([]int, conns)
	for i := range conns {
		client, server := pair(t)
		c := &counter{ended: make(chan int, 1), ready: make(chan struct{})}
		counters = append(counters, c)
		c.watch = watch(t, p, server, c)
		close(c.ready)
		senders.Go(func() {
			for range writes {
				n := 1 + rand.IntN(100)
				sizes[i] += n
				if _, err := client.Write(make([]byte, n)); err != nil {
					t.Error(err)
				}
			}
			_ = client.CloseWrite()
		})
	}
	senders.Wait()
	for i, c := range counters {
		if got := <-c.ended; got != sizes[i] {
			t.Errorf("read %d bytes of %d", got, sizes[i])
		}
	}
}
