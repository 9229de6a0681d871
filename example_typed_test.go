package realtime_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// Vote is what a client sends.
type Vote struct {
	Room string `json:"room"`
	Yes  bool   `json:"yes"`
}

// Validate is called before the handler. Its error reaches the client as code "invalid".
func (v Vote) Validate() error {
	if v.Room == "" {
		return errors.New("room is missing")
	}
	return nil
}

// Tally is what the client gets back.
type Tally struct {
	Yes int `json:"yes"`
	No  int `json:"no"`
}

// A typed handler: the payload is decoded and validated before it, its result is the acknowledgement, and
// an error of type *Error is what the client is told.
func ExampleHandle() {
	srv, host, end := inMemory(realtime.Config{})
	defer end()

	realtime.Handle(srv, "vote", func(_ context.Context, c *realtime.Conn, v Vote) (Tally, error) {
		if !c.In(v.Room) {
			return Tally{}, realtime.Errorf("not_seated", "join the table first")
		}
		return Tally{Yes: 1}, nil
	})
	realtime.On(srv, "sit", func(ctx context.Context, c *realtime.Conn, room string) error {
		return c.Join(ctx, room)
	})

	client := host.Connect(realtimetest.Options{})
	_, err := realtimetest.TryCall[Tally](client, "vote", Vote{Yes: true})
	fmt.Println(err)
	_, err = realtimetest.TryCall[Tally](client, "vote", Vote{Room: "42", Yes: true})
	fmt.Println(err)
	realtimetest.Call[any](client, "sit", "42")
	fmt.Printf("%+v\n", realtimetest.Call[Tally](client, "vote", Vote{Room: "42", Yes: true}))
	// Output:
	// invalid: room is missing
	// not_seated: join the table first
	// {Yes:1 No:0}
}
