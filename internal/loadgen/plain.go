package loadgen

import (
	"bytes"
	"fmt"
	"strconv"
)

// Plain speaks a trivial protocol, for servers without one of their own: text messages, each a JSON object with an event "e", a room "r",
// an id "i" and data "d". The server answers "join" with the same, hands "say" to the room's other members, and sends "echo" back.
type Plain struct{}

// Path implements Dialect.
func (Plain) Path() string { return "/ws" }

// Join implements Dialect.
func (Plain) Join(dst []byte, step int, room string, msg []byte) ([]byte, int, bool, error) {
	switch {
	case step == 0 && room == "":
		return dst, 1, true, nil
	case step == 0:
		dst = strconv.AppendQuote(append(dst, `{"e":"join","r":`...), room)
		return append(dst, '}'), 1, false, nil
	case bytes.HasPrefix(msg, []byte(`{"e":"join"`)):
		return dst, 2, true, nil
	case bytes.HasPrefix(msg, []byte(`{"e":"say"`)):
		return dst, step, false, nil
	}
	return dst, step, false, fmt.Errorf("loadgen: no answer to a join: %.100q", msg)
}

// Say implements Dialect.
func (Plain) Say(dst []byte, room string, payload []byte) []byte {
	dst = strconv.AppendQuote(append(dst, `{"e":"say","r":`...), room)
	dst = append(append(dst, `,"d":`...), payload...)
	return append(dst, '}')
}

// Ask implements Dialect.
func (Plain) Ask(dst []byte, payload []byte) ([]byte, int) {
	dst = append(dst, `{"e":"echo","i":`...)
	id := len(dst)
	dst = append(append(dst, `100,"d":`...), payload...)
	return append(dst, '}'), id
}

// Cut implements Dialect.
func (Plain) Cut(msg []byte) (Kind, []byte, []byte) {
	const event = len(`{"e":"`)
	if len(msg) <= event {
		return Other, nil, nil
	}
	switch msg[event] {
	case 's':
		return Delivery, msg, nil
	case 'e':
		return Answer, msg, nil
	}
	return Other, nil, nil
}

// Pong implements Dialect; there are no pings but those of websocket.
func (Plain) Pong() []byte { return nil }

// ToSelf implements Dialect.
func (Plain) ToSelf() bool { return false }
