package loadgen

import (
	"bytes"
	"fmt"
	"strconv"
)

// Centrifuge speaks the bidirectional JSON protocol of centrifuge servers: rooms are channels, a question is the remote call "echo". One frame
// may hold several messages, one a line.
type Centrifuge struct{}

// Path implements Dialect.
func (Centrifuge) Path() string { return "/connection/websocket" }

// Join implements Dialect.
func (Centrifuge) Join(dst []byte, step int, room string, msg []byte) ([]byte, int, bool, error) {
	switch {
	case step == 0:
		return append(dst, `{"id":1,"connect":{}}`...), 1, false, nil
	case string(bytes.TrimSpace(msg)) == "{}":
		return append(dst, "{}"...), step, false, nil
	case bytes.Contains(msg, []byte(`"error"`)):
		return dst, step, false, fmt.Errorf("loadgen: refused at step %d: %.200s", step, msg)
	case step == 1 && room == "":
		return dst, 2, true, nil
	case step == 1 && bytes.HasPrefix(msg, []byte(`{"id":1`)):
		dst = strconv.AppendQuote(append(dst, `{"id":2,"subscribe":{"channel":`...), room)
		return append(dst, "}}"...), 2, false, nil
	case step == 2 && bytes.Contains(msg, []byte(`{"id":2`)):
		return dst, 3, true, nil
	case bytes.HasPrefix(msg, []byte(`{"push"`)):
		return dst, step, false, nil
	}
	return dst, step, false, fmt.Errorf("loadgen: not what a centrifuge server says at step %d: %.100q", step, msg)
}

// Say implements Dialect. Its id is always the same, because nobody looks at the answer.
func (Centrifuge) Say(dst []byte, room string, payload []byte) []byte {
	dst = strconv.AppendQuote(append(dst, `{"id":9,"publish":{"channel":`...), room)
	dst = append(append(dst, `,"data":`...), payload...)
	return append(dst, "}}"...)
}

// Ask implements Dialect.
func (Centrifuge) Ask(dst []byte, payload []byte) ([]byte, int) {
	dst = append(dst, `{"id":`...)
	id := len(dst)
	dst = append(append(dst, `100,"rpc":{"method":"echo","data":`...), payload...)
	return append(dst, "}}"...), id
}

// Cut implements Dialect.
func (Centrifuge) Cut(msg []byte) (Kind, []byte, []byte) {
	line, rest, _ := bytes.Cut(msg, []byte{'\n'})
	switch {
	case len(line) < 3:
		if len(line) == 2 {
			return Ping, nil, rest
		}
		return Other, nil, rest
	case line[2] == 'p': // {"push":{"channel":…,"pub":…
		return Delivery, line, rest
	case line[2] == 'i' && len(line) > 9 && line[7] != ',': // {"id":100,"rpc":…, and not the answer to a publish, whose id has one digit
		return Answer, line, rest
	}
	return Other, nil, rest
}

// Pong implements Dialect.
func (Centrifuge) Pong() []byte { return []byte("{}") }

// ToSelf implements Dialect: publishers that are subscribed get their own.
func (Centrifuge) ToSelf() bool { return true }
