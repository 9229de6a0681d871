package realtime_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

func TestStatsFollowTheLifeOfConnections(t *testing.T) {
	bubble(t, realtime.Config{Auth: userByToken{}}, func(f *fixture) {
		release := make(chan struct{})
		realtime.On(f.Server, "block", func(context.Context, *realtime.Conn, any) error { <-release; return nil })
		realtime.On(f.Server, "panic", func(context.Context, *realtime.Conn, any) error { panic("boom") })
		f.OfFunc(func(string) bool { return true })
		type gauges struct {
			Sessions, Polling, WebSocket, Unjoined, Conns, Namespaces, Rooms, Handlers int
		}
		check := func(when string, want gauges) {
			f.T.Helper()
			synctest.Wait()
			st := f.Stats()
			got := gauges{st.Sessions, st.Polling, st.WebSocket, st.Unjoined, st.Conns, st.Namespaces, st.Rooms, st.Handlers}
			if diff := cmp.Diff(want, got); diff != "" {
				f.Errorf("%s: %s", when, diff)
			}
		}
		check("at the start", gauges{Namespaces: 1})
		web := f.host.Connect(realtimetest.Options{Auth: token("ann")})
		poll := f.host.Connect(realtimetest.Options{Auth: token("ann"), Transport: realtimetest.Polling})
		up := f.host.Connect(realtimetest.Options{Auth: token("bob"), Transport: realtimetest.Upgrade})
		waiting := f.socket()
		check("connected", gauges{Sessions: 4, Polling: 1, WebSocket: 3, Unjoined: 1, Conns: 3, Namespaces: 1, Rooms: 2}) // users' rooms
		table := web.Join(realtimetest.Options{Namespace: "/table", Auth: token("ann")})
		if err := f.Server.JoinAll(f.Context(), "lobby"); err != nil {
			f.Fatal(err)
		}
		check("joined", gauges{Sessions: 4, Polling: 1, WebSocket: 3, Unjoined: 1, Conns: 4, Namespaces: 2, Rooms: 4})
		_ = waiting.conn.Close()
		up.Emit("block")
		web.Emit("panic")
		check("a handler runs", gauges{Sessions: 3, Polling: 1, WebSocket: 2, Conns: 4, Namespaces: 2, Rooms: 4, Handlers: 1})
		close(release)
		table.Disconnect()
		check("left a namespace", gauges{Sessions: 3, Polling: 1, WebSocket: 2, Conns: 3, Namespaces: 1, Rooms: 3})
		for _, c := range []*realtimetest.Client{web, poll, up} {
			c.Close()
		}
		pass(time.Minute)
		check("all gone", gauges{Namespaces: 1})
		st := f.Stats()
		if diff := cmp.Diff(map[string]uint64{"client_disconnect": 1, "transport_close": 2, "transport_error": 1}, st.Disconnects); diff != "" {
			f.Error(diff)
		}
		if st.Panics != 1 || st.Handshakes != 0 || st.QueuedBytes != 0 || len(st.Refused) != 0 {
			f.Errorf("%+v", st)
		}
	})
}

// What is queued is counted, on the connection and in the process.
func TestQueuedBytesAreCounted(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		client := f.connect()
		c := f.conn(client)
		client.Stall()
		const size = 1000
		for range 12 { // one is in the client's hands, one is being written
			if err := c.Emit(f.Context(), "x", strings.Repeat("x", size)); err != nil {
				f.Fatal(err)
			}
			synctest.Wait()
		}
		messages, bytes := c.Queue()
		if queued := f.Stats().QueuedBytes; messages != 10 || bytes < 10*size || bytes > 11*size || queued < bytes || queued > 12*size {
			f.Errorf("%d messages of %d bytes, %d in the process", messages, bytes, queued)
		}
		client.Resume()
		synctest.Wait()
		if messages, bytes := c.Queue(); messages != 0 || bytes != 0 || f.Stats().QueuedBytes != 0 {
			f.Errorf("%d messages of %d bytes, %+v", messages, bytes, f.Stats())
		}
	})
}

