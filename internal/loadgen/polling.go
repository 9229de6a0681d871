package loadgen

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
)

// pollConn is a session over long-polling (Engine.IO 4) that looks like the websocket of one: what is written to it are
// the frames of a client, which it sends as the body of a POST, and what its GETs bring is read as the frames of a server. So
// everything above it speaks one language.
type pollConn struct {
	net.Conn // nil: only Read, Write and Close are used

	client *http.Client
	url    string // with the session's id, once it is known
	cancel context.CancelFunc
	ctx    context.Context //nolint:containedctx // of the connection's own requests, ends with Close
	pipe   *io.PipeReader
	in     *io.PipeWriter

	mu      sync.Mutex
	waiting [][]byte      // packets for the next POST
	wake    chan struct{} // capacity 1
	work    sync.WaitGroup
}

// separator stands between packets in a body (Engine.IO 4, "payload").
const separator = "\x1e"

// maxBody bounds what a server may answer.
const maxBody = 8 << 20

// newPollingSockets makes sessions that share one pool of TCP connections.
func newPollingSockets() sockets {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1 << 16, DisableCompression: true}}
	open := func(ctx context.Context, target netip.AddrPort, _ netip.Addr) (net.Conn, error) {
		c := &pollConn{client: client, url: "http://" + target.String(), wake: make(chan struct{}, 1)}
		c.ctx, c.cancel = context.WithCancel(ctx)
		c.pipe, c.in = io.Pipe()
		return c, nil
	}
	return newPlainSockets(open, client.CloseIdleConnections)
}

func (c *pollConn) Read(p []byte) (int, error) { return c.pipe.Read(p) }

// Write takes the handshake of a websocket first, then frames. It never waits for the server.
func (c *pollConn) Write(p []byte) (int, error) {
	if head, _, ok := strings.Cut(string(p), " HTTP/1.1\r\n"); ok && strings.HasPrefix(head, "GET ") {
		c.url += strings.Replace(strings.TrimPrefix(head, "GET "), "transport=websocket", "transport=polling", 1)
		c.work.Go(c.session) // owned by the connection, ends with Close
		return len(p), nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for rest := p; len(rest) > 0; {
		opcode, payload, size := cutClientFrame(rest)
		if opcode == opText {
			c.waiting = append(c.waiting, bytes.Clone(payload))
		}
		rest = rest[size:]
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return len(p), nil
}

// Close ends the session without a word, as a client does that goes away.
func (c *pollConn) Close() error {
	c.cancel()
	_ = c.pipe.Close()
	c.work.Wait()
	return nil
}

// session shakes hands, then fetches what the server has to say until the end.
func (c *pollConn) session() {
	err := c.fetch(func(first []byte) error {
		var open struct{ SID string }
		if len(first) < 1 || first[0] != '0' || json.Unmarshal(first[1:], &open) != nil || open.SID == "" {
			return fmt.Errorf("handshake: %.200q", first)
		}
		c.url += "&sid=" + open.SID
		return c.say([]byte("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + wsAccept + "\r\n\r\n"))
	})
	if err == nil {
		c.work.Go(c.post) // owned by session, ends with Close
	}
	for err == nil {
		err = c.fetch(nil)
	}
	_ = c.in.CloseWithError(err)
	c.cancel()
}

// fetch does one GET and hands its packets on; check looks at the first one before.
func (c *pollConn) fetch(check func([]byte) error) error {
	body, err := c.request(http.MethodGet, nil)
	if err != nil {
		return err
	}
	for i, packet := range bytes.Split(body, []byte(separator)) {
		if i == 0 && check != nil {
			if err := check(packet); err != nil {
				return err
			}
		}
		if err := c.say(appendServerFrame(nil, packet)); err != nil {
			return err
		}
	}
	return nil
}

func (c *pollConn) say(p []byte) error {
	_, err := c.in.Write(p)
	return err
}

// post sends what waits, one body at a time.
func (c *pollConn) post() {
	for {
		select {
		case <-c.wake:
		case <-c.ctx.Done():
			return
		}
		c.mu.Lock()
		body := bytes.Join(c.waiting, []byte(separator))
		c.waiting = nil
		c.mu.Unlock()
		if len(body) == 0 {
			continue
		}
		if _, err := c.request(http.MethodPost, body); err != nil {
			_ = c.in.CloseWithError(err)
			return
		}
	}
}

func (c *pollConn) request(method string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(c.ctx, method, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	answer, err := c.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.200q", method, answer.Status, text)
	}
	return text, err
}
