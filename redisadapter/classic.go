package redisadapter

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter/internal/nodewire"
)

// classic is the wire NodeClassic: what @socket.io/redis-adapter does, and notes for
// what this library says beyond it.
type classic struct {
	n         *node
	echo      nodewire.Echo
	responses string // what the names of response channels begin with
	both      bool   // what is said here is said on the wire Native too: see rolling
}

func newClassic(n *node) *classic {
	return &classic{n: n, echo: nodewire.EchoOf(n.self.ID), responses: nodewire.ResponsePrefix(n.cfg.Prefix)}
}

// note is what messages of this library say beyond the format of the Node.js adapter,
// which does not look at it. Fields that do not fit a message are empty.
type note struct {
	Op     string            `json:"op,omitempty"`     // of a request that Node.js does not know
	Reason string            `json:"reason,omitempty"` // Message.Reason
	Meta   map[string]string `json:"meta,omitempty"`   // Message.Meta
	Names  []string          `json:"names,omitempty"`  // users of a revocation
	Time   time.Time         `json:"time,omitzero"`    // of a revocation
	Node   string            `json:"node,omitempty"`   // of an answer
	Conn   string            `json:"conn,omitempty"`   // of an answer
	More   json.RawMessage   `json:"more,omitempty"`   // the arguments of an answer but the first
	Native bool              `json:"native,omitempty"` // said on the wire Native too
	Count  *int              `json:"count,omitempty"`  // in a question: only the number is wanted; in its answer: the number

	// Of a connection in an answer.
	User      string `json:"user,omitempty"`
	Transport string `json:"transport,omitempty"`
}

// The values of note.Op.
const (
	opReconnect = "reconnect"
	opRevoke    = "revoke"
	opReplace   = "replace"
)

// encode is the JSON of a note, nil if there is nothing to note.
func (x note) encode() ([]byte, error) {
	text, err := json.Marshal(x)
	if err != nil {
		return nil, fmt.Errorf("redisadapter: encode note: %w", err)
	}
	if string(text) == "{}" {
		return nil, nil
	}
	return text, nil
}

// decodeNote reads a note. What is no note is none: it is nobody's but ours, and the
// message stands without it.
func decodeNote(text []byte) (x note) {
	if text != nil && json.Unmarshal(text, &x) != nil {
		return note{}
	}
	return x
}

func (c *classic) names(namespace string) nodewire.Channels {
	return nodewire.NamesOf(c.n.cfg.Prefix, namespace)
}

// subscription is what the Node.js adapter listens to.
func (c *classic) subscription(namespace string) subscription {
	names := c.names(namespace)
	return subscription{
		channels: []string{names.Request(), names.Responses(), names.ResponsesTo(c.n.self.ID)},
		patterns: []string{names.Pattern()},
	}
}

func (c *classic) isAnswer(channel string) bool {
	return strings.HasPrefix(channel, c.responses)
}

func (c *classic) isEcho(in *incoming) bool { return c.echo.Is(in.payload) }

// audience is the channel by which the Node.js adapter counts nodes.
func (c *classic) audience(namespace string) audience {
	return audience{heard: []string{c.names(namespace).Request()}}
}

// nameless is true: Node.js nodes tell no names.
func (c *classic) nameless() bool { return true }

func (c *classic) newID() string {
	var random [12]byte
	_, _ = rand.Read(random[:]) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(random[:])
}

// userRoom begins the names of the rooms that the server gives to users.
const userRoom = "user:"

// message writes what Publish sends.
func (c *classic) message(m *realtime.Message) (outgoing, error) {
	if m.Op == realtime.OpBroadcast {
		return c.broadcast(m, c.n.self.ID)
	}
	r, err := command(m, c.both)
	if err != nil {
		return outgoing{}, err
	}
	r.UID = c.n.self.ID
	return c.request(m.Namespace, r)
}

func (c *classic) broadcast(m *realtime.Message, uid string) (outgoing, error) {
	text, err := note{Meta: m.Meta, Native: c.both}.encode()
	if err != nil {
		return outgoing{}, err
	}
	b := &nodewire.Broadcast{
		UID: uid, Namespace: m.Namespace, Selection: nodewire.Selection{Rooms: m.Rooms, Except: m.Except},
		Flags: flagsOf(m), Data: m.Data, Attachments: m.Attachments, Note: text,
	}
	payload, err := nodewire.AppendBroadcast(make([]byte, 0, len(m.Data)+len(m.Data)/4+128), b)
	if err != nil {
		return outgoing{}, fmt.Errorf("redisadapter: encode broadcast: %w", err)
	}
	return sized(outgoing{channel: c.names(m.Namespace).Broadcast(m.Rooms), payload: payload})
}

