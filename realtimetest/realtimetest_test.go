package realtimetest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var everyTransport = map[string]realtimetest.Transport{
	"websocket": realtimetest.WebSocket, "polling": realtimetest.Polling, "upgrade": realtimetest.Upgrade,
}

// newServer returns a server with the handlers that the tests need.
func newServer(t *testing.T) realtime.Server {
	t.Helper()
	srv, err := realtime.New(realtime.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	realtime.Handle(srv, "double", func(_ context.Context, _ *realtime.Conn, n int) (int, error) {
		if n < 0 {
			return 0, realtime.Errorf("negative", "%d is negative", n)
		}
		return 2 * n, nil
	})
	realtime.On(srv, "say", func(ctx context.Context, _ *realtime.Conn, text string) error {
		return srv.Emit(ctx, "said", text)
	})
	return srv
}

func TestEveryTransport(t *testing.T) {
	for name, transport := range everyTransport {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := newServer(t)
				srv.Of("/other")
				host := realtimetest.Serve(t, srv)
				a := host.Connect(realtimetest.Options{Transport: transport})
				b := host.Connect(realtimetest.Options{Transport: transport})
				if want := map[string]string{"websocket": "websocket", "polling": "polling", "upgrade": "websocket"}[name]; a.Transport() != want {
					t.Errorf("transport %q, want %q", a.Transport(), want)
				}
				if got := realtimetest.Call[int](a, "double", 4); got != 8 {
					t.Errorf("double 4 = %d", got)
				}
				var e *realtime.Error
				if _, err := realtimetest.TryCall[int](a, "double", -1); !errors.As(err, &e) || e.Code != "negative" {
					t.Errorf("error %v", err)
				}
				a.Emit("say", "one")
				a.Emit("say", "two")
				for _, c := range []*realtimetest.Client{a, b} {
					for _, want := range []string{"one", "two"} {
						if got := realtimetest.Expect[string](c, "said"); got != want {
							t.Errorf("said %q, want %q", got, want)
						}
					}
				}
				other := a.Join(realtimetest.Options{Namespace: "/other"})
				other.Disconnect()
				if got := other.Reason(); got != realtimetest.ReasonClient {
					t.Errorf("reason %q", got)
				}
				synctest.Wait()
				if n := srv.Stats().Conns; n != 2 {
					t.Errorf("%d connections", n)
				}
			})
		})
	}
}

// A dead wire is noticed by the heartbeat alone, after 25 s and 10 s more at the latest.
func TestCut(t *testing.T) {
	for name, transport := range everyTransport {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := newServer(t)
				ended := make(chan realtime.Disconnected, 1)
				srv.OnDisconnect(func(_ context.Context, _ *realtime.Conn, why realtime.Disconnected) { ended <- why })
				c := realtimetest.Serve(t, srv).Connect(realtimetest.Options{Transport: transport})
				start := time.Now()
				c.Cut()
				if why := <-ended; why.Cause != realtime.CausePingTimeout {
					t.Errorf("cause %v", why)
				}
				if took := time.Since(start); took < 10*time.Second || took > 35*time.Second {
					t.Errorf("noticed after %v", took)
				}
			})
		})
	}
}

