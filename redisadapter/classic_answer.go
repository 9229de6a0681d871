package redisadapter

import (
	"fmt"
	"slices"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter/internal/nodewire"
)

// answer works off a response.
func (c *classic) answer(in incoming) error {
	r, err := nodewire.DecodeResponse(in.payload)
	if err != nil {
		return err
	}
	q := c.n.asks.find(r.ID)
	if q == nil {
		return nil // another node's, or too late
	}
	x := decodeNote(r.Note)
	a := &realtime.Message{Op: realtime.OpAnswer, Node: x.Node, Namespace: q.m.Namespace, Meta: x.Meta}
	if !fillAnswer(a, q.m.Op, r, x) {
		return fmt.Errorf("redisadapter: a response does not fit its request of operation %d", q.m.Op)
	}
	if !q.answer(a) {
		c.n.inbox.drop()
	}
	return nil
}

// fillAnswer says in a what a response means as an answer to an operation. It is false if it
// is none.
func fillAnswer(a *realtime.Message, op realtime.Op, r *nodewire.Response, x note) (ok bool) {
	switch {
	case op == realtime.OpFetch && r.Sockets != nil:
		for i := range *r.Sockets {
			a.Conns = append(a.Conns, connOf(&(*r.Sockets)[i], a.Node))
		}
	case op == realtime.OpCountMembers:
		a.Count, ok = countOf(r, x)
		return ok
	case op == opAllRooms && r.Rooms != nil:
		a.Names = *r.Rooms
	case op == realtime.OpServerSideAck && r.Type == nodewire.ServerSide:
		setData(a, r, x)
	case op == realtime.OpBroadcastAck && r.Type == nodewire.ClientCount:
		a.Op, a.Count = realtime.OpCount, int(min(r.ClientCount, maxClients))
	case op == realtime.OpBroadcastAck && r.Type == nodewire.Ack:
		a.Conn = x.Conn
		setData(a, r, x)
	default:
		return false
	}
	return true
}

// maxClients bounds how many answers a node can announce: more connections no node has.
const maxClients = 1 << 24

func countOf(r *nodewire.Response, x note) (n int, ok bool) {
	switch {
	case x.Count != nil:
		return max(*x.Count, 0), true
	case r.IDs != nil:
		return len(*r.IDs), true
	case r.Sockets != nil:
		return len(*r.Sockets), true
	}
	return 0, false
}

// setData puts the arguments of an answer together again.
func setData(a *realtime.Message, r *nodewire.Response, x note) {
	data := []byte{'['}
	data = append(data, r.Data...)
	if len(x.More) > 2 && x.More[0] == '[' && r.Data != nil {
		data = append(append(data, ','), x.More[1:len(x.More)-1]...)
	}
	a.Data, a.Attachments = append(data, ']'), r.Attachments
}

// connOf is a connection that another node has described, less what may hold a secret.
func connOf(s *nodewire.Socket, node string) realtime.ConnInfo {
	x := decodeNote(s.Note)
	info := realtime.ConnInfo{
		ID: s.ID, UserID: x.User, Node: node, Address: s.Handshake.Address, Secure: s.Handshake.Secure, Transport: x.Transport,
		Rooms: slices.DeleteFunc(slices.Clone(s.Rooms), func(room string) bool { return room == s.ID }),
	}
	if string(s.Data) != "{}" && string(s.Data) != "null" {
		info.Public = s.Data
	}
	if s.Handshake.Issued > 0 {
		info.Connected = time.UnixMilli(s.Handshake.Issued)
	}
	return info
}
