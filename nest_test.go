package realtime_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// nestCase is one captured conversation with a NestJS gateway.
type nestCase struct {
	Name    string              `json:"name"`
	Sent    []json.RawMessage   `json:"sent"`
	WithAck bool                `json:"with_ack"`
	Acks    [][]json.RawMessage `json:"ack_received"`
	Events  [][]json.RawMessage `json:"events_received"`
}

func nestCases(t *testing.T) []nestCase {
	t.Helper()
	data, err := os.ReadFile("testdata/nestjs-gateway.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []nestCase }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

// person is validated as Nest's ValidationPipe does it; the members are loose so that it is Validate that
// finds the mistake and not the decoder.
type person struct{ Name, N any }

func (p person) mistakes() (names []string) {
	if _, ok := p.Name.(string); !ok {
		names = append(names, "name")
	}
	if _, ok := p.N.(float64); !ok {
		names = append(names, "n")
	}
	return names
}

func (p person) Validate() error {
	if names := p.mistakes(); names != nil {
		return fmt.Errorf("invalid: %v", names)
	}
	return nil
}

// strictPerson is what exceptionFactory with a WsException is in Nest.
type strictPerson struct{ person }

func (p strictPerson) Validate() error {
	if names := p.mistakes(); names != nil {
		return &realtime.Error{Code: "invalid_person", Message: "invalid", Data: names}
	}
	return nil
}

// intercepted is Nest's interceptor: a decorator of the typed handler that maps its result.
func intercepted[In, Out any](pattern string, h func(context.Context, *realtime.Conn, In) (Out, error)) func(context.Context, *realtime.Conn, In) (any, error) {
	return func(ctx context.Context, c *realtime.Conn, in In) (any, error) {
		out, err := h(ctx, c, in)
		return struct {
			Wrapped Out    `json:"wrapped"`
			Pattern string `json:"pattern"`
		}{out, pattern}, err
	}
}

// guard is Nest's canActivate that returned false.
func guard(realtime.HandlerFunc) realtime.HandlerFunc {
	return func(context.Context, *realtime.Conn, *realtime.Event) error {
		return realtime.Errorf("forbidden", "Forbidden resource")
	}
}

// filter is Nest's exception filter: it takes the error and has the connection at hand.
func filter(next realtime.HandlerFunc) realtime.HandlerFunc {
	return func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
		if err := next(ctx, c, ev); err != nil {
			return c.Emit(ctx, "custom-error", err.Error())
		}
		return nil
	}
}

// manual is a parameter with @Ack().
func manual(next realtime.HandlerFunc) realtime.HandlerFunc {
	return func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
		var arg any
		if err := errors.Join(ev.Bind(&arg), ev.Reply(map[string]any{"manual": arg})); err != nil {
			return err
		}
		return next(ctx, c, ev)
	}
}

// value returns a handler with a fixed result.
func value(v any) func(context.Context, *realtime.Conn, any) (any, error) {
	return func(context.Context, *realtime.Conn, any) (any, error) { return v, nil }
}

// failure returns a handler with a fixed error.
func failure(err error) func(context.Context, *realtime.Conn, any) (any, error) {
	return func(context.Context, *realtime.Conn, any) (any, error) { return nil, err }
}

// multiArgs shows the payload as Nest gives it to a handler.
func multiArgs(_ context.Context, _ *realtime.Conn, ev *realtime.Event) error {
	var shown struct {
		Got     []json.RawMessage `json:"got,omitempty"`
		IsArray bool              `json:"isArray"`
	}
	shown.IsArray = ev.Len() > 1
	for i := range ev.Len() {
		shown.Got = append(shown.Got, ev.Raw(i))
	}
	return ev.Reply(shown)
}

func stream(n int) realtime.NestEvent { return realtime.NestEvent{Event: "stream", Data: n} }