// A client that does not read is closed as a slow consumer; one that resumes in time gets everything.
func TestStall(t *testing.T) {
	for name, transport := range everyTransport {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := newServer(t)
				ended := make(chan realtime.Disconnected, 2)
				srv.OnDisconnect(func(_ context.Context, _ *realtime.Conn, why realtime.Disconnected) { ended <- why })
				host := realtimetest.Serve(t, srv)
				patient := host.Connect(realtimetest.Options{Transport: transport})
				patient.Stall()
				for i := range 1000 {
					if err := srv.Emit(t.Context(), "n", i); err != nil {
						t.Fatal(err)
					}
				}
				patient.Resume()
				for i := range 1000 {
					if got := realtimetest.Expect[int](patient, "n"); got != i {
						t.Fatalf("got %d, want %d", got, i)
					}
				}
				stuck := host.Connect(realtimetest.Options{Transport: transport})
				stuck.Stall()
				for range 10_000 { // more than the queue, and the batch that is being written
					if err := srv.ToConn(stuck.ID()).Emit(t.Context(), "n", 0); err != nil {
						t.Fatal(err)
					}
				}
				if why := <-ended; why.Cause != realtime.CauseSlowConsumer {
					t.Errorf("cause %v", why)
				}
				if patient.Reason() != "" {
					t.Errorf("the other client ended: %s", patient.Reason())
				}
			})
		})
	}
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t)
		host := realtimetest.Serve(t, srv)
		for name, transport := range everyTransport {
			_, err := host.TryConnect(realtimetest.Options{Transport: transport, Header: http.Header{"Origin": {"https://evil.example"}}})
			var refused *realtimetest.RefusedError
			if !errors.As(err, &refused) || refused.Rule != "origin" {
				t.Errorf("%s: %v", name, err)
			}
			_, err = host.TryConnect(realtimetest.Options{Transport: transport, Namespace: "/nope"})
			var connect *realtime.ConnectError
			if !errors.As(err, &connect) || connect.Message != "Invalid namespace" {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mux := http.NewServeMux()
		mux.Handle("/socket.io/", newServer(t))
		mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "fine") })
		host := realtimetest.Serve(t, mux)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/healthz", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := host.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "fine" {
			t.Errorf("%q, %v", body, err)
		}
	})
}

func TestWaitClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t)
		host := realtimetest.Serve(t, srv)
		kicked, asked, closed := host.Connect(realtimetest.Options{}), host.Connect(realtimetest.Options{}), host.Connect(realtimetest.Options{})
		if err := errors.Join(srv.ToConn(kicked.ID()).DisconnectAll(t.Context(), ""), srv.ToConn(asked.ID()).ReconnectAll(t.Context(), "")); err != nil {
			t.Fatal(err)
		}
		closed.Close()
		for c, want := range map[*realtimetest.Client]string{
			kicked: realtimetest.ReasonServer, asked: realtimetest.ReasonTransportClose, closed: realtimetest.ReasonClient,
		} {
			if got := c.WaitClosed(); got != want {
				t.Errorf("reason %q, want %q", got, want)
			}
		}
	})
}

// failing stands in for a test, to see that the kit fails it.
type failing struct {
	testing.TB
	message string
}

func (f *failing) Helper() {}
func (f *failing) Fatalf(format string, args ...any) {
	f.message = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestExpectationsCanFail(t *testing.T) {
	for name, tc := range map[string]struct {
		do   func(c *realtimetest.Client)
		want string
	}{
		"Expect":         {func(c *realtimetest.Client) { realtimetest.Expect[int](c, "never") }, "pending: said"},
		"Expect of type": {func(c *realtimetest.Client) { realtimetest.Expect[int](c, "said") }, `["said","x"]`},
		"Call":           {func(c *realtimetest.Client) { realtimetest.Call[int](c, "double", -1) }, "negative"},
		"Call of type":   {func(c *realtimetest.Client) { realtimetest.Call[string](c, "double", 1) }, "string"},
		"WaitClosed":     {func(c *realtimetest.Client) { c.WaitClosed() }, "nothing came in time"},
		"Emit":           {func(c *realtimetest.Client) { c.Close(); c.Emit("x") }, "io client disconnect"},
		"Emit of value":  {func(c *realtimetest.Client) { c.Emit("x", make(chan int)) }, "chan"},
		"Join":           {func(c *realtimetest.Client) { c.Join(realtimetest.Options{Namespace: "/nope"}) }, "Invalid namespace"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &failing{TB: t}
				srv := newServer(t)
				c := realtimetest.Serve(f, srv).Connect(realtimetest.Options{})
				c.Emit("say", "x")
				synctest.Wait()
				done := make(chan struct{})
				go func() { // Fatalf ends the goroutine
					defer close(done)
					tc.do(c)
				}()
				<-done
				if !strings.Contains(f.message, tc.want) {
					t.Errorf("failed with %q, want %q in it", f.message, tc.want)
				}
			})
		})
	}
}
