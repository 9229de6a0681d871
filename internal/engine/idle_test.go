package engine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// idleWebSocket opens a websocket session with a client that costs next to
// nothing.
func idleWebSocket(h *harness) net.Conn {
	h.t.Helper()
	conn, err := h.connect()
	if err != nil {
		h.t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %s?EIO=4&transport=websocket HTTP/1.1\r\nHost: game.example.com\r\n"+
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\nAccept: */*\r\nAccept-Language: en-US,en;q=0.5\r\n"+
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", DefaultPath)
	var head [1]byte
	var tail string
	// Byte by byte, so that nothing is buffered here: head, blank line, then the
	// frame of the open packet.
	for !strings.HasSuffix(tail, "\r\n\r\n") {
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			h.t.Fatal(err)
		}
		tail = tail[max(0, len(tail)-3):] + string(head[0])
	}
	var frame [2]byte
	if _, err := io.ReadFull(conn, frame[:]); err != nil || frame[0] != fin|opText {
		h.t.Fatalf("%x, %v", frame, err)
	}
	size := int64(frame[1])
	if size == 126 {
		var long [2]byte
		_, _ = io.ReadFull(conn, long[:])
		size = int64(long[0])<<8 | int64(long[1])
	}
	if _, err := io.CopyN(io.Discard, conn, size); err != nil {
		h.t.Fatal(err)
	}
	return conn
}

// TestIdleCost is requirement R24: one goroutine of ours for an idle websocket, or one for
// all where they are event-driven; none for an idle polling session; and at most 10 KB for
// an idle websocket.
func TestIdleCost(t *testing.T) {
	const n = 1000
	o := Options{MaxUnjoined: -1, ConnectTimeout: -1}
	t.Run("goroutines", func(t *testing.T) { idleWebSockets(t, newGoroutineHarness(t, o), n, n, 10<<10) })
	if eventDriven {
		o.EventDriven = true
		t.Run("event-driven", func(t *testing.T) { idleWebSockets(t, newHarness(t, o), n, 1, 5<<10) })
	}
	t.Run("polling", func(t *testing.T) { idlePolling(t, newHarness(t, o), n) })
}

// idleWebSockets counts what n of them cost.
func idleWebSockets(t *testing.T, h *harness, n, goroutines int, bytes uint64) {
	idleWebSocket(h).Close() // what is made once
	r := h.session()
	await(h, r.closed, "end")
	h.eventually("quiet", func() bool { return h.srv.Stats().Goroutines == 0 })

	before := memory()
	conns := make([]net.Conn, n)
	for i := range conns {
		conns[i] = idleWebSocket(h)
		h.session().session.Joined()
	}
	h.eventually("quiet", func() bool { return h.srv.Stats().Goroutines == goroutines })
	if own := ownGoroutines(); len(own) != goroutines {
		t.Errorf("%d goroutines for %d idle websockets", len(own), n)
	}
	per := (memory() - before) / uint64(n)
	t.Logf("%d bytes per idle websocket, its client in this process included", per)
	if per > bytes && !raceEnabled {
		t.Errorf("%d bytes per idle websocket", per)
	}
	for _, conn := range conns {
		conn.Close()
	}
	h.eventually("end of all websockets", func() bool { return h.srv.Stats().Goroutines == 0 })
}

// idlePolling counts goroutines of n parked sessions.
func idlePolling(t *testing.T, h *harness, n int) {
	var parked []net.Conn
	for range n {
		sid, r := h.openPolling()
		conn, err := h.connect()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET %s?%s&sid=%s HTTP/1.1\r\nHost: x\r\n\r\n", DefaultPath, pollQuery, sid)
		h.eventually("parked GET", func() bool {
			r.session.mu.Lock()
			defer r.session.mu.Unlock()
			return r.session.polling.get != nil
		})
		parked = append(parked, conn)
	}
	if st := h.srv.Stats(); st.Goroutines != 0 || st.Polling != n {
		t.Errorf("idle polling sessions: %+v", st)
	}
	for _, stack := range ownGoroutines() {
		if !strings.Contains(stack, "created by net/http.(*Server).Serve") {
			t.Errorf("a goroutine that is not net/http's: %s", stack)
		}
	}
	h.shutdown()
	for _, conn := range parked {
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(resp.Body); string(body) != "1" {
			t.Fatalf("got %q", body)
		}
	}
}

// memory returns the bytes of live heap objects and stacks.
func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
