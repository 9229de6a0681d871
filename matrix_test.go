// The matrix of requirement R89. It is one long file because it is two tables, methods and callbacks, and what
// multiplies them.

package realtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// call is what a method of the matrix is called with.
type call struct {
	ctx  context.Context
	f    *fixture
	conn *realtime.Conn
	ev   *realtime.Event
	n    int64 // a number of its own, for names that must not come twice
}

// methods are all public methods that end nothing.
var methods = map[string]func(c call){
	"Server.Tap":       func(c call) { c.f.Tap(&realtime.Tap{Received: func(*realtime.Conn, *realtime.Event) {}})() },
	"Server.Lookup":    func(c call) { _, _ = c.f.Lookup("/") },
	"Conn.ID":          func(c call) { _ = c.conn.ID() },
	"Conn.UserID":      func(c call) { _ = c.conn.UserID() },
	"Conn.Identity":    func(c call) { _ = c.conn.Identity() },
	"Conn.Namespace":   func(c call) { _ = c.conn.Namespace() },
	"Conn.GoString":    func(c call) { _ = c.conn.GoString() },
	"Conn.Handshake":   func(c call) { _ = c.conn.Handshake() },
	"Conn.Context":     func(c call) { _ = c.conn.Context() },
	"Conn.Transport":   func(c call) { _ = c.conn.Transport() },
	"Conn.Recovered":   func(c call) { _ = c.conn.Recovered() },
	"Conn.Public":      func(c call) { _ = c.conn.Public() },
	"Conn.RTT":         func(c call) { _ = c.conn.RTT() },
	"Conn.Stats":       func(c call) { _ = c.conn.Stats() },
	"Conn.Queue":       func(c call) { _, _ = c.conn.Queue() },
	"Conn.String":      func(c call) { _ = c.conn.String() },
	"Conn.Join":        func(c call) { _ = c.conn.Join(c.ctx, "a", "b") },
	"Conn.Leave":       func(c call) { _ = c.conn.Leave(c.ctx, "b") },
	"Conn.Rooms":       func(c call) { _ = c.conn.Rooms() },
	"Conn.In":          func(c call) { _ = c.conn.In("a") },
	"Conn.Emit":        func(c call) { _ = c.conn.Emit(c.ctx, "x", 1) },
	"Conn.EmitWithAck": func(c call) { _, _ = c.conn.EmitWithAck(c.ctx, "ask") },
	"Conn.Volatile":    func(c call) { _ = c.conn.Volatile().Emit(c.ctx, "x") },
	"Conn.Latest":      func(c call) { _ = c.conn.Latest("k").Emit(c.ctx, "x") },
	"Conn.SetPublic":   func(c call) { _ = c.conn.SetPublic(1) },
	"Conn.To":          func(c call) { _ = c.conn.To("r").Emit(c.ctx, "x") },
	"Conn.Others":      func(c call) { _ = c.conn.Others().Emit(c.ctx, "x") },

	"Namespace.To":          func(c call) { _ = c.conn.Namespace().To("r").Emit(c.ctx, "x") },
	"Namespace.ToUser":      func(c call) { _ = c.conn.Namespace().ToUser("u").Emit(c.ctx, "x") },
	"Namespace.ToConn":      func(c call) { _ = c.conn.Namespace().ToConn(c.conn.ID()).Emit(c.ctx, "x") },
	"Namespace.Except":      func(c call) { _ = c.conn.Namespace().Except("r").Emit(c.ctx, "x") },
	"Namespace.ExceptUser":  func(c call) { _ = c.conn.Namespace().ExceptUser("u").Emit(c.ctx, "x") },
	"Namespace.ExceptConn":  func(c call) { _ = c.conn.Namespace().ExceptConn(c.conn.ID()).Emit(c.ctx, "x") },
	"Namespace.Local":       func(c call) { _ = c.conn.Namespace().Local().Emit(c.ctx, "x") },
	"Namespace.Volatile":    func(c call) { _ = c.conn.Namespace().Volatile().Emit(c.ctx, "x") },
	"Namespace.Latest":      func(c call) { _ = c.conn.Namespace().Latest("k").Emit(c.ctx, "x") },
	"Namespace.Compress":    func(c call) { _ = c.conn.Namespace().Compress(true).Emit(c.ctx, "x") },
	"Namespace.Emit":        func(c call) { _ = c.conn.Namespace().Emit(c.ctx, "x") },
	"Namespace.EmitWithAck": func(c call) { _, _ = c.conn.Namespace().EmitWithAck(c.ctx, "ask") },
	"Namespace.JoinAll":     func(c call) { _ = c.conn.Namespace().JoinAll(c.ctx, "all") },
	"Namespace.LeaveAll":    func(c call) { _ = c.conn.Namespace().LeaveAll(c.ctx, "all") },
	"Namespace.Name":        func(c call) { _ = c.conn.Namespace().Name() },
	"Namespace.Room":        func(c call) { _ = c.conn.Namespace().Room("r").Emit(c.ctx, "x") },
	"Namespace.User":        func(c call) { _ = c.conn.Namespace().User("u").Emit(c.ctx, "x") },
	"Namespace.Conn":        func(c call) { _, _ = c.conn.Namespace().Conn(c.conn.ID()) },
	"Namespace.SetAuth":     func(c call) { c.f.Of("/auth").SetAuth(userByToken{}) },
	"Namespace.Use":         func(c call) { c.conn.Namespace().Use(func(context.Context, *realtime.Conn) error { return nil }) },
	"Namespace.UseEvent": func(c call) {
		c.conn.Namespace().UseEvent(func(next realtime.HandlerFunc) realtime.HandlerFunc { return next })
	},
	"Namespace.OnConnect": func(c call) { c.conn.Namespace().OnConnect(func(context.Context, *realtime.Conn) error { return nil }) },
	"Namespace.OnDisconnect": func(c call) {
		c.conn.Namespace().OnDisconnect(func(context.Context, *realtime.Conn, realtime.Disconnected) {})
	},
	"Namespace.OnAny": func(c call) { c.conn.Namespace().OnAny(func(context.Context, *realtime.Conn, *realtime.Event) {}) },
	"Namespace.OnAnyOutgoing": func(c call) {
		c.conn.Namespace().OnAnyOutgoing(func(context.Context, realtime.Outgoing) {})
	},
	"Namespace.OnJoin":  func(c call) { c.conn.Namespace().OnJoin(func(context.Context, *realtime.Conn, string) {}) },
	"Namespace.OnLeave": func(c call) { c.conn.Namespace().OnLeave(func(context.Context, *realtime.Conn, string) {}) },
	"Namespace.HandleEvent": func(c call) {
		c.conn.Namespace().HandleEvent(fmt.Sprint("new-", c.n), func(context.Context, *realtime.Conn, *realtime.Event) error { return nil })
	},
	"Namespace.OnServerSide": func(c call) {
		c.conn.Namespace().OnServerSide(fmt.Sprint("new-", c.n), func(context.Context, *realtime.Event) (any, error) { return nil, nil })
	},
	"Namespace.ServerSideEmit":        func(c call) { _ = c.conn.Namespace().ServerSideEmit(c.ctx, "x") },
	"Namespace.ServerSideEmitWithAck": func(c call) { _, _ = c.conn.Namespace().ServerSideEmitWithAck(c.ctx, "x") },
	"Namespace.Conns": func(c call) {
		for info, err := range c.conn.Namespace().Conns(c.ctx) {
			_, _ = info, err
		}
	},

	"Room.Len":     func(c call) { _, _ = c.f.Room("r").Len(c.ctx) },
	"Room.Members": func(c call) { _, _ = c.f.Room("r").Members(c.ctx) },
	"Room.Name":    func(c call) { _ = c.f.Room("r").Name() },
	"User.ID":      func(c call) { _ = c.f.User("u").ID() },
	"User.Online":  func(c call) { _, _ = c.f.User("u").Online(c.ctx) },
	"User.Revoke":  func(c call) { _ = c.f.User("u").Revoke(c.ctx, "matrix") },

	"Namespace.Presence": func(c call) { _ = c.conn.Namespace().Presence() },
	"Presence.Online":    func(c call) { _, _ = c.f.Presence().Online(c.ctx, "u", "v") },
	"Presence.User":      func(c call) { _, _ = c.f.Presence().User(c.ctx, "u") },
	"Presence.Count":     func(c call) { _, _ = c.f.Presence().Count(c.ctx) },
	"Presence.Set":       func(c call) { _ = c.f.Presence().Set(c.ctx, "u", 1) },
	"Presence.Members": func(c call) {
		for u, err := range c.f.Presence().Members(c.ctx) {
			_, _ = u, err
		}
	},
	"Presence.Watch": func(c call) {
		ctx, cancel := context.WithCancel(c.ctx)
		cancel()
		for change := range c.f.Presence().Watch(ctx) {
			_ = change
		}
	},

	"Server.ServeHTTP": func(c call) {
		c.f.Server.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/socket.io/?EIO=3&transport=polling", http.NoBody))
	},
	"Server.Of":     func(c call) { c.f.Of(fmt.Sprint("/of-", c.n)) },
	"Server.OfFunc": func(c call) { c.f.OfFunc(func(string) bool { return false }) },
	"Server.Start":  func(c call) { _ = c.f.Start(c.ctx) },
	"Server.Nodes":  func(c call) { _, _ = c.f.Nodes(c.ctx) },
	"Server.Ready":  func(c call) { _ = c.f.Ready(c.ctx) },
	"Server.Health": func(c call) { _ = c.f.Health() },
	"Server.Stats":  func(c call) { _ = c.f.Stats() },
	"Server.DebugHandler": func(c call) {
		c.f.DebugHandler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/?cluster=1", http.NoBody).WithContext(c.ctx))
	},
	"Server.Namespaces":   func(c call) { _ = c.f.Namespaces() },
	"Server.ClusterStats": func(c call) { _, _ = c.f.ClusterStats(c.ctx) },
	"Server.Explain": func(c call) {
		_ = c.f.Explain(httptest.NewRequest(http.MethodGet, "/socket.io/?EIO=4&transport=polling", http.NoBody))
	},

	"Event.Len":     func(c call) { _ = c.ev.Len() },
	"Event.Raw":     func(c call) { _ = c.ev.Raw(0) },
	"Event.Bind":    func(c call) { var v any; _ = c.ev.Bind(&v) },
	"Event.Reply":   func(c call) { _ = c.ev.Reply(1) },
	"Event.Replied": func(c call) { _ = c.ev.Replied() },
}

