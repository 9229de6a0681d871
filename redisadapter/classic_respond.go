package redisadapter

import (
	"fmt"
	"slices"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter/internal/nodewire"
)

// respond publishes the answer to a request. Nobody can be told if that fails: the asking
// node misses the answer, and knows that it does.
func (c *classic) respond(
	namespace string, r *nodewire.Request, a *realtime.Message,
	write func(*nodewire.Request, *realtime.Message) (*nodewire.Response, error),
) {
	resp, err := write(r, a)
	if err == nil {
		resp.ID = r.ID
		var payload []byte
		if payload, err = nodewire.AppendResponse(nil, resp); err == nil {
			err = c.n.publisher.send(outgoing{channel: c.responseChannel(namespace, r), payload: payload})
		}
	}
	if err != nil {
		c.n.failedAnswer(namespace, fmt.Errorf("answer to a request of type %d: %w", r.Type, err))
	}
}

// responseChannel is the shared one unless configured otherwise; the Node.js adapter
// always uses that for server-side events.
func (c *classic) responseChannel(namespace string, r *nodewire.Request) string {
	names := c.names(namespace)
	if c.n.cfg.PublishOnSpecificResponseChannel && r.Type != nodewire.ServerSide {
		return names.ResponsesTo(r.UID)
	}
	return names.Responses()
}

func (c *classic) serverSideResponse(_ *nodewire.Request, a *realtime.Message) (*nodewire.Response, error) {
	return c.dataResponse(nodewire.ServerSide, a)
}

func (c *classic) ackResponse(_ *nodewire.Request, a *realtime.Message) (*nodewire.Response, error) {
	if a.Op == realtime.OpCount {
		x, err := note{Node: c.n.self.ID}.encode()
		return &nodewire.Response{Type: nodewire.ClientCount, ClientCount: int64(a.Count), Note: x}, err
	}
	return c.dataResponse(nodewire.Ack, a)
}

// dataResponse bears the arguments of an answer. Node.js knows but the first.
func (c *classic) dataResponse(t nodewire.RequestType, a *realtime.Message) (*nodewire.Response, error) {
	first, more, err := nodewire.First(a.Data)
	if err != nil {
		return nil, err
	}
	x, err := note{Node: c.n.self.ID, Conn: a.Conn, More: more, Meta: a.Meta}.encode()
	return &nodewire.Response{Type: t, Data: first, Attachments: a.Attachments, Note: x}, err
}

func (c *classic) countResponse(r *nodewire.Request, a *realtime.Message) (*nodewire.Response, error) {
	x, err := note{Node: c.n.self.ID, Count: &a.Count}.encode()
	resp := &nodewire.Response{Note: x}
	if r.Type == nodewire.Sockets {
		resp.IDs = &[]string{}
	} else {
		resp.Sockets = &[]nodewire.Socket{}
	}
	return resp, err
}

// fetchResponse answers the three requests that ask for connections.
func (c *classic) fetchResponse(r *nodewire.Request, a *realtime.Message) (*nodewire.Response, error) {
	x, err := note{Node: c.n.self.ID}.encode()
	resp := &nodewire.Response{Note: x}
	switch r.Type {
	case nodewire.Fetch:
		sockets := make([]nodewire.Socket, len(a.Conns))
		for i := range a.Conns {
			if sockets[i], err = socketOf(&a.Conns[i]); err != nil {
				return nil, err
			}
		}
		resp.Sockets = &sockets
	case nodewire.Sockets:
		ids := idsOf(a)
		resp.IDs = &ids
	case nodewire.AllRooms:
		rooms := idsOf(a)
		for _, info := range a.Conns {
			rooms = append(rooms, info.Rooms...)
		}
		slices.Sort(rooms)
		rooms = slices.Compact(rooms)
		resp.Rooms = &rooms
	}
	return resp, err
}

func idsOf(a *realtime.Message) []string {
	ids := make([]string, len(a.Conns))
	for i, info := range a.Conns {
		ids[i] = info.ID
	}
	return ids
}

// socketOf is a connection as Node.js describes one. Of its handshake nothing is told that
// could hold a secret (decision D31).
func socketOf(info *realtime.ConnInfo) (nodewire.Socket, error) {
	rooms := []string{info.ID}
	for _, room := range info.Rooms {
		if room != info.ID {
			rooms = append(rooms, room)
		}
	}
	h := nodewire.Handshake{Address: info.Address, Secure: info.Secure, URL: "/"}
	if !info.Connected.IsZero() {
		h.Issued = info.Connected.UnixMilli()
		h.Time = info.Connected.UTC().Format("Mon Jan 02 2006 15:04:05 GMT+0000 (Coordinated Universal Time)")
	}
	x, err := note{User: info.UserID, Transport: info.Transport}.encode()
	return nodewire.Socket{ID: info.ID, Handshake: h, Rooms: rooms, Data: info.Public, Note: x}, err
}
