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
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// R91, D1: clients see their transport close, so that they come back, and get what was queued before. It is
// never a DISCONNECT packet.
func TestShutdownClosesTransports(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		ends := endings(f, f.Server)
		f.Of("/n")
		root := f.host.Connect(o)
		other := root.Join(realtimetest.Options{Namespace: "/n"})
		for i := range 20 {
			if err := f.Server.Emit(f.Context(), "last", i); err != nil {
				f.Fatal(err)
			}
		}
		if root.Transport() == "polling" {
			synctest.Wait() // a GET is held again
		}
		if err := f.Shutdown(f.Context()); err != nil {
			f.Error(err)
		}
		if e := one(f, ends); e.why.Cause != realtime.CauseShutdown || !e.why.Recoverable {
			f.Errorf("ended with %+v", e.why)
		}
		for _, c := range []*realtimetest.Client{root, other} {
			if reason := c.WaitClosed(); reason != realtimetest.ReasonTransportClose {
				f.Errorf("the client was told %q", reason)
			}
		}
		if got := strings.Count(pending(root), "last"); got != 20 {
			f.Errorf("%d of 20 queued events arrived", got)
		}
		if st := f.Stats(); st.Sessions != 0 || st.Conns != 0 || st.Handlers != 0 || st.QueuedBytes != 0 {
			f.Errorf("%+v", st)
		}
	})
}

// A server that is shutting down is not ready, refuses handshakes with 503, and says why.
func TestShutdownRefusesNewSessions(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		var told []string
		f.OnDisconnect(func(context.Context, *realtime.Conn, realtime.Disconnected) {
			<-time.After(3 * time.Second)
			told = append(told, "OnDisconnect")
		})
		if err := f.Ready(f.Context()); err != nil || f.Health().Status != realtime.HealthOK {
			f.Errorf("before: %v, %+v", err, f.Health())
		}
		f.connect()
		synctest.Wait()
		start := time.Now()
		done := make(chan error)
		go func() { // ends with Shutdown
			err := f.Shutdown(f.Context())
			told = append(told, "Shutdown")
			done <- err
		}()
		synctest.Wait()
		for _, phase := range []string{"during", "after"} {
			for _, tr := range []realtimetest.Transport{realtimetest.WebSocket, realtimetest.Polling} {
				_, err := f.host.TryConnect(realtimetest.Options{Transport: tr})
				var refused *realtimetest.RefusedError
				if !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable || refused.Rule != "draining" {
					f.Fatalf("%s: %v", phase, err)
				}
				if s, err := strconv.Atoi(refused.Header.Get("Retry-After")); err != nil || s < 1 || s > 5 {
					f.Errorf("%s: Retry-After %q", phase, refused.Header.Get("Retry-After"))
				}
			}
			if err := f.Ready(f.Context()); !errors.Is(err, realtime.ErrServerClosed) {
				f.Errorf("%s: Ready is %v", phase, err)
			}
			if h := f.Health(); h.Status != realtime.HealthDown || len(h.Causes) != 1 {
				f.Errorf("%s: %+v", phase, h)
			}
			r := httptest.NewRequest(http.MethodGet, "/socket.io/?EIO=4&transport=polling", http.NoBody)
			if found := f.Explain(r); len(found) != 1 || found[0].Rule != "draining" || found[0].RetryAfter == 0 {
				f.Errorf("%s: %+v", phase, found)
			}
			if phase == "after" {
				break
			}
			if err := f.Server.Emit(f.Context(), "x"); err != nil {
				f.Errorf("an emit while others say goodbye: %v", err)
			}
			if err := <-done; err != nil || time.Since(start) != 3*time.Second {
				f.Errorf("Shutdown returned %v after %v", err, time.Since(start))
			}
		}
		if diff := cmp.Diff([]string{"OnDisconnect", "Shutdown"}, told); diff != "" {
			f.Error(diff)
		}
	})
}

