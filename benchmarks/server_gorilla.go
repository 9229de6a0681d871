package main

import (
	"context"
	"net/http"

	"github.com/gorilla/websocket"
)

// gorillaConn has two goroutines, as the examples of that library do: the handler's reads, another one writes what is queued.
type gorillaConn struct {
	conn  *websocket.Conn
	queue chan []byte
	done  chan struct{} // closed when the reader has returned
}

func (c *gorillaConn) write() {
	for {
		select {
		case msg := <-c.queue:
			if c.conn.WriteMessage(websocket.TextMessage, msg) != nil {
				return
			}
		case <-c.done:
			return
		}
	}
}

func (c *gorillaConn) send(text []byte) {
	select {
	case c.queue <- text:
	default: // too slow: out
		c.conn.Close()
	}
}

func newGorilla(order) (service, error) {
	h := &hub[*gorillaConn]{}
	up := websocket.Upgrader{}
	serve := func(w http.ResponseWriter, r *http.Request) {
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		c := &gorillaConn{conn, make(chan []byte, 256), make(chan struct{})}
		defer conn.Close()
		defer h.leave(c)
		defer close(c.done)
		go c.write() // ends with the connection or the reader
		for {
			_, msg, err := conn.ReadMessage()
			if err != nil {
				return
			}
			if h.handle(c, msg, c.send, func(members func(func(*gorillaConn)), text []byte) {
				members(func(m *gorillaConn) { m.send(text) })
			}) != nil {
				return
			}
		}
	}
	return service{http.HandlerFunc(serve), "queue of 256 messages", func(context.Context) error { return nil }}, nil
}