// nestGateway has the Go equivalent of each handler of the gateway that was captured, by event.
var nestGateway = map[string]func(r realtime.Router, event string){
	"ret-value": func(r realtime.Router, event string) {
		realtime.Handle(r, event, func(_ context.Context, _ *realtime.Conn, in map[string]int) (map[string]int, error) { return in, nil })
	},
	"ret-string":    func(r realtime.Router, event string) { realtime.Handle(r, event, value("str")) },
	"ret-undefined": func(r realtime.Router, event string) { realtime.On(r, event, returnsNothing) },
	"ret-null":      func(r realtime.Router, event string) { realtime.Handle(r, event, value(nil)) },
	"ret-false":     func(r realtime.Router, event string) { realtime.Handle(r, event, value(false)) },
	"ret-event": func(r realtime.Router, event string) {
		realtime.Handle(r, event, func(_ context.Context, _ *realtime.Conn, in string) (realtime.NestEvent, error) {
			return realtime.NestEvent{Event: "evt", Data: in}, nil
		})
	},
	"ret-promise": func(r realtime.Router, event string) {
		realtime.Handle(r, event, func(_ context.Context, _ *realtime.Conn, in string) (map[string]string, error) {
			return map[string]string{"ok": in}, nil
		})
	},
	"ret-observable": func(r realtime.Router, event string) {
		realtime.Handle(r, event, value(iter.Seq[any](func(yield func(any) bool) {
			for n := 1; n <= 3 && yield(stream(n)); n++ {
			}
		})))
	},
	"ret-observable-plain": func(r realtime.Router, event string) {
		realtime.Handle(r, event, value(iter.Seq[any](func(yield func(any) bool) {
			for n := 1; n <= 3 && yield(n); n++ {
			}
		})))
	},
	"throw-ws": func(r realtime.Router, event string) {
		realtime.Handle(r, event, failure(realtime.Errorf("bad_thing", "bad thing")))
	},
	"throw-ws-object": func(r realtime.Router, event string) {
		realtime.Handle(r, event, failure(&realtime.Error{Code: "x", Message: "x", Data: struct {
			Code int    `json:"code"`
			Why  string `json:"why"`
		}{7, "x"}}))
	},
	"throw-error": func(r realtime.Router, event string) { realtime.Handle(r, event, failure(errors.New("dsn=secret"))) },
	"throw-http":  func(r realtime.Router, event string) { realtime.Handle(r, event, failure(errors.New("403 Forbidden"))) },
	"throw-async": func(r realtime.Router, event string) {
		realtime.Handle(r, event, failure(realtime.Errorf("async", "async bad")))
	},
	"throw-observable": func(r realtime.Router, event string) {
		realtime.Handle(r, event, value(iter.Seq2[any, error](func(yield func(any, error) bool) {
			_ = yield(stream(1), nil) && yield(nil, realtime.Errorf("stream", "stream bad"))
		})))
	},
	"guarded": func(r realtime.Router, event string) { realtime.Handle(r, event, value("never"), realtime.With(guard)) },
	"intercepted": func(r realtime.Router, event string) {
		echo := func(_ context.Context, _ *realtime.Conn, in string) (string, error) { return in, nil }
		realtime.Handle(r, event, intercepted(event, echo))
	},
	"validated": func(r realtime.Router, event string) {
		realtime.On(r, event, func(context.Context, *realtime.Conn, person) error { return nil })
	},
	"validated-ws": func(r realtime.Router, event string) {
		realtime.On(r, event, func(context.Context, *realtime.Conn, strictPerson) error { return nil })
	},
	"prop-pipe": func(r realtime.Router, event string) {
		type parameter struct {
			ID int `json:"id,string"` // ParseIntPipe
		}
		type shown struct {
			ID int    `json:"id"`
			T  string `json:"t"`
		}
		realtime.Handle(r, event, func(_ context.Context, _ *realtime.Conn, p parameter) (shown, error) {
			return shown{p.ID, "number"}, nil
		})
	},
	"multi-args": func(r realtime.Router, event string) { r.HandleEvent(event, multiArgs) },
	"manual-ack": func(r realtime.Router, event string) {
		realtime.Handle(r, event, value("ignored"), realtime.With(manual))
	},
	"filtered": func(r realtime.Router, event string) {
		realtime.Handle(r, event, failure(errors.New("to filter")), realtime.With(filter))
	},
	"socket-arg": func(r realtime.Router, event string) {
		realtime.Handle(r, event, func(_ context.Context, c *realtime.Conn, _ any) (any, error) {
			return struct {
				ID  string `json:"id"`
				Nsp string `json:"nsp"`
			}{fmt.Sprintf("%T", c.ID()), c.Namespace().Name()}, nil
		})
	},
	"no-decorators": func(r realtime.Router, event string) {
		realtime.Handle(r, event, func(_ context.Context, c *realtime.Conn, in string) (any, error) {
			return struct {
				Data      string `json:"data"`
				HasClient bool   `json:"hasClient"`
			}{in, c != nil}, nil
		})
	},
}

