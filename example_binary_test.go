package realtime_test

import (
	"context"
	"fmt"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// Photo holds an attachment: its bytes travel as they are, not as base64 in the JSON.
type Photo struct {
	Title string          `json:"title"`
	Data  realtime.Binary `json:"data"`
}

// A Binary anywhere in a payload becomes an attachment, and back. JavaScript clients get and send an
// ArrayBuffer (a Buffer on Node.js) in its place.
func ExampleBinary() {
	srv, host, end := inMemory(realtime.Config{})
	defer end()

	realtime.Handle(srv, "photo", func(_ context.Context, _ *realtime.Conn, p Photo) (Photo, error) {
		return Photo{Title: "small " + p.Title, Data: p.Data[:2]}, nil
	})

	client := host.Connect(realtimetest.Options{})
	small := realtimetest.Call[Photo](client, "photo", Photo{Title: "cat", Data: realtime.Binary{1, 2, 3, 4}})
	fmt.Println(small.Title, small.Data)
	// Output: small cat [1 2]
}