// An adapter that is down makes a node degraded, never unready.
func TestHealthFollowsTheAdapter(t *testing.T) {
	node := (&bus{}).node()
	bubble(t, realtime.Config{Adapter: node}, func(f *fixture) {
		if err := f.Start(f.Context()); err != nil {
			f.Fatal(err)
		}
		for i, tc := range []struct {
			state realtime.AdapterState
			want  realtime.Health
		}{
			{realtime.AdapterState{Status: realtime.AdapterUp}, realtime.Health{Status: realtime.HealthOK}},
			{
				realtime.AdapterState{Status: realtime.AdapterDown, Err: errors.New("connection refused")},
				realtime.Health{Status: realtime.HealthDegraded, Causes: []string{"the adapter is down: connection refused"}},
			},
			{realtime.AdapterState{Status: realtime.AdapterDown}, realtime.Health{Status: realtime.HealthDegraded, Causes: []string{"the adapter is down"}}},
			{realtime.AdapterState{Status: realtime.AdapterGap, Gap: &realtime.Gap{Count: 3}}, realtime.Health{Status: realtime.HealthOK}},
		} {
			node.handler.OnState(tc.state)
			if diff := cmp.Diff(tc.want, f.Health()); diff != "" {
				f.Errorf("state %d: %s", i, diff)
			}
			if err := f.Ready(f.Context()); err != nil {
				f.Errorf("state %d: not ready: %v", i, err)
			}
		}
	})
}

