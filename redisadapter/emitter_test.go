//go:build unix

package redisadapter_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// TestEmitterPublishesWhatNodeDoes compares the bytes on Redis with those of the official
// emitter.
func TestEmitterPublishesWhatNodeDoes(t *testing.T) {
	server := redistest.Start(t)
	cfg := options(server.Addr)
	tap := newTap(t, server, cfg.Prefix)
	e, err := redisadapter.NewEmitter(t.Context(), cfg, realtime.Config{RawRooms: true})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join("internal", "nodewire", "testdata", "redis-emitter.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Name     string
			Messages []struct {
				Channel string
				Payload string `json:"payload_hex"`
			}
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	all := e.Of("/")
	calls := map[string]func() error{
		"emitter-emit":               func() error { return all.Emit(ctx, "hello", 1, "a") },
		"emitter-to-room":            func() error { return all.To("room1").Emit(ctx, "hello", "x") },
		"emitter-rooms-except":       func() error { return all.To("room1", "room2").Except("room3").Emit(ctx, "hello", "x") },
		"emitter-volatile-compress":  func() error { return all.Volatile().Compress(true).Emit(ctx, "hello", "x") },
		"emitter-binary":             func() error { return all.Emit(ctx, "bin", realtime.Binary{1, 2}) },
		"emitter-namespace":          func() error { return e.Of("/nested/ns").Emit(ctx, "hello", 1) },
		"emitter-namespace-no-slash": func() error { return e.Of("nested").To("r").Emit(ctx, "hello", 1) },
		"emitter-sockets-join":       func() error { return all.To("room1").JoinAll(ctx, "y") },
		"emitter-sockets-leave":      func() error { return all.To("room1").Except("q").LeaveAll(ctx, "y", "z") },
		"emitter-disconnect":         func() error { return all.To("nobody").CloseAll(ctx, "") },
		"emitter-server-side-emit":   func() error { return all.ServerSideEmit(ctx, "sse", 1, "x") },
	}
	for _, c := range file.Cases {
		call := calls[c.Name]
		if call == nil {
			t.Errorf("%s is captured, and not tested", c.Name)
			continue
		}
		if err := call(); err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		want, err := hex.DecodeString(c.Messages[0].Payload)
		if err != nil {
			t.Fatal(err)
		}
		got := tap.take(cfg.Prefix + c.Messages[0].Channel[len("socket.io"):])
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s: %s", c.Name, diff)
		}
	}
	if _, err := all.EmitWithAck(ctx, "q"); !errors.Is(err, redisadapter.ErrUnsupported) {
		t.Errorf("EmitWithAck of an emitter: %v", err)
	}
	if err := e.Close(ctx); err != nil {
		t.Error(err)
	}
	if err := all.Emit(ctx, "late"); err == nil {
		t.Error("Emit after Close: no error")
	}
}

// TestEmitterReachesNodes emits from a process without connections to a Go node.
func TestEmitterReachesNodes(t *testing.T) {
	for name, wires := range map[string][2]redisadapter.Wire{ // of the emitter and of the node
		"classic": {redisadapter.NodeClassic, redisadapter.NodeClassic}, "native": {redisadapter.Native, redisadapter.Native},
		"rolling": {redisadapter.Rolling, redisadapter.Rolling}, "from classic to rolling": {redisadapter.NodeClassic, redisadapter.Rolling},
		"from rolling to classic": {redisadapter.Rolling, redisadapter.NodeClassic}, "from rolling to native": {redisadapter.Rolling, redisadapter.Native},
	} {
		t.Run(name, func(t *testing.T) { testEmitterReachesNodes(t, wires[0], wires[1]) })
	}
}

