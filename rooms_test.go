package realtime_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

func TestRooms(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		ctx := f.Context()
		var trace []string
		f.OnJoin(func(_ context.Context, c *realtime.Conn, room string) { trace = append(trace, "+"+room) })
		f.OnLeave(func(_ context.Context, c *realtime.Conn, room string) { trace = append(trace, "-"+room) })
		client := f.connect()
		c := f.conn(client)
		for _, err := range []error{c.Join(ctx, "a", "b", "a"), c.Join(ctx, "b", "c"), c.Leave(ctx, "b", "never")} {
			if err != nil {
				f.Error(err)
			}
		}
		if diff := cmp.Diff([]string{"a", "c"}, c.Rooms()); diff != "" {
			f.Error(diff)
		}
		if !c.In("a") || c.In("b") {
			f.Error("In is wrong")
		}
		if n, err := f.Room("a").Len(ctx); n != 1 || err != nil {
			f.Errorf("room a has %d members, %v", n, err)
		}
		members, err := f.Room("a").Members(ctx)
		if err != nil || len(members) != 1 || members[0].ID != client.ID() || !slices.Equal(members[0].Rooms, []string{"a", "c"}) {
			f.Errorf("members %+v, %v", members, err)
		}
		client.Close()
		synctest.Wait()
		if diff := cmp.Diff([]string{"+a", "+b", "+c", "-b", "-a", "-c"}, trace); diff != "" {
			f.Error(diff)
		}
		if n := f.Stats().Rooms; n != 0 {
			f.Errorf("%d rooms are left", n)
		}
		if joined, left := f.log.lines("msg=joined", "room=b", "conn="+client.ID()), f.log.lines("msg=left", "room=b"); len(joined) != 1 || len(left) != 1 {
			f.Errorf("logged %v and %v", joined, left)
		}
		if err := c.Join(ctx, "late"); !errors.Is(err, realtime.ErrClosed) {
			f.Errorf("Join after the end: %v", err)
		}
	})
}

// R40, D56: the own room and the user's room do not count, and a refused Join joins nothing.
func TestRoomLimits(t *testing.T) {
	bubble(t, realtime.Config{Auth: userByToken{}}, func(f *fixture) {
		ctx := f.Context()
		c := f.conn(f.host.Connect(realtimetest.Options{Auth: token("ann")}))
		for i := range 255 {
			if err := c.Join(ctx, fmt.Sprint(i)); err != nil {
				f.Fatal(err)
			}
		}
		if err := c.Join(ctx, "x", "y"); !errors.Is(err, realtime.ErrTooManyRooms) || c.In("x") {
			f.Errorf("256th and 257th: %v, in x: %v", err, c.In("x"))
		}
		if err := c.Join(ctx, "x"); err != nil {
			f.Error(err)
		}
		for _, name := range []string{"", strings.Repeat("r", 256)} {
			if err := c.Join(ctx, name); !errors.Is(err, realtime.ErrRoomName) {
				f.Errorf("Join(%.10q): %v", name, err)
			}
		}
		for i := range 100_000 {
			room := fmt.Sprint("churn", i)
			if err := errors.Join(c.Leave(ctx, "x"), c.Join(ctx, room), c.Leave(ctx, room), c.Join(ctx, "x")); err != nil {
				f.Fatal(err)
			}
		}
		if n := f.Stats().Rooms; n != 257 { // 255, x, and the user's
			f.Errorf("%d rooms", n)
		}
	})
}

// A room name that a client chose never reaches a user or a connection.
func TestRoomNamesDoNotReachUsersOrConns(t *testing.T) {
	bubble(t, realtime.Config{Auth: userByToken{}}, func(f *fixture) {
		ann := f.host.Connect(realtimetest.Options{Auth: token("ann")})
		if err := f.To("user:ann", ann.ID(), "ann").Emit(f.Context(), "spoof"); err != nil {
			f.Error(err)
		}
		if got := pending(ann); got != "" {
			f.Errorf("got %s", got)
		}
	})
}

func TestRawRooms(t *testing.T) {
	bubble(t, realtime.Config{RawRooms: true, Auth: userByToken{}}, func(f *fixture) {
		ann := f.host.Connect(realtimetest.Options{Auth: token("ann")})
		c := f.conn(ann)
		for _, name := range []string{"user:bob", "abcdefghijklmnopqrst", ann.ID()} {
			if err := c.Join(f.Context(), name); !errors.Is(err, realtime.ErrRoomName) {
				f.Errorf("Join(%q): %v", name, err)
			}
		}
		if err := c.Join(f.Context(), "42"); err != nil {
			f.Error(err)
		}
		if diff := cmp.Diff([]string{"42"}, c.Rooms()); diff != "" {
			f.Error(diff)
		}
		if err := f.To("42").Emit(f.Context(), "hi"); err != nil {
			f.Error(err)
		}
		realtimetest.Expect[any](ann, "hi")
	})
}

