package realtimetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/gorilla/websocket"
)

// wsTransport is a websocket of a link.
type wsTransport struct {
	link *link
	conn *websocket.Conn

	writing turn

	stalling
	done chan struct{} // closed by close
	once sync.Once
}

// dialWebSocket opens a websocket; sid is empty for a new session.
func dialWebSocket(l *link, o *Options, sid string) (*wsTransport, error) {
	d := websocket.Dialer{NetDialContext: l.host.dialer(o.Address)}
	u := o.url("ws", "websocket", sid)
	conn, resp, err := d.DialContext(context.Background(), u.String(), o.Header)
	if err != nil {
		if resp != nil && errors.Is(err, websocket.ErrBadHandshake) {
			return nil, refusedBy(resp)
		}
		return nil, err
	}
	return &wsTransport{link: l, conn: conn, writing: newTurn(), done: make(chan struct{})}, nil
}

// read delivers what arrives until the websocket ends. It is the link's one reader.
func (t *wsTransport) read() {
	for {
		kind, data, err := t.conn.ReadMessage()
		if err != nil {
			reason := ReasonTransportClose
			if !websocket.IsCloseError(err, websocket.CloseNoStatusReceived, websocket.CloseNormalClosure) &&
				!errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) && websocket.IsUnexpectedCloseError(err) {
				reason = fmt.Sprintf("%s (%v)", ReasonTransportClose, err)
			}
			t.link.close(reason)
			return
		}
		t.wait(t.done)
		if kind == websocket.BinaryMessage {
			err = t.link.message(data, true)
		} else {
			var pong bool
			if pong, err = t.link.packet(data); pong {
				err = t.pong()
			}
		}
		if err != nil {
			t.link.close(ReasonParseError + ": " + err.Error())
			return
		}
	}
}

func (t *wsTransport) send(ms []message) error {
	t.writing.take()
	defer t.writing.give()
	for _, m := range ms {
		kind, data := websocket.BinaryMessage, m.data
		if !m.binary {
			kind, data = websocket.TextMessage, append([]byte{'4'}, m.data...)
		}
		if err := t.conn.WriteMessage(kind, data); err != nil {
			return err
		}
	}
	return nil
}

// text sends a bare Engine.IO packet.
func (t *wsTransport) text(s string) error {
	t.writing.take()
	defer t.writing.give()
	return t.conn.WriteMessage(websocket.TextMessage, []byte(s))
}

func (t *wsTransport) pong() error  { return t.text("3") }
func (t *wsTransport) name() string { return "websocket" }
func (t *wsTransport) cut()         {}

func (t *wsTransport) close() {
	t.once.Do(func() { close(t.done) })
	_ = t.conn.Close()
}

// RefusedError is what Server.TryConnect returns when the HTTP handshake is refused.
type RefusedError struct {
	Status int
	Rule   string // the X-Realtime-Refused header
	Body   string
	Header http.Header
}

// Error shows status, rule and body.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("realtimetest: handshake refused: %d, rule %q: %s", e.Status, e.Rule, e.Body)
}

func refusedBy(resp *http.Response) error {
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	return &RefusedError{resp.StatusCode, resp.Header.Get("X-Realtime-Refused"), string(body), resp.Header}
}

// url returns the address of a request.
func (o *Options) url(scheme, transport, sid string) *url.URL {
	q := url.Values{}
	for k, v := range o.Query {
		q[k] = v
	}
	q.Set("EIO", "4")
	q.Set("transport", transport)
	if sid != "" {
		q.Set("sid", sid)
	}
	return &url.URL{Scheme: scheme, Host: o.Host, Path: o.Path, RawQuery: q.Encode()}
}
