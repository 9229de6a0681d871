package loadgen

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// SocketIO speaks Socket.IO v4 directly over websocket. The server acknowledges Joins with a room, hands Says (room, payload) to the room's other
// members as any event, and acknowledges Asks with its payload. The zero value uses the namespace "/" and the events "join", "say" and "echo".
type SocketIO struct {
	HTTPPath          string // of the server; "/socket.io/"
	Namespace         string // "" or "/name"
	Auth              string // JSON object for CONNECT; none
	Joins, Says, Asks string // names of events
}

// Path implements Dialect.
func (d SocketIO) Path() string {
	path := d.HTTPPath
	if path == "" {
		path = "/socket.io/"
	}
	return path + "?EIO=4&transport=websocket"
}

// nsp is what follows the type of a packet.
func (d SocketIO) nsp() string {
	if d.Namespace == "" || d.Namespace == "/" {
		return ""
	}
	return d.Namespace + ","
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Join implements Dialect: the server's handshake, CONNECT, and the event of the room.
func (d SocketIO) Join(dst []byte, step int, room string, msg []byte) ([]byte, int, bool, error) {
	if string(msg) == "2" {
		return append(dst, '3'), step, false, nil
	}
	switch {
	case step == 0 && msg == nil:
		return dst, 0, false, nil // the server speaks first
	case step == 0 && bytes.HasPrefix(msg, []byte("0{")):
		return append(append(dst, "40"+d.nsp()...), d.Auth...), 1, false, nil
	case step == 1 && bytes.HasPrefix(msg, []byte("40")):
		if room == "" {
			return dst, 2, true, nil
		}
		dst = append(dst, "42"+d.nsp()+"1["...)
		dst = strconv.AppendQuote(dst, or(d.Joins, "join"))
		dst = strconv.AppendQuote(append(dst, ','), room)
		return append(dst, ']'), 2, false, nil
	case step == 2 && bytes.HasPrefix(msg, []byte("43")):
		return dst, 3, true, nil
	case bytes.HasPrefix(msg, []byte("42")):
		return dst, step, false, nil
	case bytes.HasPrefix(msg, []byte("44")):
		return dst, step, false, fmt.Errorf("loadgen: CONNECT is refused: %.200s", msg[2:])
	}
	return dst, step, false, fmt.Errorf("loadgen: not what a Socket.IO server says at step %d: %.100q", step, msg)
}

// Say implements Dialect.
func (d SocketIO) Say(dst []byte, room string, payload []byte) []byte {
	dst = append(dst, "42"+d.nsp()+"["...)
	dst = strconv.AppendQuote(dst, or(d.Says, "say"))
	dst = strconv.AppendQuote(append(dst, ','), room)
	dst = append(append(dst, ','), payload...)
	return append(dst, ']')
}

// Ask implements Dialect.
func (d SocketIO) Ask(dst []byte, payload []byte) ([]byte, int) {
	dst = append(dst, "42"+d.nsp()...)
	id := len(dst)
	dst = strconv.AppendQuote(append(dst, "100["...), or(d.Asks, "echo"))
	dst = append(append(dst, ','), payload...)
	return append(dst, ']'), id
}

// Cut implements Dialect.
func (d SocketIO) Cut(msg []byte) (Kind, []byte, []byte) {
	if len(msg) == 0 {
		return Other, nil, nil
	}
	if msg[0] == '2' {
		return Ping, nil, nil
	}
	if msg[0] == '1' {
		return Refusal, msg, nil
	}
	if msg[0] != '4' || len(msg) < 2 {
		return Other, nil, nil
	}
	switch msg[1] {
	case '2':
		return Delivery, msg, nil
	case '3':
		return Answer, msg, nil
	case '1', '4':
		return Refusal, msg, nil
	}
	return Other, nil, nil
}

// Pong implements Dialect.
func (SocketIO) Pong() []byte { return []byte{'3'} }

// ToSelf implements Dialect.
func (SocketIO) ToSelf() bool { return false }

// errRefused is told about a connection that the server ends.
var errRefused = errors.New("loadgen: the server ends the connection")
