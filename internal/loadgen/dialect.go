package loadgen

// Kind says what a message from a server is.
type Kind uint8

// The kinds of messages.
const (
	Other    Kind = iota // of no interest
	Delivery             // somebody's message to a room
	Answer               // to a question of this connection's own
	Ping                 // wants Dialect.Pong at once
	Refusal              // the connection is of no more use
)

// Dialect is what a server is told in the text messages of a websocket. Its methods are called by one goroutine.
type Dialect interface {
	// Path is the target of the websocket handshake.
	Path() string
	// Join appends what to send next until the connection is ready: it is called with step 0 and no message when the websocket
	// is open, then with every message that arrives and the steps that were done. What it returns as next is the
	// next call's step; ready ends the calls. An empty room is none.
	Join(dst []byte, step int, room string, msg []byte) (send []byte, next int, ready bool, err error)
	// Say appends a message that sends payload, which is JSON, to a room.
	Say(dst []byte, room string, payload []byte) []byte
	// Ask appends a message that is answered with its payload; id is the place of three digits in it that may
	// be changed to tell questions apart.
	Ask(dst []byte, payload []byte) (text []byte, id int)
	// Cut tells what the first message in msg is; body holds its payload somewhere, rest what follows it.
	Cut(msg []byte) (kind Kind, body, rest []byte)
	// Pong answers a Ping.
	Pong() []byte
	// ToSelf tells whether who says something in a room of its own gets it too.
	ToSelf() bool
}
