//go:build unix

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// TestMixedCluster plays the scenarios on one Redis.
func TestMixedCluster(t *testing.T) {
	server := redistest.Start(t)
	m := newMixed(t, false, server.Addr)
	for _, s := range []struct {
		name string
		run  func(m *mixed)
	}{
		{"Broadcasts", broadcasts},
		{"Volatile", volatile},
		{"Payloads", payloads},
		{"Acknowledgements", acknowledgements},
		{"FetchSockets", fetchSockets},
		{"RemoteSocket", remoteSocket},
		{"JoinAndLeave", joinAndLeave},
		{"ServerSideEmit", serverSideEmit},
		{"AllRooms", allRooms},
		{"OfficialEmitter", officialEmitter},
		{"OwnEmitter", ownEmitter},
		{"Namespaces", namespaces},
		{"Disconnects", disconnects},
		{"Endings", endings},
	} {
		t.Run(s.name, func(t *testing.T) { s.run(m.in(t)) })
	}
}

// TestMixedOnRedisCluster plays those that depend on the kind of Redis.
func TestMixedOnRedisCluster(t *testing.T) {
	cluster := redistest.StartCluster(t, 3)
	m := newMixed(t, true, cluster.Addrs...)
	t.Run("Broadcasts", func(t *testing.T) { broadcasts(m.in(t)) })
	t.Run("Acknowledgements", func(t *testing.T) { acknowledgements(m.in(t)) })
	t.Run("FetchSockets", func(t *testing.T) { fetchSockets(m.in(t)) })
	t.Run("ServerSideEmit", func(t *testing.T) { serverSideEmit(m.in(t)) })
}

// in is the cluster for a subtest.
func (m *mixed) in(t testing.TB) *mixed {
	other := *m
	other.TB = t
	a, b := m.a, m.b
	a.t, b.t = t, t
	return &other
}

func broadcasts(m *mixed) {
	to := func(rooms ...string) func(realtime.Broadcaster) realtime.Broadcaster {
		return func(b realtime.Broadcaster) realtime.Broadcaster { return b.To(rooms...) }
	}
	list := []selection{
		{"everyone", ``, func(b realtime.Broadcaster) realtime.Broadcaster { return b }, everybody},
		{"one room", `.to("room1")`, to("room1"), []string{"a1", "b1", "g1"}},
		{"two rooms", `.to("room2").to("room3")`, to("room2", "room3"), []string{"b1", "g1", "h1"}},
		{"a room on one node", `.to("room3")`, to("room3"), []string{"g1"}},
		{"nobody", `.to("nobody")`, to("nobody"), nil},
		{"a room less another", `.to("room1").except("room2")`, func(b realtime.Broadcaster) realtime.Broadcaster { return b.To("room1").Except("room2") }, []string{"a1", "g1"}},
		{"everyone less rooms", `.except(["room2","room3"])`, func(b realtime.Broadcaster) realtime.Broadcaster { return b.Except("room2", "room3") }, []string{"a1"}},
		{"compressed or not", `.compress(false).to("room2")`, func(b realtime.Broadcaster) realtime.Broadcaster { return b.To("room2").Compress(false) }, []string{"b1", "h1"}},
		{"users", `.to("user:user of b1").to("user:user of g1")`, func(b realtime.Broadcaster) realtime.Broadcaster { return b.ToUser("user of b1", "user of g1") }, []string{"b1", "g1"}},
	}
	for _, name := range everybody { // a connection's own room is its id
		id := m.ids[name]
		list = append(list,
			selection{"connection " + name, fmt.Sprintf(".to(%q)", id), func(realtime.Broadcaster) realtime.Broadcaster { return m.g.ToConn(id) }, []string{name}},
			selection{
				"all but " + name, fmt.Sprintf(".except(%q)", id), func(b realtime.Broadcaster) realtime.Broadcaster { return b.ExceptConn(id) },
				slices.DeleteFunc(slices.Clone(everybody), func(other string) bool { return other == name }),
			},
		)
	}
	for _, sel := range list {
		m.check(sel, "text", 1)
	}
}