// asked is a GET as a client of a game would send it.
func asked(query string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://game.example/socket.io/?"+query, http.NoBody)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// Explain names the rule and the setting that would admit the request; it is the same that the answer's header,
// the hook and the log say, and it changes nothing.
func TestExplain(t *testing.T) {
	var told []realtime.Finding
	base := realtime.Config{Hooks: realtime.Hooks{Refused: func(f realtime.Finding) { told = append(told, f) }}}
	const handshake = "EIO=4&transport=polling"
	for name, tc := range map[string]struct {
		cfg     func(c *realtime.Config)
		request *http.Request
		before  func(f *fixture)
		want    realtime.Finding // without Detail
		admit   func(c *realtime.Config)
	}{
		"origin": {
			request: asked(handshake, "Origin", "https://servicewechat.example"),
			want:    realtime.Finding{Rule: "origin", Status: 403, Code: 4, Setting: `Origins: "https://servicewechat.example"`},
			admit:   func(c *realtime.Config) { c.Origins = []string{"https://servicewechat.example"} },
		},
		"origin of another scheme": {
			cfg:     func(c *realtime.Config) { c.Origins = []string{"https://game.example"} },
			request: asked(handshake, "Origin", "http://game.example"),
			want:    realtime.Finding{Rule: "origin", Status: 403, Code: 4, Setting: `Origins: "http://game.example"`},
			admit:   func(c *realtime.Config) { c.Origins = []string{"https://game.example", "http://game.example"} },
		},
		"origin null": {
			request: asked(handshake, "Origin", "null"),
			want:    realtime.Finding{Rule: "origin", Status: 403, Code: 4, Setting: "Origins"},
			admit:   func(c *realtime.Config) { c.Origins = []string{"*"} },
		},
		"two origins": {
			request: asked(handshake, "Origin", "https://a.example", "Origin", "https://b.example"),
			want:    realtime.Finding{Rule: "origin-illegal", Status: 400, Code: 3},
		},
		"transport off": {
			cfg:     func(c *realtime.Config) { c.Transports = realtime.WebSocket },
			request: asked(handshake),
			want:    realtime.Finding{Rule: "transport", Status: 400, Code: 0, Setting: "Transports"},
			admit:   func(c *realtime.Config) { c.Transports = 0 },
		},
		"transport unknown": {
			request: asked("EIO=4&transport=constructor"),
			want:    realtime.Finding{Rule: "transport", Status: 400, Code: 0},
		},
		"version": {
			request: asked("EIO=3&transport=polling"), // D20
			want:    realtime.Finding{Rule: "version", Status: 400, Code: 5},
		},
		"session": {
			request: asked(handshake + "&sid=unknown"),
			want:    realtime.Finding{Rule: "sid", Status: 400, Code: 1},
		},
		"headers lost": {
			request: asked("EIO=4&transport=websocket"),
			want:    realtime.Finding{Rule: "websocket-headers", Status: 400, Code: 3},
		},
		"hook": {
			cfg: func(c *realtime.Config) {
				c.Hooks.AllowHandshake = func(*http.Request) error { return errors.New("maintenance") }
			},
			request: asked(handshake),
			want:    realtime.Finding{Rule: "allow", Status: 403, Code: 4, Setting: "Hooks.AllowHandshake"},
			admit:   func(c *realtime.Config) { c.Hooks.AllowHandshake = nil },
		},
		"too many without a namespace": {
			cfg:     func(c *realtime.Config) { c.Limits.UnjoinedSessions = 1 },
			request: asked(handshake),
			before:  func(f *fixture) { f.socket() },
			want:    realtime.Finding{Rule: "unjoined", Status: 503, Code: -1, Setting: "Limits.UnjoinedSessions"},
			admit:   func(c *realtime.Config) { c.Limits.UnjoinedSessions = 2 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := base
			if tc.cfg != nil {
				tc.cfg(&cfg)
			}
			bubble(t, cfg, func(f *fixture) {
				if tc.before != nil {
					tc.before(f)
				}
				found := f.Explain(tc.request)
				if len(found) != 1 || found[0].Detail == "" {
					f.Fatalf("%+v", found)
				}
				if n := f.Stats(); len(n.Refused) != 0 || len(told) != 0 {
					f.Errorf("Explain was counted: %+v", n)
				}
				temporary := tc.want.Status == http.StatusServiceUnavailable
				if wait := found[0].RetryAfter; temporary != (wait > 0) {
					f.Errorf("RetryAfter %v", wait)
				}
				detail := found[0].Detail
				found[0].Detail, found[0].RetryAfter = "", 0
				if diff := cmp.Diff(tc.want, found[0]); diff != "" {
					f.Error(diff)
				}

				answer := httptest.NewRecorder()
				f.ServeHTTP(answer, tc.request)
				if answer.Code != tc.want.Status || answer.Header().Get("X-Realtime-Refused") != tc.want.Rule {
					f.Errorf("answer %d %v", answer.Code, answer.Header())
				}
				if strings.Contains(answer.Body.String(), detail) {
					f.Errorf("the client was told the detail: %s", answer.Body)
				}
				synctest.Wait()
				if len(told) != 1 || told[0].Rule != tc.want.Rule || told[0].Detail != detail || told[0].Setting != tc.want.Setting {
					f.Errorf("the hook was told %+v", told)
				}
				told = nil
				if f.Stats().Refused[tc.want.Rule] != 1 || len(f.log.lines("msg=refused", "rule="+tc.want.Rule)) != 1 {
					f.Errorf("%v\n%s", f.Stats().Refused, f.log)
				}
			})
			if tc.admit == nil {
				return
			}
			tc.admit(&cfg)
			bubble(t, cfg, func(f *fixture) { // the setting does what was promised
				if tc.before != nil {
					tc.before(f)
				}
				found, answer := f.Explain(tc.request), httptest.NewRecorder()
				if f.ServeHTTP(answer, tc.request); answer.Code != http.StatusOK || len(found) != 0 {
					f.Errorf("answer %d %v, %+v", answer.Code, answer.Header(), found)
				}
			})
		})
	}
}

// Everything that stands against a request is told, not only the first rule.
func TestExplainTellsAll(t *testing.T) {
	cfg := realtime.Config{Transports: realtime.WebSocket, Hooks: realtime.Hooks{
		AllowHandshake: func(*http.Request) error { return errors.New("closed") },
	}}
	bubble(t, cfg, func(f *fixture) {
		var rules []string
		for _, found := range f.Explain(asked("EIO=3&transport=polling", "Origin", "https://evil.example")) {
			rules = append(rules, found.Rule)
		}
		if diff := cmp.Diff([]string{"transport", "origin", "allow", "version"}, rules); diff != "" {
			f.Error(diff)
		}
		if found := f.Explain(asked("EIO=4&transport=websocket", "Connection", "Upgrade", "Upgrade", "websocket")); len(found) != 1 {
			f.Errorf("%+v", found) // only the hook
		}
		other := httptest.NewRequest(http.MethodGet, "http://game.example/other", http.NoBody)
		if found := f.Explain(other); len(found) != 1 || found[0].Rule != "path" || found[0].Setting != "Path" {
			f.Errorf("%+v", found)
		}
	})
}

// Hooks.AllowHandshake: the client is told its text, as the protocol has it on each transport.
func TestAllowHandshake(t *testing.T) {
	for name, tc := range map[string]struct {
		hook func(r *http.Request) error
		text string
	}{
		"error": {func(*http.Request) error { return errors.New("maintenance until 8:00") }, "maintenance until 8:00"},
		"panic": {func(*http.Request) error { panic("boom") }, "internal error"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := realtime.Config{Hooks: realtime.Hooks{AllowHandshake: func(r *http.Request) error {
				if r.URL.Query().Get("vip") != "" {
					return nil
				}
				return tc.hook(r)
			}}}
			bubble(t, cfg, func(f *fixture) {
				for tr, want := range map[realtimetest.Transport]string{
					realtimetest.Polling:   fmt.Sprintf(`403 {"code":4,"message":%q}`, tc.text),
					realtimetest.WebSocket: "400 " + tc.text,
				} {
					_, err := f.host.TryConnect(realtimetest.Options{Transport: tr})
					var refused *realtimetest.RefusedError
					if !errors.As(err, &refused) {
						f.Fatalf("%v", err)
					}
					if got := fmt.Sprint(refused.Status, " ", refused.Body); got != want || refused.Rule != "allow" {
						f.Errorf("%s, rule %s, want %s", got, refused.Rule, want)
					}
				}
				f.host.Connect(realtimetest.Options{Query: map[string][]string{"vip": {"1"}}})
			})
		})
	}
}