// Shutdown gives up when its context ends, and can be called again to wait for the rest.
func TestShutdownGivesUpAndWaitsAgain(t *testing.T) {
	for name, block := range map[string]func(f *fixture, release <-chan struct{}){
		"handler": func(f *fixture, release <-chan struct{}) {
			realtime.On(f.Server, "block", func(context.Context, *realtime.Conn, any) error { <-release; return nil })
		},
		"Concurrent handler": func(f *fixture, release <-chan struct{}) {
			realtime.On(f.Server, "block", func(context.Context, *realtime.Conn, any) error { <-release; return nil }, realtime.Concurrent())
		},
		"OnDisconnect": func(f *fixture, release <-chan struct{}) {
			f.OnDisconnect(func(context.Context, *realtime.Conn, realtime.Disconnected) { <-release })
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, realtime.Config{}, func(f *fixture) {
				release := make(chan struct{})
				block(f, release)
				c := f.connect()
				_ = c.Send(`2["block"]`)
				synctest.Wait()
				start := time.Now()
				for range 2 {
					ctx, cancel := context.WithTimeout(f.Context(), 2*time.Second)
					if err := f.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
						f.Errorf("Shutdown returned %v", err)
					}
					cancel()
				}
				if took := time.Since(start); took != 4*time.Second {
					f.Errorf("gave up twice after %v", took)
				}
				if reason := c.WaitClosed(); reason != realtimetest.ReasonTransportClose {
					f.Errorf("the client was told %q", reason)
				}
				time.AfterFunc(time.Second, func() { close(release) })
				var several sync.WaitGroup
				for range 5 {
					several.Go(func() {
						if err := f.Shutdown(f.Context()); err != nil {
							f.T.Error(err)
						}
					})
				}
				several.Wait()
				if took := time.Since(start); took != 5*time.Second {
					f.Errorf("done after %v", took)
				}
				if err := f.Shutdown(f.Context()); err != nil {
					f.Error(err)
				}
			})
		})
	}
}

// A client that does not read cannot hold up a shutdown for longer than a write may take; a cut one neither.
func TestShutdownDoesNotWaitForSlowClients(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		stalled, cut := f.host.Connect(o), f.host.Connect(o)
		synctest.Wait()
		stalled.Stall()
		cut.Cut()
		for range 100 {
			if err := f.Server.Emit(f.Context(), "x", strings.Repeat("x", 1000)); err != nil {
				f.Fatal(err)
			}
			synctest.Wait()
		}
		start := time.Now()
		if err := f.Shutdown(f.Context()); err != nil {
			f.Error(err)
		}
		if took := time.Since(start); took > 11*time.Second {
			f.Errorf("it took %v", took)
		}
		stalled.Resume()
	})
}

// A connection that is being admitted ends, too, and is not admitted.
func TestShutdownEndsAdmission(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		var ended atomic.Bool
		f.Use(func(ctx context.Context, _ *realtime.Conn) error {
			<-ctx.Done()
			ended.Store(true)
			return nil
		})
		f.OnConnect(func(context.Context, *realtime.Conn) error { t.Error("OnConnect ran"); return nil })
		s := f.socket()
		if err := s.write(opText, "40"); err != nil {
			f.Fatal(err)
		}
		synctest.Wait()
		go func() { s.closed(); _ = s.conn.Close() }() // ends with the session
		if err := f.Shutdown(f.Context()); err != nil || !ended.Load() {
			f.Errorf("Shutdown returned %v, admission ended: %v", err, ended.Load())
		}
	})
}

func TestMethodsAfterShutdown(t *testing.T) {
	bubble(t, realtime.Config{Adapter: (&bus{}).node()}, func(f *fixture) {
		ctx := f.Context()
		if err := f.Start(ctx); err != nil {
			f.Fatal(err)
		}
		conn := f.conn(f.connect())
		if err := f.Shutdown(ctx); err != nil {
			f.Fatal(err)
		}
		_, ackErr := f.Server.EmitWithAck(ctx, "x")
		_, typedErr := realtime.BroadcastWithAck[int](ctx, f.To("r"), "x")
		_, serverSideErr := f.ServerSideEmitWithAck(ctx, "x")
		for name, err := range map[string]error{
			"Emit": f.Server.Emit(ctx, "x"), "To.Emit": f.To("r").Emit(ctx, "x"), "namespace": f.Of("/n").Emit(ctx, "x"),
			"user": f.User("u").Emit(ctx, "x"), "room": f.Room("r").Emit(ctx, "x"),
			"EmitWithAck": ackErr, "BroadcastWithAck": typedErr,
			"ServerSideEmit": f.ServerSideEmit(ctx, "x"), "ServerSideEmitWithAck": serverSideErr,
			"Start": f.Start(ctx), "Ready": f.Ready(ctx),
		} {
			if !errors.Is(err, realtime.ErrServerClosed) {
				f.Errorf("%s returned %v", name, err)
			}
		}
		_, askErr := conn.EmitWithAck(ctx, "x")
		for name, err := range map[string]error{
			"Emit": conn.Emit(ctx, "x"), "EmitWithAck": askErr, "Join": conn.Join(ctx, "r"),
		} {
			if !errors.Is(err, realtime.ErrClosed) {
				f.Errorf("Conn.%s returned %v", name, err)
			}
		}
	})
}