func returnsNothing(context.Context, *realtime.Conn, any) error { return nil }

// nestEvent is the event of a case, from its name: "ret-value-with-ack-2" is a case of "ret-value".
func nestEvent(name string) string {
	name = strings.TrimSuffix(name, "-2")
	name = strings.TrimSuffix(name, "-with-ack")
	return strings.TrimSuffix(name, "-no-ack")
}

// No case may pass because its event has no handler: a gateway is silent then, and so are some rows.
func TestNestCasesAreComplete(t *testing.T) {
	events := map[string]bool{}
	for _, tc := range nestCases(t) {
		event := nestEvent(tc.Name)
		events[event] = true
		if string(tc.Sent[0]) != `"`+event+`"` {
			t.Errorf("case %s sends %s", tc.Name, tc.Sent[0])
		}
		if nestGateway[event] == nil {
			t.Errorf("case %s has no Go equivalent", tc.Name)
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(events)), slices.Sorted(maps.Keys(nestGateway))); diff != "" {
		t.Errorf("cases (-) and handlers (+) differ: %s", diff)
	}
}

// joined writes arguments as one line of compact JSON.
func joined(t *testing.T, args []json.RawMessage) string {
	t.Helper()
	var line bytes.Buffer
	for i, arg := range args {
		if i > 0 {
			line.WriteByte(' ')
		}
		if err := json.Compact(&line, arg); err != nil {
			t.Fatal(err)
		}
	}
	return line.String()
}

// rawArgs takes up to three arguments as they are.
type rawArgs struct {
	realtime.Positional
	A, B, C json.RawMessage
}

func (a rawArgs) list() (args []json.RawMessage) {
	for _, arg := range []json.RawMessage{a.A, a.B, a.C} {
		if arg != nil {
			args = append(args, arg)
		}
	}
	return args
}

// heard plays one exchange and returns every acknowledgement and event that the client got, a line each.
func heard(t *testing.T, c *realtimetest.Client, event string, withAck bool, args ...any) (lines []string) {
	t.Helper()
	if withAck {
		ack, err := realtimetest.TryCall[rawArgs](c, event, args...)
		if err == nil {
			lines = append(lines, "ack "+joined(t, ack.list()))
		} else if !strings.Contains(err.Error(), "no acknowledgement") {
			t.Fatalf("%s: %v", event, err)
		}
	} else {
		c.Emit(event, args...)
	}
	pass(time.Second)
	for _, name := range c.Pending() {
		lines = append(lines, name+" "+joined(t, realtimetest.Expect[rawArgs](c, name).list()))
	}
	return lines
}

