package adaptertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// broadcastRules are about events to clients of all nodes.
var broadcastRules = []rule{
	{name: "BroadcastToEveryone", nodes: 1, run: broadcastEveryone},
	{name: "BroadcastToRooms", nodes: 1, run: broadcastRooms},
	{name: "BroadcastToUsersAndConns", nodes: 1, run: broadcastUsers},
	{name: "BroadcastExcept", nodes: 1, run: broadcastExcept},
	{name: "BroadcastLocal", nodes: 1, run: broadcastLocal},
	{name: "BroadcastVolatile", nodes: 1, run: broadcastVolatile},
	{name: "BroadcastBinary", nodes: 1, run: broadcastBinary},
	{name: "BroadcastKeepsData", nodes: 1, run: broadcastData},
	{name: "OrderOfPublisherAndRoom", nodes: 1, run: order},
}

// selection is a broadcast and who of a crowd should get it.
type selection struct {
	name string
	to   func(*server) realtime.Broadcaster
	want func(*client) bool

	// fence selects, in the same rooms, somebody on every node: when they have heard it, what was sent before
	// has arrived everywhere. nil: the selection itself does.
	fence  func(*server) realtime.Broadcaster
	fenced func(*client) bool
}

func everyone(*client) bool { return true }

func inRoom(names ...string) func(*client) bool {
	return func(k *client) bool { return slices.ContainsFunc(names, k.in) }
}

// check emits each selection from each server; see checkFrom.
func (c *cluster) check(servers []*server, crowd []*client, list ...selection) {
	c.Helper()
	for _, s := range servers {
		for _, sel := range list {
			c.checkFrom(s, servers, crowd, sel)
		}
	}
}

// checkFrom emits a selection from one server and looks who of the crowd gets it: each of those who should
// exactly once, and nobody else.
func (c *cluster) checkFrom(s *server, servers []*server, crowd []*client, sel selection) {
	c.Helper()
	if sel.fence == nil {
		sel.fence, sel.fenced = sel.to, sel.want
	}
	id := c.unique("event")
	if err := errors.Join(sel.to(s).Emit(c.Context(), "n", id), sel.fence(s).Emit(c.Context(), "fence")); err != nil {
		c.Fatalf("%s: %v", sel.name, err)
	}
	c.fenceClients(servers, those(crowd, sel.fenced), crowd)
	for _, k := range crowd {
		want := 0
		if sel.want(k) {
			want = 1
		}
		pending := k.Pending()
		if len(pending) != want {
			c.Errorf("%s from %s: %s on %s got %v, want %d event", sel.name, s.name, k.user, k.server.name, pending, want)
		}
		for range pending {
			if got := realtimetest.Expect[string](k.Client, "n"); got != id {
				c.Errorf("%s from %s: %s on %s got %q, want %q", sel.name, s.name, k.user, k.server.name, got, id)
			}
		}
	}
}

// fenceClients waits until those who are fenced have got their event, and then until everyone has got another
// one of their own server: then nothing is on its way to anybody.
func (c *cluster) fenceClients(servers []*server, fenced, all []*client) {
	c.Helper()
	for _, k := range fenced {
		realtimetest.Expect[any](k.Client, "fence")
	}
	for _, s := range servers {
		if err := s.Local().Emit(c.Context(), "local"); err != nil {
			c.Fatal(err)
		}
	}
	for _, k := range all {
		realtimetest.Expect[any](k.Client, "local")
	}
}

func broadcastEveryone(c *cluster) {
	servers := c.servers(nil)
	c.check(servers, c.crowd(servers), selection{name: "everyone", to: func(s *server) realtime.Broadcaster { return s }, want: everyone})
}

func broadcastRooms(c *cluster) {
	servers := c.servers(nil)
	c.check(
		servers, c.crowd(servers),
		selection{name: "room x", to: func(s *server) realtime.Broadcaster { return s.To("x") }, want: inRoom("x")},
		selection{name: "room y", to: func(s *server) realtime.Broadcaster { return s.Room("y") }, want: inRoom("y")},
		selection{name: "rooms x and y", to: func(s *server) realtime.Broadcaster { return s.To("x", "y") }, want: inRoom("x", "y")},
		selection{name: "rooms y and none", to: func(s *server) realtime.Broadcaster { return s.To("y", "nobody") }, want: inRoom("y")},
	)
}

func broadcastUsers(c *cluster) {
	servers := c.servers(nil)
	crowd := c.crowd(servers)
	one := crowd[len(crowd)-1] // cid on the last server
	c.check(
		servers, crowd,
		selection{name: "user cid", to: func(s *server) realtime.Broadcaster { return s.ToUser("cid") }, want: isUser("cid")},
		selection{
			name: "a connection", to: func(s *server) realtime.Broadcaster { return s.ToConn(one.ID()) },
			want: func(k *client) bool { return k == one },
		},
		selection{
			name: "room y and user ann", to: func(s *server) realtime.Broadcaster { return s.To("y").ToUser("ann") },
			want: func(k *client) bool { return k.in("y") || k.user == "ann" },
		},
	)
}

