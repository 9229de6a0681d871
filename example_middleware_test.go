package realtime_test

import (
	"context"
	"fmt"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// There are three places for middleware: Use runs before a connection is admitted, UseEvent around every
// event, and With around one event. What they return reaches the client as an error of a handler would.
func Example_middleware() {
	srv, host, end := inMemory(realtime.Config{})
	defer end()

	srv.Use(func(_ context.Context, c *realtime.Conn) error {
		var auth struct{ Version int }
		if err := c.Handshake().BindAuth(&auth); err != nil || auth.Version < 2 {
			return realtime.Errorf("too_old", "please update")
		}
		return nil
	})
	srv.UseEvent(func(next realtime.HandlerFunc) realtime.HandlerFunc {
		return func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
			fmt.Println("event", ev.Name)
			return next(ctx, c, ev)
		}
	})
	closed := func(realtime.HandlerFunc) realtime.HandlerFunc {
		return func(context.Context, *realtime.Conn, *realtime.Event) error {
			return realtime.Errorf("closed", "come back tomorrow")
		}
	}
	enter := func(context.Context, *realtime.Conn, any) error { return nil }
	realtime.On(srv, "enter", enter, realtime.With(closed))
	realtime.On(srv, "wave", enter, realtime.RateLimit(1, time.Hour), realtime.Timeout(time.Second))

	_, err := host.TryConnect(realtimetest.Options{Auth: map[string]int{"version": 1}})
	fmt.Println(err)
	client := host.Connect(realtimetest.Options{Auth: map[string]int{"version": 2}})
	_, err = realtimetest.TryCall[any](client, "enter")
	fmt.Println(err)
	_, err = realtimetest.TryCall[any](client, "wave")
	fmt.Println(err)
	_, err = realtimetest.TryCall[any](client, "wave")
	fmt.Println(err)
	// Output:
	// please update
	// event enter
	// closed: come back tomorrow
	// event wave
	// <nil>
	// event wave
	// rate_limited: more than 1 in 1h0m0s
}