// volatile repeats: such an event may be dropped, but not doubled, and not for those who
// have time for it.
func volatile(m *mixed) {
	to := selection{js: `.volatile.to("room1")`, of: func(b realtime.Broadcaster) realtime.Broadcaster { return b.To("room1").Volatile() }}
	for _, s := range m.senders() {
		got := map[string]bool{}
		n := 0
		redistest.Await(m, "a volatile event of "+s.name+" at everyone in the room", func() bool {
			n++
			s.emit(to, []any{n})
			s.emit(selection{of: func(b realtime.Broadcaster) realtime.Broadcaster { return b }}, []any{"fence"})
			for _, client := range everybody {
				m.a.run(`await clients[%q].until("the fence", (c) => c.events.some(([, arg]) => arg === "fence"))`, client)
				text := string(m.a.run(`return clients[%q].events.splice(0).filter(([, arg]) => arg !== "fence")`, client))
				switch text {
				case "[]":
				case fmt.Sprintf(`[["ev",%d]]`, n):
					got[client] = true
				default:
					m.Errorf("%s got %s after %d", client, text, n)
				}
			}
			return len(got) >= 3
		})
		if len(got) != 3 || got["h1"] {
			m.Errorf("volatile events of %s reached %v", s.name, got)
		}
	}
}

func payloads(m *mixed) {
	all := selection{"everyone", ``, func(b realtime.Broadcaster) realtime.Broadcaster { return b }, everybody}
	m.check(all)
	m.check(all, "", "é€😀\u2028 \" \\ \n <&>", strings.Repeat("long ", 20_000))
	m.check(all, 0, -1, 127, 128, 255, 256, 65535, 65536, int64(1)<<53-1, -(int64(1)<<53)+1, 1.5, -0.25, 1e-7)
	m.check(all, nil, true, false, []any{}, map[string]any{}, []any{[]any{[]any{nil}}}, map[string]any{"a": map[string]any{"b": []any{1, "two"}}})
	m.check(all, realtime.Binary{}, realtime.Binary{0, 1, 255}, map[string]any{"deep": realtime.Binary{7}, "text": "beside"}, realtime.Binary(make([]byte, 70_000)))
	m.check(all, map[string]any{"_placeholder": true, "num": 0})
	m.must(m.g.Emit(m.Context(), "huge", 1e300)) // of Node.js it is cut to 64 bits
	for _, name := range everybody {
		m.a.run(`await clients[%q].until("the number", (c) => JSON.stringify(c.events) === '[["huge",1e+300]]'); clients[%q].events = []`, name, name)
	}
	deep := strings.Repeat("[", 60) + strings.Repeat("]", 60)
	m.check(all, json.RawMessage(deep))
}

