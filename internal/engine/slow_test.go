package engine

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestZeroWindow is requirement R23: a client that does not read costs at most the
// write timeout, on every path that ends a session.
func TestZeroWindow(t *testing.T) {
	for name, c := range map[string]struct {
		act   func(*recorder)
		cause error
		after time.Duration
	}{
		"nothing else": {func(*recorder) {}, ErrSlowConsumer, DefaultWriteTimeout},
		"kick":         {func(r *recorder) { r.session.Close(ErrConnectTimeout) }, ErrConnectTimeout, DefaultWriteTimeout},
		"overflow": {func(r *recorder) {
			for r.session.Send(message(strings.Repeat("x", 1000))) == nil {
			}
		}, ErrSlowConsumer, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newPipeHarness(t, Options{ConnectTimeout: -1})
				conn, r := h.openWebSocket()
				_ = r.session.Send(message("unread"))
				synctest.Wait()
				begin := time.Now()
				c.act(r)
				if cause := await(h, r.closed, "end"); !errors.Is(cause, c.cause) {
					t.Errorf("cause %v", cause)
				}
				if took := time.Since(begin); c.after == 0 && took > 0 || took > c.after {
					t.Errorf("ended after %s", took)
				}
				h.eventually("end of all goroutines", func() bool { return h.srv.Stats().Goroutines == 0 })
				if took := time.Since(begin); took > c.after+closeWait+time.Second {
					t.Errorf("released after %s", took)
				}
				if st := h.srv.Stats(); st != (Stats{}) {
					t.Errorf("%+v", st)
				}
				conn.Close()
			})
		})
	}
}

// TestOverflow is requirement R43: beyond 4,096 messages or 1 MiB the session is
// closed, by whatever bound comes first; Send may be called under locks.
func TestOverflow(t *testing.T) {
	for name, c := range map[string]struct {
		size, fits int
	}{
		"messages": {1, DefaultMaxQueueItems},
		"bytes":    {1 << 10, DefaultMaxQueueBytes / (1<<10 + 5)},
		"one huge": {4 << 20, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newPipeHarness(t, Options{ConnectTimeout: -1})
				_, r := h.openPolling() // no GET: nothing is taken
				var lock sync.Mutex     // Closed takes it too, on a goroutine of its own
				lock.Lock()
				m := message(strings.Repeat("x", c.size))
				sent, n, bytes := 0, 0, int64(0)
				var err error
				for err = r.session.Send(m); err == nil; err = r.session.Send(m) {
					sent++
					n, bytes = r.session.Queue()
				}
				if !errors.Is(err, ErrSlowConsumer) || sent != c.fits {
					t.Errorf("after %d messages: %v, want %d", sent, err, c.fits)
				}
				if n != sent || bytes != int64(sent*m.Size()) {
					t.Errorf("Queue() = %d, %d", n, bytes)
				}
				lock.Unlock()
				expectEnd(t, h, r, ErrSlowConsumer)
				synctest.Wait()
				if st := h.srv.Stats(); st != (Stats{}) {
					t.Errorf("%+v", st)
				}
			})
		})
	}
}

// TestBudgetSharedOnce is requirement R44: a message that waits for many counts
// once, and the largest queue goes first.
func TestBudgetSharedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 1000
		h := newPipeHarness(t, Options{ConnectTimeout: -1, OutboundBudget: 20 * size})
		var all []*recorder
		for range 100 {
			_, r := h.openPolling()
			all = append(all, r)
		}
		shared := message(strings.Repeat("s", size-5))
		for _, r := range all {
			if err := r.session.Send(shared); err != nil {
				t.Fatal(err)
			}
		}
		if got := h.srv.Stats().BudgetBytes; got != int64(shared.Size()) || shared.Size() != size {
			t.Fatalf("a shared message of %d bytes counts %d", shared.Size(), got)
		}
		// Session i gets i messages of its own.
		for i := range 6 {
			for range i {
				_ = all[i].session.Send(message(strings.Repeat("o", size-5)))
			}
		}
		synctest.Wait()
		if got := h.srv.Stats(); got.BudgetBytes != 16*size || got.Goroutines != 0 {
			t.Fatalf("%+v", got)
		}
		// Five more make 21: the session with the largest queue has to go.
		for range 5 {
			_ = all[5].session.Send(message(strings.Repeat("o", size-5)))
		}
		synctest.Wait()
		for i, r := range all {
			if ended := r.session.ended.Load(); ended != (i == 5) {
				t.Errorf("session %d: ended %v", i, ended)
			}
		}
		if cause := await(h, all[5].closed, "end"); !errors.Is(cause, ErrSlowConsumer) {
			t.Error(cause)
		}
		if st := h.srv.Stats(); st.BudgetBytes != 11*size || st.Goroutines != 0 {
			t.Errorf("%+v", st)
		}
		// What partly received packets hold is refused beyond the budget.
		if h.srv.Charge(20 * size) {
			t.Error("Charge beyond the budget")
		}
		if !h.srv.Charge(size) {
			t.Error("Charge inside the budget")
		}
		h.srv.Release(size)
		h.shutdown()
		if got := h.srv.Stats().BudgetBytes; got != 0 {
			t.Errorf("%d bytes are left", got)
		}
	})
}

