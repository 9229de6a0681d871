//go:build unix

package redisadapter_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
	"github.com/realtime-go/realtime/redisadapter"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// server is one whole node.
type server struct {
	realtime.Server
	host *realtimetest.Server

	mu    sync.Mutex
	lines []string
}

func startServer(t *testing.T, cfg redisadapter.Config) *server {
	t.Helper()
	adapter, err := redisadapter.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{}
	say := func(line string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lines = append(s.lines, line)
	}
	note := func(what string) func(string, string) {
		return func(_, user string) { say(user + " " + what) }
	}
	lost := ""
	s.Server, err = realtime.New(realtime.Config{
		Adapter: adapter, Auth: byName{}, Logger: slog.New(slog.DiscardHandler), Presence: realtime.PresenceConfig{Grace: time.Millisecond},
		Sessions: realtime.SessionPolicy{Max: 2},
		Hooks: realtime.Hooks{
			UserOnline: note("online"), UserOffline: note("offline"),
			NodeLost: func(n realtime.Node) {
				lost = n.ID
				say(n.Name + " lost")
			},
			AdapterState: func(state realtime.AdapterState) { // one hook at a time
				if g := state.Gap; g != nil && g.Count < 0 && g.Node == lost {
					say("gap of unknown size of the process")
				}
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), watchdog)
	defer cancel()
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	s.host = realtimetest.Serve(t, s)
	return s
}

func (s *server) as(name string) *realtimetest.Client {
	return s.host.Connect(realtimetest.Options{Auth: map[string]string{"name": name}})
}

func (s *server) told() []string { return told(s) }

func told(servers ...*server) (all []string) {
	for _, s := range servers {
		s.mu.Lock()
		all = append(all, s.lines...)
		s.mu.Unlock()
	}
	return all
}

// byName authenticates {"name":USER} by an identity of now.
type byName struct{}

func (byName) Authenticate(_ context.Context, h *realtime.Handshake) (*realtime.Identity, error) {
	var auth struct{ Name string }
	if err := h.BindAuth(&auth); err != nil {
		return nil, err
	}
	return &realtime.Identity{UserID: auth.Name, IssuedAt: h.Issued}, nil
}

// TestPresenceOfServers is what users of the library see: one user on two nodes, told of once; the oldest connection
// losing on whichever node; a revocation that holds on a node that starts later; and nothing left behind in Redis.
func TestPresenceOfServers(t *testing.T) {
	redis := redistest.Start(t)
	cfg := options(redis.Addr)
	a, b := startServer(t, cfg), startServer(t, cfg)
	ctx := t.Context()

	first := a.as("ann")
	redistest.Await(t, "ann is online", func() bool { online, err := b.User("ann").Online(ctx); return online && err == nil })
	second := b.as("ann") // so that it is the younger one in milliseconds too
	b.as("bob")
	redistest.Await(t, "both nodes see two users and ann's two connections", func() bool {
		for _, s := range []*server{a, b} {
			n, err := s.Presence().Count(ctx)
			u, userErr := s.Presence().User(ctx, "ann")
			if errors.Join(err, userErr) != nil || n != 2 || len(u.Conns) != 2 {
				return false
			}
		}
		return true
	})
	if online, err := a.User("bob").Online(ctx); !online || err != nil {
		t.Errorf("bob, seen from the other node: %t, %v", online, err)
	}
	third := b.as("ann")
	if reason := first.WaitClosed(); reason != realtimetest.ReasonServer {
		t.Errorf("the oldest connection: %q", reason)
	}
	second.Close()
	third.Close()
	redistest.Await(t, "ann is offline", func() bool { return strings.Contains(strings.Join(told(a, b), " "), "ann offline") })
	if lines := told(a, b); len(lines) != 3 {
		t.Errorf("told %v: want ann and bob online, ann offline, each once in the cluster", lines)
	}

	victim := b.as("eve")
	if err := a.User("eve").Revoke(ctx, "test"); err != nil {
		t.Fatal(err)
	}
	if reason := victim.WaitClosed(); reason != realtimetest.ReasonServer {
		t.Errorf("a revoked user: %q", reason)
	}
	kept := 0
	late := startServer(t, cfg)
	adapter, err := redisadapter.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{Adapter: adapter, t: t, self: realtime.Node{ID: fmt.Sprint("reader", time.Now().UnixNano())}, changed: make(chan struct{})}
	t.Cleanup(func() { _ = p.end() })
	p.begin()
	for r, err := range p.Revocations(ctx) {
		if err != nil || r.User != "eve" {
			t.Errorf("%+v, %v", r, err)
		}
		kept++
	}
	if kept != 1 {
		t.Errorf("%d revocations are kept", kept)
	}
	_ = p.end()

	for _, s := range []*server{a, b, late} {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), watchdog)
		if err := s.Shutdown(stop); err != nil {
			t.Error(err)
		}
		cancel()
	}
	for _, key := range keysOf(t, redis) {
		if ttl, err := redis.Do("PTTL", key).AsInt64(); ttl <= 0 || err != nil { // R85
			t.Errorf("key %s is left with no end: %d, %v", key, ttl, err)
		}
	}
}

func keysOf(t *testing.T, s *redistest.Server) []string {
	t.Helper()
	keys, err := s.Do("KEYS", "*").AsStrSlice()
	if err != nil && !rueidis.IsRedisNil(err) {
		t.Fatal(err)
	}
	return keys
}

// TestPresenceWhileRedisIsDown: local clients notice nothing, questions fail at once with a typed error, and when
// Redis is back, empty, the truth is there again.
func TestPresenceWhileRedisIsDown(t *testing.T) {
	redis := redistest.Start(t)
	a := startServer(t, options(redis.Addr))
	ann := a.as("ann")
	redistest.Await(t, "ann is online", func() bool { n, err := a.Presence().Count(t.Context()); return n == 1 && err == nil })
	redis.Kill()
	bob := a.as("bob")
	if err := a.To("lobby").Emit(t.Context(), "x"); err != nil && !errors.Is(err, redisadapter.ErrUnavailable) {
		t.Errorf("Emit: %v", err)
	}
	if err := a.Conns(t.Context()); err == nil {
		t.Error("no iterator")
	}
	if _, err := a.Presence().Count(t.Context()); !errors.Is(err, redisadapter.ErrUnavailable) {
		t.Errorf("Count without Redis: %v", err)
	}
	for _, c := range []*realtimetest.Client{ann, bob} {
		if c.Reason() != "" {
			t.Errorf("a local client was closed: %s", c.Reason())
		}
	}
	redis.Restart()
	redistest.Await(t, "both are online again", func() bool { n, err := a.Presence().Count(t.Context()); return n == 2 && err == nil })
}
