package loadgen

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/realtime-go/realtime"
)

type saying struct {
	realtime.Positional
	Room string
	Data json.RawMessage
}

func startRealtime(t *testing.T) string {
	t.Helper()
	_, addr := serveRealtime(t)
	return addr
}

// serveRealtime serves the events of SocketIO's zero value.
func serveRealtime(t *testing.T) (srv realtime.Server, addr string) {
	t.Helper()
	srv, err := realtime.New(realtime.Config{Limits: realtime.Limits{EventRate: -1, ByteRate: -1}})
	if err != nil {
		t.Fatal(err)
	}
	realtime.Handle(srv, "join", func(ctx context.Context, c *realtime.Conn, room string) (bool, error) { return true, c.Join(ctx, room) })
	realtime.On(srv, "say", func(ctx context.Context, c *realtime.Conn, s saying) error {
		return c.To(s.Room).Emit(ctx, "msg", s.Data)
	})
	realtime.Handle(srv, "echo", func(_ context.Context, _ *realtime.Conn, v json.RawMessage) (json.RawMessage, error) { return v, nil })
	ts := httptest.NewServer(srv)
	t.Cleanup(func() {
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		ts.Close()
	})
	return srv, strings.TrimPrefix(ts.URL, "http://")
}

func dial(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// measured runs a load and looks at what has to hold of any.
func measured(t *testing.T, c *Client, l Load, receivers int64) Result {
	t.Helper()
	var marks []bool
	l.Mark = func(begin bool) { marks = append(marks, begin) }
	r, err := c.Run(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	if r.Sent < 1 || r.Delivered < 1 || r.Lost != 0 || r.Latency.Count() < 1 || r.Latency.Max() <= 0 || r.Wall < l.Measure {
		t.Fatalf("%+v, latencies %d", r, r.Latency.Count())
	}
	if len(marks) != 2 || !marks[0] || marks[1] {
		t.Fatalf("marks %v", marks)
	}
	if l.Rate == 0 {
		if on := int64(l.Window) * int64(len(c.conns)); r.Delivered > (r.Sent+on)*receivers {
			t.Fatalf("%d deliveries of %d messages", r.Delivered, r.Sent)
		}
	}
	return r
}

const short = 200 * time.Millisecond

func TestEveryKindOfLoadArrivesWhole(t *testing.T) {
	addr := startRealtime(t)
	t.Run("fan-out, closed and paced", func(t *testing.T) {
		c := dial(t, Config{Targets: []string{addr}, Dialect: SocketIO{}, Conns: 20, Members: 20, Publisher: true})
		measured(t, c, Load{Window: 16, Warm: short, Measure: short}, 20)
		r := measured(t, c, Load{Rate: 100, Measure: short}, 20)
		if float64(r.Sent) > 100*r.Wall.Seconds()+100 { // a closed loop sends thousands
			t.Errorf("%d messages in %s at 100 a second", r.Sent, r.Wall)
		}
	})
	t.Run("many rooms", func(t *testing.T) {
		c := dial(t, Config{Targets: []string{addr}, Dialect: SocketIO{}, Conns: 20, Members: 4, Ramp: 1000})
		measured(t, c, Load{Window: 10, Measure: short, Settle: true}, 3)
	})
	t.Run("questions", func(t *testing.T) {
		c := dial(t, Config{Targets: []string{addr}, Dialect: SocketIO{}, Conns: 5})
		measured(t, c, Load{Ask: true, Window: 4, Measure: short}, 1)
		measured(t, c, Load{Ask: true, Rate: 50, Measure: short}, 1)
	})
}

func TestTicksAddUpToTheResult(t *testing.T) {
	c := dial(t, Config{Targets: []string{startRealtime(t)}, Dialect: SocketIO{}, Conns: 2, Members: 2})
	var sent, delivered int64
	r, err := c.Run(t.Context(), Load{Window: 2, Measure: 1100 * time.Millisecond, Tick: func(s Sample) { sent, delivered = sent+s.Sent, delivered+s.Delivered }})
	if err != nil || sent != r.Sent || delivered != r.Delivered {
		t.Errorf("ticks have %d and %d, the result %d and %d, %v", sent, delivered, r.Sent, r.Delivered, err)
	}
}

func TestIdleConnectionsAnswerPings(t *testing.T) {
	up := websocket.Upgrader{}
	answered := make(chan string, 2)
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		c.SetPongHandler(func(text string) error { answered <- "websocket " + text; return nil })
		for _, text := range []string{"0{}", "40{}", "2"} {
			_ = c.WriteMessage(websocket.TextMessage, []byte(text))
		}
		_ = c.WriteControl(websocket.PingMessage, []byte("x"), time.Now().Add(time.Minute))
		for {
			_, msg, err := c.ReadMessage()
			if err != nil {
				return
			}
			if string(msg) == "3" {
				answered <- "engine"
			}
		}
	}))
	defer ts.Close()
	c := dial(t, Config{Targets: []string{strings.TrimPrefix(ts.URL, "http://")}, Dialect: SocketIO{}, Conns: 1})
	got := map[string]bool{}
	for begin := time.Now(); len(got) < 2; {
		if err := c.Idle(t.Context(), 10*time.Millisecond); err != nil || time.Since(begin) > time.Minute {
			t.Fatalf("answers: %v, %v", got, err)
		}
		select {
		case a := <-answered:
			got[a] = true
		default:
		}
	}
	if !got["engine"] || !got["websocket x"] {
		t.Errorf("answers: %v", got)
	}
}

