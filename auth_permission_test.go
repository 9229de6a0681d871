package realtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// ballot is a payload with rules of its own.
type ballot struct {
	Table string `json:"table"`
	Yes   bool   `json:"yes"`
}

func (b ballot) Validate() error {
	if b.Table == "" {
		return errors.New("which table?")
	}
	return nil
}

// R57: every event passes its permission before its handler; who is refused hears why, and the handler never runs.
func TestPermissions(t *testing.T) {
	var ran atomic.Int32
	owner := realtime.Authorize(func(_ context.Context, c *realtime.Conn, b ballot) error {
		switch b.Table {
		case c.UserID():
			return nil
		case "broken":
			return errors.New("no database")
		case "panic":
			panic("boom")
		}
		return realtime.Errorf(realtime.CodeForbidden, "not your table")
	})
	roles := func(roles string) any { return map[string]any{"sub": "ann", "roles": roles} }
	for name, tc := range map[string]struct {
		opts   []realtime.HandlerOption
		claims any // nil is anonymous
		table  string
		want   string // code, "" is admitted
	}{
		"no option, anonymous":         {nil, nil, "x", ""},
		"Authenticated, anonymous":     {[]realtime.HandlerOption{realtime.Authenticated()}, nil, "x", realtime.CodeUnauthorized},
		"Authenticated, user":          {[]realtime.HandlerOption{realtime.Authenticated()}, roles(""), "x", ""},
		"Require, anonymous":           {[]realtime.HandlerOption{realtime.Require("host")}, nil, "x", realtime.CodeUnauthorized},
		"Require, no role":             {[]realtime.HandlerOption{realtime.Require("host")}, roles(""), "x", realtime.CodeForbidden},
		"Require, other role":          {[]realtime.HandlerOption{realtime.Require("host")}, roles("player hosts"), "x", realtime.CodeForbidden},
		"Require, the role":            {[]realtime.HandlerOption{realtime.Require("host")}, roles("player host"), "x", ""},
		"Require, one of two":          {[]realtime.HandlerOption{realtime.Require("admin", "host")}, roles("host"), "x", ""},
		"Require twice, one":           {[]realtime.HandlerOption{realtime.Require("admin"), realtime.Require("host")}, roles("host"), "x", realtime.CodeForbidden},
		"Authorize, own table":         {[]realtime.HandlerOption{owner}, roles(""), "ann", ""},
		"Authorize, other table":       {[]realtime.HandlerOption{owner}, roles(""), "bob", realtime.CodeForbidden},
		"Authorize, invalid payload":   {[]realtime.HandlerOption{owner}, roles(""), "", realtime.CodeInvalid},
		"Authorize, error":             {[]realtime.HandlerOption{owner}, roles(""), "broken", realtime.CodeInternal},
		"Authorize, panic":             {[]realtime.HandlerOption{owner}, roles(""), "panic", realtime.CodeInternal},
		"Authorize, anonymous":         {[]realtime.HandlerOption{owner}, nil, "ann", realtime.CodeForbidden},
		"Authenticated before payload": {[]realtime.HandlerOption{realtime.Authenticated(), owner}, nil, "", realtime.CodeUnauthorized},
		"Concurrent":                   {[]realtime.HandlerOption{realtime.Concurrent(), realtime.Authenticated()}, nil, "x", realtime.CodeUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			ran.Store(0)
			bubble(t, realtime.Config{Auth: anonymousOr{newJWT(t, hmacConfig())}}, func(f *fixture) {
				realtime.On(f, "vote", func(context.Context, *realtime.Conn, ballot) error { ran.Add(1); return nil }, tc.opts...)
				o := realtimetest.Options{}
				if tc.claims != nil {
					o.Auth = token(good(tc.claims.(map[string]any)))
				}
				c := f.host.Connect(o)
				got := code(realtimetest.TryCall[any](c, "vote", ballot{Table: tc.table}))
				wantRuns := int32(0)
				if tc.want == "" {
					tc.want, wantRuns = "<nil>", 1
				}
				if got != tc.want || ran.Load() != wantRuns {
					f.Errorf("code %s, handler ran %d times; want %s and %d", got, ran.Load(), tc.want, wantRuns)
				}
			})
		})
	}
}

