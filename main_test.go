package realtime_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logBook collects log lines.
type logBook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// lines returns the lines that hold all of the texts.
func (b *logBook) lines(texts ...string) (found []string) {
lines:
	for line := range strings.Lines(b.String()) {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue lines
			}
		}
		found = append(found, line)
	}
	return found
}

func (b *logBook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// fixture is a server with its in-memory host and its log, inside of a synctest bubble.
type fixture struct {
	realtime.Server
	*testing.T
	host *realtimetest.Server
	log  *logBook
}

// bubble runs a test against a server in fake time.
func bubble(t *testing.T, cfg realtime.Config, test func(f *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newFixture(t, cfg)) })
}

func newFixture(t *testing.T, cfg realtime.Config) *fixture {
	t.Helper()
	book := &logBook{}
	if cfg.Logger == nil {
		cfg.Logger = book.logger()
	}
	srv, err := realtime.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{srv, t, realtimetest.Serve(t, srv), book}
}

// connect joins "/" or another namespace over websocket.
func (f *fixture) connect(namespace ...string) *realtimetest.Client {
	f.T.Helper()
	o := realtimetest.Options{}
	if len(namespace) > 0 {
		o.Namespace = namespace[0]
	}
	return f.host.Connect(o)
}

// conn returns the server's side of a client of "/".
func (f *fixture) conn(c *realtimetest.Client) *realtime.Conn {
	f.T.Helper()
	conn, ok := f.Server.Conn(c.ID())
	if !ok {
		f.T.Fatalf("no connection %s", c.ID())
	}
	return conn
}

// pending returns what a client got, once nothing is on its way any more.
func pending(c *realtimetest.Client) string {
	synctest.Wait()
	return strings.Join(c.Pending(), " ")
}

// userByToken authenticates {"token":"NAME"} as the user NAME.
type userByToken struct{}

func (userByToken) Authenticate(_ context.Context, h *realtime.Handshake) (*realtime.Identity, error) {
	var auth struct{ Token string }
	if err := h.BindAuth(&auth); err != nil || auth.Token == "" {
		return nil, realtime.Errorf(realtime.CodeUnauthorized, "log in first")
	}
	return &realtime.Identity{UserID: auth.Token, Claims: auth}, nil
}

func token(name string) map[string]string { return map[string]string{"token": name} }

// pass lets fake time go by.
func pass(d time.Duration) {
	time.Sleep(d) // the fake clock of synctest
	synctest.Wait()
}
