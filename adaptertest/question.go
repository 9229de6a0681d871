package adaptertest

import (
	"context"
	"slices"

	"github.com/realtime-go/realtime"
)

// questionRules are about what servers ask each other of their connections.
var questionRules = []rule{
	{name: "ConnsOfAllNodes", nodes: 1, run: connsOfAll},
	{name: "ConnsWithASilentNode", nodes: 1, run: connsSilent},
}

func connsOfAll(c *cluster) {
	servers := c.servers(nil)
	crowd := c.crowd(servers)
	for _, k := range crowd {
		if err := k.conn().SetPublic(map[string]string{"is": k.user}); err != nil {
			c.Fatal(err)
		}
	}
	for _, s := range servers {
		for _, sel := range []selection{
			{name: "everyone", to: func(s *server) realtime.Broadcaster { return s }, want: everyone},
			{name: "room x without y", to: func(s *server) realtime.Broadcaster { return s.To("x").Except("y") }, want: isUser("ann")},
			{name: "nobody", to: func(s *server) realtime.Broadcaster { return s.To("nobody") }, want: func(*client) bool { return false }},
		} {
			var infos []realtime.ConnInfo
			for info, err := range sel.to(s).Conns(c.Context()) {
				if err != nil {
					c.Errorf("Conns of %s: %v", sel.name, err)
					continue
				}
				infos = append(infos, info)
			}
			c.conns(infos, those(crowd, sel.want))
		}
		members := len(those(crowd, inRoom("x")))
		if n, err := s.Room("x").Len(c.Context()); n != members || err != nil {
			c.Errorf("Len of room x: %d, %v; want %d", n, err, members)
		}
		infos, err := s.Room("x").Members(c.Context())
		if err != nil {
			c.Errorf("Members of room x: %v", err)
		}
		c.conns(infos, those(crowd, inRoom("x")))
	}
	alone := servers[len(servers)-1].connect("dan")
	for _, s := range servers {
		if online, err := s.User(alone.user).Online(c.Context()); !online || err != nil {
			c.Errorf("Online of a user on the last node: %t, %v", online, err)
		}
		if online, err := s.User("eve").Online(c.Context()); online || err != nil {
			c.Errorf("Online of a user who is nowhere: %t, %v", online, err)
		}
	}
}

// conns fails the test unless infos are those of the clients, one each.
func (c *cluster) conns(infos []realtime.ConnInfo, of []*client) {
	c.Helper()
	if len(infos) != len(of) {
		c.Errorf("%d connections, want %d", len(infos), len(of))
	}
	for _, k := range of {
		i := slices.IndexFunc(infos, func(info realtime.ConnInfo) bool { return info.ID == k.ID() })
		if i < 0 {
			c.Errorf("no connection of %s on %s", k.user, k.server.name)
			continue
		}
		info := infos[i]
		rooms := slices.Sorted(slices.Values(info.Rooms))
		if !slices.Equal(rooms, k.rooms) || string(normal(info.Public)) != `{"is":"`+k.user+`"}` {
			c.Errorf("%s on %s: rooms %v, public %s", k.user, k.server.name, rooms, info.Public)
		}
		if c.has(NodeNames) && info.Node != k.server.id() {
			c.Errorf("%s on %s: node %q, want %q", k.user, k.server.name, info.Node, k.server.id())
		}
		if c.has(ConnDetails) && (info.UserID != k.user || info.Address != "192.0.2.1" || info.Transport != "websocket" || info.Connected.IsZero()) {
			c.Errorf("%s on %s: %+v", k.user, k.server.name, info)
		}
	}
}

// connsSilent has one more node, which does not answer.
func connsSilent(c *cluster) {
	servers := c.servers(nil)
	crowd := c.crowd(servers)
	for _, k := range crowd {
		if err := k.conn().SetPublic(map[string]string{"is": k.user}); err != nil {
			c.Fatal(err)
		}
	}
	silent := c.silentPeer(servers)
	for i, s := range servers {
		var infos []realtime.ConnInfo
		var err error
		c.cutShort(s, silent, i+1, func(ctx context.Context) {
			for info, connErr := range s.To("x").Conns(ctx) {
				if connErr != nil {
					err = connErr
					continue
				}
				infos = append(infos, info)
			}
		})
		c.partial(err, silent.self.ID)
		c.conns(infos, those(crowd, inRoom("x")))
	}
}

// silentPeer starts a node that answers no question.
func (c *cluster) silentPeer(servers []*server) *peer {
	c.Helper()
	silent := c.newPeer() // with no onAsk
	silent.start()
	all := []realtime.Adapter{silent.adapter}
	for _, s := range servers {
		all = append(all, s.adapter)
	}
	c.gather(all...)
	c.joins([]*peer{silent}, "x")
	return silent
}

// cutShort lets a server ask, and ends the question's context when all but the silent node have answered. It
// is the nth question of the silent node.
func (c *cluster) cutShort(s *server, silent *peer, nth int, ask func(ctx context.Context)) {
	c.Helper()
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	answers := 0
	s.spy.watch(func(*realtime.Message) { c.note(func() { answers++ }) })
	wait := c.during("a question to a silent node", func() { ask(ctx) })
	c.await("the answers of the other nodes", func() bool { return answers == c.size-1 && len(silent.asked) == nth })
	cancel()
	wait()
}
