package engine

import (
	"bufio"
	"bytes"
	"math"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/realtime-go/realtime/internal/workq"
	"github.com/realtime-go/realtime/internal/wsframe"
)

// readBuffer is the size of a websocket's read buffer in bytes. It is all that an
// idle connection keeps, and an event-driven one not even that; longer messages are read around it.
const readBuffer = 512

// closeWait is how long a client may take to answer our close frame, and what a
// close frame may take to be written when nothing else is.
const closeWait = time.Second

// wire is one websocket: the connection that gorilla reads from, and our own
// writer on it. Its goroutine, or one at a time if it is event-driven, is the reader,
// which ends the connection and calls Receiver.Closed; who wants it to end calls stop.
//
// gorilla is given the wire as its net.Conn. Reading passes through. What gorilla
// wants to write once the handshake is done, which can only be a close frame, is
// caught: the wire has one writer, and the close frame goes out when that has
// stopped (decision D21).
type wire struct {
	net.Conn
	ws      *websocket.Conn
	br      *bufio.Reader // what ws reads from
	session *Session
	worker  *workq.Worker[*Message] // nil while probing
	base64  bool                    // the client asked for text frames only

	// wakes counts what may make a reader look again. It is 0 while none runs, which
	// only an event-driven wire comes to.
	wakes atomic.Int64

	// Reader state.
	event   *eventReader // nil: a goroutine waits for every message
	waits   time.Time    // since when it waits for a message
	begun   int8         // how often the reader has begun anew, up to firstMessages
	open    bool         // the handshake is done
	probing bool         // the deadline of the whole probe holds
	reading bool         // inside a message
	armed   bool         // a message deadline is set
	caught  *Message     // the close frame that gorilla wanted to write
	inbound *frameWatch  // nil: no compression was negotiated
	taken   uint64       // messages that were read, counted with compression

	// Writer state, of whoever runs the worker's batch.
	direct *direct // nil: every write may wait
	unsent *unsent // what try has left to run
	broken bool    // a write has failed: nothing may follow a torn frame

	mu       sync.Mutex
	writeBy  time.Time // the deadline of writes, until it is stopping
	stopping bool
	flushed  bool      // the close frame is written, or never will be
	draining bool      // the reader only waits for the client's end
	flushBy  time.Time // when stopping: the last moment for writes
}

// deflates tells whether compression was negotiated.
func (c *wire) deflates() bool { return c.inbound != nil }

// hijacker hands gorilla the wire in place of the connection, and finds the
// Hijacker behind a user's wrappers.
type hijacker struct {
	http.ResponseWriter
	wire *wire
}

// Hijack implements http.Hijacker.
func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.wire.Conn = conn
	if rw.Reader.Buffered() > 0 {
		// The client did not wait for the handshake: gorilla refuses that.
		return h.wire, rw, nil
	}
	// gorilla takes this reader over, because the Upgrader asks for none.
	h.wire.br = bufio.NewReaderSize(h.wire, readBuffer)
	return h.wire, bufio.NewReadWriter(h.wire.br, rw.Writer), nil
}

// writeBuffers exists so that gorilla keeps no write buffer per connection; it
// never needs one, because the wire writes.
var writeBuffers sync.Pool

// upgrade makes the request's connection a wire. It answers the request if that
// fails.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) (*wire, error) {
	c := &wire{base64: r.URL.Query().Get("b64") != ""}
	up := websocket.Upgrader{
		HandshakeTimeout: s.opts.WriteTimeout,
		WriteBufferPool:  &writeBuffers,
		// Text frames only, and compressed, is what nobody asks for.
		EnableCompression: s.opts.Compression && !c.base64 && acceptable(r.Header),
		CheckOrigin:       func(*http.Request) bool { return true }, // originRule has done it
		Error: func(w http.ResponseWriter, r *http.Request, _ int, reason error) {
			ref := refuse(codeRequest, "websocket-headers", reason.Error(), "")
			s.told(r, ref)
			ref.write(w, true)
		},
	}
	ws, err := up.Upgrade(hijacker{w, c}, r, upgradeHeader(w.Header()))
	if err != nil {
		return nil, err
	}
	c.ws, c.open = ws, true
	c.wakes.Store(1) // whoever has made it
	limit := s.opts.MaxPayload
	if c.deflates() { // what does not compress grows a little; the limit itself is on what is inflated
		limit += min(limit/1024+64, math.MaxInt64-limit)
	}
	ws.SetReadLimit(limit)
	ws.SetPingHandler(c.pinged)
	ws.SetPongHandler(c.ponged)
	return c, nil
}

