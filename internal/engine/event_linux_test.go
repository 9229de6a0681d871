package engine

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/realtime-go/realtime/internal/readpoll"
)

// eventHarness is a server whose websockets rest.
func eventHarness(t testing.TB, prepare ...func(*recorder)) *harness {
	t.Helper()
	return newHarness(t, Options{EventDriven: true, ConnectTimeout: -1, MaxUnjoined: -1}, prepare...)
}

// goroutines waits until the server has so many.
func (h *harness) goroutines(n int) {
	h.t.Helper()
	h.eventually(fmt.Sprintf("moment with %d goroutines", n), func() bool { return h.srv.Stats().Goroutines == n })
}

// TestEventPieces: a message keeps a goroutine from its first byte to its last, however it is cut, and is whole.
func TestEventPieces(t *testing.T) {
	h := eventHarness(t, echo)
	c := h.raw()
	frames := [][]byte{
		frameOf(fin|opText, "4short"), frameOf(fin|opText, "4"+strings.Repeat("x", 300)),
		append(frameOf(opText, "4in "), frameOf(fin|opContinuation, "two")...),
		append(append(frameOf(opText, "4with "), frameOf(fin|opPing, "p")...), frameOf(fin|opContinuation, "a ping between")...),
	}
	for i, want := range []string{"4short", "4" + strings.Repeat("x", 300), "4in two", "4with a ping between"} {
		for cut := 1; cut < len(frames[i]); cut += 1 + len(frames[i])/7 {
			h.goroutines(1) // the poller's
			c.sendRaw(frames[i][:cut])
			h.goroutines(2)
			c.sendRaw(frames[i][cut:])
			if got := h.read(c.Conn); got != want {
				t.Fatalf("cut at %d: %q", cut, got)
			}
		}
	}
}

// TestEventByteByByte: every byte is an event of its own.
func TestEventByteByByte(t *testing.T) {
	h := eventHarness(t, echo)
	c := h.raw()
	_ = c.NetConn().(*net.TCPConn).SetNoDelay(true)
	for i := range 20 {
		for _, b := range frameOf(fin|opText, "4"+numbered(i)) {
			c.sendRaw([]byte{b})
		}
		if got := h.read(c.Conn); got != "4"+numbered(i) {
			t.Fatalf("got %q", got)
		}
	}
	h.goroutines(1)
}

// TestEventManyInOne: all messages of a segment are read, and those that come while they are.
func TestEventManyInOne(t *testing.T) {
	const n, writes = 500, 10
	h := eventHarness(t, func(r *recorder) {
		keep(n * writes)(r)
		r.session.Joined()
	})
	c := h.raw()
	for w := range writes {
		var frames [][]byte
		for i := range n {
			frames = append(frames, frameOf(fin|opText, "4"+numbered(w*n+i)))
		}
		c.sendRaw(frames...)
	}
	for i := range n * writes {
		if got := await(h, c.r.got, "message"); got.data != numbered(i) {
			t.Fatalf("message %d: %q", i, got.data)
		}
	}
	h.goroutines(1)
}

// TestEventControlFrames: a reader comes to rest after a control frame too, and a frame that is begun then is read whole.
func TestEventControlFrames(t *testing.T) {
	h := eventHarness(t, echo)
	c := h.raw()
	for i, op := range []byte{opPing, opPong, opPing} {
		data := fmt.Sprint("data", i)
		c.sendRaw(frameOf(fin|op, data))
		if op == opPing {
			pong := make([]byte, 2+len(data))
			if _, err := io.ReadFull(c.NetConn(), pong); err != nil || pong[0] != fin|opPong || string(pong[2:]) != data {
				t.Fatalf("%q, %v", pong, err)
			}
		}
		h.goroutines(1)
		message := frameOf(fin|opText, "4"+data)
		c.sendRaw(message[:1])
		h.goroutines(2)
		c.sendRaw(message[1:])
		if got := h.read(c.Conn); got != "4"+data {
			t.Errorf("got %q", got)
		}
		h.goroutines(1)
	}
}

