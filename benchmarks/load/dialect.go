package load

import (
	"bytes"
	"fmt"
	"strings"
)

// Kind is what a message of the server is.
type Kind uint8

// The kinds of messages.
const (
	Other    Kind = iota
	Delivery      // of a message to a room
	Answer        // to an echo
	Ping          // wants to be answered
)

// Dialect is the wire of a server, as far as a benchmark needs it.
type Dialect struct {
	Name string
	Path string // of the websocket
	// Hello is what a client says, and what the server's answer begins with, in turn, to join a room; the first
	// word may be "" when the server speaks first.
	Hello func(room string) [][2]string
	// Publish is a message to a room with a number of eight digits; Echo wants to be answered.
	Publish func(room, number string) string
	Echo    func() string
	// Kind tells what a message is.
	Kind func(message []byte) Kind
	Pong []byte // the frame that answers a Ping
	// Lines means that one frame may hold several messages, one a line.
	Lines bool
	// Own means that a publisher who is in the room hears its own message.
	Own bool
}

// filler makes a payload of some 100 bytes.
const filler = "the quick brown fox jumps over the lazy dog, twice"

func payload(room, number string) string {
	return fmt.Sprintf(`{"n":"%s","r":"%s","p":"%s"}`, number, room, filler)
}

// numberMark stands before the number of a message.
var numberMark = []byte(`"n":"`)

// number finds the number of a message, -1 if it has none.
func number(message []byte) int {
	i := bytes.Index(message, numberMark)
	if i < 0 || len(message) < i+len(numberMark)+numberLen {
		return -1
	}
	n := 0
	for _, c := range message[i+len(numberMark) : i+len(numberMark)+numberLen] {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

const numberLen = 8

// SocketIO is Socket.IO 5 on Engine.IO 4. The server has to know the events join, msg and echo.
func SocketIO() *Dialect {
	return &Dialect{
		Name: "socket.io", Path: "/socket.io/?EIO=4&transport=websocket",
		Hello: func(room string) [][2]string {
			return [][2]string{{"", "0{"}, {"40", "40{"}, {`421["join",` + fmt.Sprintf("%q", room) + `]`, "431["}}
		},
		Publish: func(room, number string) string { return `42["msg",` + payload(room, number) + `]` },
		Echo:    func() string { return `427["echo",` + payload("", "00000000") + `]` },
		Kind: func(m []byte) Kind {
			switch {
			case len(m) > 2 && m[0] == '4' && m[1] == '2':
				return Delivery
			case len(m) > 2 && m[0] == '4' && m[1] == '3':
				return Answer
			case len(m) == 1 && m[0] == '2':
				return Ping
			}
			return Other
		},
		Pong: Frame("3"),
	}
}

// Plain is JSON text on a bare websocket: {"e":EVENT,"d":PAYLOAD}.
func Plain() *Dialect {
	return &Dialect{
		Name: "plain", Path: "/",
		Hello: func(room string) [][2]string {
			return [][2]string{{`{"e":"join","d":{"r":"` + room + `"}}`, `{"e":"joined"`}}
		},
		Publish: func(room, number string) string { return `{"e":"msg","d":` + payload(room, number) + `}` },
		Echo:    func() string { return `{"e":"echo","d":` + payload("", "00000000") + `}` },
		Kind: func(m []byte) Kind {
			const event = len(`{"e":"`)
			if len(m) <= event {
				return Other
			}
			switch m[event] {
			case 'm':
				return Delivery
			case 'e':
				return Answer
			}
			return Other
		},
	}
}

// Centrifuge is the JSON protocol of centrifuge.
func Centrifuge() *Dialect {
	return &Dialect{
		Name: "centrifuge", Path: "/connection/websocket", Lines: true, Own: true, Pong: Frame("{}"),
		Hello: func(room string) [][2]string {
			return [][2]string{{`{"id":1,"connect":{}}`, `{"id":1,"connect"`}, {`{"id":2,"subscribe":{"channel":"` + room + `"}}`, `{"id":2,"subscribe"`}}
		},
		Publish: func(room, number string) string {
			return `{"id":3,"publish":{"channel":"` + room + `","data":` + payload(room, number) + `}}`
		},
		Echo: func() string { return `{"id":4,"rpc":{"method":"echo","data":` + payload("", "00000000") + `}}` },
		Kind: func(m []byte) Kind {
			switch {
			case len(m) == 2:
				return Ping
			case bytes.HasPrefix(m, []byte(`{"push"`)):
				return Delivery
			case bytes.HasPrefix(m, []byte(`{"id":4`)):
				return Answer
			}
			return Other
		},
	}
}

// DialectOf finds a dialect by name.
func DialectOf(name string) (*Dialect, error) {
	for _, d := range []*Dialect{SocketIO(), Plain(), Centrifuge()} {
		if strings.EqualFold(d.Name, name) {
			return d, nil
		}
	}
	return nil, fmt.Errorf("load: no dialect %q", name)
}
