package redisadapter

import (
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter/internal/nodewire"
)

// receive works off a broadcast or a request of another node.
func (c *classic) receive(in incoming) error {
	if in.pattern != "" {
		return c.receiveBroadcast(in)
	}
	namespace, ok := nodewire.RequestedNamespace(c.n.cfg.Prefix, in.channel)
	if !ok {
		return nil // of a subscription that is no more
	}
	r, err := nodewire.DecodeRequest(in.payload)
	if err != nil || r.UID == c.n.self.ID {
		return err
	}
	return c.receiveRequest(namespace, r)
}

func (c *classic) receiveBroadcast(in incoming) error {
	namespace, ok := nodewire.PatternNamespace(c.n.cfg.Prefix, in.pattern)
	if !ok {
		return nil
	}
	// Without a look at the message, as the Node.js adapter does: most rooms of a cluster
	// have nobody here.
	if room := c.names(namespace).Room(in.channel); room != "" && !c.n.interest.has(namespace, room) {
		return nil
	}
	b, err := nodewire.DecodeBroadcast(in.payload)
	if err != nil {
		return err
	}
	x := decodeNote(b.Note)
	if b.Namespace != namespace || b.UID == c.n.self.ID || c.both && x.Native {
		return nil
	}
	c.n.handler.OnMessage(&realtime.Message{
		Op: realtime.OpBroadcast, Node: b.UID, Namespace: namespace, Rooms: b.Rooms, Except: b.Except,
		Volatile: b.Flags.Volatile, Compress: b.Flags.Compress, Data: b.Data, Attachments: b.Attachments,
		Meta: x.Meta,
	})
	return nil
}

// receiveRequest tells the handler what a request means. Types that are not known are
// ignored, as in Node.js.
func (c *classic) receiveRequest(namespace string, r *nodewire.Request) error {
	x := decodeNote(r.Note)
	if c.both && x.Native {
		return nil
	}
	m := &realtime.Message{
		Node: r.UID, Namespace: namespace, Rooms: r.Rooms, Except: r.Except, Names: r.Names, Close: r.Close,
		Data: r.Data, Attachments: r.Attachments, Reason: x.Reason, Meta: x.Meta,
	}
	switch r.Type {
	case nodewire.Join, nodewire.Leave, nodewire.Disconnect:
		m.Op = map[nodewire.RequestType]realtime.Op{
			nodewire.Join: realtime.OpJoin, nodewire.Leave: realtime.OpLeave, nodewire.Disconnect: realtime.OpDisconnect,
		}[r.Type]
		if r.Socket != "" {
			c.receiveOldForm(m, r)
			return nil
		}
		switch x.Op {
		case opReplace:
			m.Op = realtime.OpReplace
		case opRevoke:
			m.Op, m.Names, m.Time, m.Rooms, m.Close = realtime.OpRevoke, x.Names, x.Time, nil, false
		}
		c.n.handler.OnMessage(m)
	case nodewire.Ours:
		if x.Op == opReconnect {
			m.Op = realtime.OpReconnect
			c.n.handler.OnMessage(m)
		}
	case nodewire.ServerSide:
		if r.ID == "" {
			m.Op = realtime.OpServerSide
			c.n.handler.OnMessage(m)
			return nil
		}
		m.Op = realtime.OpServerSideAck
		c.n.handler.OnAsk(m, func(a *realtime.Message) { c.respond(namespace, r, a, c.serverSideResponse) })
	case nodewire.Acks:
		m.Op, m.Volatile, m.Compress = realtime.OpBroadcastAck, r.Flags.Volatile, r.Flags.Compress
		m.Timeout = time.Duration(min(r.Flags.Timeout, maxTimeout.Milliseconds())) * time.Millisecond
		c.n.handler.OnAsk(m, func(a *realtime.Message) { c.respond(namespace, r, a, c.ackResponse) })
	case nodewire.Fetch, nodewire.Sockets:
		if x.Count != nil {
			m.Op = realtime.OpCountMembers
			c.n.handler.OnAsk(m, func(a *realtime.Message) { c.respond(namespace, r, a, c.countResponse) })
			return nil
		}
		fallthrough
	case nodewire.AllRooms:
		m.Op = realtime.OpFetch
		c.n.handler.OnAsk(m, func(a *realtime.Message) { c.respond(namespace, r, a, c.fetchResponse) })
	}
	return nil
}

// maxTimeout bounds how long another node can claim to wait; more would overflow.
const maxTimeout = 24 * time.Hour

// receiveOldForm works off a request about one connection, which its node answers.
func (c *classic) receiveOldForm(m *realtime.Message, r *nodewire.Request) {
	m.Rooms, m.Except = []string{r.Socket}, nil
	if r.Room != "" {
		m.Names = []string{r.Room}
	}
	find := &realtime.Message{Op: realtime.OpCountMembers, Node: r.UID, Namespace: m.Namespace, Rooms: m.Rooms}
	c.n.handler.OnAsk(find, func(a *realtime.Message) {
		if a.Count > 0 && r.ID != "" {
			c.respond(m.Namespace, r, a, func(*nodewire.Request, *realtime.Message) (*nodewire.Response, error) {
				return &nodewire.Response{}, nil
			})
		}
	})
	c.n.handler.OnMessage(m)
}
