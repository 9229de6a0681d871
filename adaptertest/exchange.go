package adaptertest

import (
	"time"

	"github.com/realtime-go/realtime"
)

// exchanges returns a question of each kind with answers that have every field that a server fills.
func (p *peer) exchanges() []exchange {
	list := []exchange{p.acks(), p.fetch(), p.sideAsk(nil)}
	if p.c.has(CountMembers) {
		list = append(list, p.members())
	}
	if p.c.has(ServerSideBinary) {
		list = append(list, p.sideAsk([][]byte{{7, 8, 9}}))
	}
	return list
}

func (p *peer) acks() exchange {
	m := p.message(realtime.OpBroadcastAck, "x")
	m.Except = []string{"y"}
	m.Data = array("who", map[string]any{"_placeholder": true, "num": 0})
	m.Attachments = [][]byte{{0, 255}}
	m.Timeout = p.c.factory.Watchdog
	return exchange{m, func(other *peer) []*realtime.Message {
		plain, binary := other.reply(m, map[string]any{"name": "ä <&>"}), other.reply(m, map[string]any{"_placeholder": true, "num": 0})
		plain.Conn, binary.Conn = other.self.ID+"-plain", other.self.ID+"-binary"
		binary.Attachments = [][]byte{{1, 2, 3}}
		return []*realtime.Message{other.count(m, 2), plain, binary}
	}}
}

func (p *peer) fetch() exchange {
	m := p.message(realtime.OpFetch, "x")
	m.Except = []string{"y"}
	return exchange{m, func(other *peer) []*realtime.Message {
		r := other.reply(m)
		r.Data = nil
		r.Conns = []realtime.ConnInfo{
			{
				ID: other.self.ID + "-full", UserID: "ann", Node: other.self.ID, Rooms: []string{"x", "z"}, Public: array("hello"),
				Address: "192.0.2.1", Secure: true, Connected: time.Unix(1_700_000_000, 0).UTC(), Transport: "websocket",
			},
			{ID: other.self.ID + "-bare", Node: other.self.ID, Rooms: []string{"x"}, Connected: time.Unix(1_700_000_001, 0).UTC()},
		}
		return []*realtime.Message{r}
	}}
}

func (p *peer) members() exchange {
	m := p.message(realtime.OpCountMembers, "x")
	return exchange{m, func(other *peer) []*realtime.Message {
		r := other.reply(m)
		r.Data, r.Count = nil, 42
		return []*realtime.Message{r}
	}}
}

// sideAsk is a server-side event whose answer has the same attachments.
func (p *peer) sideAsk(attachments [][]byte) exchange {
	var arg any = "map"
	if attachments != nil {
		arg = map[string]any{"_placeholder": true, "num": 0}
	}
	m := p.message(realtime.OpServerSideAck)
	m.Data, m.Attachments = array("reload", arg), attachments
	return exchange{m, func(other *peer) []*realtime.Message {
		r := other.reply(m, arg)
		r.Attachments = attachments
		return []*realtime.Message{r}
	}}
}