// upgradeHeader picks the headers for a 101 response: those that ServeHTTP has
// set, not whatever a wrapper has put there for a body.
func upgradeHeader(h http.Header) http.Header {
	out := http.Header{}
	for _, k := range []string{
		"Vary", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials",
		"Access-Control-Expose-Headers", RefusedHeader,
	} {
		if v := h.Values(k); len(v) > 0 {
			out[http.CanonicalHeaderKey(k)] = v
		}
	}
	return out
}

// upgradeAndClose ends a websocket that has no use: with the given close frame,
// or by cutting it.
func (s *Server) upgradeAndClose(w http.ResponseWriter, r *http.Request, last *Message) {
	c, err := s.upgrade(w, r)
	if err != nil {
		return // answered
	}
	// Owner: the server's group. It ends after closeWait at the latest.
	s.group.Go(func() {
		if last != nil {
			c.closeNow(last)
		}
		_ = c.Conn.Close()
	})
}

// closeNow writes a close frame on a wire that has no worker, and waits a moment
// for the client to close.
func (c *wire) closeNow(last *Message) {
	_ = c.Conn.SetDeadline(time.Now().Add(closeWait))
	if _, err := c.Conn.Write(last.frames); err == nil {
		c.discard()
	}
}

// Read is called by gorilla, on the reader's goroutine. The deadline of a message
// is set when it does not arrive at once, so that small ones do not pay for it.
func (c *wire) Read(p []byte) (int, error) {
	if c.reading && !c.armed && !c.probing {
		c.armed = true
		c.setReadDeadline(time.Now().Add(c.session.srv.opts.MessageTimeout))
	}
	if !c.deflates() {
		return c.pull(p)
	}
	n, err := c.pull(p)
	c.inbound.follow(p[:n])
	return n, err
}

// pull reads from the connection.
func (c *wire) pull(p []byte) (int, error) {
	if c.event != nil {
		return c.read(p)
	}
	return c.Conn.Read(p)
}

// Write is called by gorilla.
func (c *wire) Write(p []byte) (int, error) {
	if !c.open {
		if bytes.Contains(p, extension) { // gorilla does not tell
			c.inbound = new(frameWatch)
		}
		return c.Conn.Write(p)
	}
	if len(p) > 0 && p[0]&0x0f == byte(wsframe.Close) {
		c.caught = &Message{kind: finalMessage, frames: append([]byte(nil), p...)}
	}
	return len(p), nil
}

// SetWriteDeadline is called by gorilla. Once the handshake is done the deadline
// is the writer's.
func (c *wire) SetWriteDeadline(t time.Time) error {
	if c.open {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}

// setReadDeadline sets a deadline unless the wire was told to stop, whose own
// deadline has woken the reader or will.
func (c *wire) setReadDeadline(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopping {
		_ = c.Conn.SetReadDeadline(t)
	}
}

// busy tells whether the worker is writing or about to.
func (c *wire) busy() bool { return c.worker != nil && c.worker.Busy() }

// stop makes the wire end: the reader is woken, tells the receiver, waits for the
// writer as long as how allows, and closes the connection. It does not block.
func (c *wire) stop(how ending) {
	c.session.srv.sessions.track(c)
	c.mu.Lock()
	c.stopping = true
	limit := closeWait
	if how == endFlush {
		limit = c.session.srv.opts.WriteTimeout
	}
	c.flushBy = time.Now().Add(limit)
	// A write in progress is bounded too, and so is the reader.
	_ = c.Conn.SetWriteDeadline(c.flushBy)
	_ = c.Conn.SetReadDeadline(longAgo)
	c.mu.Unlock()
	c.Wake()
	if how == endCut {
		c.cut()
	}
}

// cut closes the connection at once and drops what the kernel still holds for a
// client that does not read. TLS is left out: its close notice could block.
func (c *wire) cut() {
	conn := c.Conn
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = conn.Close()
}