// endingMethods are those after which the connection, or the server, is no more.
var endingMethods = map[string]func(c call){
	"Conn.Disconnect":         func(c call) { _ = c.conn.Disconnect(c.ctx, "matrix") },
	"Conn.Close":              func(c call) { _ = c.conn.Close(c.ctx, "matrix") },
	"Conn.Reconnect":          func(c call) { _ = c.conn.Reconnect(c.ctx, "matrix") },
	"Namespace.DisconnectAll": func(c call) { _ = c.conn.Namespace().DisconnectAll(c.ctx, "matrix") },
	"Namespace.CloseAll":      func(c call) { _ = c.conn.Namespace().CloseAll(c.ctx, "matrix") },
	"Namespace.ReconnectAll":  func(c call) { _ = c.conn.Namespace().ReconnectAll(c.ctx, "matrix") },
	"Server.Shutdown": func(c call) { // waited for it could not be: it waits for this callback
		over, cancel := context.WithCancel(c.ctx)
		cancel()
		_ = c.f.Shutdown(over)
	},
}

// The matrix is whole: a method that is added to the library must be added here.
func TestMatrixHasEveryMethod(t *testing.T) {
	have := map[string]bool{}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(methods)), slices.Collect(maps.Keys(endingMethods))) {
		have[name] = true
	}
	want := map[string]bool{}
	add := func(prefix string, of reflect.Type, without ...reflect.Type) {
		for i := range of.NumMethod() {
			name := of.Method(i).Name
			if !slices.ContainsFunc(without, func(other reflect.Type) bool { _, has := other.MethodByName(name); return has }) {
				want[prefix+name] = true
			}
		}
	}
	broadcaster, namespace := reflect.TypeFor[realtime.Broadcaster](), reflect.TypeFor[realtime.Namespace]()
	add("Conn.", reflect.TypeFor[*realtime.Conn]())
	add("Event.", reflect.TypeFor[*realtime.Event]())
	add("Namespace.", namespace)
	add("Server.", reflect.TypeFor[realtime.Server](), namespace)
	add("Room.", reflect.TypeFor[realtime.Room](), broadcaster)
	add("User.", reflect.TypeFor[realtime.User](), broadcaster)
	add("Presence.", reflect.TypeFor[realtime.Presence]())
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(have))); diff != "" {
		t.Errorf("methods (-) and matrix (+) differ: %s", diff)
	}
}

