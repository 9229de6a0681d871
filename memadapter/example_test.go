package memadapter_test

import (
	"context"
	"fmt"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/memadapter"
)

// Two servers in one process are a cluster: what one emits reaches the clients of both, and they can talk to
// each other.
func Example() {
	bus := memadapter.NewBus()
	server := func(name string) realtime.Server {
		srv, err := realtime.New(realtime.Config{Adapter: bus.Node(), NodeName: name})
		if err != nil {
			panic(err)
		}
		srv.OnServerSide("reload", func(_ context.Context, ev *realtime.Event) (any, error) {
			var what string
			err := ev.Bind(&what)
			return name + " has reloaded the " + what, err
		})
		return srv
	}
	ctx := context.Background()
	a, b := server("a"), server("b")
	for _, srv := range []realtime.Server{a, b} {
		if err := srv.Start(ctx); err != nil { // else the first request does it
			panic(err)
		}
		defer func() { _ = srv.Shutdown(ctx) }()
	}

	replies, err := a.ServerSideEmitWithAck(ctx, "reload", "map")
	for _, r := range replies {
		var did string
		fmt.Println(r.Bind(&did), did)
	}
	nodes, _ := b.Nodes(ctx)
	fmt.Println(err, len(nodes), "nodes")
	// Output:
	// <nil> b has reloaded the map
	// <nil> 2 nodes
}
