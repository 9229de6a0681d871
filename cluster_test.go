package realtime_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// twoNodes runs a test with two servers over one bus; configure registers handlers on both.
func twoNodes(t *testing.T, cfg realtime.Config, test func(a, b *fixture, busA, busB *busNode)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		shared := &bus{}
		busA, busB := shared.node(), shared.node()
		cfgA, cfgB := cfg, cfg
		cfgA.Adapter, cfgA.NodeName = busA, "a"
		cfgB.Adapter, cfgB.NodeName = busB, "b"
		a, b := newFixture(t, cfgA), newFixture(t, cfgB)
		for _, f := range []*fixture{a, b} {
			if err := f.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		test(a, b, busA, busB)
	})
}

func TestBroadcastCrossesNodes(t *testing.T) {
	twoNodes(t, realtime.Config{Auth: userByToken{}}, func(a, b *fixture, _, _ *busNode) {
		ctx := a.Context()
		ann := a.host.Connect(realtimetest.Options{Auth: token("ann")})
		bob := b.host.Connect(realtimetest.Options{Auth: token("bob")})
		cid := b.host.Connect(realtimetest.Options{Auth: token("cid")})
		if err := errors.Join(a.conn(ann).Join(ctx, "x"), b.conn(bob).Join(ctx, "x", "y")); err != nil {
			a.Fatal(err)
		}
		for i, tc := range []struct {
			to   realtime.Broadcaster
			want string
		}{
			{a.Server.Except(), "ann bob cid"},
			{a.To("x", "y"), "ann bob"},
			{a.To("x").Local(), "ann"},
			{a.ToUser("cid"), "cid"},
			{a.ToConn(bob.ID()), "bob"},
			{a.Server.ExceptUser("bob"), "ann cid"},
			{a.conn(ann).To("x"), "bob"},
			{a.To("x").Volatile(), "ann bob"},
		} {
			if err := tc.to.Emit(ctx, "n", i, realtime.Binary{byte(i)}); err != nil {
				a.Error(err)
			}
			synctest.Wait()
			var got []string
			for name, c := range map[string]*realtimetest.Client{"ann": ann, "bob": bob, "cid": cid} {
				for range c.Pending() {
					in := realtimetest.Expect[struct {
						realtime.Positional
						N int
						B realtime.Binary
					}](c, "n")
					if in.N != i || len(in.B) != 1 || in.B[0] != byte(i) {
						a.Errorf("%s got %+v", name, in)
					}
					got = append(got, name)
				}
			}
			slices.Sort(got)
			if strings.Join(got, " ") != tc.want {
				a.Errorf("case %d reached %v, want %s", i, got, tc.want)
			}
		}
	})
}

func TestOrderAcrossNodes(t *testing.T) {
	twoNodes(t, realtime.Config{}, func(a, b *fixture, _, _ *busNode) {
		bob := b.connect()
		for i := range 500 {
			if err := a.Server.Emit(a.Context(), "n", i); err != nil {
				a.Fatal(err)
			}
		}
		for i := range 500 {
			if n := realtimetest.Expect[int](bob, "n"); n != i {
				a.Fatalf("got %d, want %d", n, i)
			}
		}
	})
}

func TestAcksAcrossNodes(t *testing.T) {
	twoNodes(t, realtime.Config{}, func(a, b *fixture, _, busB *busNode) {
		ann, bob, cid := a.connect(), b.connect(), b.connect()
		for _, c := range []*realtimetest.Client{ann, bob, cid} {
			realtimetest.Answer(c, "who", func(any) string { return c.ID() })
		}
		got, err := realtime.BroadcastWithAck[string](a.Context(), a.Server, "who")
		if err != nil || len(got) != 3 {
			a.Fatalf("%+v, %v", got, err)
		}
		for _, r := range got {
			if r.Value != r.Conn || r.Node == "" {
				a.Errorf("reply %+v", r)
			}
		}
		silent := b.connect()
		start := time.Now()
		got, err = realtime.BroadcastWithAck[string](a.Context(), a.Server, "who")
		var partial *realtime.PartialError
		if !errors.As(err, &partial) || len(got) != 3 || time.Since(start) != 5*time.Second {
			a.Errorf("%d answers, %v after %v", len(got), err, time.Since(start))
		}
		if diff := cmp.Diff([]string{busB.self.ID}, partial.Nodes); diff != "" {
			a.Error(diff)
		}
		silent.Close()
		busB.deafen()
		got, err = realtime.BroadcastWithAck[string](a.Context(), a.Server, "who")
		if !errors.Is(err, realtime.ErrPartial) || len(got) != 1 {
			a.Errorf("with a deaf node: %d answers, %v", len(got), err)
		}
	})
}