func acknowledgements(m *mixed) {
	for _, name := range everybody {
		m.a.run(`clients[%q].answer = (event, arg) => event === "binary" ? Buffer.from(%q) : [%q, arg]`, name, name, name)
	}
	texts := func(names ...string) (out []string) {
		for _, name := range names {
			out = append(out, fmt.Sprintf(`["%s",7]`, name))
		}
		return out
	}
	for _, n := range []*node{m.a, m.b} {
		for sel, want := range map[string][]string{``: everybody, `.to("room1")`: {"a1", "b1", "g1"}, `.to("room3")`: {"g1"}, `.to("nobody")`: nil} {
			got := value[[]json.RawMessage](n, `return io%s.timeout(30000).emitWithAck("q", 7)`, sel)
			same(m, "answers in Node.js of "+sel, texts(want...), got)
		}
		got := value[[]map[string]string](n, `return io.timeout(30000).emitWithAck("binary", Buffer.from([1]))`)
		if len(got) != 4 || got[0]["$binary"] == "" {
			m.Errorf("binary answers in Node.js: %v", got)
		}
	}
	for _, s := range []*goServer{m.g, m.h} {
		for _, c := range []struct {
			to   realtime.Broadcaster
			want []string
		}{{s, everybody}, {s.To("room1"), []string{"a1", "b1", "g1"}}, {s.To("room3"), []string{"g1"}}, {s.To("nobody"), nil}, {s.ToConn(m.ids["b1"]), []string{"b1"}}} {
			replies, err := realtime.BroadcastWithAck[json.RawMessage](m.Context(), c.to, "q", 7)
			if err != nil {
				m.Errorf("in Go: %v", err)
			}
			var got []json.RawMessage
			for _, r := range replies {
				if r.Err != nil {
					m.Error(r.Err)
				}
				got = append(got, r.Value)
			}
			same(m, "answers in Go", texts(c.want...), got)
		}
		replies, err := realtime.BroadcastWithAck[realtime.Binary](m.Context(), s, "binary", realtime.Binary{1})
		var got []string
		for _, r := range replies {
			got = append(got, string(r.Value))
		}
		slices.Sort(got)
		if err != nil || !slices.Equal(got, everybody) {
			m.Errorf("binary answers in Go: %q, %v", got, err)
		}
	}
	// One who is silent is missed by both.
	text := value[string](m.b, `try { await io.timeout(300).emitWithAck("silent"); return "all" } catch (err) { return err.message + " " + err.responses.length }`)
	if text != "operation has timed out 0" {
		m.Errorf("silent clients in Node.js: %s", text)
	}
	for _, name := range everybody {
		m.took(name, "silent")
	}
}

// same compares JSON texts in any order.
func same(t testing.TB, what string, want []string, got []json.RawMessage) {
	t.Helper()
	var texts []string
	for _, raw := range got {
		texts = append(texts, string(raw))
	}
	slices.Sort(texts)
	want = slices.Sorted(slices.Values(want))
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}