// TestEventEnds: the end of a silent client is noticed, and that of one that only stops sending.
func TestEventEnds(t *testing.T) {
	h := eventHarness(t)
	for name, end := range map[string]func(*net.TCPConn){
		"FIN": func(c *net.TCPConn) { c.Close() },
		"RST": func(c *net.TCPConn) {
			_ = c.SetLinger(0)
			c.Close()
		},
		"half": func(c *net.TCPConn) { _ = c.CloseWrite() },
	} {
		t.Run(name, func(t *testing.T) {
			conn, r := h.openWebSocket()
			h.goroutines(1)
			end(conn.NetConn().(*net.TCPConn))
			expectEnd(t, h, r, ErrTransportClose)
			if name == "half" {
				if code := h.closeCode(conn); code != websocket.CloseAbnormalClosure {
					t.Errorf("closed with %d", code)
				}
			}
			h.goroutines(0) // and without connections there is no poller
		})
	}
}

// TestEventSlowMessage: the time for a message counts from its first byte, however little comes.
func TestEventSlowMessage(t *testing.T) {
	h := newHarness(t, Options{EventDriven: true, MessageTimeout: 50 * time.Millisecond})
	c := h.raw()
	c.sendRaw(clientFrame(fin|opText, 100, []byte("4begun")))
	if code := h.closeCode(c.Conn); code != websocket.ClosePolicyViolation {
		t.Errorf("closed with %d", code)
	}
	expectEnd(t, h, c.r, ErrTransportError)
}

// TestEventPause: a receiver that does not take a message keeps the goroutine, and no other one begins to read.
func TestEventPause(t *testing.T) {
	gate := make(chan struct{})
	var got []string
	h := eventHarness(t, func(r *recorder) {
		r.handle = func(data []byte, _ bool) error {
			<-gate
			got = append(got, string(data)) // the race detector sees a second reader
			if len(got) == 100 {
				r.got <- inbound{}
			}
			return nil
		}
	})
	c := h.raw()
	for i := range 100 {
		c.sendRaw(frameOf(fin|opText, "4"+numbered(i)))
	}
	h.goroutines(2)
	close(gate)
	await(h, c.r.got, "last message")
	h.goroutines(1)
	for i, data := range got {
		if data != numbered(i) {
			t.Fatalf("message %d: %q", i, data)
		}
	}
}

// TestEventShutdown: silent connections are told, and nothing is left.
func TestEventShutdown(t *testing.T) {
	const n = 100
	h := eventHarness(t)
	var conns []*websocket.Conn
	for range n {
		conn, _ := h.openWebSocket()
		conns = append(conns, conn)
	}
	h.goroutines(1)
	var clients sync.WaitGroup
	for _, conn := range conns {
		clients.Go(func() {
			if code := h.closeCode(conn); code != websocket.CloseNoStatusReceived {
				t.Errorf("closed with %d", code)
			}
			conn.Close()
		})
	}
	h.shutdown()
	clients.Wait()
	if own := ownGoroutines(); len(own) != 0 {
		t.Errorf("left: %s", own)
	}
}

// TestEventCloseRaces: a connection that is closed by the server while its reader wakes, reads or comes to rest ends once,
// and everything with it.
func TestEventCloseRaces(t *testing.T) {
	const n = 300
	h := eventHarness(t, echo)
	kick := errors.New("kick")
	var wg sync.WaitGroup
	for i := range n {
		conn, r := h.openWebSocket()
		wg.Go(func() {
			for range rand.IntN(4) {
				_ = conn.WriteMessage(websocket.TextMessage, []byte("4x"))
			}
			if i%3 == 0 {
				conn.Close()
			} else {
				h.closeCode(conn)
				conn.Close()
			}
		})
		wg.Go(func() {
			if i%2 == 0 {
				_ = r.session.Send(message("last"))
			}
			r.session.Close(kick)
			if cause := await(h, r.closed, "end"); !errors.Is(cause, kick) && !errors.Is(cause, ErrTransportClose) && !errors.Is(cause, ErrTransportError) {
				t.Errorf("ended with %v", cause)
			}
		})
	}
	wg.Wait()
	h.goroutines(0)
}