// matrix is one run: a callback that calls some methods, once.
type matrix struct {
	*fixture
	cfg      realtime.Config
	bus      *busNode
	calls    map[string]func(c call)
	resident *realtime.Conn // where the callback has no connection of its own
	begun    atomic.Bool
	done     chan struct{}
	step     func(what string)
}

// run is the body of every callback. conn and ev may be nil.
func (m *matrix) run(conn *realtime.Conn, ev *realtime.Event) {
	if m.fixture == nil || m.resident == nil || !m.begun.CompareAndSwap(false, true) {
		return // not yet, or a callback that its own calls have led to
	}
	if conn == nil {
		conn = m.resident
	}
	if ev == nil {
		ev = &realtime.Event{Name: "x"}
	}
	for i, name := range slices.Sorted(maps.Keys(m.calls)) {
		if strings.HasPrefix(name, "Event.") && ev.Size == 0 {
			continue
		}
		m.step(name)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		m.calls[name](call{ctx, m.fixture, conn, ev, int64(i)})
		cancel()
	}
	close(m.done)
}

// callbackCodec, callbackReplies and callbackPayload call back from the places where values are encoded.
type callbackCodec struct {
	m       *matrix
	marshal bool
}

func (c callbackCodec) Marshal(v any) ([]byte, error) {
	if c.marshal {
		c.m.run(nil, nil)
	}
	return json.Marshal(v)
}

