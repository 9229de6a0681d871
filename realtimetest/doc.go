// Package realtimetest lets programs test their handlers without a port and without sleeping. A [Server]
// serves an http.Handler (a realtime.Server, or a mux that holds one) over in-memory connections, and each
// [Client] speaks the real protocol to it over polling, websocket or with an upgrade.
//
// Inside of testing/synctest time is fake, so that a heartbeat timeout passes in microseconds:
//
//	synctest.Test(t, func(t *testing.T) {
//		srv, err := realtime.New(realtime.Config{})
//		if err != nil {
//			t.Fatal(err)
//		}
//		game.Register(srv)
//		host := realtimetest.Serve(t, srv)
//		ann := host.Connect(realtimetest.Options{})
//		bob := host.Connect(realtimetest.Options{})
//		realtimetest.Call[any](bob, "join", "lobby")
//		got := realtimetest.Call[string](ann, "say", "hello")
//		said := realtimetest.Expect[string](bob, "said")
//		bob.Cut() // the wire goes dead
//		time.Sleep(35 * time.Second)
//		synctest.Wait() // by now the server has noticed
//	})
//
// OnConnect runs after the CONNECT reply, so Connect may return before it has. Expect waits for
// Options.Timeout, 10 s by default.
//
// It works outside of synctest as well; then waits last real time. Everything that a test started ends
// with the test.
//
// Methods and functions that take no error result fail the test (with t.Fatalf, so they belong to the test's
// own goroutine) when the server does not do as expected within Options.Timeout.
package realtimetest