func TestQuestionsAcrossNodes(t *testing.T) {
	twoNodes(t, realtime.Config{Auth: userByToken{}}, func(a, b *fixture, busA, busB *busNode) {
		ctx := a.Context()
		ann := a.host.Connect(realtimetest.Options{Auth: token("ann")})
		bob := b.host.Connect(realtimetest.Options{Auth: token("bob")})
		if err := errors.Join(a.conn(ann).Join(ctx, "x"), b.conn(bob).Join(ctx, "x"), b.conn(bob).SetPublic("hello")); err != nil {
			a.Fatal(err)
		}
		if n, err := a.Room("x").Len(ctx); n != 2 || err != nil {
			a.Errorf("Len %d, %v", n, err)
		}
		members, err := a.Room("x").Members(ctx)
		if err != nil || len(members) != 2 {
			a.Fatalf("Members %+v, %v", members, err)
		}
		remote := members[1]
		if remote.ID != bob.ID() || remote.UserID != "bob" || string(remote.Public) != `"hello"` || remote.Node != busB.self.ID || !slices.Equal(remote.Rooms, []string{"x"}) {
			a.Errorf("remote member %+v", remote)
		}
		if online, err := a.User("bob").Online(ctx); !online || err != nil {
			a.Errorf("bob online: %v, %v", online, err)
		}
		nodes, err := a.Nodes(ctx)
		if err != nil || len(nodes) != 2 || nodes[0].Name != "a" {
			a.Errorf("nodes %+v, %v", nodes, err)
		}
		busB.deafen()
		if n, err := a.Room("x").Len(ctx); n != 1 || !errors.Is(err, realtime.ErrPartial) {
			a.Errorf("Len with a deaf node: %d, %v", n, err)
		}
		if members, err := a.Room("x").Members(ctx); len(members) != 1 || !errors.Is(err, realtime.ErrPartial) {
			a.Errorf("Members with a deaf node: %v, %v", members, err)
		}
		if !busA.has(busA.open, "/") || !busA.has(busA.rooms, "/room:x") || !busB.has(busB.rooms, "/user:bob") {
			a.Errorf("an adapter was not told: %v %v %v", busA.open, busA.rooms, busB.rooms)
		}
	})
}

// TestRoomsCrossByTheirWireNames: nodes of other kinds know no prefixes, and tell a user by its room.
func TestRoomsCrossByTheirWireNames(t *testing.T) {
	twoNodes(t, realtime.Config{Auth: userByToken{}}, func(a, b *fixture, busA, busB *busNode) {
		ctx := a.Context()
		bob := b.host.Connect(realtimetest.Options{Auth: token("bob")})
		if err := b.conn(bob).Join(ctx, "x"); err != nil {
			a.Fatal(err)
		}
		busB.handler.OnAsk(&realtime.Message{Op: realtime.OpFetch, Namespace: "/"}, func(m *realtime.Message) {
			if len(m.Conns) != 1 || !slices.Equal(slices.Sorted(slices.Values(m.Conns[0].Rooms)), []string{"room:x", "user:bob"}) {
				a.Errorf("told %+v", m.Conns)
			}
		})
		busA.heard = func(m *realtime.Message) {
			for i := range m.Conns {
				m.Conns[i].UserID = ""
				m.Conns[i].Rooms = append(m.Conns[i].Rooms, m.Conns[i].ID)
			}
		}
		members, err := a.Room("x").Members(ctx)
		if err != nil || len(members) != 1 || members[0].UserID != "bob" || !slices.Equal(members[0].Rooms, []string{"x"}) {
			a.Errorf("shown %+v, %v", members, err)
		}
	})
}