// Hooks.HandlerError is told what the client must not see, and nothing that it may see.
func TestHandlerErrorHook(t *testing.T) {
	var told []string
	hooks := realtime.Hooks{HandlerError: func(c *realtime.Conn, ev *realtime.Event, err error) {
		told = append(told, fmt.Sprint(c.UserID(), " ", ev.Name, " ", err))
	}}
	bubble(t, realtime.Config{Auth: userByToken{}, Hooks: hooks}, func(f *fixture) {
		gone := errors.New("db gone")
		realtime.On(f.Server, "internal", func(context.Context, *realtime.Conn, any) error { return gone })
		realtime.On(f.Server, "panic", func(context.Context, *realtime.Conn, any) error { panic("boom") })
		realtime.On(f.Server, "public", func(context.Context, *realtime.Conn, any) error { return realtime.Errorf("no", "no") })
		realtime.On(f.Server, "typed", func(context.Context, *realtime.Conn, vote) error { return nil })
		realtime.Handle(f.Server, "unencodable", value(make(chan int)))
		c := f.host.Connect(realtimetest.Options{Auth: token("ann")})
		for _, event := range []string{"internal", "panic", "public", "typed", "unheard", "unencodable"} {
			_, _ = realtimetest.TryCall[any](c, event)
		}
		if len(told) != 3 || told[0] != "ann internal db gone" || told[1] != "ann panic panic in panic: boom" || !strings.HasPrefix(told[2], "ann unencodable ") {
			f.Errorf("%q", told)
		}
	})
}

