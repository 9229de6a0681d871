package wiretest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
)

// link is what a tag stands for: a websocket, or a polling session that may become one.
type link interface {
	send(binary bool, data []byte, together bool) error // together: goes out with the next one, in one write
	recv() (wsEvent, error)
	buffered() (wsEvent, bool) // something that has arrived and nobody asked for
	close(code int) error      // the client closes; waits for the server's part of it
	destroy()
}

func (e wsEvent) String() string {
	switch {
	case e.ended && e.err != nil:
		return fmt.Sprintf("the end (%d): %v", e.code, e.err)
	case e.ended:
		return fmt.Sprintf("the end (%d)", e.code)
	case e.binary:
		return "binary " + hex.EncodeToString(e.data)
	default:
		return "text " + clip(string(e.data))
	}
}

// wsLink is a websocket. Once it has ended, sending is without effect, as the captures' client does it.
type wsLink struct {
	c     *wsClient
	held  []byte // frames that go out with the next one
	ended bool
}

func (l *wsLink) send(binary bool, data []byte, together bool) error {
	op := byte(opText)
	if binary {
		op = opBinary
	}
	l.held = append(l.held, clientFrame(true, op, data)...)
	if together || l.ended {
		return nil
	}
	// A failed write is left to the reader, which knows how the connection ended.
	_, _ = l.c.conn.Write(l.held)
	l.held = nil
	return nil
}

func (l *wsLink) recv() (wsEvent, error) {
	ev, ok := l.c.next(patience)
	if !ok {
		return ev, errTimeout
	}
	l.ended = l.ended || ev.ended
	return ev, nil
}

func (l *wsLink) buffered() (wsEvent, bool) {
	if l.ended {
		return wsEvent{}, false
	}
	select {
	case ev := <-l.c.events:
		l.ended = l.ended || ev.ended
		return ev, true
	default:
		return wsEvent{}, false
	}
}

func (l *wsLink) close(code int) error {
	var payload []byte
	switch code {
	case closeAbnormal:
		l.c.destroy()
		l.ended = true
		return nil
	case closeNoStatus:
	default:
		payload = []byte{byte(code >> 8), byte(code)}
	}
	l.c.closeWith(payload)
	ev, err := l.recv()
	switch {
	case err != nil:
		return fmt.Errorf("close frame not answered: %w", err)
	case !ev.ended:
		return fmt.Errorf("got %s, want the answer to the close frame", ev)
	case ev.code != code || ev.err != nil:
		return fmt.Errorf("close frame %d answered with %s", code, ev)
	}
	return nil
}

func (l *wsLink) destroy() { l.c.destroy() }

// pollLink is a long-polling session, driven as the official client does it: one POST per packet, one GET when something is awaited.
type pollLink struct {
	dial   func() (net.Conn, error)
	target string // with sid
	queue  []wsEvent
}

// pollHeader is what the official client sends with a POST.
var pollHeader = map[string]string{"Content-Type": "text/plain;charset=UTF-8"}

func (l *pollLink) exchange(method string, header map[string]string, body []byte) (httpAnswer, error) {
	conn, err := l.dial()
	if err != nil {
		return httpAnswer{}, err
	}
	a := startExchange(conn, method, rawRequest(method, l.target, header, body)).wait()
	if a.err == nil && a.status != 200 {
		a.err = fmt.Errorf("%s answered %d %s", method, a.status, clip(string(a.body)))
	}
	return a, a.err
}

func (l *pollLink) send(binary bool, data []byte, _ bool) error {
	if binary {
		data = append([]byte("b"), base64.StdEncoding.EncodeToString(data)...)
	}
	a, err := l.exchange("POST", pollHeader, data)
	if err == nil && string(a.body) != "ok" {
		err = fmt.Errorf("POST answered %s", clip(string(a.body)))
	}
	return err
}

func (l *pollLink) recv() (wsEvent, error) {
	if ev, ok := l.buffered(); ok {
		return ev, nil
	}
	a, err := l.exchange("GET", nil, nil)
	if err != nil {
		return wsEvent{}, err
	}
	for _, packet := range bytes.Split(a.body, []byte{0x1e}) {
		l.queue = append(l.queue, pollEvent(packet))
	}
	ev, _ := l.buffered()
	return ev, nil
}

// pollEvent turns a packet of a polling payload into what a websocket would have delivered.
func pollEvent(packet []byte) wsEvent {
	switch {
	case bytes.HasPrefix(packet, []byte("b")):
		if data, err := base64.StdEncoding.DecodeString(string(packet[1:])); err == nil {
			return wsEvent{binary: true, data: data}
		}
	case string(packet) == "1":
		return wsEvent{ended: true, code: closeNoStatus}
	}
	return wsEvent{data: packet}
}

func (l *pollLink) buffered() (wsEvent, bool) {
	if len(l.queue) == 0 {
		return wsEvent{}, false
	}
	ev := l.queue[0]
	l.queue = l.queue[1:]
	return ev, true
}

// close sends the engine's close packet; polling has no close codes.
func (l *pollLink) close(int) error { return l.send(false, []byte("1"), false) }

func (l *pollLink) destroy() {}

// upgrade makes a websocket of a polling session in the order of the official client: probe, held GET released by a noop, upgrade packet.
func (l *pollLink) upgrade(open func(target string) (*wsClient, error), target string, settle func()) (link, error) {
	c, err := open(target)
	if err != nil {
		return nil, err
	}
	ws := &wsLink{c: c}
	_ = ws.send(false, []byte("2probe"), false)
	if ev, ok := c.next(patience); !ok || string(ev.data) != "3probe" {
		return ws, fmt.Errorf("probe answered with %s", ev)
	}
	ev, err := l.recv()
	if err != nil || string(ev.data) != "6" {
		return ws, fmt.Errorf("GET during the probe answered with %s (%w)", ev, err)
	}
	_ = ws.send(false, []byte("5"), false)
	settle()
	return ws, nil
}
