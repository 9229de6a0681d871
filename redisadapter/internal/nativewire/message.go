package nativewire

import "time"

// Op says what a [Message] asks for. The numbers stand on the wire and never change.
type Op uint8

// The operations, as the library has them.
const (
	OpBroadcast     Op = 1
	OpBroadcastAck  Op = 2
	OpJoin          Op = 3
	OpLeave         Op = 4
	OpDisconnect    Op = 5
	OpReconnect     Op = 6
	OpFetch         Op = 7
	OpCountMembers  Op = 8
	OpServerSide    Op = 9
	OpServerSideAck Op = 10
	OpAnswer        Op = 11
	OpCount         Op = 12
	OpReplace       Op = 13
	OpRevoke        Op = 14

	lastOp = OpRevoke
)

// Choice is a flag that may not have been set.
type Choice uint8

// The choices.
const (
	Unset Choice = iota
	Off
	On
)

// Message says what is meant, as the library's own message does; the node that says it
// stands in the frame. The zero value of a field is left out on the wire. Nil and empty
// are the same.
//
// What a frame has decoded is a part of what came: it keeps all of the frame alive, and
// nobody may write to it. A message that nobody changes may be read concurrently.
type Message struct {
	Op        Op
	Volatile  bool
	Close     bool
	Compress  Choice
	Namespace string   // that of the channel, where the channel has one
	Rooms     []string // none: everyone
	Except    []string // wins over Rooms
	Names     []string
	Ask       uint64 // number of a question, and of what answers it; 0: none
	// Copy is the number, among those of its node and epoch, of a message that goes out on
	// several channels, the same whole message on each. 0: it goes out on one. See
	// [Tracker.Copy].
	Copy        uint64
	Timeout     time.Duration
	Time        time.Time // in UTC once decoded; years 1 to 9999
	Reason      string
	Conn        string
	Count       int // from 0 to 2^31−1
	Conns       []Conn
	Data        []byte // JSON, byte for byte as the sender had it
	Attachments [][]byte
	Meta        map[string]string
}

// Conn describes a connection.
type Conn struct {
	ID        string // never empty
	User      string
	Node      string
	Rooms     []string
	Public    []byte // JSON
	Address   string
	Transport string
	Secure    bool
	Connected time.Time // in UTC once decoded; years 1 to 9999
}

// The tags of a message's fields. A tag is never given to another field.
const (
	tagFlags = 1 + iota
	tagNamespace
	tagRooms
	tagExcept
	tagNames
	tagAsk
	_ // free
	tagTimeout
	tagTime
	tagReason
	tagConn
	tagCount
	tagConns
	tagData
	tagAttachments
	tagMeta

	// tagCopy is behind all others, those of later versions too: a message is encoded before it is
	// known whether there will be copies, and this is appended.
	tagCopy = 64
)

// The bits of tagFlags.
const (
	flagVolatile = 1 << iota
	flagClose
	flagCompressSet
	flagCompressOn

	knownFlags = 1<<iota - 1
)

// The tags of a connection's fields.
const (
	tagConnID = 1 + iota
	tagConnUser
	tagConnNode
	tagConnRooms
	tagConnPublic
	tagConnAddress
	tagConnTransport
	tagConnSecure
	tagConnConnected
)

// leastConn is the length of the shortest connection, its own length included. A list is
// no longer than its bytes can hold, so that memory stays in proportion.
const leastConn = 4

// The range of times: what RFC 3339 can write, so that JSON can.
const (
	leastSecond = -62135596800 // year 1
	mostSecond  = 253402300799 // year 9999
)

// goodTime reports whether a time can be written. The zero time is no value at all.
func goodTime(t time.Time) bool {
	s := t.Unix()
	return s >= leastSecond && s <= mostSecond
}