// TestEventChurn: descriptors that are used again and again deliver to the connection that has them.
func TestEventChurn(t *testing.T) {
	h := eventHarness(t, echo)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 50 {
				conn, _, err := h.dial("EIO=4&transport=websocket")
				if err != nil {
					t.Error(err)
					return
				}
				text := fmt.Sprintf("4%d of %d", i, worker)
				_, _ = h.readMessage(conn) // open packet
				_ = conn.WriteMessage(websocket.TextMessage, []byte(text))
				if got, err := h.readMessage(conn); got != text {
					t.Errorf("got %q, %v, want %q", got, err, text)
				}
				conn.Close()
			}
		})
	}
	wg.Wait()
	h.goroutines(0)
}

// TestEventUpgrade: a session that came from polling rests too.
func TestEventUpgrade(t *testing.T) {
	h := eventHarness(t, echo)
	sid, _ := h.openPolling()
	conn := h.upgrade(sid)
	h.goroutines(1)
	h.write(conn, "4upgraded")
	if got := h.read(conn); got != "4upgraded" {
		t.Errorf("got %q", got)
	}
	h.goroutines(1)
	conn.Close()
	h.goroutines(0)
}

// TestEventFallback: TLS has goroutines without a word; a poller that fails is told of once.
func TestEventFallback(t *testing.T) {
	h := newTLSHarness(t, Options{EventDriven: true})
	told := make(chan error, 10)
	h.srv.opts.Hooks.OnNotPolled = func(err error) { told <- err }
	_, _ = h.openWebSocket()
	h.goroutines(1) // the reader
	if len(told) != 0 {
		t.Errorf("told of TLS: %v", <-told)
	}

	h = eventHarness(t, echo)
	h.srv.opts.Hooks.OnNotPolled = func(err error) { told <- err }
	h.srv.watchConn = func(net.Conn, readpoll.Waker) (source, error) { return nil, errors.ErrUnsupported }
	for i := range 3 {
		conn, _ := h.openWebSocket()
		h.goroutines(1 + i)
		h.write(conn, "4x")
		if got := h.read(conn); got != "4x" {
			t.Errorf("got %q", got)
		}
	}
	if err := <-told; len(told) != 0 || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("told %v and %d more", err, len(told))
	}
}

// TestEventWhileComingToRest: what happens between a reader's last look and its rest wakes it: data, the client's end, and
// the server's own wish to end.
func TestEventWhileComingToRest(t *testing.T) {
	for name, tc := range map[string]struct {
		happens func(conn *websocket.Conn, r *recorder)
		ends    error
	}{
		"message": {func(conn *websocket.Conn, _ *recorder) { _ = conn.WriteMessage(websocket.TextMessage, []byte("4late")) }, nil},
		"FIN":     {func(conn *websocket.Conn, _ *recorder) { conn.Close() }, ErrTransportClose},
		"close":   {func(_ *websocket.Conn, r *recorder) { r.session.Close(ErrForced) }, ErrForced},
	} {
		t.Run(name, func(t *testing.T) {
			h := eventHarness(t)
			conn, r := h.openWebSocket()
			c := r.session.wire.Load()
			h.eventually("rest", func() bool { return c.wakes.CompareAndSwap(0, 1) }) // this is the reader now
			c.borrow()
			if !c.silent() {
				t.Fatal("there is something to read")
			}
			tc.happens(conn, r)
			h.eventually("event", func() bool { return c.wakes.Load() > 1 })
			if c.rest() {
				t.Fatal("the reader rests")
			}
			if tc.ends != nil {
				conn.Close()
			}
			c.woken()
			if tc.ends != nil {
				expectEnd(t, h, r, tc.ends)
			} else if got := await(h, r.got, "message"); got.data != "late" {
				t.Errorf("got %q", got.data)
			}
		})
	}
}
