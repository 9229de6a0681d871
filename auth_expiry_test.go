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

// expiry is what clients are told.
type expiry struct {
	At int64 `json:"expires_at"`
	In int64 `json:"expires_in"`
}

// lasting is a good token of ann that lasts for d.
func lasting(d time.Duration, changes map[string]any) map[string]string {
	all := map[string]any{"exp": time.Now().Add(d).Unix()}
	for name, value := range changes {
		all[name] = value
	}
	return token(good(all))
}

func refreshWith(c *realtimetest.Client, payload any) (expiry, error) {
	return realtimetest.TryCall[expiry](c, "auth:refresh", payload)
}

// The whole life of an identity: warned, refreshed, warned again, closed.
func TestLifeOfAnIdentity(t *testing.T) {
	transports(t, realtime.Config{Auth: newJWT(t, hmacConfig())}, func(f *fixture, o realtimetest.Options) {
		ended := make(chan realtime.Disconnected, 1)
		f.OnDisconnect(func(_ context.Context, _ *realtime.Conn, why realtime.Disconnected) { ended <- why })
		start := time.Now()
		o.Auth = lasting(10*time.Minute, nil)
		c := f.host.Connect(o)
		pass(9*time.Minute - time.Millisecond - time.Since(start)) // an upgrade takes its time
		if got := pending(c); got != "" {
			f.Fatalf("told too early: %s", got)
		}
		pass(time.Millisecond)
		warned := realtimetest.Expect[expiry](c, "auth:expiring")
		if want := (expiry{start.Add(10 * time.Minute).UnixMilli(), 60_000}); warned != want {
			f.Errorf("warned with %+v, want %+v", warned, want)
		}
		answer, err := refreshWith(c, lasting(10*time.Minute, nil))
		if want := (expiry{time.Now().Add(10 * time.Minute).UnixMilli(), 600_000}); err != nil || answer != want {
			f.Errorf("refreshed with %+v, %v, want %+v", answer, err, want)
		}
		pass(9 * time.Minute)
		_ = realtimetest.Expect[expiry](c, "auth:expiring")
		pass(time.Minute + 30*time.Second - time.Millisecond)
		if c.Reason() != "" {
			f.Fatalf("closed before the grace was over: %s", c.Reason())
		}
		pass(time.Millisecond)
		if reason := c.WaitClosed(); reason != realtimetest.ReasonTransportClose { // no DISCONNECT packet
			f.Errorf("client saw %q", reason)
		}
		if why := <-ended; why.Cause != realtime.CauseExpired {
			f.Errorf("cause %v", why)
		}
		if got := f.Stats().Disconnects["auth_expired"]; got != 1 {
			f.Errorf("%d counted", got)
		}
	})
}

// R53: an event after the end is refused although the timer is late, here because the connection is busy.
func TestEventsAfterExpiryAreRefused(t *testing.T) {
	bubble(t, realtime.Config{Auth: newJWT(t, hmacConfig())}, func(f *fixture) {
		var handled []string
		var refusals atomic.Int32
		realtime.On(f, "work", func(_ context.Context, _ *realtime.Conn, d string) error {
			handled = append(handled, d)
			if d == "long" {
				time.Sleep(2 * time.Minute) // synctest: longer than the identity lives
			}
			return nil
		})
		f.UseEvent(func(next realtime.HandlerFunc) realtime.HandlerFunc {
			return func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
				refusals.Add(1)
				return next(ctx, c, ev)
			}
		})
		c := f.host.Connect(realtimetest.Options{Auth: lasting(time.Minute, nil)})
		c.Emit("work", "long")
		c.Emit("work", "queued before the end, due after it")
		pass(3 * time.Minute)
		if diff := cmp.Diff([]string{"long"}, handled); diff != "" {
			f.Error(diff)
		}
		if refusals.Load() != 1 {
			f.Error("the second event went past the check")
		}
	})
}

