package realtime_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// The server asks a client and waits for its acknowledgement. That may be done in a handler of the same
// connection, because acknowledgements do not pass the queue of events. The deadline of the context is the
// timeout, 5 s if it has none.
func ExampleEmitWithAck() {
	srv, host, end := inMemory(realtime.Config{})
	defer end()

	realtime.Handle(srv, "buy", func(ctx context.Context, c *realtime.Conn, item string) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		sure, err := realtime.EmitWithAck[bool](ctx, c, "sure?", item)
		switch {
		case errors.Is(err, realtime.ErrAckTimeout):
			return "", realtime.Errorf("no_answer", "you did not answer in time")
		case err != nil:
			return "", err
		case !sure:
			return "nothing", nil
		}
		return item, nil
	})

	client := host.Connect(realtimetest.Options{})
	realtimetest.Answer(client, "sure?", func(item string) bool { return item == "bread" })
	fmt.Println("bought", realtimetest.Call[string](client, "buy", "bread"))
	fmt.Println("bought", realtimetest.Call[string](client, "buy", "car"))
	// Output:
	// bought bread
	// bought nothing
}