func (c callbackCodec) Unmarshal(data []byte, v any) error {
	if !c.marshal {
		c.m.run(nil, nil)
	}
	return json.Unmarshal(data, v)
}

type callbackReplies struct {
	realtime.ReplyPolicy
	m *matrix
}

func (r callbackReplies) Succeed(ctx context.Context, c *realtime.Conn, ev *realtime.Event, result ...any) error {
	if ev.Name == "ok" {
		r.m.run(c, ev)
	}
	return r.ReplyPolicy.Succeed(ctx, c, ev, result...)
}

func (r callbackReplies) Fail(ctx context.Context, c *realtime.Conn, ev *realtime.Event, err *realtime.Error, id string) error {
	r.m.run(c, ev)
	return r.ReplyPolicy.Fail(ctx, c, ev, err, id)
}

// validating runs a function when it is validated.
type validating struct{}

var onValidate atomic.Pointer[func()]

func (validating) UnmarshalJSON([]byte) error { return nil }

func (validating) Validate() error {
	if fn := onValidate.Load(); fn != nil {
		(*fn)()
	}
	return nil
}

type callbackAuth struct{ m *matrix }

func (a callbackAuth) Authenticate(ctx context.Context, h *realtime.Handshake) (*realtime.Identity, error) {
	a.m.run(nil, nil)
	return userByToken{}.Authenticate(ctx, h)
}

