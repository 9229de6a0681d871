package realtime_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

type vote struct {
	Room string
	Yes  bool
}

func (v vote) Validate() error {
	if v.Room == "" {
		return errors.New("room is missing")
	}
	return nil
}

type move struct {
	realtime.Positional
	X, Y int
	Name string
}

type photo struct {
	Title string          `json:"title"`
	Data  realtime.Binary `json:"data"`
}

// code runs a call and returns the code of its error, "" without one.
func code(_ any, err error) string {
	var e *realtime.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return errorText(err)
}

func TestTypedHandlers(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		realtime.Handle(f.Server, "vote", func(_ context.Context, _ *realtime.Conn, v vote) (string, error) {
			return fmt.Sprint(v.Room, v.Yes), nil
		})
		realtime.Handle(f.Server, "move", func(_ context.Context, _ *realtime.Conn, m move) (move, error) {
			m.X, m.Y = m.Y, m.X
			return m, nil
		})
		realtime.Handle(f.Server, "photo", func(_ context.Context, _ *realtime.Conn, p photo) (map[string]any, error) {
			return map[string]any{"title": p.Title, "back": append(realtime.Binary{0}, p.Data...)}, nil
		})
		realtime.On(f.Server, "nothing", func(context.Context, *realtime.Conn, struct{}) error { return nil })
		c := f.host.Connect(o)
		if got := realtimetest.Call[string](c, "vote", vote{"r", true}); got != "rtrue" {
			f.Errorf("vote: %q", got)
		}
		if got := realtimetest.Call[move](c, "move", 1, 2, "knight"); got.X != 2 || got.Y != 1 || got.Name != "knight" {
			f.Errorf("move: %+v", got)
		}
		if got := realtimetest.Call[struct{ Back realtime.Binary }](c, "photo", photo{"t", realtime.Binary{1, 2}}); string(got.Back) != "\x00\x01\x02" {
			f.Errorf("photo: %v", got)
		}
		realtimetest.Call[any](c, "nothing") // acked although there is no result
		for payload, want := range map[any]string{
			vote{}: realtime.CodeInvalid, "text": realtime.CodeInvalidPayload, 5: realtime.CodeInvalidPayload,
		} {
			if got := code(realtimetest.TryCall[any](c, "vote", payload)); got != want {
				f.Errorf("vote %v: code %q, want %q", payload, got, want)
			}
		}
		if got := code(realtimetest.TryCall[any](c, "unheard")); got != realtime.CodeUnknownEvent {
			f.Errorf("unknown event: %q", got)
		}
	})
}

func TestHandleEventBindsAndReplies(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		f.HandleEvent("raw", func(_ context.Context, _ *realtime.Conn, ev *realtime.Event) error {
			var n int
			var rest struct{ A []int }
			var blob []byte
			if err := ev.Bind(&n, &rest, &blob); err != nil {
				return err
			}
			if err := ev.Reply(ev.Name, ev.Len(), n, len(rest.A), len(blob), ev.WantAck, string(ev.Raw(0))); err != nil {
				return err
			}
			if err := ev.Reply("again"); !errors.Is(err, realtime.ErrReplied) {
				t.Errorf("second Reply: %v", err)
			}
			return nil
		})
		c := f.connect()
		got := realtimetest.Call[struct {
			realtime.Positional
			Name               string
			Len, N, Rest, Blob int
			Ack                bool
			Raw                string
		}](c, "raw", 7, map[string][]int{"A": {1, 2}}, []byte("abc"))
		if want := fmt.Sprint("raw", 3, 7, 2, 3, true, "7"); fmt.Sprint(got.Name, got.Len, got.N, got.Rest, got.Blob, got.Ack, got.Raw) != want {
			f.Errorf("got %+v, want %s", got, want)
		}
	})
}

