//go:build unix

package redisadapter_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
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
	server := redistest.Start(t)
	cfg := options(server.Addr)
	p := startPeer(t, cfg)
	p.RoomOpened("/", "room:x")
	e, err := redisadapter.NewEmitter(t.Context(), cfg, realtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	to := e.Of("/").To("x")
	if err := errors.Join(to.Emit(t.Context(), "hello"), to.ReconnectAll(t.Context(), "why"), to.JoinAll(t.Context(), "y"), to.DisconnectAll(t.Context(), "bye")); err != nil {
		t.Fatal(err)
	}
	p.await("four messages", func() bool { return len(p.heard) == 4 })
	for i, want := range []realtime.Message{
		{Op: realtime.OpBroadcast, Node: "emitter", Data: json.RawMessage(`["hello"]`)},
		{Op: realtime.OpReconnect, Reason: "why"},
		{Op: realtime.OpJoin, Names: []string{"room:y"}},
		{Op: realtime.OpDisconnect, Reason: "bye"},
	} {
		want.Namespace, want.Rooms = "/", []string{"room:x"}
		if diff := cmp.Diff(&want, p.heard[i]); diff != "" {
			t.Error(diff)
		}
	}
	server.Kill()
	redistest.Await(t, "an error of Emit without Redis", func() bool { return errors.Is(to.Emit(t.Context(), "lost"), redisadapter.ErrUnavailable) })
	server.Restart()
	redistest.Await(t, "Emit when Redis is back", func() bool {
		return to.Emit(t.Context(), "again") == nil && p.soon(func() bool { return p.hears("again") })
	})
}