// fetchSockets looks at every connection from every server: rooms, data, and no secret.
func fetchSockets(m *mixed) {
	type socket struct {
		ID        string
		Rooms     []string
		Data      map[string]any
		Handshake map[string]json.RawMessage
	}
	data := func(name string) map[string]any { return map[string]any{"is": name} }
	rooms := map[string][]string{}
	for name, list := range map[string][]string{"a1": {"room1"}, "b1": {"room1", "room2"}, "g1": {"room1", "room3"}, "h1": {"room2"}} {
		rooms[name] = slices.Sorted(slices.Values(append(list, m.ids[name], "user:user of "+name)))
		switch name[0] {
		case 'a':
			m.a.run(`io.sockets.sockets.get(%q).data = {is: "a1"}`, m.ids[name])
		case 'b':
			m.b.run(`io.sockets.sockets.get(%q).data = {is: "b1"}`, m.ids[name])
		default:
			conn, _ := m.server(name).Conn(m.ids[name])
			if err := conn.SetPublic(data(name)); err != nil {
				m.Fatal(err)
			}
		}
	}
	for _, n := range []*node{m.a, m.b} {
		list := value[[]socket](n, `return (await io.fetchSockets()).map((s) => ({id: s.id, rooms: [...s.rooms].sort(), data: s.data, handshake: s.handshake}))`)
		if len(list) != 4 {
			m.Errorf("%d sockets in Node.js", len(list))
		}
		for _, name := range everybody {
			i := slices.IndexFunc(list, func(s socket) bool { return s.ID == m.ids[name] })
			if i < 0 {
				m.Errorf("%s is missing in Node.js", name)
				continue
			}
			s := list[i]
			if diff := cmp.Diff(rooms[name], s.Rooms) + cmp.Diff(data(name), s.Data); diff != "" {
				m.Errorf("%s in Node.js: %s", name, diff)
			}
			for _, key := range []string{"headers", "time", "address", "xdomain", "secure", "issued", "url", "query", "auth"} {
				if s.Handshake[key] == nil {
					m.Errorf("handshake of %s in Node.js has no %s", name, key)
				}
			}
			if name[0] == 'g' && (string(s.Handshake["auth"]) != "{}" || string(s.Handshake["headers"]) != "{}" || string(s.Handshake["address"]) != `"127.0.0.1"`) {
				m.Errorf("handshake of a Go connection: %s", s.Handshake)
			}
		}
		if got := value[int](n, `return (await io.in("room1").except("room3").fetchSockets()).length`); got != 2 {
			m.Errorf("%d sockets of a selection in Node.js", got)
		}
	}
	for _, s := range []*goServer{m.g, m.h} {
		found := map[string]realtime.ConnInfo{}
		for info, err := range s.Conns(m.Context()) {
			if err != nil {
				m.Error(err)
			}
			found[info.ID] = info
		}
		if len(found) != 4 {
			m.Errorf("%d connections in Go", len(found))
		}
		for _, name := range everybody {
			info := found[m.ids[name]]
			want := slices.DeleteFunc(slices.Clone(rooms[name]), func(room string) bool { return !strings.HasPrefix(room, "room") })
			if got := slices.Sorted(slices.Values(info.Rooms)); !slices.Equal(got, want) || string(info.Public) != `{"is":"`+name+`"}` || info.UserID != "user of "+name || info.Node == "" || info.Address != "127.0.0.1" || info.Connected.IsZero() {
				m.Errorf("%s in Go: %+v, want rooms %v", name, info, want)
			}
		}
		if n, err := s.Room("room1").Len(m.Context()); n != 3 || err != nil {
			m.Errorf("Len in Go: %d, %v", n, err)
		}
		if online, err := s.User("user of b1").Online(m.Context()); !online || err != nil {
			m.Errorf("Online in Go: %t, %v", online, err)
		}
		nodes, err := s.Nodes(m.Context())
		if err != nil || len(nodes) != 4 {
			m.Errorf("nodes in Go: %v, %v", nodes, err)
		}
	}
}

// remoteSocket uses a Go connection through the object that Node.js has of it.
func remoteSocket(m *mixed) {
	const find = `const [s] = await io.in(%q).fetchSockets();`
	m.a.run(find+`s.emit("direct", 1, Buffer.from([2])); s.join(["remote", "other"]); s.leave("other")`, m.ids["g1"])
	m.took("g1", "direct")
	conn, _ := m.g.Conn(m.ids["g1"])
	redistest.Await(m, "a join through a RemoteSocket", func() bool { return conn.In("remote") && !conn.In("other") })
	m.a.run(`clients.g1.answer = (event, arg) => "answer " + arg`)
	if got := value[string](m.b, find+`return s.timeout(30000).emitWithAck("ask", 5)`, m.ids["g1"]); got != "answer 5" {
		m.Errorf("answer through a RemoteSocket: %s", got)
	}
	m.took("g1", "ask")
	m.a.run(find+`s.leave("remote")`, m.ids["g1"])
	redistest.Await(m, "a leave through a RemoteSocket", func() bool { return !conn.In("remote") })
}

func joinAndLeave(m *mixed) {
	inRoom := func(room string, want ...string) {
		m.Helper()
		redistest.Await(m, fmt.Sprintf("%v in room %s", want, room), func() bool {
			members, err := m.g.Room(room).Members(m.Context())
			if err != nil {
				m.Fatal(err)
			}
			var ids, wantIDs []string
			for _, info := range members {
				ids = append(ids, info.ID)
			}
			for _, name := range want {
				wantIDs = append(wantIDs, m.ids[name])
			}
			slices.Sort(ids)
			slices.Sort(wantIDs)
			return slices.Equal(ids, wantIDs)
		})
	}
	m.a.run(`io.in("room1").except("room2").socketsJoin(["js1", "js2"])`)
	inRoom("js1", "a1", "g1")
	inRoom("js2", "a1", "g1")
	m.b.run(`io.in("js1").socketsLeave("js2")`)
	inRoom("js2")
	if err := m.g.To("room2").JoinAll(m.Context(), "go1"); err != nil {
		m.Fatal(err)
	}
	inRoom("go1", "b1", "h1")
	if err := m.h.LeaveAll(m.Context(), "go1", "js1"); err != nil {
		m.Fatal(err)
	}
	inRoom("go1")
	inRoom("js1")
}

