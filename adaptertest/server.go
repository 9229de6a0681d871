package adaptertest

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// server is a real server on the bus, with clients that speak the real protocol.
type server struct {
	realtime.Server
	c       *cluster
	name    string
	host    *realtimetest.Server
	adapter realtime.Adapter // as the bus made it
	spy     *spy

	// Guarded by c.mu.
	nodes  []nodeNews
	states []realtime.AdapterState
	joins  []string // "+room" and "-room" of OnJoin and OnLeave, with the user before it
}

// nodeNews is what OnNode said.
type nodeNews struct {
	node realtime.Node
	up   bool
}

// servers starts a server for each node of the cluster. setUp, if there is one, registers handlers before the
// start.
func (c *cluster) servers(setUp func(*server)) []*server {
	c.Helper()
	list := make([]*server, c.size)
	adapters := make([]realtime.Adapter, c.size)
	for i := range list {
		list[i] = c.server(setUp)
		adapters[i] = list[i].adapter
	}
	c.gather(adapters...)
	return list
}

// server starts one server.
func (c *cluster) server(setUp func(*server)) *server {
	c.Helper()
	s := &server{c: c, name: c.nodeName(), adapter: c.bus.Node()}
	var adapter realtime.Adapter
	s.spy, adapter = spyOn(c, s.adapter)
	srv, err := realtime.New(realtime.Config{
		Adapter: adapter, NodeName: s.name, Auth: byName{}, AckTimeout: c.factory.Watchdog,
		Logger: slog.New(slog.NewTextHandler(c, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Hooks: realtime.Hooks{
			NodeJoined:   func(n realtime.Node) { c.note(func() { s.nodes = append(s.nodes, nodeNews{n, true}) }) },
			NodeLost:     func(n realtime.Node) { c.note(func() { s.nodes = append(s.nodes, nodeNews{n, false}) }) },
			AdapterState: func(st realtime.AdapterState) { c.note(func() { s.states = append(s.states, st) }) },
		},
	})
	if err != nil {
		c.Fatal(err)
	}
	s.Server = srv
	for sign, on := range map[string]func(func(context.Context, *realtime.Conn, string)){"+": srv.OnJoin, "-": srv.OnLeave} {
		on(func(_ context.Context, conn *realtime.Conn, room string) {
			c.note(func() { s.joins = append(s.joins, conn.UserID()+sign+room) })
		})
	}
	if setUp != nil {
		setUp(s)
	}
	s.host = realtimetest.Serve(c.TB, srv) // shuts the server down at the end of the test
	ctx, cancel := c.deadline()
	defer cancel()
	c.does("Start of "+s.name, func() { err = srv.Start(ctx) })
	if err != nil {
		c.Fatalf("Start of %s: %v", s.name, err)
	}
	return s
}

// id returns the server's node id.
func (s *server) id() string { return s.spy.self.ID }

// client is a client of one server.
type client struct {
	*realtimetest.Client
	server *server
	user   string
	rooms  []string

	probes map[string]bool // guarded by c.mu
}

// connect connects a user and puts the connection into rooms.
func (s *server) connect(user string, rooms ...string) *client {
	s.c.Helper()
	k := &client{server: s, user: user, rooms: rooms, probes: map[string]bool{}}
	k.Client = s.host.Connect(realtimetest.Options{Auth: map[string]string{"user": user}, Timeout: s.c.factory.Watchdog})
	realtimetest.Answer(k.Client, "probe", func(id string) bool {
		s.c.note(func() { k.probes[id] = true })
		return true
	})
	if err := k.conn().Join(s.c.Context(), rooms...); err != nil {
		s.c.Fatal(err)
	}
	return k
}

// conn returns the server's side of a client.
func (k *client) conn() *realtime.Conn {
	k.server.c.Helper()
	conn, ok := k.server.Conn(k.ID())
	if !ok {
		k.server.c.Fatalf("%s has no connection %s", k.server.name, k.ID())
	}
	return conn
}

// in reports whether the client was put into a room.
func (k *client) in(room string) bool { return slices.Contains(k.rooms, room) }

// crowd connects to every server the same three users: ann is in room x, bob in x and y, cid in none.
func (c *cluster) crowd(servers []*server) []*client {
	c.Helper()
	var all []*client
	for _, s := range servers {
		all = append(all, s.connect("ann", "x"), s.connect("bob", "x", "y"), s.connect("cid"))
	}
	for _, room := range []string{"x", "y"} {
		c.settle(servers, func(s *server) realtime.Broadcaster { return s.To(room) }, those(all, func(k *client) bool { return k.in(room) }))
	}
	for _, user := range []string{"ann", "bob", "cid"} {
		c.settle(servers, func(s *server) realtime.Broadcaster { return s.ToUser(user) }, those(all, isUser(user)))
	}
	return all
}

// settle waits until what each server sends to a selection reaches all of its members. An adapter that is
// told of rooms (realtime.RoomInterest) may need a moment after a join; others get none.
func (c *cluster) settle(servers []*server, to func(*server) realtime.Broadcaster, members []*client) {
	c.Helper()
	for _, s := range servers {
		if _, ok := s.adapter.(realtime.RoomInterest); !ok {
			return
		}
		id := c.unique("probe")
		ok := c.retried(func() bool {
			if err := to(s).Emit(c.Context(), "probe", id); err != nil {
				c.Fatalf("probe: %v", err)
			}
			return c.within(retry, func() bool {
				return !slices.ContainsFunc(members, func(k *client) bool { return !k.probes[id] })
			})
		})
		if !ok {
			c.Fatalf("what %s sends to a room that has members on other nodes does not arrive within %v", s.name, c.factory.Watchdog)
		}
	}
}

func those(all []*client, want func(*client) bool) (some []*client) {
	for _, k := range all {
		if want(k) {
			some = append(some, k)
		}
	}
	return some
}

func isUser(name string) func(*client) bool { return func(k *client) bool { return k.user == name } }

// byName authenticates {"user":"NAME"} as that user.
type byName struct{}

func (byName) Authenticate(_ context.Context, h *realtime.Handshake) (*realtime.Identity, error) {
	var auth struct{ User string }
	if err := h.BindAuth(&auth); err != nil {
		return nil, err
	}
	return &realtime.Identity{UserID: auth.User}, nil
}

// spy stands between a server and its adapter: it knows the server's node id, sees the answers to its
// questions, and which namespaces the server has told of.
type spy struct {
	realtime.Adapter
	c    *cluster
	self realtime.Node // set by Start

	mu       sync.Mutex
	onAnswer func(*realtime.Message) // called before the server gets the answer

	opened map[string]bool // guarded by c.mu; whether the last call for a namespace that has returned opened it
}

// interestedSpy is a spy on an adapter that wants to be told of rooms.
type interestedSpy struct {
	*spy
	realtime.RoomInterest
}

func spyOn(c *cluster, a realtime.Adapter) (*spy, realtime.Adapter) {
	s := &spy{Adapter: a, c: c, opened: map[string]bool{}}
	if interest, ok := a.(realtime.RoomInterest); ok {
		return s, interestedSpy{s, interest}
	}
	return s, s
}

func (s *spy) Start(ctx context.Context, self realtime.Node, h realtime.AdapterHandler) error {
	s.self = self
	return s.Adapter.Start(ctx, self, h)
}

func (s *spy) OpenNamespace(ctx context.Context, name string) error {
	err := s.Adapter.OpenNamespace(ctx, name)
	s.c.note(func() { s.opened[name] = err == nil })
	return err
}

func (s *spy) CloseNamespace(ctx context.Context, name string) error {
	err := s.Adapter.CloseNamespace(ctx, name)
	s.c.note(func() { s.opened[name] = false })
	return err
}

func (s *spy) Ask(ctx context.Context, m *realtime.Message, reply func(*realtime.Message)) (int, error) {
	return s.Adapter.Ask(ctx, m, func(r *realtime.Message) {
		s.mu.Lock()
		see := s.onAnswer
		s.mu.Unlock()
		if see != nil {
			see(r)
		}
		reply(r)
	})
}

// watch makes see look at every answer to the server's questions.
func (s *spy) watch(see func(*realtime.Message)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onAnswer = see
}
