package realtime_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// Namespaces that exist because clients name them: all that match share their handlers, and one goes away
// when its last client has left.
func ExampleServer_OfFunc() {
	srv, host, end := inMemory(realtime.Config{})
	defer end()

	tenant := srv.OfFunc(regexp.MustCompile(`^/tenant-\d+$`).MatchString)
	realtime.Handle(tenant, "where", func(_ context.Context, c *realtime.Conn, _ any) (string, error) {
		return c.Namespace().Name(), nil // c.Namespace() broadcasts to this tenant only
	})

	client := host.Connect(realtimetest.Options{Namespace: "/tenant-7"})
	fmt.Println(realtimetest.Call[string](client, "where"))
	_, err := client.TryJoin(realtimetest.Options{Namespace: "/tenant-x"})
	var refused *realtime.ConnectError
	fmt.Println(errors.As(err, &refused), err)
	// Output:
	// /tenant-7
	// true Invalid namespace
}