func TestRefreshIsRefused(t *testing.T) {
	bubble(t, realtime.Config{Auth: newJWT(t, hmacConfig())}, func(f *fixture) {
		c := f.host.Connect(realtimetest.Options{
			Auth: lasting(time.Hour, nil), Query: map[string][]string{"token": {good(nil)}},
			Header: map[string][]string{"Authorization": {"Bearer " + good(nil)}},
		})
		for name, tc := range map[string]struct {
			payload any
			want    string
		}{
			"nothing":       {nil, realtime.CodeInvalidPayload},
			"text":          {good(nil), realtime.CodeInvalidPayload},
			"no token":      {map[string]string{}, realtime.CodeUnauthorized}, // the old token in query and header is none
			"nonsense":      {token("nonsense"), realtime.CodeUnauthorized},
			"expired":       {lasting(-time.Hour, nil), realtime.CodeTokenExpired},
			"another user":  {lasting(time.Hour, map[string]any{"sub": "bob"}), realtime.CodeForbidden},
			"alg none":      {token(b64(`{"alg":"none"}`) + "." + b64(`{"sub":"ann","exp":99999999999}`) + "."), realtime.CodeUnauthorized},
			"too long":      {token(strings.Repeat("x", 9000)), realtime.CodeUnauthorized},
			"wrong members": {map[string]any{"token": 7}, realtime.CodeUnauthorized},
		} {
			if _, err := refreshWith(c, tc.payload); code(nil, err) != tc.want {
				f.Errorf("%s: %s, want %s", name, code(nil, err), tc.want)
			}
		}
		if got := f.conn(c).Identity(); got.UserID != "ann" {
			f.Errorf("identity %+v", got)
		}
		pass(time.Minute)
		for range 10 {
			_, _ = refreshWith(c, nil)
		}
		if _, err := refreshWith(c, lasting(2*time.Hour, nil)); code(nil, err) != realtime.CodeRateLimited {
			f.Errorf("the eleventh in a minute: %s", code(nil, err))
		}
		pass(time.Minute)
		if _, err := refreshWith(c, lasting(2*time.Hour, nil)); err != nil {
			f.Errorf("a minute later: %v", err)
		}
	})
}

// A refresh may bring new roles and claims; the connection has them for its next event.
func TestRefreshChangesTheIdentity(t *testing.T) {
	bubble(t, realtime.Config{Auth: newJWT(t, hmacConfig())}, func(f *fixture) {
		realtime.On(f, "kick", func(context.Context, *realtime.Conn, any) error { return nil }, realtime.Require("host"))
		c := f.host.Connect(realtimetest.Options{Auth: lasting(time.Hour, nil)})
		if _, err := realtimetest.TryCall[any](c, "kick"); code(nil, err) != realtime.CodeForbidden {
			f.Errorf("before: %s", code(nil, err))
		}
		if _, err := refreshWith(c, lasting(time.Hour, map[string]any{"roles": "host"})); err != nil {
			f.Fatal(err)
		}
		if _, err := realtimetest.TryCall[any](c, "kick"); err != nil {
			f.Errorf("after: %v", err)
		}
	})
}

func TestRefreshToAnotherUser(t *testing.T) {
	cfg := realtime.Config{
		Auth: newJWT(t, hmacConfig()), Expiry: realtime.ExpiryPolicy{AllowOtherUser: true}, Presence: realtime.PresenceConfig{Grace: -1},
	}
	bubble(t, cfg, func(f *fixture) {
		f.OnConnect(func(ctx context.Context, c *realtime.Conn) error { return c.Join(ctx, "lobby") })
		c := f.host.Connect(realtimetest.Options{Auth: lasting(time.Hour, nil)})
		if _, err := refreshWith(c, lasting(time.Hour, map[string]any{"sub": "bob"})); err != nil {
			f.Fatal(err)
		}
		for user, want := range map[string]bool{"ann": false, "bob": true} {
			if got, err := f.User(user).Online(f.T.Context()); got != want || err != nil {
				f.Errorf("%s online: %v, %v", user, got, err)
			}
		}
		if diff := cmp.Diff([]string{"lobby"}, f.conn(c).Rooms()); diff != "" {
			f.Error(diff)
		}
		c.Close()
		synctest.Wait()
		if n := f.Stats().Rooms; n != 0 {
			f.Errorf("%d rooms are left", n)
		}
	})
}

// An authenticator of one's own sees new credentials as it saw the first ones.
func TestRefreshAsksYourAuthenticator(t *testing.T) {
	bubble(t, realtime.Config{Auth: ticket{}}, func(f *fixture) {
		c := f.host.Connect(realtimetest.Options{Auth: map[string]string{"ticket": "ann 60"}})
		answer, err := refreshWith(c, map[string]string{"ticket": "ann 120"})
		if err != nil || answer.In != 120_000 {
			f.Errorf("%+v, %v", answer, err)
		}
		if _, err := refreshWith(c, map[string]string{"ticket": "banned 1"}); code(nil, err) != "unauthorized" || !strings.Contains(err.Error(), "no more tickets") {
			f.Errorf("ConnectError: %v", err)
		}
		if _, err := refreshWith(c, map[string]string{"ticket": "later 1"}); code(nil, err) != realtime.CodeBusy {
			f.Errorf("ErrUnavailable: %v", err)
		}
	})
}