// D56: more than 128 arguments are an error of Bind, not the end of the connection.
func TestTooManyArguments(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		realtime.On(f.Server, "many", func(context.Context, *realtime.Conn, int) error { return nil })
		c := f.connect()
		args := make([]any, 129)
		if got := code(realtimetest.TryCall[any](c, "many", args...)); got != realtime.CodeInvalidPayload {
			f.Errorf("code %q", got)
		}
		if got := code(realtimetest.TryCall[any](c, "many", args[:128]...)); got != "<nil>" {
			f.Errorf("128 arguments: %q", got)
		}
	})
}

// R58: a client sees only what was made for it.
func TestHandlerErrors(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		var told atomic.Int32
		realtime.On(f.Server, "public", func(context.Context, *realtime.Conn, any) error {
			return fmt.Errorf("wrapped: %w", &realtime.Error{Code: "not_seated", Message: "join first", Data: map[string]int{"table": 4}})
		})
		realtime.On(f.Server, "internal", func(context.Context, *realtime.Conn, any) error {
			told.Add(1)
			return errors.New("password=hunter2")
		})
		c := f.connect()
		_, err := realtimetest.TryCall[any](c, "public")
		var e *realtime.Error
		if !errors.As(err, &e) || e.Code != "not_seated" || e.Message != "join first" || fmt.Sprintf("%s", e.Data) != `{"table":4}` {
			f.Errorf("public error: %v", err)
		}
		c.Emit("public") // without an acknowledgement it is an event
		type exception struct {
			Error struct{ Code, Message, ID string }
			Event string
		}
		if got := realtimetest.Expect[exception](c, "exception"); got.Error.Code != "not_seated" || got.Event != "public" {
			f.Errorf("exception %+v", got)
		}
		c.Emit("internal")
		got := realtimetest.Expect[exception](c, "exception")
		if got.Error.Code != realtime.CodeInternal || got.Error.Message != "internal error" || len(got.Error.ID) != 12 {
			f.Errorf("exception %+v", got)
		}
		if len(f.log.lines(got.Error.ID, "hunter2", "event=internal", "conn="+c.ID())) != 1 {
			f.Errorf("the id is not in the log:\n%s", f.log)
		}
		c.Emit("unheard")
		if got := pending(c); got != "" {
			f.Errorf("an unknown event without acknowledgement was answered with %s", got)
		}
	})
}

// A result that does not encode is an internal error, told to its caller.
func TestResultThatDoesNotEncode(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		realtime.Handle(f.Server, "chan", func(context.Context, *realtime.Conn, any) (chan int, error) { return make(chan int), nil })
		f.HandleEvent("reply", func(_ context.Context, _ *realtime.Conn, ev *realtime.Event) error { return ev.Reply(make(chan int)) })
		c := f.connect()
		if got := code(realtimetest.TryCall[any](c, "chan")); got != realtime.CodeInternal {
			f.Errorf("result: code %q", got)
		}
		c.Emit("reply")
		if n := f.Stats().Panics; n != 0 {
			f.Errorf("%d panics:\n%s", n, f.log)
		}
	})
}

// R87: every kind of callback may panic; the caller is answered, and others notice nothing.
func TestPanicsAreRecovered(t *testing.T) {
	var hooked atomic.Int32
	bubble(t, realtime.Config{Hooks: realtime.Hooks{
		Panic:        func(string, any, []byte, string) { hooked.Add(1) },
		HandlerError: func(*realtime.Conn, *realtime.Event, error) { panic("hook") },
	}}, func(f *fixture) {
		ns := f.Of("/p")
		ns.OnAny(func(context.Context, *realtime.Conn, *realtime.Event) { panic("any") })
		ns.OnAnyOutgoing(func(context.Context, realtime.Outgoing) { panic("outgoing") })
		ns.OnJoin(func(context.Context, *realtime.Conn, string) { panic("join") })
		ns.OnLeave(func(context.Context, *realtime.Conn, string) { panic("leave") })
		ns.OnDisconnect(func(context.Context, *realtime.Conn, realtime.Disconnected) { panic("disconnect") })
		realtime.On(ns, "handler", func(context.Context, *realtime.Conn, any) error { panic("handler") })
		realtime.On(ns, "ok", func(ctx context.Context, c *realtime.Conn, _ any) error { return c.Join(ctx, "r") })
		f.OfFunc(func(string) bool { panic("match") })
		c, other := f.connect("/p"), f.connect("/p")
		if got := code(realtimetest.TryCall[any](c, "handler")); got != realtime.CodeInternal {
			f.Errorf("code %q", got)
		}
		realtimetest.Call[any](c, "ok")
		if got := refusalText(f.host.TryConnect(realtimetest.Options{Namespace: "/other"})); !strings.HasPrefix(got, "Invalid namespace") {
			f.Error(got)
		}
		if err := ns.Emit(f.Context(), "out"); err != nil {
			f.Error(err)
		}
		realtimetest.Expect[any](other, "out")
		c.Close()
		synctest.Wait()
		// any ×2, handler, its hook, join, match, outgoing, leave, disconnect
		if n := f.Stats().Panics; n != 9 || hooked.Load() != 9 {
			f.Errorf("%d panics counted, %d told, want 9:\n%s", n, hooked.Load(), f.log)
		}
		realtimetest.Call[any](other, "ok")
	})
}