// R93: connections that came and went leave nothing behind.
func TestChurnLeavesNothing(t *testing.T) {
	bubble(t, realtime.Config{Auth: userByToken{}}, func(f *fixture) {
		const cycles, workers = 2000, 10
		var ended atomic.Int32
		tables := f.OfFunc(func(name string) bool { return strings.HasPrefix(name, "/table-") })
		for _, r := range []realtime.Router{f.Server, tables} {
			r.OnConnect(func(ctx context.Context, c *realtime.Conn) error { return c.Join(ctx, "lobby", c.ID()[:1]) })
			r.OnDisconnect(func(context.Context, *realtime.Conn, realtime.Disconnected) { ended.Add(1) })
			realtime.Handle(r, "alive", value(true))
		}
		var all sync.WaitGroup
		for w := range workers {
			all.Go(func() {
				for i := w; i < cycles; i += workers {
					o := realtimetest.Options{Auth: token(fmt.Sprint("u", i%50))}
					o.Transport = []realtimetest.Transport{realtimetest.WebSocket, realtimetest.WebSocket, realtimetest.Polling, realtimetest.Upgrade}[i/workers%4]
					if i%3 == 0 {
						o.Namespace = fmt.Sprint("/table-", i%7)
					}
					c, err := f.host.TryConnect(o)
					if err != nil {
						f.T.Error(err)
						return
					}
					if _, err := realtimetest.TryCall[bool](c, "alive"); err != nil {
						f.T.Error(err)
					}
					if i%2 == 0 {
						_ = c.Send("1" + strings.TrimPrefix(o.Namespace+",", ","))
					}
					c.Close()
				}
			})
		}
		all.Wait()
		pass(time.Minute) // a polling client that went between two GETs is noticed by its heartbeat
		st := f.Stats()
		gauges := []int{st.Sessions, st.Polling, st.WebSocket, st.Unjoined, st.Handshakes, st.Conns, st.Rooms, int(st.QueuedBytes), st.Handlers}
		if diff := cmp.Diff(make([]int, len(gauges)), gauges); diff != "" || st.Namespaces != 1 {
			f.Errorf("%s: %+v", diff, st)
		}
		if n := ended.Load(); n != cycles {
			f.Errorf("%d of %d ended", n, cycles)
		}
		var counted uint64
		for _, n := range st.Disconnects {
			counted += n
		}
		if counted != cycles {
			f.Errorf("counted %v", st.Disconnects)
		}
	})
}

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
	"Conn.ID":          func(c call) { _ = c.conn.ID() },
	"Conn.UserID":      func(c call) { _ = c.conn.UserID() },
	"Conn.Identity":    func(c call) { _ = c.conn.Identity() },
	"Conn.Namespace":   func(c call) { _ = c.conn.Namespace() },
	"Conn.Handshake":   func(c call) { _ = c.conn.Handshake() },
	"Conn.Context":     func(c call) { _ = c.conn.Context() },
	"Conn.Transport":   func(c call) { _ = c.conn.Transport() },
	"Conn.Recovered":   func(c call) { _ = c.conn.Recovered() },
	"Conn.RTT":         func(c call) { _ = c.conn.RTT() },
	"Conn.Queue":       func(c call) { _, _ = c.conn.Queue() },
	"Conn.String":      func(c call) { _ = c.conn.String() },
	"Conn.Join":        func(c call) { _ = c.conn.Join(c.ctx, "a", "b") },
	"Conn.Leave":       func(c call) { _ = c.conn.Leave(c.ctx, "b") },
	"Conn.Rooms":       func(c call) { _ = c.conn.Rooms() },
	"Conn.In":          func(c call) { _ = c.conn.In("a") },
	"Conn.Emit":        func(c call) { _ = c.conn.Emit(c.ctx, "x", 1) },
	"Conn.EmitWithAck": func(c call) { _, _ = c.conn.EmitWithAck(c.ctx, "ask") },
	"Conn.Volatile":    func(c call) { _ = c.conn.Volatile().Emit(c.ctx, "x") },
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
		for range m.Server.Conns(m.Context()) {
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
