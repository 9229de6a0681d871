package loadgen

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// stage is how far a connection is.
type stage uint8

const (
	dialing stage = iota
	upgrading
	joining
	ready
	gone
)

// conn is one websocket. It has no memory of its own for what arrives, but for part of a frame.
type conn struct {
	id     int
	target int
	room   int // -1: none
	step   int // of Dialect.Join
	stage  stage
	in     []byte // the beginning of a frame
	out    []byte // what is not sent yet
	asked  int    // questions so far

	source   netip.Addr
	attempts int       // to come back, in vain
	due      time.Time // of the next one
}

// A key need not be random for a server on the same machine; the answer to this one is known.
const (
	wsKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	wsAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// maxUnsent is how much may wait for a server that does not read.
const maxUnsent = 16 << 20

var errUnread = errors.New("the server does not read: 16 MiB wait for it")

func (c *Client) writable(id int) {
	k := c.byID[id]
	if k.stage == dialing {
		k.stage = upgrading
		k.out = fmt.Appendf(k.out, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
			c.cfg.Dialect.Path(), c.cfg.Targets[k.target], wsKey)
	}
	c.flush(k)
}

func (c *Client) failed(id int, err error) { c.fail(c.byID[id], err) }

// flush sends what waits.
func (c *Client) flush(k *conn) {
	if len(k.out) == 0 || k.stage == gone {
		return
	}
	n, err := c.sockets.write(k.id, k.out)
	if err != nil {
		c.fail(k, err)
		return
	}
	if n == len(k.out) {
		if k.out = k.out[:0]; cap(k.out) > 4096 {
			k.out = nil // thousands of connections, few of which send at a time
		}
		return
	}
	if k.out = k.out[:copy(k.out, k.out[n:])]; len(k.out) > maxUnsent {
		c.fail(k, errUnread)
	}
}

func (c *Client) readable(id int, p []byte) {
	k := c.byID[id]
	if len(k.in) > 0 {
		k.in = append(k.in, p...)
		p = k.in
	}
	if k.stage == upgrading {
		p = c.upgraded(k, p)
	}
	for k.stage == joining || k.stage == ready {
		opcode, msg, size, err := cutFrame(p)
		if err != nil {
			c.fail(k, err)
			return
		}
		if size == 0 {
			break
		}
		c.frame(k, opcode, msg)
		p = p[size:]
	}
	if len(p) == 0 {
		k.in = nil
		return
	}
	k.in = append(k.in[:0], p...)
}

// upgraded takes the answer to the handshake off p when it is whole.
func (c *Client) upgraded(k *conn, p []byte) []byte {
	end := bytes.Index(p, []byte("\r\n\r\n"))
	if end < 0 {
		if len(p) > 16<<10 {
			c.fail(k, fmt.Errorf("handshake: %.100q", p))
		}
		return p
	}
	if head := p[:end]; !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) || !bytes.Contains(head, []byte(wsAccept)) {
		c.fail(k, fmt.Errorf("handshake: %.200q", p))
		return nil
	}
	k.stage = joining
	c.join(k, nil)
	return p[end+4:]
}

// join does what the dialect wants next.
func (c *Client) join(k *conn, msg []byte) {
	send, next, done, err := c.cfg.Dialect.Join(c.scratch[:0], k.step, c.room(k.room), msg)
	c.scratch = send
	if err != nil {
		c.fail(k, err)
		return
	}
	k.step = next
	if len(send) > 0 {
		k.out = appendFrame(k.out, opText, send)
	}
	if done {
		k.stage = ready
		c.ready++
		c.opening--
		if c.cfg.Progress != nil {
			c.cfg.Progress(c.ready, len(c.conns))
		}
	}
	c.flush(k)
	if done && c.opened {
		c.back(k)
	}
}

func (c *Client) frame(k *conn, opcode byte, msg []byte) {
	switch opcode {
	case opText:
		if k.stage == joining {
			c.join(k, msg)
			return
		}
		c.message(k, msg)
	case opPing:
		k.out = appendFrame(k.out, opPong, msg)
		c.flush(k)
	case opClose:
		c.fail(k, fmt.Errorf("%w: %.100q", errRefused, msg))
	}
}

// message is what arrives at a connection that is ready.
func (c *Client) message(k *conn, msg []byte) {
	for len(msg) > 0 {
		var kind Kind
		var body []byte
		switch kind, body, msg = c.cfg.Dialect.Cut(msg); kind {
		case Delivery, Answer:
			if c.run != nil {
				c.run.arrived(k, kind, body)
			}
		case Ping:
			k.out = appendFrame(k.out, opText, c.cfg.Dialect.Pong())
			c.flush(k)
		case Refusal:
			c.fail(k, fmt.Errorf("%w: %.200q", errRefused, body))
			return
		}
	}
}
