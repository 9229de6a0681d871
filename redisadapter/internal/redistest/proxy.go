package redistest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Proxy is a way to one Redis on which a network partition can be made: nothing passes, in either direction, and nobody is
// told. All methods may be called concurrently.
type Proxy struct {
	Addr string

	to string

	mu   sync.Mutex    // guards what follows
	pass chan struct{} // closed while things pass
}

// StartProxy listens on a free port, until the test ends.
func StartProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), to: to, pass: make(chan struct{})}
	close(p.pass)
	var conns sync.WaitGroup
	ended := make(chan struct{})
	t.Cleanup(func() {
		l.Close()
		close(ended)
		conns.Wait()
	})
	conns.Go(func() { // owned by the test, ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { p.connect(c, ended) })
		}
	})
	return p
}

// connect carries one connection until a side ends it, or the test does.
func (p *Proxy) connect(client net.Conn, ended <-chan struct{}) {
	defer client.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	over := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		go func() { // owned by connect, ends with the connections
			p.carry(way[0], way[1], ended)
			over <- struct{}{}
		}()
	}
	select {
	case <-over:
	case <-ended:
	}
}

// carry copies as long as things pass. What was read before a partition arrives after it, as what is sent again does.
func (p *Proxy) carry(from io.Reader, to io.Writer, ended <-chan struct{}) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		select {
		case <-p.open():
		case <-ended:
			return
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *Proxy) open() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pass
}

// Partition lets nothing pass until Heal.
func (p *Proxy) Partition() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.pass:
		p.pass = make(chan struct{})
	default: // nothing passes already
	}
}

// Heal ends a Partition.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.pass:
	default:
		close(p.pass)
	}
}
