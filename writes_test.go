package realtime_test

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/realtime-go/realtime"
)

// gate holds back the writes of connections while it is closed, as a network does whose buffers are full.
type gate struct {
	closed atomic.Bool
	held   chan struct{} // a write has come to the closed gate
	open   chan struct{}
}

type gatedConn struct {
	net.Conn
	*gate
}

func (c gatedConn) Write(p []byte) (int, error) {
	if c.closed.CompareAndSwap(true, false) {
		close(c.held)
		<-c.open
	}
	return c.Conn.Write(p)
}

// What has gathered in a connection's queue while a write was under way leaves with one more write, however many messages it is.
func TestDrainedQueueIsOneWrite(t *testing.T) {
	g := &gate{held: make(chan struct{}), open: make(chan struct{})}
	s := newBenchServer(t, func(c net.Conn) net.Conn { return gatedConn{c, g} })
	joined := make(chan *realtime.Conn, 1)
	s.OnConnect(func(_ context.Context, c *realtime.Conn) error { joined <- c; return nil })
	client, err := dialRaw(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn := <-joined
	emit := func() {
		if err := conn.Emit(t.Context(), "msg", strings.Repeat("x", 100)); err != nil {
			t.Fatal(err)
		}
	}
	before := s.writes.Load()
	g.closed.Store(true)
	emit()
	<-g.held
	const gathered = 100
	for range gathered {
		emit()
	}
	close(g.open)
	for range 1 + gathered {
		if err := client.next(); err != nil {
			t.Fatal(err)
		}
	}
	if writes := s.writes.Load() - before; writes != 2 {
		t.Errorf("%d writes for one message and then %d that had gathered", writes, gathered)
	}
}