// startPlain is a server of the plain protocol.
func startPlain(t *testing.T) string {
	t.Helper()
	var mu sync.Mutex
	members := map[string]map[*websocket.Conn]bool{}
	up := websocket.Upgrader{}
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			_, msg, err := c.ReadMessage()
			if err != nil {
				return
			}
			var m struct{ E, R string }
			if json.Unmarshal(msg, &m) != nil {
				return
			}
			mu.Lock()
			switch m.E {
			case "join":
				if members[m.R] == nil {
					members[m.R] = map[*websocket.Conn]bool{}
				}
				members[m.R][c] = true
				_ = c.WriteMessage(websocket.TextMessage, msg)
			case "echo":
				_ = c.WriteMessage(websocket.TextMessage, msg)
			case "say":
				for other := range members[m.R] {
					if other != c {
						_ = other.WriteMessage(websocket.TextMessage, msg)
					}
				}
			}
			mu.Unlock()
		}
	}))
	t.Cleanup(ts.Close)
	return strings.TrimPrefix(ts.URL, "http://")
}

func TestThePlainProtocolIsSpoken(t *testing.T) {
	addr := startPlain(t)
	c := dial(t, Config{Targets: []string{addr}, Dialect: Plain{}, Conns: 6, Members: 3})
	measured(t, c, Load{Window: 4, Measure: short}, 2)
	measured(t, c, Load{Ask: true, Window: 2, Measure: short}, 1)
}

func TestAServerThatIsNoneIsAnError(t *testing.T) {
	ts := httptest.NewServer(http.NotFoundHandler())
	defer ts.Close()
	_, err := Dial(t.Context(), Config{Targets: []string{strings.TrimPrefix(ts.URL, "http://")}, Dialect: SocketIO{}, Conns: 1})
	if err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("not the answer of the server: %v", err)
	}
	if _, err := Dial(t.Context(), Config{Targets: []string{"127.0.0.1:1"}, Dialect: SocketIO{}, Conns: 1}); err == nil {
		t.Error("nobody listens, and there is no error")
	}
}

func TestACanceledContextEndsALoad(t *testing.T) {
	c := dial(t, Config{Targets: []string{startRealtime(t)}, Dialect: SocketIO{}, Conns: 2, Members: 2})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := c.Run(ctx, Load{Window: 1, Measure: time.Hour, Mark: func(bool) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestALostMessageIsCounted(t *testing.T) {
	up := websocket.Upgrader{}
	var mu sync.Mutex
	n := 0
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			_, msg, err := c.ReadMessage()
			if err != nil {
				return
			}
			mu.Lock()
			if n++; n != 3 {
				_ = c.WriteMessage(websocket.TextMessage, msg)
			}
			mu.Unlock()
		}
	}))
	defer ts.Close()
	c := dial(t, Config{Targets: []string{strings.TrimPrefix(ts.URL, "http://")}, Dialect: Plain{}, Conns: 1, Patience: 4 * time.Second})
	r, err := c.Run(t.Context(), Load{Ask: true, Rate: 20, Measure: short})
	if err != nil || r.Lost != 1 {
		t.Errorf("lost %d, %v", r.Lost, err)
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	for _, cfg := range []Config{
		{},
		{Targets: []string{"127.0.0.1:1"}, Dialect: Plain{}},
		{Targets: []string{"127.0.0.1:1"}, Dialect: Plain{}, Conns: 5, Members: 2},
		{Targets: []string{"127.0.0.1:1"}, Dialect: Plain{}, Conns: -1},
		{Targets: []string{"127.0.0.1:1"}, Dialect: Plain{}, Conns: 1, Sources: []string{"here"}},
	} {
		if _, err := Dial(t.Context(), cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
	c := dial(t, Config{Targets: []string{startRealtime(t)}, Dialect: SocketIO{}, Conns: 1, Members: 1})
	for _, l := range []Load{{}, {Measure: 1, Window: 1}, {Measure: 1, Window: 1, Payload: 10}, {Measure: 1, Ask: true}, {Measure: 1, Ask: true, Window: 1000}} {
		if _, err := c.Run(t.Context(), l); err == nil {
			t.Errorf("%+v is taken", l)
		}
	}
}
