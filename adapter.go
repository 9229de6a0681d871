package realtime

import (
	"bytes"
	"context"
	"encoding/json"
	"time"
)

// Adapter carries messages between the nodes of a cluster. It is a bus and nothing else: membership stays
// on the node that holds the connection, and the server has delivered to its own connections before it
// calls Publish.
//
// The rules, in the order of an adapter's life:
//
//   - Start is called once, before anything else, and again if it failed. From its return on, h hears what
//     other nodes publish. A node never hears its own messages. Calls that come too early return an error:
//     a server whose first request starts it may make some.
//   - OpenNamespace is called before the first message of a namespace, CloseNamespace after the last one.
//     Messages of namespaces that are not open on a node may be dropped there, but not an OpRevoke: it is
//     about users, who may come to any node.
//   - All methods may be called concurrently, and from within calls of the handler, except Ask and Close,
//     which wait for others.
//   - A *Message, and everything that it points to, is immutable from the moment it is handed over, in
//     both directions, and may be kept.
//   - Messages that one node publishes about one room arrive at each other node in the order of the
//     Publish calls. OpJoin and OpLeave are about the rooms in Names as well: who has just been made to join
//     gets what is sent to the room next. Nothing is promised about messages of different nodes.
//   - Delivery is at most once. What may have been lost is told to OnState as a gap: on the node that has
//     missed it, or on the publishing one if only that can know.
//   - A dead bus must not be felt by local clients: Publish may take as long as queueing takes, not as
//     long as the network does, and returns an error when the message certainly will not be sent.
//   - Close ends everything that Start began, and questions in progress with an error. It waits for calls of
//     the handler, as long as ctx lasts; after it there are none. Later calls return an error.
//
// Optional abilities are found by type assertion: see [RoomInterest], [PresenceStore],
// [RevocationStore].
type Adapter interface {
	// Start connects and begins calling h; it returns once messages of the other nodes will be seen.
	// ctx bounds the start only.
	Start(ctx context.Context, self Node, h AdapterHandler) error

	// Publish hands m to the other nodes.
	Publish(ctx context.Context, m *Message) error

	// Ask hands m to the other nodes and calls reply, one call at a time, for each answer, until every
	// asked node has answered in full or ctx ends. A node answers in full with one OpAnswer message, or,
	// where the question goes to clients (OpBroadcastAck), with one OpCount message and then as many
	// OpAnswer messages as that said. A node that dies meanwhile is no longer expected.
	//
	// The result is the number of nodes that were asked and did not die. It is an error (the cause of
	// ctx) if some of them have not answered in full. reply is not called after Ask has returned.
	Ask(ctx context.Context, m *Message, reply func(*Message)) (expected int, err error)

	// Nodes lists the live nodes, this one included.
	Nodes(ctx context.Context) ([]Node, error)

	// OpenNamespace and CloseNamespace tell which namespaces this node serves.
	OpenNamespace(ctx context.Context, namespace string) error
	CloseNamespace(ctx context.Context, namespace string) error

	// Close leaves the cluster.
	Close(ctx context.Context) error
}

// AdapterHandler is the server's side of an [Adapter]. Its methods do not block, and may be called
// concurrently, from the beginning of Start, except that messages whose order matters must be handed over
// one after the other.
type AdapterHandler interface {
	// OnMessage delivers what another node published. It does not block: no user code runs in it.
	OnMessage(m *Message)

	// OnAsk delivers a question. reply may be called from any goroutine, also after OnAsk has returned,
	// until the question's time is over; later calls have no effect.
	OnAsk(m *Message, reply func(*Message))

	// OnNode tells, once each, of a node that is there (up; those that were there before Start too) or is
	// gone.
	OnNode(n Node, up bool)

	// OnState tells how the bus is.
	OnState(s AdapterState)

	// OnPresence and OnRivals are for a [PresenceStore]. The changes of one user arrive in order.
	OnPresence(change PresenceChange, decided bool)
	OnRivals(e PresenceEntry, conns []PresenceConn)
}

// RoomInterest is an optional ability of an adapter: it is told which rooms have members here, so that
// other nodes need not send what nobody here would get. Calls for one room arrive in order, also before
// Start, and do not block.
//
// What other nodes send may be missed for a moment after RoomOpened, but not what follows an OpJoin. The room
// of one connection, whose name is its id (20 characters of base64url), is not told: what is addressed to such
// a name goes to every node. An adapter that was never told of a room gets everything, for it may stand behind
// a wrapper that does not implement this interface.
type RoomInterest interface {
	RoomOpened(namespace, room string)
	RoomClosed(namespace, room string)
}

// Node is one server process of the cluster.
type Node struct {
	ID      string            `json:"id"`   // random, new with each process
	Name    string            `json:"name"` // Config.NodeName
	Started time.Time         `json:"started"`
	Meta    map[string]string `json:"meta,omitempty"` // what the adapter knows beside
}

