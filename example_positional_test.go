package realtime_test

import (
	"context"
	"fmt"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// Move takes the arguments of socket.emit("move", x, y, piece) one by one.
type Move struct {
	realtime.Positional
	X, Y  int
	Piece string
}

// Clients often send several arguments instead of one object. A struct that embeds Positional takes them in
// the order of its fields; as a result it is spread over the arguments of the acknowledgement.
func ExamplePositional() {
	srv, host, end := inMemory(realtime.Config{})
	defer end()

	realtime.Handle(srv, "move", func(_ context.Context, _ *realtime.Conn, m Move) (Move, error) {
		m.X++
		return m, nil
	})

	client := host.Connect(realtimetest.Options{})
	moved := realtimetest.Call[Move](client, "move", 1, 2, "knight")
	fmt.Println(moved.X, moved.Y, moved.Piece)
	// Output: 2 2 knight
}
