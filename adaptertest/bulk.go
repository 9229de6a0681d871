package adaptertest

import (
	"context"
	"fmt"
	"slices"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// bulkRules are about operations on connections of all nodes.
var bulkRules = []rule{
	{name: "JoinAllAndLeaveAll", nodes: 1, run: joinLeave},
	{name: "JoinAllThenEmit", nodes: 1, needs: []Ability{JoinOrder}, run: joinThenEmit},
	{name: "DisconnectAll", nodes: 1, run: disconnectAll},
	{name: "CloseAll", nodes: 1, needs: []Ability{CloseAll}, run: closeAll},
	{name: "ReconnectAll", nodes: 1, needs: []Ability{ReconnectAll}, run: reconnectAll},
	{name: "RevokeOnAllNodes", nodes: 1, needs: []Ability{Revoke}, run: revoke},
}

func joinLeave(c *cluster) {
	servers := c.servers(nil)
	crowd := c.crowd(servers)
	for _, s := range servers {
		room := "fresh-" + s.name
		c.look(func() {
			for _, other := range servers {
				other.joins = nil
			}
		})
		if err := s.To("x").Except("y").JoinAll(c.Context(), room, "second-"+room); err != nil {
			c.Fatal(err)
		}
		c.moved(servers, "ann+"+room, "ann+second-"+room)
		if err := s.ToUser("ann").LeaveAll(c.Context(), "second-"+room); err != nil {
			c.Fatal(err)
		}
		c.moved(servers, "ann+"+room, "ann+second-"+room, "ann-second-"+room)
		for _, k := range crowd {
			if in := k.conn().In(room); in != (k.user == "ann") || k.conn().In("second-"+room) {
				c.Errorf("%s on %s is in %v", k.user, k.server.name, k.conn().Rooms())
			}
		}
	}
}

// moved waits until every server has seen these joins and leaves, and fails the test if it has seen others.
func (c *cluster) moved(servers []*server, want ...string) {
	c.Helper()
	for _, s := range servers {
		c.await(fmt.Sprintf("%s: %v", s.name, want), func() bool { return len(s.joins) >= len(want) })
		c.look(func() {
			if !slices.Equal(s.joins, want) {
				c.Errorf("%s: rooms joined and left %v, want %v", s.name, s.joins, want)
			}
		})
	}
}

// joinThenEmit emits to a room at once after it has asked others to join or leave it.
func joinThenEmit(c *cluster) {
	servers := c.servers(nil)
	crowd := c.crowd(servers)
	for _, s := range servers {
		room := "fresh-" + s.name
		in := func(names ...string) func(*client) bool {
			return func(k *client) bool { return slices.Contains(names, k.user) }
		}
		to := func(s *server) realtime.Broadcaster { return s.To(room) }
		if err := s.To("x").JoinAll(c.Context(), room); err != nil {
			c.Fatal(err)
		}
		c.checkFrom(s, servers, crowd, selection{name: "those who have just joined", to: to, want: in("ann", "bob")})
		if err := s.ToUser("bob").LeaveAll(c.Context(), room); err != nil {
			c.Fatal(err)
		}
		c.checkFrom(s, servers, crowd, selection{name: "those who have not just left", to: to, want: in("ann")})
	}
}

// ends ends the connections of bob on every node, and fails the test unless those, and no others, end for the
// given reason.
func (c *cluster) ends(crowd []*client, end func(realtime.Broadcaster) error, from *server, reason string) {
	c.Helper()
	if err := end(from.ToUser("bob")); err != nil {
		c.Fatal(err)
	}
	for _, k := range crowd {
		if k.user != "bob" {
			continue
		}
		if got := k.WaitClosed(); got != reason {
			c.Errorf("%s on %s ended with %q, want %q", k.user, k.server.name, got, reason)
		}
	}
	for _, k := range crowd {
		if k.user != "bob" {
			realtimetest.Call[any](k.Client, "alive")
		}
	}
}

// alive registers a handler that a client can try its connection with.
func alive(s *server) {
	realtime.Handle(s.Server, "alive", func(context.Context, *realtime.Conn, any) (any, error) { return true, nil })
}

func disconnectAll(c *cluster) {
	servers := c.servers(alive)
	for _, s := range servers {
		c.ends(c.crowd(servers), func(b realtime.Broadcaster) error { return b.DisconnectAll(c.Context(), "bye") }, s, realtimetest.ReasonServer)
	}
}

// closeAll looks at a client's other namespace: DisconnectAll leaves it, CloseAll ends it.
func closeAll(c *cluster) {
	servers := c.servers(alive)
	for _, s := range servers {
		s.Of("/other")
	}
	for _, s := range servers {
		crowd := c.crowd(servers)
		var others []*realtimetest.Client
		for _, k := range those(crowd, isUser("bob")) {
			others = append(others, k.Join(realtimetest.Options{
				Namespace: "/other", Auth: map[string]string{"user": "bob"}, Timeout: c.factory.Watchdog,
			}))
		}
		c.ends(crowd, func(b realtime.Broadcaster) error { return b.CloseAll(c.Context(), "bye") }, s, realtimetest.ReasonServer)
		for _, other := range others {
			if got := other.WaitClosed(); got != realtimetest.ReasonServer {
				c.Errorf("the other namespace of the client ended with %q, want %q", got, realtimetest.ReasonServer)
			}
		}
	}
}

func reconnectAll(c *cluster) {
	servers := c.servers(alive)
	for _, s := range servers {
		c.ends(c.crowd(servers), func(b realtime.Broadcaster) error { return b.ReconnectAll(c.Context(), "again") }, s, realtimetest.ReasonTransportClose)
	}
}

// revoke revokes a user of its own for each server, who has a connection to every server.
func revoke(c *cluster) {
	servers := c.servers(nil)
	for _, s := range servers {
		user := "user of " + s.name
		var clients []*client
		for _, other := range servers {
			clients = append(clients, other.connect(user))
		}
		c.settle(servers, func(s *server) realtime.Broadcaster { return s.ToUser(user) }, clients)
		if err := s.User(user).Revoke(c.Context(), "lost phone"); err != nil {
			c.Fatal(err)
		}
		for _, k := range clients {
			if got := k.WaitClosed(); got != realtimetest.ReasonServer {
				c.Errorf("%s on %s ended with %q, want %q", k.user, k.server.name, got, realtimetest.ReasonServer)
			}
			_, err := k.server.host.TryConnect(realtimetest.Options{Auth: map[string]string{"user": user}, Timeout: c.factory.Watchdog})
			if err == nil {
				c.Errorf("%s is let in again on %s", user, k.server.name)
			}
		}
	}
}
