package engine

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"github.com/realtime-go/realtime/internal/eiowire"
)

// Close frames of websocket errors (RFC 6455 section 7.4.1).
var (
	closeInvalid = newClose(websocket.CloseInvalidFramePayloadData)
	closePolicy  = newClose(websocket.ClosePolicyViolation)
	closeTooBig  = newClose(websocket.CloseMessageTooBig)
)

var (
	errUTF8    = errors.New("a text message is not UTF-8")
	errMessage = errors.New("a message took too long")
)

// handshakeWebSocket makes a session that begins as websocket.
func (s *Server) handshakeWebSocket(w http.ResponseWriter, r *http.Request) {
	h, addr := s.newHandshake(r), s.limitedAddr(r)
	c, err := s.upgrade(w, r)
	if err != nil {
		return // answered
	}
	session, ref := s.newSession(h, addr, c)
	if ref != nil {
		// A limit was reached since the rules were asked: the client has its 101.
		s.told(r, ref)
		// Owner: the server's group. It ends after closeWait at the latest.
		s.group.Go(func() {
			c.closeNow(closeFrame)
			_ = c.Conn.Close()
		})
		return
	}
	started := false
	defer func() {
		if !started { // accept panicked
			session.finish(ErrClosed, endCut)
			s.sessions.untrack(c)
		}
	}()
	// The open packet is the first thing in the queue, before accept can send.
	_ = session.queue.Push(1, newPacket(string(s.openPacket(session.id, false))))
	c.startWriter()
	session.start()
	started = true
	c.startReading()
}

// The reader of a connection begins anew when there was nothing to read for quiet, and
// after each of the first messages, which most connections send to join and then are idle.
const (
	quiet         = 100 * time.Millisecond
	firstMessages = 4
)

// serve is the reader of an established websocket. An idle connection waits here, on
// a goroutine that has done nothing else: what handling a message needs would make its
// stack twice as large, and it would stay so. One that talks all the time keeps its
// goroutine.
func (c *wire) serve() {
	c.waits = time.Now()
	_, _ = c.br.Peek(1) // an error comes again
	if c.turn() {
		// Owner: the server's group, as this goroutine's.
		c.session.srv.group.Go(c.serve)
	}
}

// turn reads and handles what has come, and what comes soon after. It is false when the
// connection has ended.
func (c *wire) turn() bool {
	s := c.session
	for {
		data, text, err := c.next()
		if s.ended.Load() {
			break
		}
		if err == nil {
			err = c.handle(data, text)
		}
		if err != nil {
			c.end(err)
			break
		}
		if c.br.Buffered() == 0 && c.pauses() {
			return true
		}
	}
	s.receiver.Closed(s.causeOfEnd())
	c.drain()
	if c.event != nil {
		c.event.watch.Stop()
	}
	s.srv.sessions.untrack(c)
	return false
}

// pauses tells whether the reader's goroutine should end. Otherwise there is something to
// read when it returns.
func (c *wire) pauses() bool {
	if c.event != nil {
		return c.silent()
	}
	now := time.Now()
	if now.Sub(c.waits) >= quiet || c.begun < firstMessages {
		c.begun = min(c.begun+1, firstMessages)
		return true
	}
	c.waits = now
	_, _ = c.br.Peek(1)
	return false
}

// handle passes one message on.
func (c *wire) handle(data []byte, text bool) error {
	s := c.session
	if !text {
		s.receive(data, true)
		return nil
	}
	if !utf8.Valid(data) {
		return errUTF8
	}
	p, err := eiowire.Decode(data)
	if err != nil {
		return err
	}
	switch p.Type {
	case eiowire.Message:
		s.receive(p.Data, p.Binary)
	case eiowire.Close:
		// The official server ignores it here (capture ws-client-engine-close).
	default:
		s.control(p)
	}
	return nil
}