func TestSelectors(t *testing.T) {
	bubble(t, realtime.Config{Auth: userByToken{}}, func(f *fixture) {
		ctx := f.Context()
		clients := map[string]*realtimetest.Client{}
		for name, rooms := range map[string][]string{"ann": {"x", "y"}, "bob": {"x"}, "cid": {"y"}, "dan": {"z"}} {
			clients[name] = f.host.Connect(realtimetest.Options{Auth: token(name)})
			if err := f.conn(clients[name]).Join(ctx, rooms...); err != nil {
				f.Fatal(err)
			}
		}
		ann, bob := f.conn(clients["ann"]), f.conn(clients["bob"])
		everyone := f.Server.ExceptConn() // a Broadcaster without a selection
		kept := f.To("x")
		for i, tc := range []struct {
			to   realtime.Broadcaster
			want string
		}{
			{everyone, "ann bob cid dan"},
			{kept, "ann bob"},
			{f.To("x", "y"), "ann bob cid"}, // ann once
			{f.To("x").To("y"), "ann bob cid"},
			{f.To("x", "y").Except("x"), "cid"},
			{f.Except("x"), "cid dan"},
			{f.ToUser("ann", "dan"), "ann dan"},
			{f.To("z").ToUser("bob"), "bob dan"},
			{f.To("x").ExceptUser("ann"), "bob"},
			{f.To("x").ExceptConn(bob.ID()), "ann"},
			{f.Room("y"), "ann cid"},
			{f.Room("y").To("z"), "ann cid dan"},
			{f.User("cid"), "cid"},
			{f.ToConn(ann.ID(), bob.ID()), "ann bob"},
			{f.ToConn("nobody"), ""},
			{f.To("nowhere"), ""},
			{ann.To("x"), "bob"},
			{ann.To("x", "y"), "bob cid"},
			{ann.Others(), "bob cid dan"},
			{f.To("x").Local().Compress(false), "ann bob"},
			{f.To("x").Volatile(), "ann bob"},
			{kept, "ann bob"}, // not changed by what was derived from it
		} {
			if err := tc.to.Emit(ctx, "sel", i); err != nil {
				f.Error(err)
			}
			synctest.Wait()
			var got []string
			for name, c := range clients {
				for range c.Pending() {
					if n := realtimetest.Expect[int](c, "sel"); n != i {
						f.Errorf("%s got %d, want %d", name, n, i)
					}
					got = append(got, name)
				}
			}
			slices.Sort(got)
			if strings.Join(got, " ") != tc.want {
				f.Errorf("case %d reached %v, want %s", i, got, tc.want)
			}
			var ids []string
			for info, err := range tc.to.Conns(ctx) {
				if err != nil {
					f.Error(err)
				}
				ids = append(ids, info.UserID)
			}
			slices.Sort(ids)
			if strings.Join(ids, " ") != tc.want {
				f.Errorf("case %d: Conns %v, want %s", i, ids, tc.want)
			}
		}
	})
}

func TestBulkOperations(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		ctx := f.Context()
		causes := make(chan realtime.Disconnected, 10)
		f.OnDisconnect(func(_ context.Context, _ *realtime.Conn, why realtime.Disconnected) { causes <- why })
		join := func(c *realtimetest.Client, room string) {
			if err := f.conn(c).Join(ctx, room); err != nil {
				f.Fatal(err)
			}
		}
		for name, tc := range map[string]struct {
			end    func(realtime.Broadcaster) error
			reason string
			cause  realtime.Cause
			both   bool // the other namespace of the link ends too
		}{
			"disconnect": {func(b realtime.Broadcaster) error { return b.DisconnectAll(ctx, "why") }, realtimetest.ReasonServer, realtime.CauseServerDisconnect, false},
			"close":      {func(b realtime.Broadcaster) error { return b.CloseAll(ctx, "why") }, realtimetest.ReasonServer, realtime.CauseServerDisconnect, true},
			"reconnect":  {func(b realtime.Broadcaster) error { return b.ReconnectAll(ctx, "why") }, realtimetest.ReasonTransportClose, realtime.CauseReconnect, true},
		} {
			f.Of("/other")
			a, b := f.connect(), f.connect()
			other := a.Join(realtimetest.Options{Namespace: "/other"})
			join(a, name)
			if err := f.To(name).JoinAll(ctx, name+"2"); err != nil || !f.conn(a).In(name+"2") || f.conn(b).In(name+"2") {
				f.Errorf("%s: JoinAll %v", name, err)
			}
			if err := f.To(name).LeaveAll(ctx, name); err != nil || f.conn(a).In(name) {
				f.Errorf("%s: LeaveAll %v", name, err)
			}
			if err := tc.end(f.To(name + "2")); err != nil {
				f.Error(err)
			}
			if got := a.WaitClosed(); got != tc.reason {
				f.Errorf("%s: reason %q, want %q", name, got, tc.reason)
			}
			if why := <-causes; why.Cause != tc.cause || why.Detail != "why" {
				f.Errorf("%s: cause %+v", name, why)
			}
			synctest.Wait()
			if ended := other.Reason() != ""; ended != tc.both {
				f.Errorf("%s: other namespace ended: %v", name, ended)
			}
			if b.Reason() != "" {
				f.Errorf("%s: the other client ended: %s", name, b.Reason())
			}
		}
		if err := f.To("x").JoinAll(ctx, ""); !errors.Is(err, realtime.ErrRoomName) {
			f.Errorf("JoinAll of no name: %v", err)
		}
	})
}

