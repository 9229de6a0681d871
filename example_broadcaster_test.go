package realtime_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// A Broadcaster is a value: it can be kept, narrowed further and shared between goroutines.
func ExampleBroadcaster() {
	srv, host, end := inMemory(realtime.Config{})
	defer end()

	srv.Use(func(ctx context.Context, c *realtime.Conn) error { // in the room from the first moment on
		var auth struct{ Room string }
		if err := c.Handshake().BindAuth(&auth); err != nil {
			return err
		}
		return c.Join(ctx, auth.Room)
	})
	connect := func(room string) *realtimetest.Client {
		return host.Connect(realtimetest.Options{Auth: map[string]string{"room": room}})
	}
	red, blue := connect("red"), connect("blue")
	realtimetest.Answer(red, "ready?", func(any) bool { return true })

	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	everyone := srv.To("red", "blue") // who is in both rooms gets one copy
	if err := everyone.Except("blue").Emit(ctx, "score", 1); err != nil {
		fmt.Println(err)
	}
	if err := everyone.Emit(ctx, "score", 2); err != nil {
		fmt.Println(err)
	}
	fmt.Println("red:", realtimetest.Expect[int](red, "score"), realtimetest.Expect[int](red, "score"))
	fmt.Println("blue:", realtimetest.Expect[int](blue, "score"))

	// Ask everybody: what came is returned beside the error that names the silent.
	replies, err := realtime.BroadcastWithAck[bool](ctx, everyone, "ready?")
	var partial *realtime.PartialError
	if errors.As(err, &partial) {
		fmt.Println("answers:", len(replies), "silent:", len(partial.Conns), "ready:", replies[0].Value)
	}
	// Output:
	// red: 1 2
	// blue: 2
	// answers: 1 silent: 1 ready: true
}
