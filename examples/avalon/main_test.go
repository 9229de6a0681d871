package main

import (
	"bytes"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/examples/avalon/game"
	"github.com/realtime-go/realtime/realtimetest"
)

// TestMain looks for goroutines that were left. One of rueidis ends by itself: a client that could not connect waits for a second more.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"))
}

// world is the program in a test.
type world struct {
	t        *testing.T
	app      *app
	host     *realtimetest.Server
	log      *logged
	patience time.Duration // with the server
}

// begin starts the program with the settings of the given flags.
func begin(t *testing.T, flags ...string) *world {
	t.Helper()
	s, err := readSettings(flags, func(string) string { return "" }, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	log := &logged{}
	a, err := open(s, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return serving(t, a, log)
}

func serving(t *testing.T, a *app, log *logged) *world {
	t.Helper()
	w := &world{t, a, realtimetest.Serve(t, a), log, time.Hour} // an hour passes at once, in a bubble
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// guest is a user with one connection. A second device is another guest of the same session.
type guest struct {
	*realtimetest.Client
	world   *world
	session Session
	at      string // table
	seat    int
}

// guest lets somebody log in and connect.
func (w *world) guest(name string) *guest {
	w.t.Helper()
	session, err := w.app.logins.issue(name+" of the test", name)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.device(session)
}

// device connects once more as a user.
func (w *world) device(s Session) *guest {
	w.t.Helper()
	c := w.host.Connect(realtimetest.Options{Namespace: "/game", Auth: map[string]string{"token": s.Token}, Timeout: w.patience})
	return &guest{Client: c, world: w, session: s}
}

// table lets guests sit at a new table; the first is the host.
func (w *world) table(size int, roles []game.Role, names ...string) []*guest {
	w.t.Helper()
	guests := make([]*guest, len(names))
	for i, name := range names {
		guests[i] = w.guest(name)
		if i == 0 {
			guests[i].enter("table:create", Create{Size: size, Roles: roles})
		} else {
			guests[i].enter("table:join", At{guests[0].at})
		}
	}
	return guests
}

// enter sits down, and remembers where.
func (g *guest) enter(event string, payload any) Entered {
	g.world.t.Helper()
	in := realtimetest.Call[Entered](g.Client, event, payload)
	g.at, g.seat = in.Table.ID, in.Secret.Seat
	return in
}

// does sends an event that has to succeed.
func (g *guest) does(event string, payload any) {
	g.world.t.Helper()
	realtimetest.Call[Done](g.Client, event, payload)
}

// insists sends an event again and again while the tables are out of reach.
func (g *guest) insists(event string, payload any) {
	g.world.t.Helper()
	for {
		_, err := realtimetest.TryCall[Done](g.Client, event, payload)
		if e := new(realtime.Error); errors.As(err, &e) && e.Code == errTryAgain.Code {
			continue
		}
		if err != nil {
			g.world.t.Fatalf("%s %+v: %v", event, payload, err)
		}
		return
	}
}

// refused sends an event that has to be refused with a code.
func (g *guest) refused(code, event string, payload any) {
	g.world.t.Helper()
	_, err := realtimetest.TryCall[any](g.Client, event, payload)
	var e *realtime.Error
	if !errors.As(err, &e) || e.Code != code {
		g.world.t.Errorf("%s %+v: error %v, want %s", event, payload, err, code)
	}
}

// sees waits for a state of the table.
func (g *guest) sees(what string, want func(Table) bool) Table {
	g.world.t.Helper()
	for {
		now := realtimetest.Expect[Table](g.Client, "table")
		if now.ID != g.at {
			continue // of a table before
		}
		if want(now) {
			return now
		}
		if now.Phase == string(game.Over) {
			g.world.t.Fatalf("the game ended before %s: %+v", what, now)
		}
	}
}

func (g *guest) seesPhase(phase game.Phase) Table {
	g.world.t.Helper()
	return g.sees(string(phase), func(now Table) bool { return now.Phase == string(phase) })
}

// learns waits for a secret.
func (g *guest) learns(want func(Secret) bool) Secret {
	g.world.t.Helper()
	for {
		if s := realtimetest.Expect[Secret](g.Client, "secret"); s.Table == g.at && want(s) {
			return s
		}
	}
}

// logged is a log that is written and read at once.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func check(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func ptr[T any](v T) *T { return &v }
