//go:build unix

package redisadapter_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// native are options for the wire Native on one Redis.
func native(addrs ...string) redisadapter.Config {
	cfg := options(addrs...)
	cfg.Wire = redisadapter.Native
	return cfg
}

// to publishes an event that is one word to rooms.
func (p *peer) to(word string, rooms ...string) {
	p.t.Helper()
	err := p.Publish(p.t.Context(), &realtime.Message{
		Op: realtime.OpBroadcast, Node: p.self.ID, Namespace: "/", Rooms: rooms, Data: json.RawMessage(`["` + word + `"]`),
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// obedient is a node whose connections join what they are made to join.
type obedient struct{ *peer }

func (o obedient) OnMessage(m *realtime.Message) {
	if m.Op == realtime.OpJoin {
		for _, room := range m.Names {
			o.RoomOpened(m.Namespace, room)
		}
	}
	o.peer.OnMessage(m)
}

// TestNativeJoinedRoomMissesNothing makes connections of another node join rooms in which it
// had nobody, and sends to these rooms at once: its subscription cannot be there yet.
func TestNativeJoinedRoomMissesNothing(t *testing.T) {
	cfg := native(redistest.Start(t).Addr)
	a, b := startPeer(t, cfg), newPeer(t, cfg)
	if err := b.Start(t.Context(), b.self, obedient{b}); err != nil {
		t.Fatal(err)
	}
	if err := b.OpenNamespace(t.Context(), "/"); err != nil {
		t.Fatal(err)
	}
	b.RoomOpened("/", "crowd") // told of a room, so that it does not listen to all
	connected(t, a, b)
	const rounds = 30
	for i := range rounds {
		room := fmt.Sprintf("room%d", i)
		err := a.Publish(t.Context(), &realtime.Message{Op: realtime.OpJoin, Node: a.self.ID, Namespace: "/", Rooms: []string{"crowd"}, Names: []string{room}})
		if err != nil {
			t.Fatal(err)
		}
		a.to("first-"+room, room)
		a.to("second-"+room, "elsewhere", room)
	}
	a.to("end", "crowd")
	b.await("the end", func() bool { return b.hears("end") })
	b.note(func() {
		for i := range rounds {
			for _, word := range []string{"first", "second"} {
				if word = fmt.Sprintf("%s-room%d", word, i); !b.hears(word) {
					t.Errorf("%s was missed", word)
				}
			}
		}
	})
	if gaps := b.gaps(); len(gaps) != 0 {
		t.Errorf("gaps %+v", gaps)
	}
}

// TestNativeSubscribesItsRooms looks at Redis: a node listens to the shards of its rooms.
func TestNativeSubscribesItsRooms(t *testing.T) {
	server := redistest.Start(t)
	cfg := native(server.Addr)
	p := startPeer(t, cfg)
	shards := func() (n int) {
		list, err := server.Do("PUBSUB", "CHANNELS", "{"+cfg.Prefix+":*:s:*").AsStrSlice()
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if n := shards(); n != 64 {
		t.Errorf("%d shards before a room was told of, want all 64", n)
	}
	p.RoomOpened("/", "a")
	redistest.Await(t, "one shard", func() bool { return shards() == 1 })
	p.RoomOpened("/other", "b") // not open yet
	if err := p.OpenNamespace(t.Context(), "/other"); err != nil {
		t.Fatal(err)
	}
	if n := shards(); n != 2 {
		t.Errorf("%d shards with a room in two namespaces", n)
	}
	if err := p.CloseNamespace(t.Context(), "/other"); err != nil {
		t.Fatal(err)
	}
	if n := shards(); n != 1 {
		t.Errorf("%d shards after a namespace was closed", n)
	}
	server.KillClients("pubsub")
	p.await("a gap", func() bool { return gapCount(p) == 1 })
	if n := shards(); n != 1 {
		t.Errorf("%d shards on the next connection", n)
	}
}

// TestNativeCopiesComeOnce sends to rooms in several shards.
func TestNativeCopiesComeOnce(t *testing.T) {
	cfg := native(redistest.Start(t).Addr)
	a, b := startPeer(t, cfg), startPeer(t, cfg)
	rooms := []string{"1", "2", "3", "4", "5"}
	for _, room := range rooms {
		b.RoomOpened("/", room)
	}
	connected(t, a, b)
	const sent = 100
	for i := range sent {
		a.to(fmt.Sprintf("n%d", i), rooms[:1+i%len(rooms)]...)
	}
	a.to("end", rooms...)
	b.await("the end", func() bool { return b.hears("end") })
	b.note(func() {
		next := 0
		for _, m := range b.heard {
			if string(m.Data) == fmt.Sprintf(`["n%d"]`, next) {
				next++
			} else if strings.HasPrefix(string(m.Data), `["n`) {
				t.Errorf("%s instead of n%d", m.Data, next)
			}
		}
		if next != sent {
			t.Errorf("%d messages, want %d", next, sent)
		}
	})
}

// TestNativeRefusesForgeries gives two nodes a key (R76): what others say is not heard, and is
// told as invalid.
func TestNativeRefusesForgeries(t *testing.T) {
	cfg := native(redistest.Start(t).Addr)
	keyed := cfg
	keyed.Keys = [][]byte{bytes.Repeat([]byte("k"), 32)}
	a, b := startPeer(t, keyed), startPeer(t, keyed)
	connected(t, a, b)
	other := cfg
	other.Keys = [][]byte{bytes.Repeat([]byte("x"), 32)}
	for name, cfg := range map[string]redisadapter.Config{"no key": cfg, "another key": other} {
		forger := startPeer(t, cfg)
		before := a.Stats().Invalid
		err := forger.Publish(t.Context(), &realtime.Message{Op: realtime.OpDisconnect, Node: b.self.ID, Namespace: "/", Close: true})
		if err != nil {
			t.Fatal(err)
		}
		redistest.Await(t, "a refusal", func() bool { return a.Stats().Invalid > before })
		connected(t, a, b) // behind it
		a.note(func() {
			for _, m := range a.heard {
				if m.Op == realtime.OpDisconnect {
					t.Errorf("%s: a forged disconnect was taken", name)
				}
			}
		})
		if err := forger.end(); err != nil {
			t.Fatal(err)
		}
	}
	both := keyed
	both.Keys = [][]byte{other.Keys[0], keyed.Keys[0]} // the new one is accepted where it is known
	taken := startPeer(t, both)
	if err := b.emit("old"); err != nil {
		t.Fatal(err)
	}
	taken.await("a message signed with the second key", func() bool { return taken.hears("old") })
}

// TestNativeACL uses a user that may do just what the documentation asks for.
func TestNativeACL(t *testing.T) {
	server := redistest.Start(t)
	cfg := native(server.Addr)
	server.Do(
		"ACL", "SETUSER", "app", "on", ">secret", "resetkeys", "resetchannels", "-@all", "&"+cfg.Prefix+"-*", "&{"+cfg.Prefix+":*",
		"+ping", "+hello", "+publish", "+subscribe", "+unsubscribe", "+pubsub",
		"~"+cfg.Prefix+"-presence:*", "~"+cfg.Prefix+"-revoked:*", "+@read", "+@write", "+@scripting", "+time",
	)
	cfg.Redis.Username, cfg.Redis.Password = "app", "secret"
	a, b := startPeer(t, cfg), startPeer(t, cfg)
	connected(t, a, b)
	b.RoomOpened("/", "a")
	a.RoomOpened("/", "b")
	if n, err := a.Ask(t.Context(), &realtime.Message{Op: realtime.OpFetch, Namespace: "/"}, func(*realtime.Message) {}); n != 1 || err != nil {
		t.Errorf("Ask: %d, %v", n, err)
	}
	redistest.Await(t, "a message for a room", func() bool {
		a.to("room", "a")
		return b.soon(func() bool { return b.hears("room") })
	})
}

// TestNativeHostileMessages publishes what no node would on the channels of the wire (R74): it is counted,
// and all goes on.
func TestNativeHostileMessages(t *testing.T) {
	server := redistest.Start(t)
	cfg := native(server.Addr)
	a, b := startPeer(t, cfg), startPeer(t, cfg)
	connected(t, a, b)
	tap := newTap(t, server, "{"+cfg.Prefix)
	channels, err := server.Do("PUBSUB", "CHANNELS", "{"+cfg.Prefix+":*").AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	shard := slices.IndexFunc(channels, func(name string) bool { return strings.Contains(name, ":s:") })
	channels = append(slices.DeleteFunc(slices.Clone(channels), func(name string) bool { return strings.Contains(name, ":s:") }), channels[shard])
	for _, channel := range channels { // one shard is enough
		for _, payload := range []string{"", "R", "R\x10\x01", "R\x20\x01\x00", "R\x10\x02\x00", strings.Repeat("\xff", 1000), "R\x10\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f"} {
			before := a.Stats().Invalid
			if n := tap.publish(channel, payload); n == 0 {
				t.Fatalf("nobody listens to %s", channel)
			}
			if strings.Contains(channel, b.self.ID) {
				continue // not of a's
			}
			redistest.Await(t, fmt.Sprintf("%q on %s is refused", payload, channel), func() bool { return a.Stats().Invalid == before+1 })
		}
	}
	connected(t, a, b)
}
