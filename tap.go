package realtime

import (
	"context"
	"encoding/json"
	"slices"
)

// Tap watches the connections of a server and what they say, for tools such as package adminui. Unlike hooks it comes
// and goes while the server runs ([Server.Tap]), and unlike an [Observer] it sees connections and contents. Each function may be
// nil. They run concurrently where the thing happens and must be quick; a panic in one is recovered and logged. While nobody
// watches, a tap costs one look at a pointer.
type Tap struct {
	// Connected runs before the OnConnect functions, Disconnected after the OnDisconnect functions.
	Connected    func(c *Conn)
	Disconnected func(c *Conn, why Disconnected)
	// Upgraded tells of a new transport, Changed of SetPublic.
	Upgraded, Changed func(c *Conn)
	// Joined and Left tell of rooms of the program's.
	Joined, Left func(c *Conn, room string)
	// Received tells of an inbound event before it is handled.
	Received func(c *Conn, ev *Event)
	// Sent tells of an event, acknowledgements not counted, and of the connections of this node that it went to: at most TapTargets
	// of them. data is the JSON array of its name and arguments as clients get it, with a placeholder for each attachment; it is
	// good during the call only, and so are the arguments in out. Events of other nodes are told of too, without Args, Rooms and Except.
	Sent func(out Outgoing, data json.RawMessage, to []*Conn)
}

// TapTargets is how many receivers of one event a Tap.Sent is told of at most.
const TapTargets = 100

// Tap begins to watch; remove ends it, except for calls that have begun.
func (s *server) Tap(t *Tap) (remove func()) {
	s.changeTaps(func(list []*Tap) []*Tap { return append(slices.Clip(list), t) })
	return func() {
		s.changeTaps(func(list []*Tap) []*Tap {
			return slices.DeleteFunc(slices.Clone(list), func(other *Tap) bool { return other == t })
		})
	}
}

func (s *server) changeTaps(change func([]*Tap) []*Tap) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*Tap
	if old := s.taps.Load(); old != nil {
		list = *old
	}
	if list = change(list); len(list) == 0 {
		s.taps.Store(nil)
		return
	}
	s.taps.Store(&list)
}

// eachTap calls a function for each tap.
func (s *server) eachTap(call func(t *Tap)) {
	list := s.taps.Load()
	if list == nil {
		return
	}
	for _, t := range *list {
		s.guard("Tap", func() { call(t) })
	}
}

func (s *server) tapConnected(c *Conn) {
	s.eachTap(func(t *Tap) {
		if t.Connected != nil {
			t.Connected(c)
		}
	})
}

func (s *server) tapDisconnected(c *Conn) {
	s.eachTap(func(t *Tap) {
		if t.Disconnected != nil {
			t.Disconnected(c, c.why)
		}
	})
}

func (s *server) tapUpgraded(conns []*Conn) {
	s.eachTap(func(t *Tap) {
		for _, c := range conns {
			if t.Upgraded != nil {
				t.Upgraded(c)
			}
		}
	})
}

func (s *server) tapChanged(c *Conn) {
	s.eachTap(func(t *Tap) {
		if t.Changed != nil {
			t.Changed(c)
		}
	})
}

func (s *server) tapRoom(where string, c *Conn, room string) {
	s.eachTap(func(t *Tap) {
		fn := t.Joined
		if where == "OnLeave" {
			fn = t.Left
		}
		if fn != nil {
			fn(c, room)
		}
	})
}

func (s *server) tapReceived(c *Conn, ev *Event) {
	s.eachTap(func(t *Tap) {
		if t.Received != nil {
			t.Received(c, ev)
		}
	})
}

// tapSent asks for the receivers only if somebody watches.
func (s *server) tapSent(out Outgoing, data []byte, to func() []*Conn) {
	if s.taps.Load() == nil {
		return
	}
	conns := to()
	s.eachTap(func(t *Tap) {
		if t.Sent != nil {
			t.Sent(out, data, conns)
		}
	})
}

// sample returns the first TapTargets connections of this node.
func (b broadcaster) sample() (list []*Conn) {
	b.ns.index.Each(b.rooms, b.except, func(c *Conn) {
		if len(list) < TapTargets {
			list = append(list, c)
		}
	})
	return list
}

// outgoing tells the OnAnyOutgoing functions and the taps.
func (ns *namespace) outgoing(ctx context.Context, out Outgoing, data []byte, to func() []*Conn) {
	out.Namespace = ns.name
	for _, fn := range ns.table().onAnyOutgoing {
		ns.srv.guard("OnAnyOutgoing", func() { fn(ctx, out) })
	}
	ns.srv.tapSent(out, data, to)
}
