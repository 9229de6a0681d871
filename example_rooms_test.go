package realtime_test

import (
	"context"
	"fmt"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// Rooms are joined by handlers, never by clients themselves. The rooms of a connection are still readable
// when it has gone.
func Example_rooms() {
	srv, host, end := inMemory(realtime.Config{})
	defer end()

	realtime.Handle(srv, "enter", func(ctx context.Context, c *realtime.Conn, table string) (int, error) {
		if err := c.Join(ctx, table); err != nil {
			return 0, err // e.g. ErrTooManyRooms; the client sees code "internal"
		}
		if err := c.To(table).Emit(ctx, "entered", c.ID()); err != nil { // the others at the table
			return 0, err
		}
		return srv.Room(table).Len(ctx)
	})
	srv.OnDisconnect(func(ctx context.Context, c *realtime.Conn, _ realtime.Disconnected) {
		for _, table := range c.Rooms() {
			_ = srv.To(table).Emit(ctx, "left", table) // an error is the other nodes' or the shutdown's
		}
	})

	ann, bob := host.Connect(realtimetest.Options{}), host.Connect(realtimetest.Options{})
	fmt.Println("at the table:", realtimetest.Call[int](ann, "enter", "42"))
	fmt.Println("at the table:", realtimetest.Call[int](bob, "enter", "42"))
	fmt.Println("ann sees bob:", realtimetest.Expect[string](ann, "entered") == bob.ID())
	bob.Close()
	fmt.Println("somebody left table", realtimetest.Expect[string](ann, "left"))
	// Output:
	// at the table: 1
	// at the table: 2
	// ann sees bob: true
	// somebody left table 42
}
