package realtime_test

import (
	"context"
	"log"
	"net/http"

	"github.com/realtime-go/realtime"
)

func Example() {
	srv, err := realtime.New(realtime.Config{})
	if err != nil {
		log.Fatal(err)
	}
	srv.OnConnect(func(ctx context.Context, c *realtime.Conn) error { return c.Join(ctx, "lobby") })
	realtime.Handle(srv, "say", func(ctx context.Context, c *realtime.Conn, text string) (string, error) {
		return "heard", c.To("lobby").Emit(ctx, "said", c.ID(), text) // the result is the acknowledgement
	})
	http.Handle("/socket.io/", srv)
	log.Fatal(http.ListenAndServe(":3001", nil))
}
