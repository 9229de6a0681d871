package wiretest

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/realtime-go/realtime"
)

// application is the server-side program of a case.
type application struct {
	configure func(cfg *realtime.Config) // may be nil
	run       func(srv realtime.Server, log func(any))
}

// applicationOf picks the program: http.json and ws.json share one, every session has its own.
func applicationOf(s *Script) application {
	if s.File == SessionsFile {
		return sessionApps[s.Name]
	}
	return application{run: func(srv realtime.Server, log func(any)) {
		if s.Name == "ws-middleware-error" { // a namespace without middleware admits at once, as most do
			srv.Use(refuseByMode)
		}
		sharedApp(srv, log)
	}}
}

// sharedApp echoes "echo" (through the acknowledgement if there is one), answers "three" with three events, leaves at "leave"
// and closes at "kick"; /custom answers "hi".
func sharedApp(srv realtime.Server, log func(any)) {
	srv.OnConnect(func(context.Context, *realtime.Conn) error {
		log(map[string]any{"ev": "sio_connection"})
		return nil
	})
	srv.OnDisconnect(func(_ context.Context, _ *realtime.Conn, why realtime.Disconnected) {
		log(map[string]any{"ev": "sio_disconnect", "reason": why.Cause.Reason()})
	})
	srv.HandleEvent("echo", func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
		args, err := argumentsOf(ev)
		if err != nil {
			return err
		}
		if ev.WantAck {
			return ev.Reply(args...)
		}
		return c.Emit(ctx, "echo", args...)
	})
	srv.HandleEvent("three", func(ctx context.Context, c *realtime.Conn, _ *realtime.Event) error {
		return firstError(c.Emit(ctx, "a", 1), c.Emit(ctx, "b", []byte{1, 2, 3}), c.Emit(ctx, "c", "é"))
	})
	srv.HandleEvent("leave", func(ctx context.Context, c *realtime.Conn, _ *realtime.Event) error {
		return c.Disconnect(ctx, "leave")
	})
	srv.HandleEvent("kick", func(ctx context.Context, c *realtime.Conn, _ *realtime.Event) error { return c.Close(ctx, "kick") })
	big := func(ctx context.Context, c *realtime.Conn, n int) error {
		return c.Emit(ctx, "big", strings.Repeat("x", n))
	}
	realtime.On(srv, "big", big)
	realtime.On(srv, "nocompress", big)
	srv.Of("/custom").HandleEvent("hi", func(_ context.Context, _ *realtime.Conn, ev *realtime.Event) error {
		return ev.Reply("from custom", []byte{9})
	})
}

// refuseByMode refuses CONNECT if the auth payload says so.
func refuseByMode(_ context.Context, c *realtime.Conn) error {
	var auth struct{ Mode string }
	if err := c.Handshake().BindAuth(&auth); err != nil {
		return err
	}
	switch auth.Mode {
	case "err":
		return &realtime.ConnectError{Message: "not authorized"}
	case "data":
		return &realtime.ConnectError{Message: "not authorized", Data: retryLater{"Please retry later", 7}}
	}
	return nil
}

type retryLater struct {
	Content string `json:"content"`
	Code    int    `json:"code"`
}

// argumentsOf takes the arguments as they came, so that they go back unchanged; with attachments inside they are decoded.
func argumentsOf(ev *realtime.Event) ([]any, error) {
	args, dst := make([]any, ev.Len()), make([]any, ev.Len())
	for i := range args {
		dst[i] = &args[i]
	}
	if err := ev.Bind(dst...); err != nil {
		return nil, err
	}
	for i, v := range args {
		if !holdsBinary(v) {
			args[i] = json.RawMessage(ev.Raw(i))
		}
	}
	return args, nil
}

func holdsBinary(v any) bool {
	switch v := v.(type) {
	case realtime.Binary, []byte:
		return true
	case map[string]any:
		for _, member := range v {
			if holdsBinary(member) {
				return true
			}
		}
	case []any:
		for _, item := range v {
			if holdsBinary(item) {
				return true
			}
		}
	}
	return false
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// pause lets everything else that can happen now happen first: in a bubble the clock moves only when all goroutines wait.
func pause() {
	t := time.NewTimer(time.Millisecond)
	<-t.C
}