func TestClosePanicked(t *testing.T) {
	bubble(t, realtime.Config{ClosePanicked: true}, func(f *fixture) {
		realtime.On(f.Server, "bang", func(context.Context, *realtime.Conn, any) error { panic("boom") })
		c := f.connect()
		c.Emit("bang")
		if got := c.WaitClosed(); got != realtimetest.ReasonTransportClose {
			f.Errorf("reason %q", got)
		}
	})
}

func TestMiddlewareOrder(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		var trace []string
		mw := func(name string) func(realtime.HandlerFunc) realtime.HandlerFunc {
			return func(next realtime.HandlerFunc) realtime.HandlerFunc {
				return func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
					trace = append(trace, name)
					return next(ctx, c, ev)
				}
			}
		}
		refuse := func(realtime.HandlerFunc) realtime.HandlerFunc {
			return func(context.Context, *realtime.Conn, *realtime.Event) error { return realtime.Errorf("no", "no") }
		}
		f.OnAny(func(_ context.Context, _ *realtime.Conn, ev *realtime.Event) { trace = append(trace, "any "+ev.Name) })
		f.UseEvent(mw("outer"))
		realtime.On(f.Server, "ev", func(context.Context, *realtime.Conn, any) error { trace = append(trace, "handler"); return nil },
			realtime.With(mw("with1"), mw("with2")))
		realtime.On(f.Server, "shut", func(context.Context, *realtime.Conn, any) error { trace = append(trace, "never"); return nil },
			realtime.With(refuse))
		f.UseEvent(mw("inner")) // registered after the handler, around it all the same
		c := f.connect()
		realtimetest.Call[any](c, "ev")
		if got := code(realtimetest.TryCall[any](c, "shut")); got != "no" {
			f.Errorf("code %q", got)
		}
		if got := code(realtimetest.TryCall[any](c, "unheard")); got != realtime.CodeUnknownEvent {
			f.Errorf("code %q", got)
		}
		want := []string{"any ev", "outer", "inner", "with1", "with2", "handler", "any shut", "outer", "inner", "any unheard", "outer", "inner"}
		if diff := cmp.Diff(want, trace); diff != "" {
			f.Error(diff)
		}
	})
}

func TestRateLimitAndTimeout(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		var ran atomic.Int32
		realtime.On(f.Server, "limited", func(context.Context, *realtime.Conn, any) error { ran.Add(1); return nil },
			realtime.RateLimit(3, time.Second))
		realtime.On(f.Server, "slow", func(ctx context.Context, _ *realtime.Conn, _ any) error { <-ctx.Done(); return ctx.Err() },
			realtime.Timeout(2*time.Second))
		a, b := f.connect(), f.connect()
		var codes []string
		for range 5 {
			codes = append(codes, code(realtimetest.TryCall[any](a, "limited")))
		}
		if diff := cmp.Diff([]string{"<nil>", "<nil>", "<nil>", realtime.CodeRateLimited, realtime.CodeRateLimited}, codes); diff != "" {
			f.Error(diff)
		}
		realtimetest.Call[any](b, "limited") // each connection has its own
		pass(time.Second)
		realtimetest.Call[any](a, "limited")
		if ran.Load() != 5 {
			f.Errorf("the handler ran %d times", ran.Load())
		}
		start := time.Now()
		if got := code(realtimetest.TryCall[any](a, "slow")); got != realtime.CodeTimeout || time.Since(start) != 2*time.Second {
			f.Errorf("code %q after %v", got, time.Since(start))
		}
	})
}