func broadcastExcept(c *cluster) {
	servers := c.servers(nil)
	crowd := c.crowd(servers)
	one := crowd[len(crowd)-1]
	all := func(s *server) realtime.Broadcaster { return s }
	room := func(s *server) realtime.Broadcaster { return s.To("x") }
	c.check(
		servers, crowd,
		selection{
			name: "x without y", to: func(s *server) realtime.Broadcaster { return s.To("x").Except("y") },
			want: func(k *client) bool { return k.in("x") && !k.in("y") }, fence: room, fenced: inRoom("x"),
		},
		selection{
			name: "everyone without x", to: func(s *server) realtime.Broadcaster { return s.Except("x") },
			want: func(k *client) bool { return !k.in("x") }, fence: all, fenced: everyone,
		},
		selection{
			name: "everyone without a user", to: func(s *server) realtime.Broadcaster { return s.ExceptUser("bob") },
			want: func(k *client) bool { return k.user != "bob" }, fence: all, fenced: everyone,
		},
		selection{
			name: "everyone without a connection", to: func(s *server) realtime.Broadcaster { return s.ExceptConn(one.ID()) },
			want: func(k *client) bool { return k != one }, fence: all, fenced: everyone,
		},
	)
}

func broadcastLocal(c *cluster) {
	servers := c.servers(nil)
	crowd := c.crowd(servers)
	for _, from := range servers {
		c.checkFrom(from, servers, crowd, selection{
			name: "clients of one server", to: func(s *server) realtime.Broadcaster { return s.Local() },
			want:  func(k *client) bool { return k.server == from },
			fence: func(s *server) realtime.Broadcaster { return s }, fenced: everyone,
		})
	}
}

// broadcastVolatile repeats: a volatile event may be dropped, but not doubled and not overtaken.
func broadcastVolatile(c *cluster) {
	servers := c.servers(nil)
	crowd := c.crowd(servers)
	last := make(map[*client]int)
	n := 0
	ok := c.retried(func() bool {
		n++
		if err := servers[0].To("x").Volatile().Emit(c.Context(), "n", n); err != nil {
			c.Fatal(err)
		}
		for _, k := range crowd {
			for range k.Pending() {
				got := realtimetest.Expect[int](k.Client, "n")
				if got <= last[k] || !k.in("x") {
					c.Errorf("%s on %s got %d after %d", k.user, k.server.name, got, last[k])
				}
				last[k] = got
			}
		}
		return len(last) == len(those(crowd, inRoom("x")))
	})
	if !ok {
		c.Errorf("of %d volatile events to %d clients who are idle only %d clients got one", n, len(those(crowd, inRoom("x"))), len(last))
	}
}

func broadcastBinary(c *cluster) {
	servers := c.servers(nil)
	crowd := c.crowd(servers)
	type nested struct {
		realtime.Positional
		Text string
		Deep struct{ First, Second realtime.Binary }
		Last realtime.Binary
	}
	big := realtime.Binary(bytes.Repeat([]byte{0, 1, 2, 0xfe, 0xff, '"', '\n', 0x1e}, 1000))
	for _, s := range servers {
		deep := map[string]any{"First": realtime.Binary{1, 0, 255}, "Second": realtime.Binary{}}
		if err := s.Emit(c.Context(), "n", "ä", deep, big); err != nil {
			c.Fatal(err)
		}
		for _, k := range crowd {
			got := realtimetest.Expect[nested](k.Client, "n")
			if got.Text != "ä" || !slices.Equal(got.Deep.First, realtime.Binary{1, 0, 255}) || len(got.Deep.Second) != 0 || !slices.Equal(got.Last, big) {
				c.Errorf("%s on %s got %q, % x, % x and %d bytes", k.user, k.server.name, got.Text, got.Deep.First, got.Deep.Second, len(got.Last))
			}
		}
	}
}

func broadcastData(c *cluster) {
	servers := c.servers(nil)
	crowd := c.crowd(servers)
	const data = `{"z":[1,-2.5,9007199254740993,true,null,[],{}],"a":"<&> ä 𝄞 \u0000 \" \\ \u2028","":"",` +
		`"__proto__":{"num":0},"deep":[[[[[[[["x"]]]]]]]],"long":"0123456789012345678901234567890123456789"}`
	want := normal([]byte(data))
	for _, s := range servers {
		if err := s.Emit(c.Context(), "n", raw(data)); err != nil {
			c.Fatal(err)
		}
		for _, k := range crowd {
			if got := normal(json.RawMessage(realtimetest.Expect[raw](k.Client, "n"))); !reflect.DeepEqual(got, want) {
				c.Errorf("%s on %s\n got %s\nwant %s", k.user, k.server.name, got, want)
			}
		}
	}
}

// order lets every server send to two rooms at the same time.
func order(c *cluster) {
	const each = 150
	servers := c.servers(nil)
	crowd := c.crowd(servers)
	var waits []func()
	for i, s := range servers {
		waits = append(waits, c.during("emitting", func() {
			for n := range each {
				for _, room := range []string{"x", "y"} {
					if err := s.To(room).Emit(c.Context(), room, i, n); err != nil {
						c.Errorf("emit %d to %s: %v", n, room, err)
					}
				}
			}
		}))
	}
	for _, wait := range waits {
		wait()
	}
	for _, k := range crowd {
		for _, room := range k.rooms {
			next := make([]int, len(servers))
			for range each * len(servers) {
				got := realtimetest.Expect[struct {
					realtime.Positional
					From, N int
				}](k.Client, room)
				if got.N != next[got.From] {
					c.Fatalf("room %s, %s on %s: number %d of %s, want %d", room, k.user, k.server.name, got.N, servers[got.From].name, next[got.From])
				}
				next[got.From]++
			}
		}
	}
}

// raw is JSON that is passed on as it is.
type raw []byte

// MarshalJSON returns the text.
func (r raw) MarshalJSON() ([]byte, error) { return r, nil }

// UnmarshalJSON keeps the text.
func (r *raw) UnmarshalJSON(data []byte) error {
	*r = append((*r)[:0], data...)
	return nil
}
