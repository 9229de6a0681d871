package wiretest

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The opcodes of RFC 6455, section 5.2. The client below is written from the RFC and shares nothing with the
// server under test, so that a common mistake cannot hide.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa
)

// The close codes that stand for "no status" and "no close frame" (RFC 6455, section 7.4.1).
const (
	closeNoStatus = 1005
	closeAbnormal = 1006
)

// maskKey masks every client frame. RFC 6455 wants it unpredictable to protect proxies; here is none.
var maskKey = [4]byte{0x12, 0x34, 0x56, 0x78}

// clientFrame is one masked frame.
func clientFrame(fin bool, op byte, payload []byte) []byte {
	first := op
	if fin {
		first |= 0x80
	}
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, maskKey[:]...)
	for i, c := range payload {
		b = append(b, c^maskKey[i%4])
	}
	return b
}

// wsEvent is one thing that happened on a websocket: a whole message, or its end.
type wsEvent struct {
	binary bool
	data   []byte
	ended  bool
	code   int
	err    error // set with ended when the server broke the websocket protocol
}

// wsClient is a websocket whose messages are collected by a goroutine of its own; it ends with the connection.
type wsClient struct {
	conn     net.Conn
	events   chan wsEvent
	done     chan struct{}
	deflated bool // permessage-deflate was negotiated

	mu     sync.Mutex
	sent   bool // a close frame has been written
	pongs  int
	signal chan struct{} // has an element when pongs has grown
}

// inboxSize bounds what a case may leave unread; the largest capture sends some twenty messages in a row.
const inboxSize = 1024

// openWebsocket performs the handshake with exactly the given header lines added. The client is nil unless the status is 101.
func openWebsocket(conn net.Conn, target string, header map[string]string) (*wsClient, httpAnswer) {
	lines := map[string]string{
		"Upgrade": "websocket", "Connection": "Upgrade",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	}
	for k, v := range header {
		lines[k] = v
	}
	br := bufio.NewReader(conn)
	got := make(chan httpAnswer, 1)
	// The goroutine ends with the answer or with the connection.
	go func() { got <- shake(conn, br, rawRequest(http.MethodGet, target, lines, nil)) }()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case a := <-got:
		if a.err != nil || a.status != http.StatusSwitchingProtocols {
			_ = conn.Close()
			return nil, a
		}
		c := &wsClient{
			conn: conn, events: make(chan wsEvent, inboxSize), done: make(chan struct{}), signal: make(chan struct{}, 1),
			deflated: strings.HasPrefix(a.header.Get("Sec-WebSocket-Extensions"), "permessage-deflate"),
		}
		go c.read(br) // ends with the connection; destroy waits for it
		return c, a
	case <-timeout.C:
		_ = conn.Close()
		return nil, httpAnswer{err: errTimeout}
	}
}

// shake sends the upgrade request and reads the answer; of a refusal it reads the body too.
func shake(conn net.Conn, br *bufio.Reader, request []byte) httpAnswer {
	if _, err := conn.Write(request); err != nil {
		return httpAnswer{err: err}
	}
	resp, err := http.ReadResponse(br, &http.Request{Method: http.MethodGet})
	if err != nil {
		return httpAnswer{err: err}
	}
	a := httpAnswer{status: resp.StatusCode, header: resp.Header, closed: resp.Close}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		if key := resp.Header.Get("Sec-WebSocket-Accept"); key != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
			a.err = fmt.Errorf("wrong Sec-WebSocket-Accept %q", key)
		}
		return a
	}
	a.body, a.err = io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return a
}