// callbacks are all kinds of functions that a program gives to the library: how each is registered (before or
// after the server is made) and, unless an event "go" does it, brought about.
var callbacks = map[string]struct {
	configure func(m *matrix)
	register  func(m *matrix)
	provoke   func(m *matrix, c *realtimetest.Client)
}{
	"Authenticator": {configure: func(m *matrix) { m.cfg.Auth = callbackAuth{m} }, provoke: func(m *matrix, _ *realtimetest.Client) { m.come() }},
	"Use": {register: func(m *matrix) {
		m.Use(func(_ context.Context, c *realtime.Conn) error { m.run(c, nil); return nil })
	}, provoke: func(m *matrix, _ *realtimetest.Client) { m.come() }},
	"UseEvent": {register: func(m *matrix) {
		m.UseEvent(func(next realtime.HandlerFunc) realtime.HandlerFunc {
			return func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
				m.run(c, ev)
				return next(ctx, c, ev)
			}
		})
	}},
	"UseEvent itself": {register: func(m *matrix) {
		m.UseEvent(func(next realtime.HandlerFunc) realtime.HandlerFunc { m.run(nil, nil); return next })
	}},
	"With itself": {register: func(m *matrix) {
		m.HandleEvent("go", func(context.Context, *realtime.Conn, *realtime.Event) error { return nil },
			realtime.With(func(next realtime.HandlerFunc) realtime.HandlerFunc { m.run(nil, nil); return next }))
	}},
	"OnConnect": {register: func(m *matrix) {
		m.OnConnect(func(_ context.Context, c *realtime.Conn) error { m.run(c, nil); return nil })
	}, provoke: func(m *matrix, _ *realtimetest.Client) { m.come() }},
	"OnDisconnect": {register: func(m *matrix) {
		m.OnDisconnect(func(_ context.Context, c *realtime.Conn, _ realtime.Disconnected) { m.run(c, nil) })
	}, provoke: func(_ *matrix, c *realtimetest.Client) { c.Close() }},
	"OnAny": {register: func(m *matrix) {
		m.OnAny(func(_ context.Context, c *realtime.Conn, ev *realtime.Event) { m.run(c, ev) })
	}},
	"OnAnyOutgoing": {
		register: func(m *matrix) { m.OnAnyOutgoing(func(context.Context, realtime.Outgoing) { m.run(nil, nil) }) },
		provoke:  func(m *matrix, _ *realtimetest.Client) { _ = m.Server.Emit(m.Context(), "x") },
	},
	"OnJoin": {
		register: func(m *matrix) { m.OnJoin(func(_ context.Context, c *realtime.Conn, _ string) { m.run(c, nil) }) },
		provoke:  func(m *matrix, c *realtimetest.Client) { _ = m.conn(c).Join(m.Context(), "j") },
	},
	"OnLeave": {
		register: func(m *matrix) { m.OnLeave(func(_ context.Context, c *realtime.Conn, _ string) { m.run(c, nil) }) },
		provoke: func(m *matrix, c *realtimetest.Client) {
			conn := m.conn(c)
			_ = errors.Join(conn.Join(m.Context(), "j"), conn.Leave(m.Context(), "j"))
		},
	},
	"JoinAll": {
		register: func(m *matrix) { m.OnJoin(func(_ context.Context, c *realtime.Conn, _ string) { m.run(c, nil) }) },
		provoke:  func(m *matrix, _ *realtimetest.Client) { _ = m.Server.JoinAll(m.Context(), "j") },
	},
	"handler": {register: func(m *matrix) {
		m.HandleEvent("go", func(_ context.Context, c *realtime.Conn, ev *realtime.Event) error { m.run(c, ev); return nil })
	}},
	"Concurrent": {register: func(m *matrix) {
		m.HandleEvent("go", func(_ context.Context, c *realtime.Conn, ev *realtime.Event) error { m.run(c, ev); return nil }, realtime.Concurrent())
	}},
	"With": {register: func(m *matrix) {
		m.HandleEvent("go", func(context.Context, *realtime.Conn, *realtime.Event) error { return nil },
			realtime.With(func(next realtime.HandlerFunc) realtime.HandlerFunc {
				return func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
					m.run(c, ev)
					return next(ctx, c, ev)
				}
			}))
	}},
	"Validate": {register: func(m *matrix) {
		fn := func() { m.run(nil, nil) }
		onValidate.Store(&fn)
		realtime.On(m.Server, "go", func(context.Context, *realtime.Conn, validating) error { return nil })
	}},
	"ReplyPolicy.Succeed": {
		configure: func(m *matrix) { m.cfg.Replies = callbackReplies{realtime.NestReplies(), m} },
		provoke:   func(_ *matrix, c *realtimetest.Client) { _ = c.Send(`27["ok",1]`) },
	},
	"ReplyPolicy.Fail": {configure: func(m *matrix) { m.cfg.Replies = callbackReplies{realtime.NestReplies(), m} }},
	"Codec.Marshal": {
		configure: func(m *matrix) { m.cfg.Codec = callbackCodec{m, true} },
		provoke:   func(m *matrix, _ *realtimetest.Client) { _ = m.Server.Emit(m.Context(), "x", 1) },
	},
	"Codec.Unmarshal": {
		configure: func(m *matrix) { m.cfg.Codec = callbackCodec{m, false} },
		provoke:   func(_ *matrix, c *realtimetest.Client) { _ = c.Send(`27["ok",1]`) },
	},
	"OfFunc": {
		register: func(m *matrix) { m.OfFunc(func(string) bool { m.run(nil, nil); return false }) },
		provoke:  func(_ *matrix, c *realtimetest.Client) { _ = c.Send("0/unheard,") },
	},
	"OfFunc in Of": {
		register: func(m *matrix) { m.OfFunc(func(string) bool { m.run(nil, nil); return true }) },
		provoke:  func(m *matrix, _ *realtimetest.Client) { m.Of("/fresh") },
	},
	"Conns": {provoke: func(m *matrix, _ *realtimetest.Client) {
		for info, err := range m.Server.Conns(m.Context()) {
			_, _ = info, err
			m.run(nil, nil)
		}
	}},
	"context.AfterFunc": {provoke: func(m *matrix, c *realtimetest.Client) {
		conn := m.conn(c)
		context.AfterFunc(conn.Context(), func() { m.run(conn, nil) })
		c.Close()
	}},
	"OnServerSide": {
		register: func(m *matrix) {
			m.OnServerSide("side", func(_ context.Context, ev *realtime.Event) (any, error) { m.run(nil, ev); return nil, nil })
		},
		provoke: func(m *matrix, _ *realtimetest.Client) {
			m.bus.handler.OnMessage(&realtime.Message{Op: realtime.OpServerSide, Node: "other", Namespace: "/", Data: []byte(`["side",1]`)})
		},
	},
	"Hooks.AllowHandshake": {
		configure: func(m *matrix) {
			m.cfg.Hooks.AllowHandshake = func(*http.Request) error { m.run(nil, nil); return nil }
		},
		provoke: func(m *matrix, _ *realtimetest.Client) { m.come() },
	},
	"Hooks.HandlerError": {
		configure: func(m *matrix) {
			m.cfg.Hooks.HandlerError = func(c *realtime.Conn, ev *realtime.Event, _ error) { m.run(c, ev) }
		},
		register: func(m *matrix) {
			realtime.On(m.Server, "go", func(context.Context, *realtime.Conn, any) error { return errors.New("matrix") })
		},
	},
	"Hooks.Panic": {
		configure: func(m *matrix) { m.cfg.Hooks.Panic = func(string, any, []byte, string) { m.run(nil, nil) } },
		register: func(m *matrix) {
			realtime.On(m.Server, "go", func(context.Context, *realtime.Conn, any) error { panic("matrix") })
		},
	},
	"Hooks.Refused": {
		configure: func(m *matrix) { m.cfg.Hooks.Refused = func(realtime.Finding) { m.run(nil, nil) } },
		provoke:   func(m *matrix, _ *realtimetest.Client) { methods["Server.ServeHTTP"](call{f: m.fixture}) },
	},
	"Hooks.Anomaly": {
		configure: func(m *matrix) {
			m.cfg.Anomalies.RefusedEvents = 1
			m.cfg.Hooks.Anomaly = func(realtime.Anomaly) { m.run(nil, nil) }
		},
		provoke: func(_ *matrix, c *realtimetest.Client) { c.Emit("nobody handles this") },
	},
	"Hooks.RoomCreated": {
		configure: func(m *matrix) { m.cfg.Hooks.RoomCreated = func(_, _ string) { m.run(nil, nil) } },
		provoke:   func(m *matrix, c *realtimetest.Client) { _ = m.conn(c).Join(m.Context(), "j") },
	},
	"Hooks.RoomEmptied": {
		configure: func(m *matrix) { m.cfg.Hooks.RoomEmptied = func(_, _ string) { m.run(nil, nil) } },
		provoke: func(m *matrix, c *realtimetest.Client) {
			conn := m.conn(c)
			_ = errors.Join(conn.Join(m.Context(), "j"), conn.Leave(m.Context(), "j"))
		},
	},
	"Hooks.AdapterState": {
		configure: func(m *matrix) { m.cfg.Hooks.AdapterState = func(realtime.AdapterState) { m.run(nil, nil) } },
		provoke: func(m *matrix, _ *realtimetest.Client) {
			m.bus.handler.OnState(realtime.AdapterState{Status: realtime.AdapterUp})
		},
	},
	"Hooks.NodeJoined": {
		configure: func(m *matrix) { m.cfg.Hooks.NodeJoined = func(realtime.Node) { m.run(nil, nil) } },
		provoke:   func(m *matrix, _ *realtimetest.Client) { m.bus.handler.OnNode(realtime.Node{ID: "other"}, true) },
	},
	"Hooks.NodeLost": {
		configure: func(m *matrix) { m.cfg.Hooks.NodeLost = func(realtime.Node) { m.run(nil, nil) } },
		provoke:   func(m *matrix, _ *realtimetest.Client) { m.bus.handler.OnNode(realtime.Node{ID: "other"}, false) },
	},
}

