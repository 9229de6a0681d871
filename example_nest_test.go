package realtime_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// Clients of a NestJS gateway expect results and errors in its shapes: an object with "event" and "data" is
// emitted instead of acknowledged, and an error is an "exception" event.
func ExampleNestReplies() {
	srv, host, end := inMemory(realtime.Config{Replies: realtime.NestReplies()})
	defer end()

	realtime.Handle(srv, "sum", func(_ context.Context, _ *realtime.Conn, numbers []int) (realtime.NestEvent, error) {
		total := 0
		for _, n := range numbers {
			total += n
		}
		return realtime.NestEvent{Event: "total", Data: total}, nil
	})
	realtime.On(srv, "public", func(context.Context, *realtime.Conn, any) error {
		return realtime.Errorf("table_full", "the table is full") // new WsException("the table is full")
	})
	realtime.On(srv, "private", func(context.Context, *realtime.Conn, any) error {
		return errors.New("a secret of the server")
	})

	type exception struct{ Status, Message string }
	client := host.Connect(realtimetest.Options{})
	client.Emit("sum", []int{1, 2, 3})
	fmt.Println(realtimetest.Expect[int](client, "total"))
	client.Emit("public", 1)
	fmt.Printf("%+v\n", realtimetest.Expect[exception](client, "exception"))
	client.Emit("private", 1)
	fmt.Printf("%+v\n", realtimetest.Expect[exception](client, "exception"))
	// Output:
	// 6
	// {Status:error Message:the table is full}
	// {Status:error Message:Internal server error}
}
