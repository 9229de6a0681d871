package servers

import (
	"net/http"

	"github.com/gorilla/websocket"
)

// gorilla is the chat example that everybody begins with: a reader and a writer goroutine for each connection, and a
// channel between.
type gorilla struct {
	upgrader websocket.Upgrader
	rooms    rooms[*gorillaConn]
}

type gorillaConn struct {
	ws   *websocket.Conn
	send chan []byte
}

func newGorilla() *gorilla {
	return &gorilla{upgrader: websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}}
}

func (g *gorilla) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ws, err := g.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c := &gorillaConn{ws: ws, send: make(chan []byte, 4096)}
	go c.write() // ends with the connection
	defer func() {
		g.rooms.leave(c)
		ws.Close()
		close(c.send)
	}()
	for {
		_, message, err := ws.ReadMessage()
		if err != nil {
			return
		}
		switch event, d, raw := decode(message); event {
		case "join":
			g.rooms.join(d.R, c)
			c.send <- encode("joined", true)
		case "msg":
			out := encode("msg", d)
			g.rooms.others(d.R, c, func(o *gorillaConn) {
				select {
				case o.send <- out:
				default: // a slow one misses it
				}
			})
		case "echo":
			c.send <- encode("echo", raw)
		}
	}
}

func (c *gorillaConn) write() {
	for message := range c.send {
		if c.ws.WriteMessage(websocket.TextMessage, message) != nil {
			c.ws.Close()
			for range c.send { //nolint:revive // nobody may wait for this writer
			}
			return
		}
	}
}
