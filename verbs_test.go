package realtime_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// The three verbs may be used in every callback that has a connection.
func TestVerbsInsideOfCallbacks(t *testing.T) {
	for verb, tc := range map[string]struct {
		end    func(c *realtime.Conn, ctx context.Context, reason string) error
		cause  realtime.Cause
		reason string // what the client sees
	}{
		"Disconnect": {(*realtime.Conn).Disconnect, realtime.CauseServerDisconnect, realtimetest.ReasonServer},
		"Close":      {(*realtime.Conn).Close, realtime.CauseServerDisconnect, realtimetest.ReasonServer},
		"Reconnect":  {(*realtime.Conn).Reconnect, realtime.CauseReconnect, realtimetest.ReasonTransportClose},
	} {
		for where, register := range map[string]func(f *fixture, end func(ctx context.Context, c *realtime.Conn) error){
			"OnConnect": func(f *fixture, end func(ctx context.Context, c *realtime.Conn) error) { f.OnConnect(end) },
			"handler": func(f *fixture, end func(ctx context.Context, c *realtime.Conn) error) {
				realtime.On(f.Server, "go", func(ctx context.Context, c *realtime.Conn, _ any) error { return end(ctx, c) })
			},
			"Concurrent": func(f *fixture, end func(ctx context.Context, c *realtime.Conn) error) {
				realtime.On(f.Server, "go", func(ctx context.Context, c *realtime.Conn, _ any) error { return end(ctx, c) }, realtime.Concurrent())
			},
			"UseEvent": func(f *fixture, end func(ctx context.Context, c *realtime.Conn) error) {
				f.UseEvent(func(next realtime.HandlerFunc) realtime.HandlerFunc {
					return func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
						return errors.Join(end(ctx, c), next(ctx, c, ev))
					}
				})
				realtime.On(f.Server, "go", returnsNothing)
			},
			"OnAny": func(f *fixture, end func(ctx context.Context, c *realtime.Conn) error) {
				f.OnAny(func(ctx context.Context, c *realtime.Conn, _ *realtime.Event) { _ = end(ctx, c) })
			},
			"OnJoin": func(f *fixture, end func(ctx context.Context, c *realtime.Conn) error) {
				f.OnJoin(func(ctx context.Context, c *realtime.Conn, _ string) { _ = end(ctx, c) })
				realtime.On(f.Server, "go", func(ctx context.Context, c *realtime.Conn, _ any) error { return c.Join(ctx, "r") })
			},
			"OnLeave": func(f *fixture, end func(ctx context.Context, c *realtime.Conn) error) {
				f.OnLeave(func(ctx context.Context, c *realtime.Conn, _ string) { _ = end(ctx, c) })
				realtime.On(f.Server, "go", func(ctx context.Context, c *realtime.Conn, _ any) error {
					return errors.Join(c.Join(ctx, "r"), c.Leave(ctx, "r"))
				})
			},
		} {
			t.Run(verb+" in "+where, func(t *testing.T) {
				transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
					ends := make(chan realtime.Disconnected, 10)
					f.OnDisconnect(func(_ context.Context, _ *realtime.Conn, why realtime.Disconnected) { ends <- why })
					results := make(chan error, 10)
					register(f, func(ctx context.Context, c *realtime.Conn) error {
						results <- tc.end(c, ctx, "mid-flight")
						return nil
					})
					client, err := f.host.TryConnect(o)
					if where != "OnConnect" {
						if err != nil {
							f.Fatal(err)
						}
						_ = client.Send(`2["go"]`) // over polling the end may overtake the answer
					}
					synctest.Wait()
					if client != nil && client.WaitClosed() != tc.reason {
						f.Errorf("the client was told %q", client.Reason())
					}
					if err := <-results; err != nil {
						f.Errorf("%s returned %v", verb, err)
					}
					if why := <-ends; why.Cause != tc.cause || why.Detail != "mid-flight" {
						f.Errorf("ended with %+v", why)
					}
					pass(time.Minute)
					if len(ends) != 0 || f.Stats().Sessions > 1 || f.Stats().Conns != 0 {
						f.Errorf("%d more ends, %+v", len(ends), f.Stats())
					}
				})
			})
		}
	}
}

// A connection that is ended while it is being admitted is never admitted.
func TestDisconnectInsideOfUse(t *testing.T) {
	for name, end := range map[string]func(c *realtime.Conn, ctx context.Context, reason string) error{
		"Disconnect": (*realtime.Conn).Disconnect, "Close": (*realtime.Conn).Close, "Reconnect": (*realtime.Conn).Reconnect,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, realtime.Config{}, func(f *fixture) {
				var kept *realtime.Conn
				f.Use(func(ctx context.Context, c *realtime.Conn) error {
					kept = c
					return end(c, ctx, "no")
				})
				f.OnConnect(func(context.Context, *realtime.Conn) error { t.Error("OnConnect ran"); return nil })
				f.OnDisconnect(func(context.Context, *realtime.Conn, realtime.Disconnected) { t.Error("OnDisconnect ran") })
				if c, err := f.host.TryConnect(realtimetest.Options{}); err == nil {
					f.Errorf("%s was admitted", c.ID())
				}
				synctest.Wait()
				if why, ok := realtime.DisconnectedOf(context.Cause(kept.Context())); !ok || why.Detail != "no" {
					f.Errorf("ended with %+v", why)
				}
				if n := f.Stats().Conns; n != 0 {
					f.Errorf("%d connections", n)
				}
			})
		})
	}
}