// come connects one more client, which may be refused or ended by what it provokes.
func (m *matrix) come() {
	_, _ = m.host.TryConnect(realtimetest.Options{Auth: token("new")})
}

// watchdog ends the test run, with the stacks of all goroutines, when no step was taken for five seconds of
// real time: a deadlock on a mutex stops the fake clock as well.
func watchdog(t *testing.T) (step func(what string)) {
	t.Helper()
	var at atomic.Pointer[string]
	var steps atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // ends with the test
		defer close(stopped)
		tick := time.NewTicker(5 * time.Second)
		defer tick.Stop()
		for last := int64(-1); ; last = steps.Load() {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			if steps.Load() == last {
				dump := make([]byte, 4<<20)
				panic(fmt.Sprintf("%s hangs in %s\n\n%s", t.Name(), *at.Load(), dump[:runtime.Stack(dump, true)]))
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped })
	step = func(what string) { at.Store(&what); steps.Add(1) }
	step("the beginning")
	return step
}

// R89: every public method may be called from every callback.
func TestEveryMethodFromEveryCallback(t *testing.T) {
	for name, callback := range callbacks {
		runs := map[string]map[string]func(c call){"all that end nothing": methods}
		for method, fn := range endingMethods {
			runs[method] = map[string]func(c call){method: fn}
		}
		for what, calls := range runs {
			t.Run(name+"/"+what, func(t *testing.T) {
				step := watchdog(t)
				synctest.Test(t, func(t *testing.T) {
					m := &matrix{calls: calls, done: make(chan struct{}), step: step, bus: (&bus{}).node()}
					m.cfg = realtime.Config{Auth: userByToken{}, Adapter: m.bus}
					if callback.configure != nil {
						callback.configure(m)
					}
					m.fixture = newFixture(t, m.cfg)
					m.play(callback.register, callback.provoke)
				})
			})
		}
	}
}