// ticket authenticates {"ticket":"USER SECONDS"}.
type ticket struct{}

func (ticket) Authenticate(_ context.Context, h *realtime.Handshake) (*realtime.Identity, error) {
	var auth struct{ Ticket string }
	var user string
	var seconds int
	if err := h.BindAuth(&auth); err != nil {
		return nil, err
	}
	if _, err := fmt.Sscanf(auth.Ticket, "%s %d", &user, &seconds); err != nil {
		return nil, err
	}
	switch user {
	case "banned":
		return nil, &realtime.ConnectError{Message: "no more tickets"}
	case "later":
		return nil, fmt.Errorf("ticket office: %w", realtime.ErrUnavailable)
	}
	return &realtime.Identity{UserID: user, IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Duration(seconds) * time.Second)}, nil
}

// Without an authenticator the name means nothing, and a handler of one's own wins.
func TestRefreshEventIsYoursWithoutAuth(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		if _, err := refreshWith(f.connect(), map[string]string{}); code(nil, err) != realtime.CodeUnknownEvent {
			f.Errorf("%v", err)
		}
		f.Of("/own").SetAuth(userByToken{})
		realtime.Handle(f.Of("/own"), "auth:refresh", func(context.Context, *realtime.Conn, any) (string, error) { return "mine", nil })
		c := f.host.Connect(realtimetest.Options{Namespace: "/own", Auth: token("ann")})
		if got := realtimetest.Call[string](c, "auth:refresh", 1); got != "mine" {
			f.Errorf("%q", got)
		}
	})
}

func TestExpirySettings(t *testing.T) {
	for name, tc := range map[string]struct {
		policy       realtime.ExpiryPolicy
		warned, ends time.Duration // after the connection, which lasts an hour
	}{
		"default":         {realtime.ExpiryPolicy{}, 59 * time.Minute, time.Hour + 30*time.Second},
		"early warning":   {realtime.ExpiryPolicy{Warning: 10 * time.Minute}, 50 * time.Minute, time.Hour + 30*time.Second},
		"no warning":      {realtime.ExpiryPolicy{Warning: -1}, 0, time.Hour + 30*time.Second},
		"longer than all": {realtime.ExpiryPolicy{Warning: 2 * time.Hour}, time.Nanosecond, time.Hour + 30*time.Second},
		"no grace":        {realtime.ExpiryPolicy{Grace: -1}, 59 * time.Minute, time.Hour},
		"long grace":      {realtime.ExpiryPolicy{Grace: 5 * time.Minute}, 59 * time.Minute, time.Hour + 5*time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, realtime.Config{Auth: newJWT(t, hmacConfig()), Expiry: tc.policy}, func(f *fixture) {
				c := f.host.Connect(realtimetest.Options{Auth: lasting(time.Hour, nil)})
				at := func(d time.Duration) { pass(d - time.Since(f.conn(c).Identity().IssuedAt)) }
				if tc.warned > time.Millisecond {
					at(tc.warned - time.Millisecond)
				}
				if tc.warned > 0 {
					if got := pending(c); tc.warned > time.Millisecond && got != "" {
						f.Errorf("early: %s", got)
					}
					at(tc.warned)
					_ = realtimetest.Expect[expiry](c, "auth:expiring")
				}
				at(tc.ends - time.Millisecond)
				if c.Reason() != "" || pending(c) != "" {
					f.Errorf("closed early: %q, got %q", c.Reason(), pending(c))
				}
				pass(time.Millisecond)
				if c.Reason() == "" {
					f.Error("still there")
				}
			})
		})
	}
}

// An identity that was over before it was used is refused, whoever made it.
func TestExpiredIdentityIsRefused(t *testing.T) {
	bubble(t, realtime.Config{Auth: ticket{}}, func(f *fixture) {
		for _, tc := range []struct {
			ticket, want string
		}{
			{"ann -29", "not refused: <nil>"},
			{"ann -30", `token has expired {"code":"token_expired"}`},
		} {
			if got := refusalText(f.host.TryConnect(realtimetest.Options{Auth: map[string]string{"ticket": tc.ticket}})); got != tc.want {
				f.Errorf("%s: %s, want %s", tc.ticket, got, tc.want)
			}
		}
	})
}