// TestNestReplies plays what was captured of a NestJS gateway: the client gets the same acknowledgements
// and events, byte for byte.
func TestNestReplies(t *testing.T) {
	transports(t, realtime.Config{Replies: realtime.NestReplies()}, func(f *fixture, o realtimetest.Options) {
		gateway := f.Of("/g")
		for event, register := range nestGateway {
			register(gateway, event)
		}
		o.Namespace, o.Timeout = "/g", time.Second
		c := f.host.Connect(o)
		for _, tc := range nestCases(f.T) {
			var args []any
			for _, arg := range tc.Sent[1:] {
				args = append(args, arg)
			}
			var want []string
			for _, ack := range tc.Acks {
				want = append(want, "ack "+joined(f.T, ack))
			}
			for _, event := range tc.Events {
				want = append(want, strings.Trim(string(event[0]), `"`)+" "+joined(f.T, event[1:]))
			}
			if diff := cmp.Diff(want, heard(f.T, c, nestEvent(tc.Name), tc.WithAck, args...)); diff != "" {
				f.Errorf("%s: captured (-), ours (+): %s", tc.Name, diff)
			}
		}
		if reason := c.Reason(); reason != "" {
			f.Errorf("the connection ended: %s", reason)
		}
		if n := len(f.log.lines("level=ERROR", "dsn=secret", "event=throw-error")); n == 0 {
			f.Errorf("the hidden error is not in the log:\n%s", f.log)
		}
	})
}

// The rows of the gateway's tables that no capture shows, from its source.
func TestNestRepliesBeyondTheCaptures(t *testing.T) {
	type loose struct {
		Event any `json:"event"`
		Data  any `json:"data,omitempty"`
	}
	late := errors.New("late")
	for name, tc := range map[string]struct {
		result  any
		err     error
		with    func(realtime.HandlerFunc) realtime.HandlerFunc
		args    []any
		withAck []string // heard by a client that asked for an acknowledgement
		without []string
	}{
		"zero":                  {result: 0, withAck: []string{"ack 0"}},
		"empty string":          {result: "", withAck: []string{`ack ""`}},
		"event in a struct":     {result: loose{"evt", 1}, withAck: []string{"evt 1"}, without: []string{"evt 1"}},
		"event in a map":        {result: map[string]any{"event": "evt", "data": 1}, withAck: []string{"evt 1"}, without: []string{"evt 1"}},
		"event without data":    {result: loose{Event: "evt"}, withAck: []string{"evt null"}, without: []string{"evt null"}},
		"falsy event":           {result: loose{Event: ""}, withAck: []string{`ack {"event":""}`}},
		"null event":            {result: loose{}, withAck: []string{`ack {"event":null}`}},
		"nil pointer":           {result: (*loose)(nil)},
		"manual and event":      {result: loose{"evt", 1}, with: manual, args: []any{"m"}, withAck: []string{`ack {"manual":"m"}`, "evt 1"}, without: []string{"evt 1"}},
		"event name refused":    {result: loose{Event: "connect"}, withAck: []string{`exception {"status":"error","message":"Internal server error","cause":{"pattern":"ev"}}`}, without: []string{`exception {"status":"error","message":"Internal server error","cause":{"pattern":"ev"}}`}},
		"error without payload": {err: realtime.Errorf("c", "text"), withAck: []string{`exception {"status":"error","message":"text","cause":{"pattern":"ev"}}`}, without: []string{`exception {"status":"error","message":"text","cause":{"pattern":"ev"}}`}},
		"error of a taken code": {err: realtime.Errorf(realtime.CodeInvalid, "text"), withAck: []string{`exception {"status":"error","message":"text","cause":{"pattern":"ev"}}`}, without: []string{`exception {"status":"error","message":"text","cause":{"pattern":"ev"}}`}},
		"error with arguments":  {err: realtime.Errorf("c", "text"), args: []any{1, "b"}, withAck: []string{`exception {"status":"error","message":"text","cause":{"pattern":"ev","data":[1,"b"]}}`}, without: []string{`exception {"status":"error","message":"text","cause":{"pattern":"ev","data":[1,"b"]}}`}},
		"null payload":          {err: late, args: []any{nil}, withAck: []string{`exception {"status":"error","message":"Internal server error","cause":{"pattern":"ev","data":null}}`}, without: []string{`exception {"status":"error","message":"Internal server error","cause":{"pattern":"ev","data":null}}`}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, realtime.Config{Replies: realtime.NestReplies()}, func(f *fixture) {
				var options []realtime.HandlerOption
				if tc.with != nil {
					options = append(options, realtime.With(tc.with))
				}
				realtime.Handle(f.Server, "ev", func(context.Context, *realtime.Conn, any) (any, error) {
					return tc.result, tc.err
				}, options...)
				c := f.host.Connect(realtimetest.Options{Timeout: time.Second})
				if diff := cmp.Diff(tc.withAck, heard(f.T, c, "ev", true, tc.args...)); diff != "" {
					f.Errorf("with acknowledgement: want (-), got (+): %s", diff)
				}
				if diff := cmp.Diff(tc.without, heard(f.T, c, "ev", false, tc.args...)); diff != "" {
					f.Errorf("without: want (-), got (+): %s", diff)
				}
			})
		})
	}
}