func testEmitterReachesNodes(t *testing.T, from, to redisadapter.Wire) {
	server := redistest.Start(t)
	cfg := options(server.Addr)
	cfg.Wire = to
	p := startPeer(t, cfg)
	p.RoomOpened("/", "room:x")
	cfg.Wire = from
	e, err := redisadapter.NewEmitter(t.Context(), cfg, realtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	room := e.Of("/").To("x")
	redistest.Await(t, "an event that reaches the node", func() bool {
		return room.Emit(t.Context(), "ready") == nil && p.soon(func() bool { return p.hears("ready") })
	})
	p.note(func() { p.heard = nil })
	if err := errors.Join(room.Emit(t.Context(), "hello"), room.ReconnectAll(t.Context(), "why"), room.JoinAll(t.Context(), "y"), room.DisconnectAll(t.Context(), "bye")); err != nil {
		t.Fatal(err)
	}
	p.await("four messages", func() bool { return len(p.heard) == 4 })
	for i, want := range []realtime.Message{
		{Op: realtime.OpBroadcast, Data: json.RawMessage(`["hello"]`)},
		{Op: realtime.OpReconnect, Reason: "why"},
		{Op: realtime.OpJoin, Names: []string{"room:y"}},
		{Op: realtime.OpDisconnect, Reason: "bye"},
	} {
		want.Namespace, want.Rooms, want.Node = "/", []string{"room:x"}, p.heard[i].Node
		if diff := cmp.Diff(&want, p.heard[i]); diff != "" {
			t.Error(diff)
		}
	}
	server.Kill()
	redistest.Await(t, "an error of Emit without Redis", func() bool { return errors.Is(room.Emit(t.Context(), "lost"), redisadapter.ErrUnavailable) })
	server.Restart()
	redistest.Await(t, "Emit when Redis is back", func() bool {
		return room.Emit(t.Context(), "again") == nil && p.soon(func() bool { return p.hears("again") })
	})
}

// TestEmitterSharded emits to one room and to everyone on a cluster with sharded publish and subscribe.
func TestEmitterSharded(t *testing.T) {
	cfg := native(redistest.StartCluster(t, 3).Addrs...)
	cfg.ShardedPubSub = true
	p := startPeer(t, cfg)
	e, err := redisadapter.NewEmitter(t.Context(), cfg, realtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	all := e.Of("/")
	for i := range 5 { // in several slots
		room := fmt.Sprint("room", i)
		p.RoomOpened("/", "room:"+room)
		redistest.Await(t, "an event for "+room, func() bool {
			return all.To(room).Emit(t.Context(), room) == nil && p.soon(func() bool { return p.hears(room) })
		})
	}
	redistest.Await(t, "an event for everyone", func() bool {
		return all.Emit(t.Context(), "all") == nil && p.soon(func() bool { return p.hears("all") })
	})
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestEmitterLossIsCounted keeps messages of an emitter back on their way to one node, and ends it without a leave: both are
// gaps there. It is no node.
func TestEmitterLossIsCounted(t *testing.T) {
	server := redistest.Start(t)
	cfg := native(server.Addr)
	way := newMute(t, server.Addr)
	own := cfg
	own.Redis.InitAddress = []string{way.addr}
	a, b := startPeer(t, cfg), startPeer(t, own)
	connected(t, a, b)
	cable := &redistest.Cable{}
	own = cfg
	own.Redis.DialCtxFn = cable.Dial
	e, err := redisadapter.NewEmitter(t.Context(), own, realtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	all := e.Of("/")
	redistest.Await(t, "an event that reaches both", func() bool {
		return all.Emit(t.Context(), "ready") == nil && a.soon(func() bool { return a.hears("ready") }) && b.soon(func() bool { return b.hears("ready") })
	})
	if nodes, err := a.Nodes(t.Context()); err != nil || len(nodes) != 2 {
		t.Errorf("nodes %v, %v", nodes, err)
	}
	channel := ":b:/" // the end of its name
	way.skip.Store(&channel)
	const sent = 5
	for i := range sent {
		if err := all.Emit(t.Context(), fmt.Sprint("lost", i)); err != nil {
			t.Fatal(err)
		}
	}
	b.await("gaps of what was lost", func() bool { return gapTotal(b) >= sent })
	b.note(func() {
		if n := gapTotal(b); n != sent {
			t.Errorf("gaps of %d messages, want %d", n, sent)
		}
	})
	way.skip.Store(nil)
	cable.Cut()
	for _, p := range []*peer{a, b} {
		p.await("a gap of unknown size", func() bool {
			return slices.ContainsFunc(p.states, func(s realtime.AdapterState) bool { return s.Gap != nil && s.Gap.Count == -1 })
		})
	}
	cable.Mend()
	_ = e.Close(t.Context())
}
