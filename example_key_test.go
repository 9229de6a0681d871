package realtime_test

import (
	"context"
	"fmt"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// score is a slot that every connection has for itself.
var score = realtime.NewKey[int]("score")

// Data that belongs to one connection lives in typed slots and goes with it.
func ExampleNewKey() {
	srv, host, end := inMemory(realtime.Config{})
	defer end()

	realtime.Handle(srv, "hit", func(_ context.Context, c *realtime.Conn, points int) (int, error) {
		total, _ := score.Get(c) // 0 before the first Set
		total += points
		score.Set(c, total) // events of one connection are handled one at a time
		return total, nil
	})

	client := host.Connect(realtimetest.Options{})
	realtimetest.Call[int](client, "hit", 3)
	fmt.Println(realtimetest.Call[int](client, "hit", 4))
	// Output: 7
}