// A stream ends with the connection, and nothing that is returned afterwards reaches anybody.
func TestNestStreamStopsAtDisconnect(t *testing.T) {
	bubble(t, realtime.Config{Replies: realtime.NestReplies()}, func(f *fixture) {
		produced := make(chan int, 10)
		for event, items := range map[string]func(c *realtime.Conn) any{
			"plain": func(c *realtime.Conn) any {
				return iter.Seq[any](func(yield func(any) bool) {
					for n := 1; n <= 9; n++ {
						if n == 3 {
							_ = c.Disconnect(c.Context(), "enough")
						}
						produced <- n
						if !yield(stream(n)) {
							return
						}
					}
				})
			},
			"failing": func(c *realtime.Conn) any {
				return iter.Seq2[any, error](func(yield func(any, error) bool) {
					for n := 1; n <= 9; n++ {
						if n == 3 {
							_ = c.Disconnect(c.Context(), "enough")
						}
						produced <- n
						if !yield(stream(n), nil) {
							return
						}
					}
				})
			},
		} {
			realtime.Handle(f.Server, event, func(_ context.Context, c *realtime.Conn, _ any) (any, error) { return items(c), nil })
			c := f.connect()
			c.Emit(event)
			if reason := c.WaitClosed(); reason != realtimetest.ReasonServer {
				f.Errorf("reason %q", reason)
			}
			if got := pending(c); got != "stream stream" {
				f.Errorf("%s: the client heard %q", event, got)
			}
			if len(produced) != 3 {
				f.Errorf("%s: %d items were asked for, want 3", event, len(produced))
			}
			for len(produced) > 0 {
				<-produced
			}
		}
		if lines := f.log.lines("level=ERROR"); lines != nil {
			f.Errorf("an end is no error: %s", lines)
		}
	})
}

// Binary values survive: in a result they are attachments, and so they are when the payload is echoed.
func TestNestBinary(t *testing.T) {
	bubble(t, realtime.Config{Replies: realtime.NestReplies()}, func(f *fixture) {
		realtime.Handle(f.Server, "photo", func(_ context.Context, _ *realtime.Conn, p photo) (realtime.NestEvent, error) {
			return realtime.NestEvent{Event: "copy", Data: p}, nil
		})
		realtime.Handle(f.Server, "back", func(_ context.Context, _ *realtime.Conn, p photo) (photo, error) { return p, nil })
		realtime.On(f.Server, "fail", func(context.Context, *realtime.Conn, photo) error { return realtime.Errorf("x", "bad thing") })
		c := f.connect()
		picture := photo{"t", realtime.Binary{1, 2, 3}}
		if got := realtimetest.Call[photo](c, "back", picture); got.Title != "t" || !bytes.Equal(got.Data, picture.Data) {
			f.Errorf("acknowledgement %+v", got)
		}
		c.Emit("photo", picture)
		if got := realtimetest.Expect[photo](c, "copy"); !bytes.Equal(got.Data, picture.Data) {
			f.Errorf("event %+v", got)
		}
		type exception struct {
			Message string
			Cause   struct {
				Pattern string
				Data    photo
			}
		}
		c.Emit("fail", picture)
		if got := realtimetest.Expect[exception](c, "exception"); got.Message != "bad thing" || got.Cause.Pattern != "fail" ||
			got.Cause.Data.Title != "t" || !bytes.Equal(got.Cause.Data.Data, picture.Data) {
			f.Errorf("exception %+v", got)
		}
	})
}