// sized refuses what every receiver would refuse.
func sized(out outgoing) (outgoing, error) {
	if len(out.payload) > nodewire.MaxSize {
		return outgoing{}, fmt.Errorf("redisadapter: message of %d bytes: %w", len(out.payload), nodewire.ErrSize)
	}
	return out, nil
}

func flagsOf(m *realtime.Message) nodewire.Flags {
	return nodewire.Flags{Volatile: m.Volatile, Compress: m.Compress, Timeout: milliseconds(m.Timeout)}
}

// milliseconds rounds up: 0 would mean no time at all.
func milliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

func (c *classic) request(namespace string, r *nodewire.Request) (outgoing, error) {
	payload, err := nodewire.AppendRequest(nil, r)
	if err != nil {
		return outgoing{}, fmt.Errorf("redisadapter: encode request: %w", err)
	}
	return sized(outgoing{channel: c.names(namespace).Request(), payload: payload})
}

// command is the request of an operation that nobody answers, without a uid.
func command(m *realtime.Message, both bool) (*nodewire.Request, error) {
	r := &nodewire.Request{
		Selection: nodewire.Selection{Rooms: m.Rooms, Except: m.Except},
		Names:     m.Names, Close: m.Close, Data: m.Data, Attachments: m.Attachments,
	}
	x := note{Reason: m.Reason, Meta: m.Meta, Native: both}
	switch m.Op {
	case realtime.OpJoin:
		r.Type = nodewire.Join
	case realtime.OpLeave:
		r.Type = nodewire.Leave
	case realtime.OpDisconnect:
		r.Type = nodewire.Disconnect
	case realtime.OpReplace: // for Node.js it is any disconnect
		r.Type, x.Op = nodewire.Disconnect, opReplace
	case realtime.OpReconnect: // Node.js has no such operation, and its type 4 would keep clients away
		r.Type, x.Op = nodewire.Ours, opReconnect
	case realtime.OpServerSide:
		r.Type = nodewire.ServerSide
	case realtime.OpRevoke: // Node.js remembers no revocation, but disconnects the users, if it has rooms of them
		r.Type, r.Close, r.Names = nodewire.Disconnect, true, nil
		for _, user := range m.Names {
			r.Rooms = append(slices.Clip(r.Rooms), userRoom+user)
		}
		x.Op, x.Names, x.Time = opRevoke, m.Names, m.Time
	default:
		return nil, fmt.Errorf("%w: Publish of operation %d", ErrUnsupported, m.Op)
	}
	var err error
	r.Note, err = x.encode()
	return r, err
}

// question writes what Ask sends.
func (c *classic) question(m *realtime.Message, id string) (outgoing, error) {
	r := &nodewire.Request{
		UID: c.n.self.ID, ID: id, Namespace: m.Namespace,
		Selection: nodewire.Selection{Rooms: m.Rooms, Except: m.Except},
		Data:      m.Data, Attachments: m.Attachments, Flags: flagsOf(m),
	}
	x := note{Meta: m.Meta, Native: c.both}
	switch m.Op {
	case realtime.OpBroadcastAck:
		r.Type = nodewire.Acks
	case realtime.OpFetch:
		r.Type = nodewire.Fetch
	case realtime.OpCountMembers: // Node.js answers with the members
		r.Type, x.Count = nodewire.Fetch, new(int)
		if len(m.Except) == 0 {
			r.Type = nodewire.Sockets // with their ids alone, but it knows no exceptions
		}
	case realtime.OpServerSideAck:
		r.Type = nodewire.ServerSide
	case opAllRooms:
		r.Type = nodewire.AllRooms
	default:
		return outgoing{}, fmt.Errorf("%w: Ask of operation %d", ErrUnsupported, m.Op)
	}
	var err error
	if r.Note, err = x.encode(); err != nil {
		return outgoing{}, err
	}
	return c.request(m.Namespace, r)
}

// opAllRooms is a question of this adapter, answered with room names in Names.
const opAllRooms = realtime.Op(255)