// Hooks.Panic is told the id that the client and the log have.
func TestPanicHook(t *testing.T) {
	type told struct {
		where, value, id string
		stack            bool
	}
	var seen []told
	hooks := realtime.Hooks{Panic: func(where string, value any, stack []byte, id string) {
		seen = append(seen, told{where, fmt.Sprint(value), id, strings.Contains(string(stack), "observe_test.go")})
		panic("the hook itself")
	}}
	bubble(t, realtime.Config{Hooks: hooks}, func(f *fixture) {
		realtime.On(f.Server, "bang", func(context.Context, *realtime.Conn, any) error { panic("boom") })
		c := f.connect()
		c.Emit("bang")
		body := realtimetest.Expect[struct{ Error struct{ ID string } }](c, "exception")
		if diff := cmp.Diff([]told{{"bang", "boom", body.Error.ID, true}}, seen, cmp.AllowUnexported(told{})); diff != "" {
			f.Error(diff)
		}
		if len(f.log.lines("panic recovered", body.Error.ID)) != 1 || f.Stats().Panics != 1 {
			f.Errorf("%d panics:\n%s", f.Stats().Panics, f.log)
		}
	})
}

// A panic in a hook that runs in the background is recovered, and the hooks behind it run.
func TestPanicInABackgroundHook(t *testing.T) {
	var calls []string
	hooks := realtime.Hooks{
		Refused:     func(realtime.Finding) { calls = append(calls, "refused"); panic("refused") },
		RoomCreated: func(_, room string) { calls = append(calls, "created "+room); panic("created") },
		RoomEmptied: func(_, room string) { calls = append(calls, "emptied "+room) },
	}
	bubble(t, realtime.Config{Hooks: hooks}, func(f *fixture) {
		c := f.conn(f.connect())
		_, _ = f.host.TryConnect(realtimetest.Options{Header: http.Header{"Origin": {"https://evil.example"}}})
		synctest.Wait()
		if err := c.Join(f.Context(), "r"); err != nil {
			f.Error(err)
		}
		synctest.Wait()
		if err := c.Leave(f.Context(), "r"); err != nil {
			f.Error(err)
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"refused", "created r", "emptied r"}, calls); diff != "" || f.Stats().Panics != 2 {
			f.Errorf("%s, %d panics", diff, f.Stats().Panics)
		}
	})
}

// A slow hook holds up nobody; when too many calls wait for it, some are dropped and the log says so.
func TestSlowHookHoldsUpNobody(t *testing.T) {
	var release chan struct{} // made inside of the bubble
	created := 0
	hooks := realtime.Hooks{RoomCreated: func(_, _ string) { <-release; created++ }}
	bubble(t, realtime.Config{Hooks: hooks, Limits: realtime.Limits{Rooms: -1}}, func(f *fixture) {
		release = make(chan struct{})
		client := f.connect()
		c := f.conn(client)
		for i := range 2001 {
			if err := c.Join(f.Context(), fmt.Sprint("r", i)); err != nil {
				f.Fatal(err)
			}
			if i == 0 {
				synctest.Wait() // the hook has begun
			}
		}
		if dropped := f.Stats().HooksLost; dropped != 2000-1024 {
			f.Errorf("%d calls were dropped", dropped)
		}
		if n := len(f.log.lines("background queue full", `where="room hook"`)); n != 100 { // Config.LogRate
			f.Errorf("%d lines", n)
		}
		close(release)
		synctest.Wait()
		if created != 1+1024 || client.Reason() != "" {
			f.Errorf("%d calls were made, %q", created, client.Reason())
		}
	})
}