// next reads one message into memory of its own.
func (c *wire) next() (data []byte, text bool, err error) {
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return nil, false, err
	}
	if c.event != nil {
		c.event.between = false
	}
	limit := c.session.payloadLimit()
	buf := newScratch()
	defer buf.free()
	c.reading = true
	over, err := buf.read(r, limit)
	if err == nil && !over {
		err = c.complete()
	}
	c.reading = false
	if c.armed {
		c.armed = false
		c.setReadDeadline(time.Time{})
		if err != nil && isTimeout(err) {
			err = errMessage
		}
	}
	switch {
	case err != nil:
		return nil, false, err
	case over:
		return nil, false, &PayloadTooLarge{Size: int64(buf.n), Limit: limit}
	}
	return buf.own(), kind == websocket.TextMessage, nil
}

// complete waits for the last frame of a message whose compressed stream has ended before
// it, which gorilla does not: what follows would be skipped without a deadline. No more may follow
// than the buffer holds.
func (c *wire) complete() error {
	if !c.deflates() {
		return nil
	}
	for c.taken++; c.inbound.messages < c.taken; {
		if _, err := c.br.Peek(c.br.Buffered() + 1); err != nil {
			return err
		}
	}
	return nil
}

// end finishes the session for an error of reading or decoding.
func (c *wire) end(err error) {
	s := c.session
	var closed *websocket.CloseError
	var tooLarge *PayloadTooLarge
	switch {
	case errors.As(err, &closed) && c.caught != nil: // the echo
		s.finishWith(because(ErrTransportClose, fmt.Sprintf("close frame %d", closed.Code), nil), endFrame, c.caught)
	case errors.As(err, &tooLarge):
		s.finishWith(err, endFrame, closeTooBig)
	case errors.Is(err, websocket.ErrReadLimit):
		s.finishWith(&PayloadTooLarge{Limit: s.srv.opts.MaxPayload}, endFrame, closeTooBig)
	case c.deflates() && isCorrupt(err):
		s.finishWith(because(ErrTransportError, "a message cannot be inflated", err), endFrame, closeInvalid)
	case errors.Is(err, errUTF8):
		s.finishWith(because(ErrTransportError, "", err), endFrame, closeInvalid)
	case errors.Is(err, errMessage):
		s.finishWith(because(ErrTransportError, "", err), endFrame, closePolicy)
	case errors.Is(err, eiowire.ErrEmpty), errors.Is(err, eiowire.ErrUnknownType), errors.Is(err, eiowire.ErrBase64):
		s.finish(because(ErrParse, "websocket", err), endFlush)
	case c.caught != nil: // gorilla's answer to a broken frame
		s.finishWith(because(ErrTransportError, "", err), endFrame, c.caught)
	default:
		s.finish(because(ErrTransportClose, "the connection ended without a close frame", nil), endCut)
	}
}

// drain waits until what is queued is written and the client has closed its side,
// or until the time for that is over, and closes the connection. Closing a
// connection that has unread data resets it, and the reset may overtake what we
// have written last.
func (c *wire) drain() {
	c.mu.Lock()
	c.draining = true
	limit := closeWait
	if !c.flushed {
		limit += time.Until(c.flushBy)
	}
	_ = c.Conn.SetReadDeadline(time.Now().Add(limit))
	c.mu.Unlock()
	if !c.discard() {
		c.cut()
	}
	if c.worker != nil {
		c.worker.Wait()
	}
	_ = c.Conn.Close()
}

// discard reads until the client has closed its side, and reports whether it did
// so in time.
func (c *wire) discard() bool {
	_, err := io.Copy(io.Discard, c.Conn)
	return !isTimeout(err)
}

// isTimeout tells whether a deadline has passed. gorilla wraps such errors in a
// type of its own.
func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// pinged answers a websocket ping through the queue (decision D21). gorilla calls
// it on the reader's goroutine.
func (c *wire) pinged(data string) error {
	_ = c.ponged("")
	pong := newPong(data)
	if c.probing {
		return c.write(pong.frames)
	}
	// A full queue closes the session as any message would.
	_ = c.session.Send(pong)
	return nil
}

// ponged notes a control frame: gorilla waits for the next frame now.
func (c *wire) ponged(string) error {
	if c.event != nil {
		c.event.between = true
	}
	return nil
}