// A client whose auth is asked anew comes back after the end; the stale one meets a CONNECT_ERROR (D53).
func TestComingBackAfterExpiry(t *testing.T) {
	bubble(t, realtime.Config{Auth: newJWT(t, hmacConfig())}, func(f *fixture) {
		stale := lasting(time.Minute, nil)
		c := f.host.Connect(realtimetest.Options{Auth: stale})
		pass(2 * time.Minute)
		c.WaitClosed()
		if got := refusalText(f.host.TryConnect(realtimetest.Options{Auth: stale})); !strings.Contains(got, "token_expired") {
			f.Errorf("the stale one saw %s", got)
		}
		f.host.Connect(realtimetest.Options{Auth: lasting(time.Minute, nil)})
	})
}

// Expiry.Revoked is asked about every identity and again at intervals.
func TestRevokedIsAskedAgain(t *testing.T) {
	var answer atomic.Pointer[error]
	var revoked atomic.Bool
	var asked atomic.Int32
	cfg := realtime.Config{Auth: newJWT(t, hmacConfig()), Expiry: realtime.ExpiryPolicy{
		Interval: time.Minute,
		Revoked: func(_ context.Context, id *realtime.Identity) (bool, error) {
			asked.Add(1)
			if err := answer.Load(); err != nil {
				return false, *err
			}
			return revoked.Load() && id.UserID == "ann", nil
		},
	}}
	bubble(t, cfg, func(f *fixture) {
		ended := make(chan realtime.Disconnected, 1)
		f.OnDisconnect(func(_ context.Context, _ *realtime.Conn, why realtime.Disconnected) { ended <- why })
		c := f.host.Connect(realtimetest.Options{Auth: lasting(time.Hour, nil)})
		if n := asked.Load(); n != 1 {
			f.Errorf("asked %d times when connecting", n)
		}
		pass(10 * time.Minute)
		if n := asked.Load(); n < 11 || n > 12 { // every 54 to 60 s
			f.Errorf("asked %d times in ten minutes", n)
		}
		broken := errors.New("no database")
		answer.Store(&broken)
		pass(time.Minute)
		if c.Reason() != "" || len(f.log.lines("revocation unknown", "no database")) == 0 {
			f.Errorf("a broken check: reason %q, log:\n%s", c.Reason(), f.log)
		}
		if got := refusalText(f.host.TryConnect(realtimetest.Options{Auth: lasting(time.Hour, nil)})); !strings.HasPrefix(got, "not refused") {
			f.Errorf("a new connection meets a broken check: %s", got)
		}
		answer.Store(nil)
		revoked.Store(true)
		pass(time.Minute)
		if reason := c.WaitClosed(); reason != realtimetest.ReasonServer {
			f.Errorf("reason %q", reason)
		}
		if why := <-ended; why.Cause != realtime.CauseRevoked {
			f.Errorf("cause %v", why)
		}
		if got := refusalText(f.host.TryConnect(realtimetest.Options{Auth: lasting(time.Hour, nil)})); got != `token was revoked {"code":"token_revoked"}` {
			f.Errorf("a new connection: %s", got)
		}
		f.host.Connect(realtimetest.Options{Auth: lasting(time.Hour, map[string]any{"sub": "bob"})})
	})
}

// A check that hangs or panics keeps nobody in a queue, and the connections stay.
func TestRevokedThatMisbehaves(t *testing.T) {
	for name, check := range map[string]func(ctx context.Context) (bool, error){
		"hangs":  func(ctx context.Context) (bool, error) { <-ctx.Done(); return false, ctx.Err() },
		"panics": func(context.Context) (bool, error) { panic("boom") },
	} {
		t.Run(name, func(t *testing.T) {
			var live atomic.Bool
			cfg := realtime.Config{Auth: newJWT(t, hmacConfig()), Limits: realtime.Limits{Handshakes: 2}, Expiry: realtime.ExpiryPolicy{
				Interval: time.Minute,
				Revoked: func(ctx context.Context, _ *realtime.Identity) (bool, error) {
					if !live.Load() {
						return false, nil
					}
					return check(ctx)
				},
			}}
			bubble(t, cfg, func(f *fixture) {
				var clients []*realtimetest.Client
				for range 8 {
					clients = append(clients, f.host.Connect(realtimetest.Options{Auth: lasting(time.Hour, nil)}))
				}
				live.Store(true)
				pass(5 * time.Minute)
				for _, c := range clients {
					if c.Reason() != "" {
						f.Errorf("closed: %s", c.Reason())
					}
				}
				if len(f.log.lines("revocation unknown")) == 0 {
					f.Error("nobody is told")
				}
				live.Store(false)
			})
		})
	}
}