// play lets the callback happen and waits until it has made its calls.
func (m *matrix) play(register func(*matrix), provoke func(*matrix, *realtimetest.Client)) {
	if err := m.Start(m.Context()); err != nil {
		m.Fatal(err)
	}
	if register != nil {
		register(m)
	}
	realtime.Handle(m.Server, "ok", value(true))
	resident := m.host.Connect(realtimetest.Options{Auth: token("u")})
	other := m.host.Connect(realtimetest.Options{Auth: token("v")})
	for _, c := range []*realtimetest.Client{resident, other} {
		realtimetest.Answer(c, "ask", func(any) bool { return true })
	}
	if err := m.conn(resident).Join(m.Context(), "r"); err != nil {
		m.Fatal(err)
	}
	synctest.Wait()
	m.resident = m.conn(resident)
	if provoke == nil {
		provoke = func(_ *matrix, c *realtimetest.Client) { _ = c.Send(`27["go",1]`) }
	}
	provoke(m, other)
	<-m.done
	m.step("the end")
	if len(m.calls) == 1 {
		return
	}
	after := m.host.Connect(realtimetest.Options{Auth: token("w")}) // the server is well
	if !realtimetest.Call[bool](after, "ok") || m.Stats().Panics > 1 {
		m.Errorf("%d panics:\n%s", m.Stats().Panics, m.log)
	}
}