func serverSideEmit(m *mixed) {
	for name, n := range map[string]*node{"a": m.a, "b": m.b} {
		n.run(`state.side = []; io.removeAllListeners("note"); io.removeAllListeners("who"); io.removeAllListeners("nothing");
			io.on("note", (...args) => state.side.push(args)); io.on("who", (n, done) => done(%q + " " + n)); io.on("nothing", (done) => done())`, name)
	}
	// Go to Node.js; binary data arrives as such.
	if err := m.g.ServerSideEmit(m.Context(), "note", 1, "ä", map[string]any{"a": nil}, realtime.Binary{1, 2}); err != nil {
		m.Fatal(err)
	}
	for _, n := range []*node{m.a, m.b} {
		redistest.Await(m, "a server-side event", func() bool { return value[int](n, `return state.side.length`) == 1 })
		if got := string(n.run(`return state.side.shift()`)); got != `[1,"ä",{"a":null},{"$binary":"0102"}]` {
			m.Errorf("a server-side event in Node.js: %s", got)
		}
	}
	// Node.js to Go and to the other Node.js.
	heard := make(chan string, 10)
	for _, s := range []*goServer{m.g, m.h} {
		listen(m, s, heard)
	}
	m.a.run(`io.serverSideEmit("note-go", 1, {a: [null]}, Buffer.from([1, 2]))`)
	for range 2 {
		if got := <-heard; got != `1 {"a":[null]} {"type":"Buffer","data":[1,2]}` {
			m.Errorf("a server-side event in Go: %s", got)
		}
	}
	// With answers.
	got := value[[]string](m.a, `return io.serverSideEmitWithAck("who", 5)`)
	slices.Sort(got)
	if !slices.Equal(got, []string{"b 5", "g 5", "h 5"}) {
		m.Errorf("answers in Node.js: %q", got)
	}
	if got := string(m.b.run(`return io.serverSideEmitWithAck("nothing")`)); got != "[null,null,null]" {
		m.Errorf("answers without a value in Node.js: %s", got)
	}
	replies, err := m.h.ServerSideEmitWithAck(m.Context(), "who", 6)
	if err != nil {
		m.Error(err)
	}
	got = nil
	for _, r := range replies {
		var text string
		if err := r.Bind(&text); err != nil {
			m.Error(err)
		}
		got = append(got, text)
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"a 6", "b 6", "g 6"}) {
		m.Errorf("answers in Go: %q", got)
	}
}

func allRooms(m *mixed) {
	var want []string
	for _, name := range everybody {
		want = append(want, m.ids[name], "user:user of "+name)
	}
	want = append(want, "room1", "room2", "room3")
	slices.Sort(want)
	for name, n := range map[string]*node{"a": m.a, "b": m.b} {
		if diff := cmp.Diff(want, value[[]string](n, `return [...await io.of("/").adapter.allRooms()].sort()`)); diff != "" {
			m.Errorf("all rooms of %s: %s", name, diff)
		}
	}
	for _, s := range []*goServer{m.g, m.h} {
		got, err := s.adapter.AllRooms(m.Context(), "/")
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			m.Errorf("all rooms in Go: %v, %s", err, diff)
		}
	}
}

