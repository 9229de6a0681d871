package adaptertest

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/realtime-go/realtime"
)

// messageRules are about what one Publish does, seen from the adapters.
var messageRules = []rule{
	{name: "MessagesCrossWhole", nodes: 2, run: crossWhole},
	{name: "MessagesStayAsTheyAre", nodes: 2, run: stayAsTheyAre},
	{name: "NoEcho", nodes: 1, run: noEcho},
	{name: "CallsInCallsOfTheHandler", nodes: 2, run: callsInCalls},
	{name: "RoomInterest", nodes: 2, run: roomInterest},
}

// samples returns one message of each kind, with every field that a server fills.
func (p *peer) samples() []*realtime.Message {
	yes := true
	all := p.event("", "all", 1)
	broadcast := p.message(realtime.OpBroadcast, "x", "y")
	broadcast.Except = []string{"z", "12345678901234567890"}
	broadcast.Volatile, broadcast.Compress = true, &yes
	broadcast.Data = array("e", map[string]any{"_placeholder": true, "num": 0}, "two", map[string]any{"_placeholder": true, "num": 1})
	broadcast.Attachments = [][]byte{{0, 1, 254, 255}, []byte("text")}
	broadcast.Meta = map[string]string{"traceparent": "00-1-2-01"}
	join := p.message(realtime.OpJoin, "x")
	join.Except, join.Names = []string{"z"}, []string{"n", "m"}
	leave := p.message(realtime.OpLeave, "x", "y")
	leave.Names = []string{"n"}
	kick := p.message(realtime.OpDisconnect, "x")
	kick.Reason = "bye"
	end := p.message(realtime.OpDisconnect, "y")
	end.Close = p.c.has(CloseAll)
	side := p.message(realtime.OpServerSide)
	side.Data = array("reload", "map", 7)
	list := []*realtime.Message{all, broadcast, join, leave, kick, end, side}
	if p.c.has(Replace) {
		list = append(list, p.message(realtime.OpReplace, "12345678901234567890"))
	}
	if p.c.has(Revoke) {
		revoke := p.message(realtime.OpRevoke)
		revoke.Names, revoke.Time, revoke.Reason = []string{"7"}, time.Unix(1_700_000_000, 123_000_000).UTC(), "lost phone"
		list = append(list, revoke)
	}
	if p.c.has(ReconnectAll) {
		again := p.message(realtime.OpReconnect, "x")
		again.Reason = "rolling restart"
		list = append(list, again)
	}
	if p.c.has(ServerSideBinary) {
		file := p.message(realtime.OpServerSide)
		file.Data = array("file", map[string]any{"_placeholder": true, "num": 0})
		file.Attachments = [][]byte{{1, 2, 3}}
		list = append(list, file)
	}
	return list
}

func crossWhole(c *cluster) {
	all := c.peers(c.size, nil)
	c.joins(all, "x")
	c.joins(all, "y")
	for _, from := range all {
		for _, m := range from.samples() {
			c.look(func() {
				for _, p := range all {
					p.heard = nil
				}
			})
			from.publish(m)
			for _, p := range all {
				if p == from {
					continue
				}
				c.await("every message arrives at every other node", func() bool { return len(p.heard) > 0 })
				c.look(func() { c.same(p.heard[0], m) })
			}
		}
	}
}

// snapshot is what a message was when it was handed over.
type snapshot struct {
	what    string
	message *realtime.Message
	then    json.RawMessage
}

func (c *cluster) snapshot(list *[]snapshot, what string, m *realtime.Message) {
	then := encoded(m)
	c.note(func() { *list = append(*list, snapshot{what, m, then}) })
}

