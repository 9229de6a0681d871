//go:build unix

package registry

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// monitor writes down every command that a Redis gets.
type monitor struct {
	conn net.Conn

	mu   sync.Mutex
	text strings.Builder
	done chan struct{}
}

func watch(t testing.TB, s *redistest.Server) *monitor {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	m := &monitor{conn: conn, done: make(chan struct{})}
	if _, err := conn.Write([]byte("MONITOR\r\n")); err != nil {
		t.Fatal(err)
	}
	go func() { // owned by the test, ends with the connection
		defer close(m.done)
		buf := make([]byte, 64<<10)
		for {
			n, err := conn.Read(buf)
			m.mu.Lock()
			m.text.Write(buf[:n])
			m.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-m.done
	})
	redistest.Await(t, "the monitor", func() bool { return strings.Contains(m.String(), "OK") })
	return m
}

func (m *monitor) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text.String()
}

// lonely is an adapter without a bus, whose presence is the registry's.
type lonely struct {
	*Registry
	make func(self realtime.Node, h realtime.AdapterHandler) (*Registry, error)
}

func (l *lonely) Start(ctx context.Context, self realtime.Node, h realtime.AdapterHandler) (err error) {
	if l.Registry, err = l.make(self, h); err != nil {
		return err
	}
	return l.Registry.Start(ctx)
}
func (l *lonely) Publish(context.Context, *realtime.Message) error { return nil }

func (l *lonely) Ask(context.Context, *realtime.Message, func(*realtime.Message)) (int, error) {
	return 0, nil
}
func (l *lonely) OpenNamespace(context.Context, string) error  { return nil }
func (l *lonely) CloseNamespace(context.Context, string) error { return nil }

// byToken takes the token's first half for the user.
type byToken struct{}

func (byToken) Authenticate(_ context.Context, h *realtime.Handshake) (*realtime.Identity, error) {
	var auth struct{ Token string }
	if err := h.BindAuth(&auth); err != nil {
		return nil, err
	}
	user, _, _ := strings.Cut(auth.Token, ".")
	return &realtime.Identity{UserID: user, SessionID: "session-MARKER", Claims: auth}, nil
}

// Requirement R56: of a real server with real handshakes Redis gets the user and the row, and nothing of a token, a
// cookie, a query, a header beyond the agent, or the name of the login session.
func TestRedisSeesNoSecrets(t *testing.T) {
	f, s := single(t)
	m := watch(t, s)
	client := s.Client()
	var mu sync.Mutex
	var payloads []string
	adapter := &lonely{make: func(self realtime.Node, h realtime.AdapterHandler) (*Registry, error) {
		cfg := Config{Client: client, Self: self, Handler: h, Announce: func(_ context.Context, payload []byte) error {
			mu.Lock()
			defer mu.Unlock()
			payloads = append(payloads, string(payload))
			return nil
		}}
		quick(&cfg)
		return New(cfg)
	}}
	var online, offline sync.WaitGroup
	online.Add(1)
	offline.Add(1)
	srv, err := realtime.New(realtime.Config{
		Adapter: adapter, Auth: byToken{}, Logger: slog.New(slog.DiscardHandler), Presence: realtime.PresenceConfig{Grace: time.Millisecond},
		Sessions: realtime.SessionPolicy{Max: 1, Class: func(*realtime.Conn) string { return "phone" }},
		Hooks: realtime.Hooks{
			UserOnline:  func(_, _ string) { online.Done() },
			UserOffline: func(_, _ string) { offline.Done() },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	host := realtimetest.Serve(t, srv)
	options := realtimetest.Options{
		Auth:   map[string]string{"token": "ann.token-MARKER"},
		Query:  url.Values{"token": {"query-MARKER"}},
		Header: http.Header{"Cookie": {"id=cookie-MARKER"}, "Authorization": {"Bearer header-MARKER"}, "X-Other": {"other-MARKER"}, "User-Agent": {"agent of ann"}},
	}
	first := host.Connect(options)
	online.Wait()
	second := host.Connect(options)
	first.WaitClosed()
	f.await("the one connection", func() bool {
		u, err := srv.Presence().User(t.Context(), "ann")
		return err == nil && len(u.Conns) == 1 && u.Conns[0].ID == second.ID() && u.Conns[0].Agent == "agent of ann" && u.Conns[0].Class == "phone"
	})
	if err := srv.Presence().Set(t.Context(), "ann", "status"); err != nil {
		t.Error(err)
	}
	second.Close()
	offline.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), watchdog)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	mu.Lock()
	text := m.String() + strings.Join(payloads, "\n")
	mu.Unlock()
	for _, there := range []string{"agent of ann", "user:/:ann", second.ID(), "status", "phone"} {
		if !strings.Contains(text, there) {
			t.Errorf("%q was not seen: the test does not do its work", there)
		}
	}
	for line := range strings.Lines(text) {
		if strings.Contains(line, "MARKER") {
			t.Errorf("Redis has seen %s", line)
		}
	}
}

// Requirement R84: presence reaches a client as a list, in which a user's name is a value.
func TestUsersAreNoKeys(t *testing.T) {
	f, _ := single(t)
	a := f.node()
	for _, user := range hostile[:len(hostile)-2] {
		a.enter(user, "c"+escape(user))
	}
	f.await("all", func() bool { return a.count() == len(hostile)-2 })
	page, _, err := a.PresenceMembers(t.Context(), "/", "")
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(page)
	if err != nil {
		t.Fatal(err)
	}
	var back []map[string]any
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	for _, u := range back {
		for key := range u {
			if !slices.Contains([]string{"user", "online", "conns", "since"}, key) {
				t.Errorf("a member %q", key)
			}
		}
	}
}
