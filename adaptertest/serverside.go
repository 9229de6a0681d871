package adaptertest

import (
	"context"
	"errors"
	"slices"

	"github.com/realtime-go/realtime"
)

// serverSideRules are about events from server to server.
var serverSideRules = []rule{
	{name: "ServerSideEmit", nodes: 1, run: serverSide},
	{name: "ServerSideEmitWithAck", nodes: 1, run: serverSideAck},
	{name: "ServerSideEmitWithASilentNode", nodes: 1, run: serverSideSilent},
	{name: "ServerSideEmitBinary", nodes: 1, needs: []Ability{ServerSideBinary}, run: serverSideBinary},
}

func serverSide(c *cluster) {
	heard := map[string][]int{} // by receiving and sending server
	servers := c.servers(func(s *server) {
		s.OnServerSide("reload", func(_ context.Context, ev *realtime.Event) (any, error) {
			var from string
			var n int
			if err := ev.Bind(&from, &n); err != nil {
				c.Errorf("Bind: %v", err)
			}
			c.note(func() { heard[s.name+" from "+from] = append(heard[s.name+" from "+from], n) })
			return nil, nil
		})
	})
	want := []int{0, 1, 2}
	for _, s := range servers {
		for _, n := range want {
			if err := s.ServerSideEmit(c.Context(), "reload", s.name, n); err != nil {
				c.Fatal(err)
			}
		}
	}
	for _, s := range servers {
		for _, from := range servers {
			if from != s {
				c.await("every other server hears every event", func() bool { return len(heard[s.name+" from "+from.name]) >= len(want) })
			}
		}
	}
	c.look(func() {
		for who, got := range heard {
			if !slices.Equal(got, want) {
				c.Errorf("%s: %v, want %v", who, got, want)
			}
		}
		if pairs := c.size * (c.size - 1); len(heard) != pairs {
			c.Errorf("%d pairs of servers, want %d: a server does not hear itself", len(heard), pairs)
		}
	})
}

func serverSideAck(c *cluster) {
	servers := c.servers(func(s *server) {
		s.OnServerSide("who", func(_ context.Context, ev *realtime.Event) (any, error) {
			var what string
			err := ev.Bind(&what)
			return what + " of " + s.name, err
		})
		s.OnServerSide("nothing", func(context.Context, *realtime.Event) (any, error) { return nil, nil })
		s.OnServerSide("fail", func(context.Context, *realtime.Event) (any, error) {
			return nil, realtime.Errorf("no_map", "not on %s", s.name)
		})
	})
	for _, s := range servers {
		replies, err := s.ServerSideEmitWithAck(c.Context(), "who", "name")
		if err != nil {
			c.Errorf("with every node answering: %v", err)
		}
		for _, other := range servers {
			if other == s {
				continue
			}
			want := "name of " + other.name
			c.oneReply(replies, want, other, func(r realtime.RawReply) bool {
				var got string
				return r.Bind(&got) == nil && got == want
			})
		}
		if len(replies) != c.size-1 {
			c.Errorf("%d replies, want %d", len(replies), c.size-1)
		}
		if replies, err = s.ServerSideEmitWithAck(c.Context(), "nothing"); err != nil || len(replies) != c.size-1 {
			c.Errorf("functions without a result: %d replies, %v; want %d", len(replies), err, c.size-1)
		}
		replies, err = s.ServerSideEmitWithAck(c.Context(), "fail")
		for _, r := range replies {
			var body struct{ Error struct{ Code string } }
			if r.Bind(&body) != nil || body.Error.Code != "no_map" {
				c.Errorf("functions that fail: reply %+v", body)
			}
		}
		if err != nil || len(replies) != c.size-1 {
			c.Errorf("functions that fail: %d replies, %v; want %d", len(replies), err, c.size-1)
		}
	}
}

// oneReply fails the test unless exactly one reply is as it should be, and comes from a server.
func (c *cluster) oneReply(replies []realtime.RawReply, what string, from *server, is func(realtime.RawReply) bool) {
	c.Helper()
	n := 0
	for _, r := range replies {
		if !is(r) {
			continue
		}
		n++
		if c.has(NodeNames) && r.Node != from.id() {
			c.Errorf("reply %q comes from node %q, want %q", what, r.Node, from.id())
		}
	}
	if n != 1 {
		c.Errorf("%d replies %q, want 1", n, what)
	}
}

func serverSideSilent(c *cluster) {
	servers := c.servers(func(s *server) {
		s.OnServerSide("who", func(context.Context, *realtime.Event) (any, error) { return s.name, nil })
	})
	silent := c.silentPeer(servers)
	for i, s := range servers {
		var replies []realtime.RawReply
		var err error
		c.cutShort(s, silent, i+1, func(ctx context.Context) { replies, err = s.ServerSideEmitWithAck(ctx, "who") })
		c.partial(err, silent.self.ID)
		if len(replies) != c.size-1 || !errors.Is(err, context.Canceled) {
			c.Errorf("with a silent node: %d replies, %v; want %d and the end of the context", len(replies), err, c.size-1)
		}
	}
}

func serverSideBinary(c *cluster) {
	servers := c.servers(func(s *server) {
		s.OnServerSide("file", func(_ context.Context, ev *realtime.Event) (any, error) {
			var data realtime.Binary
			err := ev.Bind(&data)
			return append(data, s.name...), err
		})
	})
	for _, s := range servers {
		replies, err := s.ServerSideEmitWithAck(c.Context(), "file", realtime.Binary{0, 255})
		if err != nil {
			c.Errorf("with every node answering: %v", err)
		}
		for _, other := range servers {
			if other != s {
				c.oneReply(replies, "with the bytes of "+other.name, other, func(r realtime.RawReply) bool {
					var got realtime.Binary
					return r.Bind(&got) == nil && slices.Equal(got, append(realtime.Binary{0, 255}, other.name...))
				})
			}
		}
	}
}