// AdapterState is what an adapter tells of its bus.
type AdapterState struct {
	Status AdapterStatus
	Err    error // why the bus is down
	Gap    *Gap  // set with AdapterGap
}

// AdapterStatus says whether messages cross.
type AdapterStatus uint8

// The states of a bus.
const (
	AdapterDown AdapterStatus = iota // messages do not cross
	AdapterUp                        // messages cross
	AdapterGap                       // messages cross, and some were lost before
)

// String returns "down", "up" or "gap".
func (s AdapterStatus) String() string {
	switch s {
	case AdapterUp:
		return "up"
	case AdapterGap:
		return "gap"
	default:
		return "down"
	}
}

// Gap tells what may have been lost between nodes.
type Gap struct {
	Node      string // id of the publishing node, "" if any
	Namespace string // "" if any
	Room      string // "" if any
	Count     int    // messages lost, -1 if unknown
	From, To  time.Time
}

// Op says what a [Message] asks the receiving node to do.
type Op uint8

// The operations. Those marked (ask) travel by Adapter.Ask and are answered.
const (
	OpBroadcast     Op = iota + 1 // deliver Data to the selected connections
	OpBroadcastAck                // (ask) the same, and answer with each client's acknowledgement
	OpJoin                        // the selected connections join Names
	OpLeave                       // the selected connections leave Names
	OpDisconnect                  // DISCONNECT packet to the selected connections; with Close their sessions end
	OpReconnect                   // close the transports of the selected connections
	OpFetch                       // (ask) answer with the selected connections in Conns
	OpCountMembers                // (ask) answer with the number of selected connections in Count
	OpServerSide                  // run the OnServerSide handlers with Data
	OpServerSideAck               // (ask) the same, and answer with their results in Data
	OpAnswer                      // an answer
	OpCount                       // announces Count answers
	OpReplace                     // as OpDisconnect, because SessionPolicy preferred other connections
	OpRevoke                      // refuse the identities of the users Names that were issued before Time, and disconnect these users
)

// Message says what is meant, not how it looks on a wire. Rooms and Except are names as rooms have them on
// the wire ("room:42", "user:7", a connection id). Data is the JSON array of a Socket.IO packet, so for an
// event ["name",arg,...], with a {"_placeholder":true,"num":i} for each attachment.
type Message struct {
	Op          Op                `json:"op"`
	Node        string            `json:"node"` // id of the sending node
	Namespace   string            `json:"nsp,omitempty"`
	Rooms       []string          `json:"rooms,omitempty"`  // none: everyone
	Except      []string          `json:"except,omitempty"` // wins over Rooms
	Names       []string          `json:"names,omitempty"`  // rooms of OpJoin and OpLeave
	Volatile    bool              `json:"volatile,omitempty"`
	Compress    *bool             `json:"compress,omitempty"`
	Close       bool              `json:"close,omitempty"`
	Reason      string            `json:"reason,omitempty"`
	Timeout     time.Duration     `json:"timeout,omitempty"` // how long the asking node waits
	Time        time.Time         `json:"time,omitzero"`     // of OpRevoke
	Conn        string            `json:"conn,omitempty"`    // connection that an OpAnswer comes from
	Count       int               `json:"count,omitempty"`
	Conns       []ConnInfo        `json:"conns,omitempty"`
	Data        json.RawMessage   `json:"data,omitempty"`
	Attachments [][]byte          `json:"attachments,omitempty"`
	Meta        map[string]string `json:"meta,omitempty"` // free, e.g. a trace context
}

// MarshalBinary encodes the message for adapters that need no format of their own. It returns the errors
// of encoding/json.
func (m *Message) MarshalBinary() ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // Data stays as its sender has encoded it
	if err := encoder.Encode((*wireMessage)(m)); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// UnmarshalBinary decodes what MarshalBinary wrote. The input is not kept.
func (m *Message) UnmarshalBinary(data []byte) error { return json.Unmarshal(data, (*wireMessage)(m)) }

// wireMessage has the fields of Message without its methods.
type wireMessage Message

// ConnInfo describes a connection on any node. It holds no credentials.
type ConnInfo struct {
	ID        string          `json:"id"`
	UserID    string          `json:"user,omitempty"`
	Node      string          `json:"node"`
	Rooms     []string        `json:"rooms"`            // in a Message by their wire names, else without its own and its user's
	Public    json.RawMessage `json:"public,omitempty"` // what SetPublic stored
	Address   string          `json:"address,omitempty"`
	Secure    bool            `json:"secure,omitempty"`
	Connected time.Time       `json:"connected"`
	Transport string          `json:"transport,omitempty"`
}

// Member is a [ConnInfo] seen from a room.
type Member = ConnInfo