// R86: events of one connection never overlap and keep their order, unless one is Concurrent.
func TestHandlersRunOneAtATime(t *testing.T) {
	transports(t, realtime.Config{Limits: realtime.Limits{EventRate: -1, ByteRate: -1}}, func(f *fixture, o realtimetest.Options) {
		const events = 20_000
		var running, overlaps, next atomic.Int32
		f.OnDisconnect(func(context.Context, *realtime.Conn, realtime.Disconnected) {
			if n := next.Load(); n != events {
				t.Errorf("OnDisconnect after %d of %d events", n, events)
			}
			next.Add(1)
		})
		realtime.On(f.Server, "n", func(_ context.Context, _ *realtime.Conn, n int32) error {
			if running.Add(1) > 1 || !next.CompareAndSwap(n, n+1) {
				overlaps.Add(1)
			}
			running.Add(-1)
			return nil
		})
		c := f.host.Connect(o)
		var batch []string
		for i := range events {
			if batch = append(batch, fmt.Sprintf(`2["n",%d]`, i)); len(batch) == 500 {
				if err := c.Send(batch...); err != nil {
					f.Fatal(err)
				}
				batch = nil
			}
		}
		c.Disconnect()
		synctest.Wait()
		if overlaps.Load() != 0 || next.Load() != events+1 {
			f.Errorf("%d overlaps or gaps, %d events", overlaps.Load(), next.Load())
		}
	})
}

func TestConcurrentEventsOvertake(t *testing.T) {
	bubble(t, realtime.Config{Limits: realtime.Limits{Concurrent: 2}}, func(f *fixture) {
		var most, running atomic.Int32
		ended := make(chan int32, 1)
		f.OnDisconnect(func(context.Context, *realtime.Conn, realtime.Disconnected) { ended <- running.Load() })
		realtime.On(f.Server, "wait", func(ctx context.Context, _ *realtime.Conn, _ any) error {
			n := running.Add(1)
			most.Store(max(n, most.Load()))
			<-ctx.Done()
			running.Add(-1)
			return nil
		}, realtime.Concurrent(), realtime.Timeout(time.Minute))
		realtime.Handle(f.Server, "quick", func(context.Context, *realtime.Conn, any) (bool, error) { return true, nil })
		c := f.connect()
		c.Emit("wait")
		if !realtimetest.Call[bool](c, "quick") {
			f.Error("not overtaken")
		}
		c.Emit("wait")
		c.Emit("wait")
		synctest.Wait()
		if most.Load() != 2 {
			f.Errorf("%d at once, want 2", most.Load())
		}
		c.Close()
		if n := <-ended; n != 0 {
			f.Errorf("OnDisconnect while %d handlers ran", n)
		}
	})
}

// R88: a handler that blocks harms its own connection only, and the log names it.
func TestBlockedHandler(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		release := make(chan struct{})
		realtime.On(f.Server, "block", func(context.Context, *realtime.Conn, any) error { <-release; return nil })
		realtime.Handle(f.Server, "quick", func(context.Context, *realtime.Conn, any) (bool, error) { return true, nil })
		stuck, other := f.connect(), f.connect()
		stuck.Emit("block")
		for range 12 { // two minutes: heartbeats go on, and others are served
			pass(10 * time.Second)
			if !realtimetest.Call[bool](other, "quick") {
				f.Fatal("another connection suffers")
			}
		}
		if stuck.Reason() != "" {
			f.Errorf("the connection was closed: %s", stuck.Reason())
		}
		if n := len(f.log.lines("handler blocks its connection", "event=block", "conn="+stuck.ID())); n != 1 {
			f.Errorf("%d warnings:\n%s", n, f.log)
		}
		close(release)
		if !realtimetest.Call[bool](stuck, "quick") {
			f.Error("it did not go on")
		}
	})
}

