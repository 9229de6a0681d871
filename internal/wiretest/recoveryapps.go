package wiretest

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/realtime-go/realtime"
)

// The programs of the captures about connection state recovery, which the library does not have yet: clients
// that ask for it get new connections.

func recoveryReal(srv realtime.Server, log func(any)) {
	var calls atomic.Int32
	srv.Use(func(context.Context, *realtime.Conn) error {
		log(map[string]any{"middleware_call": calls.Add(1)})
		return nil
	})
	srv.OnConnect(func(ctx context.Context, c *realtime.Conn) error {
		log(map[string]any{
			"ev": "connection", "id": c.ID(), "recovered": c.Recovered(), "rooms": []string{c.ID()},
			"data": map[string]string{"user": "joe"},
		})
		if err := c.Join(ctx, "room1"); err != nil {
			return err
		}
		return c.Emit(ctx, "hello", "world")
	})
	var once sync.Once
	srv.OnDisconnect(func(ctx context.Context, c *realtime.Conn, why realtime.Disconnected) {
		log(map[string]any{"ev": "disconnect", "reason": why.Cause.Reason()})
		once.Do(func() {
			_ = srv.Emit(ctx, "to-all", 1)
			_ = srv.To("room1").Emit(ctx, "to-room", []byte{1, 2, 3})
			_ = srv.ToConn(c.ID()).Emit(ctx, "to-sid", "x")
			_ = srv.Emit(ctx, "no-args")
		})
	})
}

func recoveryRaw(srv realtime.Server, log func(any)) {
	srv.OnConnect(func(ctx context.Context, c *realtime.Conn) error {
		log(map[string]any{"ev": "connection", "id": c.ID(), "recovered": c.Recovered()})
		return c.Emit(ctx, "first", 1)
	})
	var once sync.Once
	srv.OnDisconnect(func(ctx context.Context, _ *realtime.Conn, why realtime.Disconnected) {
		log(map[string]any{"ev": "disconnect", "reason": why.Cause.Reason()})
		once.Do(func() {
			_ = srv.Emit(ctx, "missed", "bin", []byte{5})
			_ = srv.Emit(ctx, "missed2")
		})
	})
}

func recoveryReasons(srv realtime.Server, log func(any)) {
	srv.OnConnect(func(ctx context.Context, c *realtime.Conn) error {
		log(map[string]any{"ev": "connection", "recovered": c.Recovered()})
		return c.Emit(ctx, "first", 1)
	})
	srv.OnDisconnect(func(_ context.Context, _ *realtime.Conn, why realtime.Disconnected) {
		log(map[string]any{"ev": "disconnect", "reason": why.Cause.Reason()})
	})
}

// recoveryFlags leaves out the volatile event of the capture: whether it finds the connection busy, and is dropped, is a matter of luck here.
func recoveryFlags(srv realtime.Server, _ func(any)) {
	srv.OnConnect(func(ctx context.Context, c *realtime.Conn) error {
		if err := c.Emit(ctx, "plain"); err != nil {
			return err
		}
		go func() { // ends with the answer, which never comes, its timeout, or the connection
			_, _ = c.EmitWithAck(c.Context(), "with-ack", 1)
		}()
		pause()
		return firstError(c.Emit(ctx, "str", "last is a string"), srv.Emit(ctx, "all", map[string]int{"a": 1}))
	})
}