func TestUsers(t *testing.T) {
	bubble(t, realtime.Config{Auth: userByToken{}}, func(f *fixture) {
		ctx := f.Context()
		phone := f.host.Connect(realtimetest.Options{Auth: token("ann")})
		laptop := f.host.Connect(realtimetest.Options{Auth: token("ann")})
		ann := f.User("ann")
		if err := ann.Emit(ctx, "hi"); err != nil {
			f.Error(err)
		}
		realtimetest.Expect[any](phone, "hi")
		realtimetest.Expect[any](laptop, "hi")
		for _, step := range []struct {
			end  func()
			want bool
		}{{func() {}, true}, {phone.Close, true}, {laptop.Close, true}, {func() { pass(10 * time.Second) }, false}} { // after the grace
			step.end()
			synctest.Wait()
			if online, err := ann.Online(ctx); online != step.want || err != nil {
				f.Errorf("online %v, %v, want %v", online, err, step.want)
			}
		}
		if ann.ID() != "ann" || f.Room("r").Name() != "r" {
			f.Error("views forgot their names")
		}
	})
}

func TestKeysAndPublicData(t *testing.T) {
	seat, other := realtime.NewKey[int]("seat"), realtime.NewKey[int]("seat")
	bubble(t, realtime.Config{}, func(f *fixture) {
		client := f.connect()
		c := f.conn(client)
		if _, ok := seat.Get(c); ok {
			f.Error("a value before Set")
		}
		seat.Set(c, 5)
		if v, ok := seat.Get(c); v != 5 || !ok {
			f.Errorf("%d %v", v, ok)
		}
		if _, ok := other.Get(c); ok {
			f.Error("two keys of one name share a slot")
		}
		if err := c.SetPublic(map[string]string{"name": "Ann"}); err != nil {
			f.Error(err)
		}
		for info, err := range f.ToConn(client.ID()).Conns(f.Context()) {
			if err != nil || string(info.Public) != `{"name":"Ann"}` || info.Node == "" || info.Transport != "websocket" {
				f.Errorf("%+v %v", info, err)
			}
		}
		if err := c.SetPublic(strings.Repeat("x", 5000)); !errors.Is(err, realtime.ErrPublicData) {
			f.Errorf("5,000 bytes: %v", err)
		}
		if err := c.SetPublic(func() {}); err == nil {
			f.Error("a function was encoded")
		}
	})
}

func TestRoomHooks(t *testing.T) {
	var trace []string
	bubble(t, realtime.Config{Hooks: realtime.Hooks{
		RoomCreated: func(ns, room string) { trace = append(trace, "+"+ns+room) },
		RoomEmptied: func(ns, room string) { trace = append(trace, "-"+ns+room) },
	}}, func(f *fixture) {
		a, b := f.connect(), f.connect()
		for _, c := range []*realtimetest.Client{a, b} {
			if err := f.conn(c).Join(f.Context(), "r"); err != nil {
				f.Fatal(err)
			}
		}
		a.Close()
		synctest.Wait()
		b.Close()
		synctest.Wait()
		if diff := cmp.Diff([]string{"+/r", "-/r"}, trace); diff != "" {
			f.Error(diff)
		}
	})
}

// What a client asks for and may not have is told to it, not to the error log.
func TestErrorsOfJoinAreTheClients(t *testing.T) {
	bubble(t, realtime.Config{Limits: realtime.Limits{Rooms: 1}}, func(f *fixture) {
		realtime.On(f.Server, "join", func(ctx context.Context, c *realtime.Conn, room string) error { return c.Join(ctx, room) })
		c := f.connect()
		for _, tc := range []struct{ room, code string }{{"", realtime.CodeInvalid}, {"a", "<nil>"}, {"b", realtime.CodeTooMany}} {
			if got := code(realtimetest.TryCall[any](c, "join", tc.room)); got != tc.code {
				f.Errorf("room %q: code %q, want %q", tc.room, got, tc.code)
			}
		}
		if lines := f.log.lines("level=ERROR"); len(lines) != 0 {
			f.Errorf("logged: %v", lines)
		}
	})
}