// officialEmitter sends from a process that has no sockets.
func officialEmitter(m *mixed) {
	gets := func(want []string, event string) {
		m.Helper()
		m.a.run(`emitter.emit("fence")`)
		for _, name := range everybody {
			events := m.took(name, "fence")
			if got := len(events); got != 0 != slices.Contains(want, name) {
				m.Errorf("%s got %v", name, events)
			} else if text, _ := json.Marshal(events); got > 0 && string(text) != event {
				m.Errorf("%s got %s, want %s", name, text, event)
			}
		}
	}
	m.a.run(`emitter.emit("ev", 1, "a")`)
	gets(everybody, `[["ev",1,"a"]]`)
	m.a.run(`emitter.to("room1").except("room2").emit("ev", Buffer.from([1]))`)
	gets([]string{"a1", "g1"}, `[["ev",{"$binary":"01"}]]`)
	m.a.run(`emitter.volatile.compress(true).to(["room2", "room3"]).emit("ev")`)
	gets([]string{"b1", "g1", "h1"}, `[["ev"]]`)
	m.a.run(`emitter.in("room3").socketsJoin("by-emitter")`)
	conn, _ := m.g.Conn(m.ids["g1"])
	redistest.Await(m, "a join by the emitter", func() bool { return conn.In("by-emitter") })
	m.a.run(`emitter.in("room3").socketsLeave("by-emitter")`)
	redistest.Await(m, "a leave by the emitter", func() bool { return !conn.In("by-emitter") })
	heard := make(chan string, 10)
	m.g.OnServerSide("by-emitter", func(_ ctx, ev *realtime.Event) (any, error) {
		var n int
		err := ev.Bind(&n)
		heard <- fmt.Sprint(n)
		return nil, err
	})
	m.a.run(`emitter.serverSideEmit("by-emitter", 7)`)
	if got := <-heard; got != "7" {
		m.Errorf("a server-side event of the emitter: %s", got)
	}
}

// ownEmitter sends to Node.js from a Go process that has no connections.
func ownEmitter(m *mixed) {
	e, err := redisadapter.NewEmitter(m.Context(), m.cfg, realtime.Config{RawRooms: true})
	if err != nil {
		m.Fatal(err)
	}
	all := e.Of("/")
	for name, c := range map[string]struct {
		to   realtime.Broadcaster
		want []string
	}{"everyone": {all, everybody}, "a selection": {all.To("room1").Except("room2").Volatile(), []string{"a1", "g1"}}, "a connection": {all.ToConn(m.ids["b1"]), []string{"b1"}}} {
		m.must(c.to.Emit(m.Context(), "ev", name, realtime.Binary{9}))
		m.must(all.Emit(m.Context(), "fence"))
		for _, client := range everybody {
			text, err := json.Marshal(m.took(client, "fence"))
			want := "[]"
			if slices.Contains(c.want, client) {
				want = fmt.Sprintf(`[["ev",%q,{"$binary":"09"}]]`, name)
			}
			if err != nil || string(text) != want {
				m.Errorf("%s: %s got %s, want %s", name, client, text, want)
			}
		}
	}
	m.must(all.To("room1").JoinAll(m.Context(), "by-go"))
	redistest.Await(m, "a join by the emitter", func() bool { return value[int](m.b, `return (await io.in("by-go").fetchSockets()).length`) == 3 })
	m.must(all.LeaveAll(m.Context(), "by-go"))
	redistest.Await(m, "a leave by the emitter", func() bool { return value[int](m.b, `return (await io.in("by-go").fetchSockets()).length`) == 0 })
	m.b.run(`io.on("from-emitter", (...args) => { state.emitted = args })`)
	m.must(all.ServerSideEmit(m.Context(), "from-emitter", 1, "x"))
	redistest.Await(m, "a server-side event of the emitter", func() bool { return string(m.b.run(`return state.emitted`)) == `[1,"x"]` })
	m.must(e.Close(m.Context()))
}