func TestBulkOperationsCrossNodes(t *testing.T) {
	twoNodes(t, realtime.Config{}, func(a, b *fixture, _, _ *busNode) {
		ctx := a.Context()
		var joined []string
		b.OnJoin(func(_ context.Context, _ *realtime.Conn, room string) { joined = append(joined, "+"+room) })
		b.OnLeave(func(_ context.Context, _ *realtime.Conn, room string) { joined = append(joined, "-"+room) })
		bob := b.connect()
		conn := b.conn(bob)
		err := a.ToConn(bob.ID()).JoinAll(ctx, "x", "y")
		if synctest.Wait(); err != nil || !conn.In("x") || !conn.In("y") {
			a.Errorf("JoinAll: %v, %v", err, conn.Rooms())
		}
		err = a.To("x").LeaveAll(ctx, "y")
		if synctest.Wait(); err != nil || conn.In("y") {
			a.Errorf("LeaveAll: %v, %v", err, conn.Rooms())
		}
		if diff := cmp.Diff([]string{"+x", "+y", "-y"}, joined); diff != "" {
			a.Error(diff)
		}
		if err := a.To("x").DisconnectAll(ctx, "bye"); err != nil || bob.WaitClosed() != realtimetest.ReasonServer {
			a.Errorf("DisconnectAll: %v, %s", err, bob.Reason())
		}
		for name, tc := range map[string]struct {
			end    func(realtime.Broadcaster) error
			reason string
		}{
			"close":     {func(s realtime.Broadcaster) error { return s.CloseAll(ctx, "") }, realtimetest.ReasonServer},
			"reconnect": {func(s realtime.Broadcaster) error { return s.ReconnectAll(ctx, "") }, realtimetest.ReasonTransportClose},
		} {
			c := b.connect()
			if err := tc.end(a.ToConn(c.ID())); err != nil || c.WaitClosed() != tc.reason {
				a.Errorf("%s: %v, %s", name, err, c.Reason())
			}
		}
	})
}

func TestServerSideEmit(t *testing.T) {
	twoNodes(t, realtime.Config{}, func(a, b *fixture, _, busB *busNode) {
		var heard []string
		for _, f := range []*fixture{a, b} {
			f.OnServerSide("reload", func(_ context.Context, ev *realtime.Event) (any, error) {
				var what string
				if err := ev.Bind(&what); err != nil {
					return nil, err
				}
				heard = append(heard, what)
				return map[string]string{"did": what}, nil
			})
			f.OnServerSide("fail", func(context.Context, *realtime.Event) (any, error) { return nil, errors.New("secret") })
			f.OnServerSide("panic", func(context.Context, *realtime.Event) (any, error) { panic("boom") })
		}
		if err := a.ServerSideEmit(a.Context(), "reload", "map"); err != nil {
			a.Error(err)
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"map"}, heard); diff != "" { // the other node only
			a.Error(diff)
		}
		replies, err := a.ServerSideEmitWithAck(a.Context(), "reload", "all")
		var did map[string]string
		if err != nil || len(replies) != 1 || replies[0].Bind(&did) != nil || did["did"] != "all" || replies[0].Node != busB.self.ID {
			a.Errorf("%+v %v %v", replies, did, err)
		}
		replies, err = a.ServerSideEmitWithAck(a.Context(), "fail")
		var body struct {
			Error struct{ Code, Message string }
		}
		if err != nil || len(replies) != 1 || replies[0].Bind(&body) != nil || body.Error.Code != "internal" || strings.Contains(body.Error.Message, "secret") {
			a.Errorf("failing function: %+v %+v %v", replies, body, err)
		}
		if _, err := a.ServerSideEmitWithAck(a.Context(), "panic"); !errors.Is(err, realtime.ErrPartial) {
			a.Errorf("panicking function: %v", err)
		}
		if err := a.ServerSideEmit(a.Context(), "connection"); !errors.Is(err, realtime.ErrInvalidEvent) {
			a.Errorf("reserved: %v", err)
		}
	})
}