// TestBudgetSlowReaders is requirement R44 on real sockets: 1,000 clients that do
// not read, the heap stays at the budget and 64 MiB.
func TestBudgetSlowReaders(t *testing.T) {
	const readers, budget = 1000, 8 << 20
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := newBareHarness(t, Options{MaxUnjoined: -1, ConnectTimeout: -1, OutboundBudget: budget, WriteTimeout: time.Minute})
	h.listen(smallBuffers{l}, func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) })
	var all []*recorder
	for range readers {
		conn, err := h.connect()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		fmt.Fprintf(conn, "GET %s?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", DefaultPath)
		all = append(all, h.session())
	}
	ended := func() (n int) {
		for _, r := range all {
			if r.session.ended.Load() {
				n++
			}
		}
		return n
	}
	base := heap()
	var worst uint64
	payload := strings.Repeat("x", 16<<10)
	// Until the kernel's buffers are full and the budget has done its work.
	for ended() < readers/10 {
		for range 5 {
			for _, r := range all {
				_ = r.session.Send(message(payload))
			}
			// The reaper is a goroutine, and may have to wait for its turn.
			h.eventually("reaper to rest", func() bool { return !h.srv.reaping.Load() })
		}
		worst = max(worst, heap())
	}
	if worst > base+budget+64<<20 {
		t.Errorf("the heap grew by %d MiB with a budget of %d MiB", (worst-base)>>20, budget>>20)
	}
	h.eventually("budget to be met", func() bool { return h.srv.Stats().BudgetBytes <= budget })
	if ended() == readers {
		t.Error("everybody was closed")
	}
}

// smallBuffers is a listener whose connections keep little in the kernel.
type smallBuffers struct{ net.Listener }

func (l smallBuffers) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(4 << 10)
	}
	return conn, err
}

// heap returns the bytes of live objects.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestVolatileWhileWriting is decision D16: a write in progress is busy too.
func TestVolatileWhileWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPipeHarness(t, Options{})
		conn, r := h.openWebSocket()
		_ = r.session.Send(message("1")) // nobody reads: the write stays in progress
		synctest.Wait()
		if n, _ := r.session.Queue(); n != 0 {
			t.Fatalf("%d messages wait", n)
		}
		if sent, err := r.session.SendVolatile(message("2")); sent || err != nil {
			t.Errorf("while writing: %v, %v", sent, err)
		}
		if m := h.read(conn); m != "41" {
			t.Errorf("got %q", m)
		}
		synctest.Wait()
		if sent, err := r.session.SendVolatile(message("3")); !sent || err != nil {
			t.Errorf("afterwards: %v, %v", sent, err)
		}
		if m := h.read(conn); m != "43" {
			t.Errorf("got %q", m)
		}
	})
}

// TestSlowNeighbour is requirement R45 without a clock: Send returns at once for
// everybody while one client does not read.
func TestSlowNeighbour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPipeHarness(t, Options{ConnectTimeout: -1})
		_, slow := h.openWebSocket()
		var good []*rawClient
		for range 20 {
			good = append(good, h.raw())
		}
		begin := time.Now()
		for i := range 100 {
			m := message(numbered(i))
			_ = slow.session.Send(m)
			for _, c := range good {
				if err := c.r.session.Send(m); err != nil {
					t.Fatal(err)
				}
			}
			for _, c := range good {
				if got := h.read(c.Conn); got != "4"+numbered(i) {
					t.Fatalf("got %q", got)
				}
			}
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("the others waited %s of fake time", took)
		}
		for _, c := range good {
			c.Close()
		}
	})
}
