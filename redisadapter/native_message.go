package redisadapter

import (
	"fmt"
	"slices"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter/internal/nativewire"
)

// isQuestion reports whether an operation travels by Ask.
func isQuestion(op realtime.Op) bool {
	switch op {
	case realtime.OpBroadcastAck, realtime.OpFetch, realtime.OpCountMembers, realtime.OpServerSideAck:
		return true
	}
	return false
}

func isAnswerOp(op realtime.Op) bool { return op == realtime.OpAnswer || op == realtime.OpCount }

func unsupported(call string, op realtime.Op) error {
	return fmt.Errorf("%w: %s of operation %d", ErrUnsupported, call, op)
}

// fill says in x what a message says. Slices are shared. The numbers of operations are the
// same in both.
func (s *saying) fill(x *nativewire.Message) {
	m := s.m
	*x = nativewire.Message{
		Op: nativewire.Op(m.Op), Volatile: m.Volatile, Close: m.Close, Namespace: m.Namespace,
		Rooms: m.Rooms, Except: m.Except, Names: m.Names, Ask: s.ask, Timeout: m.Timeout, Time: m.Time,
		Reason: m.Reason, Conn: m.Conn, Count: m.Count, Data: m.Data, Attachments: m.Attachments, Meta: m.Meta,
	}
	if s.op != 0 {
		x.Op = nativewire.Op(s.op)
	}
	if m.Compress != nil {
		x.Compress = nativewire.Off
		if *m.Compress {
			x.Compress = nativewire.On
		}
	}
	if len(m.Conns) == 0 {
		return
	}
	x.Conns = make([]nativewire.Conn, len(m.Conns))
	for i := range m.Conns {
		c := &m.Conns[i]
		x.Conns[i] = nativewire.Conn{
			ID: c.ID, User: c.UserID, Node: c.Node, Rooms: c.Rooms, Public: c.Public, Address: c.Address,
			Transport: c.Transport, Secure: c.Secure, Connected: c.Connected,
		}
	}
}

// choices are what Compress points to: nobody changes a message.
var choices = [...]bool{nativewire.Off: false, nativewire.On: true}

// fromWire is what a node has said. What x points to belongs to the result.
func fromWire(node string, x *nativewire.Message) *realtime.Message {
	m := &realtime.Message{
		Op: realtime.Op(x.Op), Node: node, Namespace: x.Namespace, Rooms: x.Rooms, Except: x.Except, Names: x.Names,
		Volatile: x.Volatile, Close: x.Close, Reason: x.Reason, Timeout: min(x.Timeout, maxTimeout), Time: x.Time,
		Conn: x.Conn, Count: x.Count, Data: x.Data, Attachments: x.Attachments, Meta: x.Meta,
	}
	if x.Compress != nativewire.Unset {
		m.Compress = &choices[x.Compress]
	}
	if len(x.Conns) == 0 {
		return m
	}
	m.Conns = make([]realtime.ConnInfo, len(x.Conns))
	for i := range x.Conns {
		c := &x.Conns[i]
		m.Conns[i] = realtime.ConnInfo{
			ID: c.ID, UserID: c.User, Node: c.Node, Rooms: c.Rooms, Public: c.Public, Address: c.Address,
			Transport: c.Transport, Secure: c.Secure, Connected: c.Connected,
		}
	}
	return m
}

// roomsOf turns an answer to OpFetch into one to opAllRooms.
func roomsOf(m *realtime.Message) {
	m.Names = idsOf(m)
	for _, c := range m.Conns {
		m.Names = append(m.Names, c.Rooms...)
	}
	slices.Sort(m.Names)
	m.Names, m.Conns = slices.Compact(m.Names), nil
}
