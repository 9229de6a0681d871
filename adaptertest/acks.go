package adaptertest

import (
	"context"
	"errors"
	"slices"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// ackRules are about the acknowledgements of clients on all nodes.
var ackRules = []rule{
	{name: "AcksAreCounted", nodes: 1, run: acksCounted},
	{name: "AcksOfNobody", nodes: 1, run: acksNobody},
	{name: "AcksWithBinary", nodes: 1, run: acksBinary},
	{name: "AcksOfSlowClients", nodes: 1, run: acksSlow},
	{name: "AcksOfSilentClients", nodes: 2, run: acksSilent},
}

// answering makes each client answer "who" with its id.
func answering(crowd []*client) {
	for _, k := range crowd {
		id := k.ID()
		realtimetest.Answer(k.Client, "who", func(any) string { return id })
	}
}

// acks fails the test unless the replies are those of the clients, one each.
func (c *cluster) acks(replies []realtime.Reply[string], from []*client) {
	c.Helper()
	seen := map[string]int{}
	for _, r := range replies {
		if r.Err != nil {
			c.Errorf("reply does not decode: %v", r.Err)
		}
		if c.has(AnswerConn) && r.Conn != r.Value {
			c.Errorf("the reply of %s says that it comes from %q", r.Value, r.Conn)
		}
		i := slices.IndexFunc(from, func(k *client) bool { return k.ID() == r.Value })
		if i < 0 {
			c.Errorf("reply of %q, who was not asked or did not answer", r.Value)
		} else if c.has(NodeNames) && r.Node != from[i].server.id() {
			c.Errorf("the reply of a client of node %s says that it comes from node %q", from[i].server.id(), r.Node)
		}
		seen[r.Value]++
	}
	for _, k := range from {
		if seen[k.ID()] != 1 {
			c.Errorf("%d replies of %s on %s, want 1", seen[k.ID()], k.user, k.server.name)
		}
	}
}

func acksCounted(c *cluster) {
	servers := c.servers(nil)
	crowd := c.crowd(servers)
	answering(crowd)
	for _, s := range servers {
		for _, sel := range []selection{
			{to: func(s *server) realtime.Broadcaster { return s }, want: everyone},
			{to: func(s *server) realtime.Broadcaster { return s.To("x", "y") }, want: inRoom("x", "y")},
			{to: func(s *server) realtime.Broadcaster { return s.Except("y") }, want: func(k *client) bool { return !k.in("y") }},
			{to: func(s *server) realtime.Broadcaster { return s.Local() }, want: func(k *client) bool { return k.server == s }},
		} {
			replies, err := realtime.BroadcastWithAck[string](c.Context(), sel.to(s), "who")
			if err != nil {
				c.Errorf("with everyone answering: %v", err)
			}
			c.acks(replies, those(crowd, sel.want))
		}
	}
}

func acksNobody(c *cluster) {
	servers := c.servers(nil)
	c.crowd(servers)
	for _, s := range servers {
		if replies, err := s.To("nobody").EmitWithAck(c.Context(), "who"); len(replies) != 0 || err != nil {
			c.Errorf("where nobody is asked: %d replies, %v", len(replies), err)
		}
	}
}

func acksBinary(c *cluster) {
	servers := c.servers(nil)
	crowd := c.crowd(servers)
	for _, k := range crowd {
		realtimetest.Answer(k.Client, "file", func(in realtime.Binary) realtime.Binary { return append(in, k.ID()...) })
	}
	for _, s := range servers {
		replies, err := realtime.BroadcastWithAck[realtime.Binary](c.Context(), s, "file", realtime.Binary{0, 255})
		if err != nil {
			c.Errorf("with everyone answering: %v", err)
		}
		for _, k := range crowd {
			want := append(realtime.Binary{0, 255}, k.ID()...)
			if !slices.ContainsFunc(replies, func(r realtime.Reply[realtime.Binary]) bool { return slices.Equal(r.Value, want) }) {
				c.Errorf("no reply % x of %s on %s", want, k.user, k.server.name)
			}
		}
	}
}

// acksSlow lets nobody answer before everybody has been asked.
func acksSlow(c *cluster) {
	servers := c.servers(nil)
	crowd := c.crowd(servers)
	asked, release := 0, make(chan struct{})
	for _, k := range crowd {
		id := k.ID()
		realtimetest.Answer(k.Client, "who", func(any) string {
			c.note(func() { asked++ })
			select {
			case <-release:
			case <-c.Context().Done():
			}
			return id
		})
	}
	var replies []realtime.Reply[string]
	var err error
	wait := c.during("a broadcast that waits for slow clients", func() {
		replies, err = realtime.BroadcastWithAck[string](c.Context(), servers[0], "who")
	})
	c.await("every client is asked", func() bool { return asked == len(crowd) })
	close(release)
	wait()
	if err != nil {
		c.Errorf("with everyone answering slowly: %v", err)
	}
	c.acks(replies, crowd)
}

// acksSilent has, on each node but the asking one, a client that answers and, on the last, one that does not.
// The wait ends when the answers are there: then the result has them, and names the node of the silent one.
func acksSilent(c *cluster) {
	servers := c.servers(nil)
	var talking []*client
	for _, s := range servers[1:] {
		talking = append(talking, s.connect("ann", "x"))
	}
	last := servers[len(servers)-1]
	silent := last.connect("bob", "x")
	c.settle(servers, func(s *server) realtime.Broadcaster { return s.To("x") }, append(slices.Clone(talking), silent))
	answering(talking)

	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	from, answers := servers[0], 0
	from.spy.watch(func(r *realtime.Message) {
		if r.Op == realtime.OpAnswer {
			c.note(func() { answers++ })
		}
	})
	var replies []realtime.Reply[string]
	var err error
	wait := c.during("a broadcast that waits for a silent client", func() {
		replies, err = realtime.BroadcastWithAck[string](ctx, from.To("x"), "who")
	})
	c.await("the answers of those who answer", func() bool { return answers == len(talking) })
	realtimetest.Expect[any](silent.Client, "who")
	cancel()
	wait()
	c.acks(replies, talking)
	c.partial(err, last.id())
}

// partial fails the test unless err says that these nodes, and no others, have not answered in full.
func (c *cluster) partial(err error, nodes ...string) {
	c.Helper()
	var partial *realtime.PartialError
	switch {
	case !errors.As(err, &partial):
		c.Errorf("error %v, want a PartialError", err)
	case c.has(NodeList) && !slices.Equal(partial.Nodes, nodes):
		c.Errorf("silent nodes %v, want %v", partial.Nodes, nodes)
	}
}