// A bus that refuses is told to the caller, and local clients have got the event (R65, api point of Emit).
func TestLocalDeliverySurvivesTheBus(t *testing.T) {
	twoNodes(t, realtime.Config{}, func(a, _ *fixture, busA, _ *busNode) {
		ann := a.connect()
		busA.fail = errBusDown
		if err := a.Server.Emit(a.Context(), "hi"); !errors.Is(err, errBusDown) {
			a.Errorf("error %v", err)
		}
		realtimetest.Expect[any](ann, "hi")
		busA.handler.OnState(realtime.AdapterState{Status: realtime.AdapterDown, Err: errBusDown})
		if h := a.Health(); h.Status != realtime.HealthDegraded || len(h.Causes) != 1 {
			a.Errorf("health %+v", h)
		}
		if err := a.Ready(a.Context()); err != nil {
			a.Errorf("a dead bus made the node unready: %v", err)
		}
		busA.handler.OnState(realtime.AdapterState{Status: realtime.AdapterUp})
		if h := a.Health(); h.Status != realtime.HealthOK {
			a.Errorf("health %+v", h)
		}
	})
}

// What comes from another node is untrusted.
func TestHostileMessagesFromTheBus(t *testing.T) {
	twoNodes(t, realtime.Config{}, func(a, _ *fixture, busA, _ *busNode) {
		ann := a.connect()
		var replies int
		for _, data := range []string{``, `{}`, `[`, `[]`, `["disconnect"]x`, `"x"`, strings.Repeat("[", 100) + strings.Repeat("]", 100), `[{"_placeholder":true,"num":5}]`} {
			for op := realtime.Op(0); op < 20; op++ {
				m := &realtime.Message{Op: op, Node: "evil", Namespace: "/", Data: []byte(data)}
				if op == realtime.OpDisconnect || op == realtime.OpReconnect {
					continue
				}
				busA.handler.OnMessage(m)
				busA.handler.OnAsk(m, func(*realtime.Message) { replies++ })
				m.Namespace = "/nowhere"
				busA.handler.OnMessage(m)
				busA.handler.OnAsk(m, func(*realtime.Message) { replies++ })
			}
		}
		if got := pending(ann); strings.ReplaceAll(got, " ", "") != "" {
			a.Errorf("delivered: %s", got)
		}
		if ann.Reason() != "" {
			a.Errorf("closed: %s", ann.Reason())
		}
	})
}

func TestNodesComeAndGo(t *testing.T) {
	var mu sync.Mutex
	var trace []string // of both nodes
	note := func(sign string) func(realtime.Node) {
		return func(n realtime.Node) {
			mu.Lock()
			defer mu.Unlock()
			trace = append(trace, sign+n.Name)
		}
	}
	hooks := realtime.Hooks{NodeJoined: note("+"), NodeLost: note("-")}
	twoNodes(t, realtime.Config{Hooks: hooks}, func(a, b *fixture, _, _ *busNode) {
		synctest.Wait()
		if err := b.Shutdown(b.Context()); err != nil {
			b.Error(err)
		}
		synctest.Wait()
		slices.Sort(trace[:2]) // each has heard of the other, in either order
		if diff := cmp.Diff([]string{"+a", "+b", "-b"}, trace); diff != "" {
			a.Error(diff)
		}
		if nodes, err := a.Nodes(a.Context()); err != nil || len(nodes) != 1 {
			a.Errorf("%v, %v", nodes, err)
		}
	})
}

func TestDynamicNamespacesAreToldToTheAdapter(t *testing.T) {
	twoNodes(t, realtime.Config{}, func(a, _ *fixture, busA, _ *busNode) {
		a.OfFunc(func(name string) bool { return name == "/d" })
		c := a.connect("/d")
		synctest.Wait()
		if !busA.has(busA.open, "/d") {
			a.Error("not opened")
		}
		c.Close()
		synctest.Wait()
		if busA.has(busA.open, "/d") {
			a.Error("not closed")
		}
	})
}

func TestFirstRequestStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &bus{}
		n := shared.node()
		f := newFixture(t, realtime.Config{Adapter: n})
		f.connect()
		synctest.Wait()
		if nodes, err := f.Nodes(t.Context()); err != nil || len(nodes) != 1 || !n.has(n.open, "/") {
			t.Errorf("not started: %v, %v", nodes, err)
		}
	})
}

// hanging is an adapter whose bus does not answer.
type hanging struct{ realtime.Adapter }

func (hanging) Start(ctx context.Context, _ realtime.Node, _ realtime.AdapterHandler) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func TestShutdownEndsAStartThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, realtime.Config{Adapter: hanging{}})
		started := make(chan error, 1)
		go func() { started <- f.Start(context.Background()) }()
		synctest.Wait()
		if err := f.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-started; !errors.Is(err, context.Canceled) {
			t.Errorf("Start: %v", err)
		}
	})
}

// A node that claims to wait for ever holds the places of a connection's acknowledgements for a minute.
func TestAskOfAnotherNodeHasAnEnd(t *testing.T) {
	twoNodes(t, realtime.Config{Limits: realtime.Limits{PendingAcks: 1}}, func(a, _ *fixture, busA, _ *busNode) {
		c := a.conn(a.connect())
		busA.handler.OnAsk(&realtime.Message{
			Op: realtime.OpBroadcastAck, Node: "evil", Namespace: "/", Data: []byte(`["silence"]`), Timeout: 1 << 62,
		}, func(*realtime.Message) {})
		if _, err := c.EmitWithAck(a.Context(), "silence"); !errors.Is(err, realtime.ErrTooManyAcks) {
			a.Errorf("before: %v", err)
		}
		pass(time.Minute)
		if _, err := c.EmitWithAck(a.Context(), "silence"); !errors.Is(err, realtime.ErrAckTimeout) {
			a.Errorf("after: %v", err)
		}
	})
}

// TestReconnectAfterGap: R69. Who may have missed something comes back; others stay, and so do all without the setting.
func TestReconnectAfterGap(t *testing.T) {
	for name, c := range map[string]struct {
		off  bool
		gap  realtime.Gap
		want []string // who is cut off
	}{
		"everyone":              {gap: realtime.Gap{Count: -1}, want: []string{"chat", "member", "other"}},
		"a namespace":           {gap: realtime.Gap{Namespace: "/chat", Count: 1}, want: []string{"chat"}},
		"a room":                {gap: realtime.Gap{Namespace: "/", Room: "room:r", Count: 1}, want: []string{"member"}},
		"what others missed":    {gap: realtime.Gap{Node: "self", Count: 1}},
		"the setting is off":    {off: true, gap: realtime.Gap{Count: -1}},
		"a namespace of nobody": {gap: realtime.Gap{Namespace: "/none", Count: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			twoNodes(t, realtime.Config{ReconnectAfterGap: !c.off}, func(a, _ *fixture, busA, _ *busNode) {
				a.Of("/chat")
				clients := map[string]*realtimetest.Client{"chat": a.connect("/chat"), "member": a.connect(), "other": a.connect()}
				if err := a.conn(clients["member"]).Join(a.Context(), "r"); err != nil {
					a.Fatal(err)
				}
				if c.gap.Node == "self" {
					c.gap.Node = busA.self.ID
				}
				busA.handler.OnState(realtime.AdapterState{Status: realtime.AdapterGap, Gap: &c.gap})
				synctest.Wait()
				var cut []string
				for _, name := range []string{"chat", "member", "other"} {
					if clients[name].Reason() != "" {
						cut = append(cut, name)
					}
				}
				if diff := cmp.Diff(c.want, cut); diff != "" {
					a.Error(diff)
				}
			})
		})
	}
}