// anonymousOr lets clients without a token in as nobody.
type anonymousOr struct{ realtime.Authenticator }

func (a anonymousOr) Authenticate(ctx context.Context, h *realtime.Handshake) (*realtime.Identity, error) {
	if len(h.Auth) == 0 {
		return nil, nil
	}
	return a.Authenticator.Authenticate(ctx, h)
}

// An event without an acknowledgement that is refused is told of as an exception, and one without a handler runs nothing.
func TestRefusedEventsWithoutAnswer(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		realtime.On(f, "kick", func(context.Context, *realtime.Conn, any) error { t.Error("the handler ran"); return nil }, realtime.Authenticated())
		c := f.connect()
		c.Emit("kick", 1)
		if got := realtimetest.Expect[struct {
			Error struct{ Code string }
			Event string
		}](c, "exception"); got.Error.Code != realtime.CodeUnauthorized || got.Event != "kick" {
			f.Errorf("%+v", got)
		}
		if got := code(realtimetest.TryCall[any](c, "kickk", 1)); got != realtime.CodeUnknownEvent {
			f.Errorf("unknown event: %s", got)
		}
	})
}

// The rate is checked before permission, so that guessing costs the guesser.
func TestRateLimitComesBeforePermission(t *testing.T) {
	var asked int
	bubble(t, realtime.Config{}, func(f *fixture) {
		realtime.On(f, "open", func(context.Context, *realtime.Conn, string) error { return nil },
			realtime.Authorize(func(context.Context, *realtime.Conn, string) error {
				asked++
				return realtime.Errorf(realtime.CodeForbidden, "wrong")
			}), realtime.RateLimit(2, time.Minute))
		c := f.connect()
		for _, want := range []string{realtime.CodeForbidden, realtime.CodeForbidden, realtime.CodeRateLimited} {
			if got := code(realtimetest.TryCall[any](c, "open", "1234")); got != want {
				f.Errorf("%s, want %s", got, want)
			}
		}
	})
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
}

// The handler gets what Authorize has seen, decoded once; one that wants another type decodes for itself.
func TestAuthorizeSharesThePayload(t *testing.T) {
	var decodes atomic.Int32
	bubble(t, realtime.Config{Codec: countingCodec{&decodes}}, func(f *fixture) {
		pass := realtime.Authorize(func(context.Context, *realtime.Conn, ballot) error { return nil })
		realtime.Handle(f, "same", func(_ context.Context, _ *realtime.Conn, b ballot) (string, error) { return b.Table, nil }, pass, pass)
		realtime.Handle(f, "other", func(_ context.Context, _ *realtime.Conn, m map[string]any) (any, error) { return m["table"], nil }, pass)
		c := f.connect()
		for event, want := range map[string]int32{"same": 1, "other": 2} {
			decodes.Store(0)
			if got := realtimetest.Call[string](c, event, ballot{Table: "7"}); got != "7" || decodes.Load() != want {
				f.Errorf("%s: %q after %d decodes, want %d", event, got, decodes.Load(), want)
			}
		}
	})
}

// countingCodec is JSON that counts.
type countingCodec struct{ decodes *atomic.Int32 }

func (c countingCodec) Marshal(v any) ([]byte, error) { return json.Marshal(v) }
func (c countingCodec) Unmarshal(data []byte, v any) error {
	c.decodes.Add(1)
	return json.Unmarshal(data, v)
}

func TestPermissionMistakesPanic(t *testing.T) {
	for name, fn := range map[string]func(){
		"Require: no role":        func() { realtime.Require() },
		"Authorize: nil function": func() { realtime.Authorize[int](nil) },
	} {
		func() {
			defer func() {
				if v := recover(); v == nil || !strings.Contains(v.(string), "realtime: "+name) {
					t.Errorf("%s: panic %v", name, v)
				}
			}()
			fn()
		}()
	}
}