func TestMisuseAtSetUpPanics(t *testing.T) {
	srv, err := realtime.New(realtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ok := func(context.Context, *realtime.Conn, *realtime.Event) error { return nil }
	srv.HandleEvent("taken", ok)
	for name, misuse := range map[string]func(){
		"nil handler":      func() { srv.HandleEvent("x", nil) },
		"nil typed":        func() { realtime.On[int](srv, "x", nil) },
		"nil Handle":       func() { realtime.Handle[int, int](srv, "x", nil) },
		"taken":            func() { srv.HandleEvent("taken", ok) },
		"reserved":         func() { srv.HandleEvent("disconnect", ok) },
		"empty":            func() { srv.HandleEvent("", ok) },
		"long":             func() { srv.HandleEvent(strings.Repeat("x", 256), ok) },
		"nil Use":          func() { srv.Use(nil) },
		"nil UseEvent":     func() { srv.UseEvent(nil) },
		"nil OnConnect":    func() { srv.OnConnect(nil) },
		"nil OnDisconnect": func() { srv.OnDisconnect(nil) },
		"nil OnAny":        func() { srv.OnAny(nil) },
		"nil outgoing":     func() { srv.OnAnyOutgoing(nil) },
		"nil OnJoin":       func() { srv.OnJoin(nil) },
		"nil OnLeave":      func() { srv.OnLeave(nil) },
		"nil OfFunc":       func() { srv.OfFunc(nil) },
		"nil With":         func() { realtime.With(nil) },
		"RateLimit":        func() { realtime.RateLimit(0, time.Second) },
		"Timeout":          func() { realtime.Timeout(0) },
		"OnServerSide": func() {
			srv.OnServerSide("connection", func(context.Context, *realtime.Event) (any, error) { return nil, nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if v := recover(); v == nil || !strings.HasPrefix(fmt.Sprint(v), "realtime: ") {
					t.Errorf("panic %v", v)
				}
			}()
			misuse()
		})
	}
}

func TestOutgoing(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		var seen []realtime.Outgoing
		f.OnAnyOutgoing(func(_ context.Context, out realtime.Outgoing) { seen = append(seen, out) })
		c := f.connect()
		conn := f.conn(c)
		for _, err := range []error{
			conn.Emit(f.Context(), "one", 1), f.To("r").ExceptConn(c.ID()).Emit(f.Context(), "many"), conn.Volatile().Emit(f.Context(), "v"),
		} {
			if err != nil {
				f.Error(err)
			}
		}
		want := []realtime.Outgoing{
			{Namespace: "/", Event: "one", Args: []any{1}, Conn: c.ID()},
			{Namespace: "/", Event: "many", Rooms: []string{"room:r"}, Except: []string{c.ID()}},
			{Namespace: "/", Event: "v", Conn: c.ID(), Volatile: true},
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			f.Error(diff)
		}
	})
}

func TestEmitRefusesWhatCannotBeSent(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		c := f.conn(f.connect())
		eleven := make([]any, 11)
		for i := range eleven {
			eleven[i] = []byte{1}
		}
		for name, tc := range map[string]struct {
			event string
			args  []any
			want  error
		}{
			"reserved":    {"connect", nil, realtime.ErrInvalidEvent},
			"empty":       {"", nil, realtime.ErrInvalidEvent},
			"long":        {strings.Repeat("x", 256), nil, realtime.ErrInvalidEvent},
			"attachments": {"x", eleven, realtime.ErrTooManyAttachments}, // D11
			"value":       {"x", []any{make(chan int)}, nil},
		} {
			for _, err := range []error{
				c.Emit(f.Context(), tc.event, tc.args...), f.Server.Emit(f.Context(), tc.event, tc.args...),
			} {
				if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
					f.Errorf("%s: %v", name, err)
				}
			}
		}
	})
}
