package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// cutConn breaks after a number of bytes in either direction.
type cutConn struct {
	net.Conn
	mu   sync.Mutex
	left int
}

// spend takes n bytes off and reports how many may still pass.
func (c *cutConn) spend(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = min(n, c.left)
	c.left -= n
	return n
}

func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if pass := c.spend(n); pass < n {
		return pass, errors.Join(net.ErrClosed, c.Close())
	}
	return n, err
}

func (c *cutConn) Write(p []byte) (int, error) {
	pass := c.spend(len(p))
	n, err := c.Conn.Write(p[:pass])
	if err == nil && pass < len(p) {
		err = errors.Join(net.ErrClosed, c.Close())
	}
	return n, err
}

// Close resets the connection where it can.
func (c *cutConn) Close() error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	return c.Conn.Close()
}

// upgradeOnce runs an upgrade whose websocket breaks after cut bytes, and an
// upgrade that is let through if the session has survived that.
func upgradeOnce(h *harness, cut int) error {
	a, err := h.try(h.t.Context(), http.MethodGet, pollQuery, "")
	if err != nil || a.status != 200 {
		return fmt.Errorf("handshake: %w, %+v", err, a)
	}
	sid := a.body[8 : 8+24+8]
	ctx, cancel := context.WithCancel(h.t.Context())
	defer cancel()
	polled := make(chan answer, 1)
	// Owner: upgradeOnce, which ends its context and receives from polled.
	go func() {
		a, _ := h.try(ctx, http.MethodGet, pollQuery+"&sid="+sid, "")
		polled <- a
	}()
	d := websocket.Dialer{
		HandshakeTimeout: h.limit,
		NetDial: func(string, string) (net.Conn, error) {
			c, err := h.connect()
			if err != nil {
				return nil, err
			}
			return &cutConn{Conn: c, left: cut}, nil
		},
	}
	conn, _, err := d.Dial("ws://"+testHost+DefaultPath+"?EIO=4&transport=websocket&sid="+sid, nil)
	if err == nil {
		_ = conn.WriteMessage(websocket.TextMessage, []byte("2probe"))
		if _, err := h.readMessage(conn); err == nil {
			_ = conn.WriteMessage(websocket.TextMessage, []byte("5"))
			_ = conn.WriteMessage(websocket.TextMessage, []byte("4x"))
			_, _ = h.readMessage(conn) // the echo, or the end
		}
		conn.Close()
	}
	cancel()
	<-polled
	return nil
}

// bytesOfUpgrade is more than a whole upgrade moves on the websocket.
const bytesOfUpgrade = 700

// TestResetsDuringUpgrade is requirement R10: 10,000 upgrades that break at every
// byte leave nothing behind.
func TestResetsDuringUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rounds := 10_000
		if testing.Short() {
			rounds = 2 * bytesOfUpgrade
		}
		h := newPipeHarness(t, Options{MaxUnjoined: -1}, echoUnjoined)
		var group sync.WaitGroup
		lanes := make(chan struct{}, 64)
		for i := range rounds {
			lanes <- struct{}{}
			// Owner: the test, which waits for the group.
			group.Go(func() {
				defer func() { <-lanes }()
				if err := upgradeOnce(h, i%bytesOfUpgrade); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		time.Sleep(time.Minute) // synctest: fake time
		synctest.Wait()
		if st := h.srv.Stats(); st != (Stats{}) {
			t.Errorf("left behind: %+v", st)
		}
		for len(h.opened) > 0 {
			r := <-h.opened
			if !r.session.ended.Load() || len(r.closed) != 1 {
				t.Fatalf("session %+v", r.session)
			}
		}
		h.client.CloseIdleConnections()
		synctest.Wait()
		if own := ownGoroutines(); len(own) != 0 {
			t.Errorf("%d goroutines, the first: %s", len(own), own[0])
		}
	})
}

// echoUnjoined is echo for sessions that end by the connect timeout.
func echoUnjoined(r *recorder) {
	r.handle = func(data []byte, _ bool) error { return r.session.Send(NewMessage(data)) }
}

// TestRandomResets is requirement R9: 500 sessions on real sockets, with resets at
// random places, second upgrades, and servers that close meanwhile.
func TestRandomResets(t *testing.T) {
	const sessions = 500
	h := newHarness(t, Options{MaxUnjoined: -1, UpgradeTimeout: time.Second, ConnectTimeout: 5 * time.Second}, echoUnjoined)
	before := runtime.NumGoroutine()
	var group sync.WaitGroup
	lanes := make(chan struct{}, 50)
	for i := range sessions {
		lanes <- struct{}{}
		rnd := rand.New(rand.NewPCG(uint64(i), 7))
		// Owner: the test, which waits for the group.
		group.Go(func() {
			defer func() { <-lanes }()
			if err := upgradeOnce(h, rnd.IntN(bytesOfUpgrade)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for range sessions {
		r := h.session()
		r.session.Close(nil)
		await(h, r.closed, "end")
	}
	h.client.CloseIdleConnections()
	h.eventually("end of all goroutines", func() bool {
		return h.srv.Stats().Goroutines == 0 && runtime.NumGoroutine() <= before+2
	})
}
