package client_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
)

// TestModuleWithServer has the same conversations with this library's server: its handlers below are those of test/oracle.mjs.
func TestModuleWithServer(t *testing.T) {
	srv, err := realtime.New(realtime.Config{
		Logger: slog.New(slog.DiscardHandler),
		// One conversation sends 3,000 events at once, which would otherwise be read at 200 a second.
		Limits: realtime.Limits{EventBurst: 10_000},
	})
	if err != nil {
		t.Fatal(err)
	}
	converse(srv)
	converse(srv.Of("/game"))
	srv.Of("/closed").Use(func(context.Context, *realtime.Conn) error {
		return &realtime.ConnectError{Message: "not today", Data: map[string]any{"code": "closed", "days": []int{1, 2}}}
	})
	srv.Of("/second").Use(admitSecond())
	web := httptest.NewServer(srv)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		web.Close()
	})
	runNode(t, []string{"SERVER_URL=" + web.URL}, "conversation.test.mjs", "wx.test.mjs")
}

// admitSecond refuses whoever comes first with a given key and admits the second attempt.
func admitSecond() func(context.Context, *realtime.Conn) error {
	var seen sync.Map
	return func(_ context.Context, c *realtime.Conn) error {
		var auth struct{ Key string }
		if err := c.Handshake().BindAuth(&auth); err != nil {
			return err
		}
		if _, again := seen.LoadOrStore(auth.Key, true); !again {
			return &realtime.ConnectError{Message: "come again"}
		}
		return nil
	}
}

// hello is what a client is told first.
type hello struct {
	Auth      json.RawMessage `json:"auth"`
	Color     string          `json:"color"`
	Namespace string          `json:"namespace"`
}

func converse(ns realtime.Namespace) {
	ns.OnConnect(func(ctx context.Context, c *realtime.Conn) error {
		h := c.Handshake()
		if h.Auth == nil {
			h.Auth = json.RawMessage(`{}`)
		}
		return c.Emit(ctx, "hello", hello{h.Auth, h.Query.Get("color"), ns.Name()})
	})
	ns.HandleEvent("echo", func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
		args, err := arguments(ev)
		if err != nil || ev.WantAck {
			return orReply(err, ev, args)
		}
		return c.Emit(ctx, "echo", args...)
	})
	realtime.On(ns, "count", func(ctx context.Context, c *realtime.Conn, n any) error { return c.Emit(ctx, "count", n) })
	// Every acknowledgement is answered in the end: here when the client has gone. Events that follow must not wait for that.
	realtime.On(ns, "silence", func(ctx context.Context, c *realtime.Conn, _ any) error {
		<-c.Context().Done()
		return nil
	}, realtime.Concurrent())
	realtime.On(ns, "refuse", func(_ context.Context, _ *realtime.Conn, room string) error {
		return &realtime.Error{Code: "not_seated", Message: "join the table first", Data: map[string]string{"room": room}}
	})
	ns.HandleEvent("ask me", func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
		question, err := arguments(ev)
		if err != nil {
			return err
		}
		reply, err := c.EmitWithAck(ctx, "question", question...)
		if err != nil {
			return err
		}
		answer := make([]any, reply.Len())
		return orReply(reply.Bind(pointers(answer)...), ev, answer)
	})
	ns.HandleEvent("kick me", func(ctx context.Context, c *realtime.Conn, _ *realtime.Event) error {
		return c.Disconnect(ctx, "asked for it")
	})
	ns.HandleEvent("cut me", func(ctx context.Context, c *realtime.Conn, _ *realtime.Event) error {
		return c.Reconnect(ctx, "asked for it")
	})
}

// arguments decodes whatever a client sent, binary data included.
func arguments(ev *realtime.Event) ([]any, error) {
	args := make([]any, ev.Len())
	return args, ev.Bind(pointers(args)...)
}

func pointers(values []any) []any {
	ptrs := make([]any, len(values))
	for i := range values {
		ptrs[i] = &values[i]
	}
	return ptrs
}

func orReply(err error, ev *realtime.Event, args []any) error {
	if err != nil {
		return err
	}
	return ev.Reply(args...)
}