// read collects messages until the connection ends, and answers the server's close frame.
func (c *wsClient) read(br *bufio.Reader) {
	defer close(c.done)
	var message []byte
	var kind byte
	for {
		fin, op, payload, err := c.readFrame(br)
		if err != nil {
			c.events <- wsEvent{ended: true, code: closeAbnormal, err: protocolError(err)}
			return
		}
		switch op {
		case opClose:
			code := closeNoStatus
			if len(payload) >= 2 {
				code = int(binary.BigEndian.Uint16(payload))
			}
			c.events <- wsEvent{ended: true, code: code}
			c.closeWith(payload)
			c.hangUp(br)
			return
		case opPong:
			c.mu.Lock()
			c.pongs++
			c.mu.Unlock()
			select {
			case c.signal <- struct{}{}:
			default:
			}
		case opText, opBinary, opContinuation:
			if op != opContinuation {
				kind, message = op, nil
			}
			message = append(message, payload...)
			if fin {
				c.events <- wsEvent{binary: kind == opBinary, data: message}
			}
		default: // Socket.IO servers send no control pings, and nothing else exists.
			c.events <- wsEvent{ended: true, code: closeAbnormal, err: fmt.Errorf("unexpected frame with opcode %d", op)}
			return
		}
	}
}

// hangUp ends the TCP connection after both close frames: the server is to end it first (RFC 6455, section 7.1.1).
func (c *wsClient) hangUp(br *bufio.Reader) {
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	_, _ = io.Copy(io.Discard, br)
	_ = c.conn.Close()
}

// errFrame marks frames that a server must not send.
var errFrame = errors.New("bad frame")

// protocolError keeps the errors that are the server's fault and drops those of a connection that just ended.
func protocolError(err error) error {
	if errors.Is(err, errFrame) {
		return err
	}
	return nil
}

func (c *wsClient) readFrame(br *bufio.Reader) (fin bool, op byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(br, head[:]); err != nil {
		return false, 0, nil, err
	}
	compressed := c.deflated && head[0]&0x40 != 0
	if compressed {
		head[0] &^= 0x40
	}
	if head[0]&0x70 != 0 {
		return false, 0, nil, fmt.Errorf("%w: reserved bits %#x without an extension", errFrame, head[0])
	}
	if head[1]&0x80 != 0 {
		return false, 0, nil, fmt.Errorf("%w: masked by the server", errFrame)
	}
	size := uint64(head[1])
	switch size {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(br, b[:])
		size = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(br, b[:])
		size = binary.BigEndian.Uint64(b[:])
	}
	if err != nil {
		return false, 0, nil, err
	}
	const most = 16 << 20 // far above every capture
	if size > most {
		return false, 0, nil, fmt.Errorf("%w: %d bytes announced", errFrame, size)
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(br, payload)
	if err == nil && compressed {
		payload, err = inflate(payload)
	}
	return head[0]&0x80 != 0, head[0] & 0x0f, payload, err
}

// inflate undoes permessage-deflate for a message that refers to no earlier one, which is enough for the captures.
func inflate(payload []byte) ([]byte, error) {
	plain, err := io.ReadAll(flate.NewReader(bytes.NewReader(append(payload, 0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff))))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFrame, err)
	}
	return plain, nil
}

// next returns the next event, or false when none came in time.
func (c *wsClient) next(wait time.Duration) (wsEvent, bool) {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	select {
	case ev := <-c.events:
		return ev, true
	case <-timeout.C:
		return wsEvent{}, false
	}
}

// closeWith sends one close frame, at most once; the payload is empty or begins with a code.
func (c *wsClient) closeWith(payload []byte) {
	c.mu.Lock()
	sent := c.sent
	c.sent = true
	c.mu.Unlock()
	if !sent {
		_, _ = c.conn.Write(clientFrame(true, opClose, payload))
	}
}

// awaitPong waits until a control pong has come.
func (c *wsClient) awaitPong() bool {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-c.signal:
		return true
	case <-timeout.C:
		return false
	}
}

// destroy cuts the TCP connection and waits for the reader, throwing away what it still delivers.
func (c *wsClient) destroy() {
	_ = c.conn.Close()
	for {
		select {
		case <-c.done:
			return
		case <-c.events:
		}
	}
}
