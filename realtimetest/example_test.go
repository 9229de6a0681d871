package realtimetest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// testLobby is set by Example, whose code is the body of a test.
var testLobby func(t *testing.T)

func TestExample(t *testing.T) {
	Example()
	testLobby(t)
}

// Inside of testing/synctest time is fake: the heartbeat that finds the dead wire takes 35 s, which cost
// nothing.
func Example() {
	// What is tested is best a function that registers handlers: it can be put on any namespace.
	register := func(ns realtime.Namespace) {
		ns.OnConnect(func(ctx context.Context, c *realtime.Conn) error { return c.Join(ctx, "lobby") })
		realtime.Handle(ns, "say", func(ctx context.Context, c *realtime.Conn, text string) (string, error) {
			return "heard", c.To("lobby").Emit(ctx, "said", text)
		})
		ns.OnDisconnect(func(ctx context.Context, c *realtime.Conn, why realtime.Disconnected) {
			_ = c.To("lobby").Emit(ctx, "left", why.Cause.String())
		})
	}
	testLobby = func(t *testing.T) { // in a program: func TestLobby(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv, err := realtime.New(realtime.Config{})
			if err != nil {
				t.Fatal(err)
			}
			register(srv)
			host := realtimetest.Serve(t, srv) // ends with the test
			ann := host.Connect(realtimetest.Options{})
			bob := host.Connect(realtimetest.Options{Transport: realtimetest.Upgrade, Timeout: time.Minute})
			synctest.Wait() // OnConnect runs after a client has its CONNECT reply

			if got := realtimetest.Call[string](ann, "say", "hello"); got != "heard" {
				t.Errorf("acknowledged with %q", got)
			}
			if got := realtimetest.Expect[string](bob, "said"); got != "hello" {
				t.Errorf("bob heard %q", got)
			}
			ann.Cut() // the wire goes dead, and nobody is told
			if got := realtimetest.Expect[string](bob, "left"); got != "ping_timeout" {
				t.Errorf("ann left because of %q", got)
			}
		})
	}
}