func stayAsTheyAre(c *cluster) {
	var kept []snapshot
	all := c.peers(c.size, func(p *peer, m *realtime.Message, reply func(*realtime.Message)) {
		c.snapshot(&kept, "a question that arrived", m)
		answer := p.reply(m, p.self.Name, "answer")
		c.snapshot(&kept, "an answer that was given", answer)
		reply(answer)
	})
	c.hearing(all, func(_ *peer, m *realtime.Message) { c.snapshot(&kept, "a message that arrived", m) })
	c.joins(all, "x")
	for i := range 50 {
		for _, p := range all {
			m := p.event("x", "n", i)
			m.Except = []string{"nobody"}
			m.Attachments = [][]byte{bytes.Repeat([]byte{byte(i)}, 100)}
			m.Meta = map[string]string{"i": p.self.Name}
			c.snapshot(&kept, "a message that was published", m)
			p.publish(m)
			q := p.message(realtime.OpServerSideAck)
			q.Data = array("q", i)
			c.snapshot(&kept, "a question that was asked", q)
			p.ask(q, func(r *realtime.Message) { c.snapshot(&kept, "an answer that arrived", r) })
		}
	}
	c.fence(all, "x")
	c.look(func() {
		for _, s := range kept {
			if now := encoded(s.message); !slices.Equal(now, s.then) {
				c.Fatalf("%s was changed\n then %s\n  now %s", s.what, s.then, now)
			}
		}
	})
}

func noEcho(c *cluster) {
	all := c.peers(c.size, nil)
	c.joins(all, "x")
	for _, p := range all {
		p.publish(p.event("x", "mine", p.self.ID))
		p.publish(p.event("", "mine", p.self.ID))
		for _, op := range []realtime.Op{realtime.OpServerSide, realtime.OpServerSideAck} {
			m := p.message(op)
			m.Data = array("mine", p.self.ID)
			if op == realtime.OpServerSide {
				p.publish(m)
			} else {
				p.ask(m, func(*realtime.Message) {})
			}
		}
	}
	c.fence(all, "x") // what comes back by way of the bus has come by now
	c.fence(all, "")
	c.look(func() {
		for _, p := range all {
			for _, m := range slices.Concat(p.heard, p.asked) {
				if _, args := event(m.Data); len(args) == 1 && text(args[0]) == p.self.ID {
					c.Errorf("%s hears itself: %s", p.self.Name, encoded(m))
				}
			}
		}
	})
}

func callsInCalls(c *cluster) {
	all := c.peers(c.size, nil)
	c.joins(all, "x")
	done := 0
	c.hearing(all, func(p *peer, m *realtime.Message) {
		if name, _ := event(m.Data); name != "ping" {
			return
		}
		defer c.note(func() { done++ })
		ctx, cancel := c.deadline()
		defer cancel()
		_, listErr := p.adapter.Nodes(ctx)
		for call, err := range map[string]error{
			"Publish":        p.adapter.Publish(ctx, p.event("x", "pong")),
			"OpenNamespace":  p.adapter.OpenNamespace(ctx, "/new"),
			"CloseNamespace": p.adapter.CloseNamespace(ctx, "/new"),
			"Nodes":          listErr,
		} {
			if err != nil {
				c.Errorf("%s in a call of the handler: %v", call, err)
			}
		}
	})
	first := all[0]
	first.publish(first.event("x", "ping"))
	c.await("every other node's answer, published in OnMessage", func() bool { return first.hears("pong") == c.size-1 && done == c.size-1 })
}

// hearing makes peers do something with each message that they hear.
func (c *cluster) hearing(peers []*peer, do func(*peer, *realtime.Message)) {
	c.look(func() {
		for _, p := range peers {
			p.onMessage = func(m *realtime.Message) { do(p, m) }
		}
	})
}

// roomInterest looks at what must arrive whatever rooms a node has told of.
func roomInterest(c *cluster) {
	all := c.peers(c.size, nil)
	p, others := all[0], all[1:]
	interest, ok := p.adapter.(realtime.RoomInterest)
	if !ok {
		c.Log("the adapter is not told of rooms, so every node gets everything")
	}
	c.joins(all, "x")
	const conn = "abcdefghijklmnopqrst" // as long as a connection's id, whose own room nobody is told of
	for _, other := range others {
		other.publish(other.event("", "everyone"))
		other.publish(other.event(conn, "one"))
		several := other.event("y", "several")
		several.Rooms = append(several.Rooms, "x")
		other.publish(several)
	}
	for _, name := range []string{"everyone", "one", "several"} {
		c.await("messages to "+name, func() bool { return p.hears(name) == len(others) })
	}
	if !ok {
		return
	}
	for range 3 { // a room may come and go
		interest.RoomClosed("/", "x")
		interest.RoomOpened("/", "x")
	}
	c.connected(all, "x")
	interest.RoomOpened("/other", "x") // another room of the same name
	interest.RoomClosed("/other", "x")
	c.connected(all, "x")
}
