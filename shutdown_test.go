package realtime_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// R91, D1: clients see their transport close, so that they come back, and get what was queued before. It is
// never a DISCONNECT packet.
func TestShutdownClosesTransports(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		ends := endings(f, f.Server)
		f.Of("/n")
		root := f.host.Connect(o)
		other := root.Join(realtimetest.Options{Namespace: "/n"})
		for i := range 20 {
			if err := f.Server.Emit(f.Context(), "last", i); err != nil {
				f.Fatal(err)
			}
		}
		if root.Transport() == "polling" {
			synctest.Wait() // a GET is held again
		}
		if err := f.Shutdown(f.Context()); err != nil {
			f.Error(err)
		}
		if e := one(f, ends); e.why.Cause != realtime.CauseShutdown || !e.why.Recoverable {
			f.Errorf("ended with %+v", e.why)
		}
		for _, c := range []*realtimetest.Client{root, other} {
			if reason := c.WaitClosed(); reason != realtimetest.ReasonTransportClose {
				f.Errorf("the client was told %q", reason)
			}
		}
		if got := strings.Count(pending(root), "last"); got != 20 {
			f.Errorf("%d of 20 queued events arrived", got)
		}
		if st := f.Stats(); st.Sessions != 0 || st.Conns != 0 || st.Handlers != 0 || st.QueuedBytes != 0 {
			f.Errorf("%+v", st)
		}
	})
}

// A server that is shutting down is not ready, refuses handshakes with 503, and says why.
func TestShutdownRefusesNewSessions(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		var told []string
		f.OnDisconnect(func(context.Context, *realtime.Conn, realtime.Disconnected) {
			<-time.After(3 * time.Second)
			told = append(told, "OnDisconnect")
		})
		if err := f.Ready(f.Context()); err != nil || f.Health().Status != realtime.HealthOK {
			f.Errorf("before: %v, %+v", err, f.Health())
		}
		f.connect()
		synctest.Wait()
		start := time.Now()
		done := make(chan error)
		go func() { // ends with Shutdown
			err := f.Shutdown(f.Context())
			told = append(told, "Shutdown")
			done <- err
		}()
		synctest.Wait()
		for _, phase := range []string{"during", "after"} {
			for _, tr := range []realtimetest.Transport{realtimetest.WebSocket, realtimetest.Polling} {
				_, err := f.host.TryConnect(realtimetest.Options{Transport: tr})
				var refused *realtimetest.RefusedError
				if !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable || refused.Rule != "draining" {
					f.Fatalf("%s: %v", phase, err)
				}
				if s, err := strconv.Atoi(refused.Header.Get("Retry-After")); err != nil || s < 1 || s > 5 {
					f.Errorf("%s: Retry-After %q", phase, refused.Header.Get("Retry-After"))
				}
			}
			if err := f.Ready(f.Context()); !errors.Is(err, realtime.ErrServerClosed) {
				f.Errorf("%s: Ready is %v", phase, err)
			}
			if h := f.Health(); h.Status != realtime.HealthDown || len(h.Causes) != 1 {
				f.Errorf("%s: %+v", phase, h)
			}
			r := httptest.NewRequest(http.MethodGet, "/socket.io/?EIO=4&transport=polling", http.NoBody)
			if found := f.Explain(r); len(found) != 1 || found[0].Rule != "draining" || found[0].RetryAfter == 0 {
				f.Errorf("%s: %+v", phase, found)
			}
			if phase == "after" {
				break
			}
			if err := f.Server.Emit(f.Context(), "x"); err != nil {
				f.Errorf("an emit while others say goodbye: %v", err)
			}
			if err := <-done; err != nil || time.Since(start) != 3*time.Second {
				f.Errorf("Shutdown returned %v after %v", err, time.Since(start))
			}
		}
		if diff := cmp.Diff([]string{"OnDisconnect", "Shutdown"}, told); diff != "" {
			f.Error(diff)
		}
	})
}

// Shutdown gives up when its context ends, and can be called again to wait for the rest.
func TestShutdownGivesUpAndWaitsAgain(t *testing.T) {
	for name, block := range map[string]func(f *fixture, release <-chan struct{}){
		"handler": func(f *fixture, release <-chan struct{}) {
			realtime.On(f.Server, "block", func(context.Context, *realtime.Conn, any) error { <-release; return nil })
		},
		"Concurrent handler": func(f *fixture, release <-chan struct{}) {
			realtime.On(f.Server, "block", func(context.Context, *realtime.Conn, any) error { <-release; return nil }, realtime.Concurrent())
		},
		"OnDisconnect": func(f *fixture, release <-chan struct{}) {
			f.OnDisconnect(func(context.Context, *realtime.Conn, realtime.Disconnected) { <-release })
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, realtime.Config{}, func(f *fixture) {
				release := make(chan struct{})
				block(f, release)
				c := f.connect()
				_ = c.Send(`2["block"]`)
				synctest.Wait()
				start := time.Now()
				for range 2 {
					ctx, cancel := context.WithTimeout(f.Context(), 2*time.Second)
					if err := f.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
						f.Errorf("Shutdown returned %v", err)
					}
					cancel()
				}
				if took := time.Since(start); took != 4*time.Second {
					f.Errorf("gave up twice after %v", took)
				}
				if reason := c.WaitClosed(); reason != realtimetest.ReasonTransportClose {
					f.Errorf("the client was told %q", reason)
				}
				time.AfterFunc(time.Second, func() { close(release) })
				var several sync.WaitGroup
				for range 5 {
					several.Go(func() {
						if err := f.Shutdown(f.Context()); err != nil {
							f.T.Error(err)
						}
					})
				}
				several.Wait()
				if took := time.Since(start); took != 5*time.Second {
					f.Errorf("done after %v", took)
				}
				if err := f.Shutdown(f.Context()); err != nil {
					f.Error(err)
				}
			})
		})
	}
}

// A client that does not read cannot hold up a shutdown for longer than a write may take; a cut one neither.
func TestShutdownDoesNotWaitForSlowClients(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		stalled, cut := f.host.Connect(o), f.host.Connect(o)
		synctest.Wait()
		stalled.Stall()
		cut.Cut()
		for range 100 {
			if err := f.Server.Emit(f.Context(), "x", strings.Repeat("x", 1000)); err != nil {
				f.Fatal(err)
			}
			synctest.Wait()
		}
		start := time.Now()
		if err := f.Shutdown(f.Context()); err != nil {
			f.Error(err)
		}
		if took := time.Since(start); took > 11*time.Second {
			f.Errorf("it took %v", took)
		}
		stalled.Resume()
	})
}

// A connection that is being admitted ends, too, and is not admitted.
func TestShutdownEndsAdmission(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		var ended atomic.Bool
		f.Use(func(ctx context.Context, _ *realtime.Conn) error {
			<-ctx.Done()
			ended.Store(true)
			return nil
		})
		f.OnConnect(func(context.Context, *realtime.Conn) error { t.Error("OnConnect ran"); return nil })
		s := f.socket()
		if err := s.write(opText, "40"); err != nil {
			f.Fatal(err)
		}
		synctest.Wait()
		go func() { s.closed(); _ = s.conn.Close() }() // ends with the session
		if err := f.Shutdown(f.Context()); err != nil || !ended.Load() {
			f.Errorf("Shutdown returned %v, admission ended: %v", err, ended.Load())
		}
	})
}

func TestMethodsAfterShutdown(t *testing.T) {
	bubble(t, realtime.Config{Adapter: (&bus{}).node()}, func(f *fixture) {
		ctx := f.Context()
		if err := f.Start(ctx); err != nil {
			f.Fatal(err)
		}
		conn := f.conn(f.connect())
		if err := f.Shutdown(ctx); err != nil {
			f.Fatal(err)
		}
		_, ackErr := f.Server.EmitWithAck(ctx, "x")
		_, typedErr := realtime.BroadcastWithAck[int](ctx, f.To("r"), "x")
		_, serverSideErr := f.ServerSideEmitWithAck(ctx, "x")
		for name, err := range map[string]error{
			"Emit": f.Server.Emit(ctx, "x"), "To.Emit": f.To("r").Emit(ctx, "x"), "namespace": f.Of("/n").Emit(ctx, "x"),
			"user": f.User("u").Emit(ctx, "x"), "room": f.Room("r").Emit(ctx, "x"),
			"EmitWithAck": ackErr, "BroadcastWithAck": typedErr,
			"ServerSideEmit": f.ServerSideEmit(ctx, "x"), "ServerSideEmitWithAck": serverSideErr,
			"Start": f.Start(ctx), "Ready": f.Ready(ctx),
		} {
			if !errors.Is(err, realtime.ErrServerClosed) {
				f.Errorf("%s returned %v", name, err)
			}
		}
		_, askErr := conn.EmitWithAck(ctx, "x")
		for name, err := range map[string]error{
			"Emit": conn.Emit(ctx, "x"), "EmitWithAck": askErr, "Join": conn.Join(ctx, "r"),
		} {
			if !errors.Is(err, realtime.ErrClosed) {
				f.Errorf("Conn.%s returned %v", name, err)
			}
		}
	})
}

// R93: connections that came and went leave nothing behind.
func TestChurnLeavesNothing(t *testing.T) {
	bubble(t, realtime.Config{Auth: userByToken{}}, func(f *fixture) {
		const cycles, workers = 2000, 10
		var ended atomic.Int32
		tables := f.OfFunc(func(name string) bool { return strings.HasPrefix(name, "/table-") })
		for _, r := range []realtime.Router{f.Server, tables} {
			r.OnConnect(func(ctx context.Context, c *realtime.Conn) error { return c.Join(ctx, "lobby", c.ID()[:1]) })
			r.OnDisconnect(func(context.Context, *realtime.Conn, realtime.Disconnected) { ended.Add(1) })
			realtime.Handle(r, "alive", value(true))
		}
		var all sync.WaitGroup
		for w := range workers {
			all.Go(func() {
				for i := w; i < cycles; i += workers {
					o := realtimetest.Options{Auth: token(fmt.Sprint("u", i%50))}
					o.Transport = []realtimetest.Transport{realtimetest.WebSocket, realtimetest.WebSocket, realtimetest.Polling, realtimetest.Upgrade}[i/workers%4]
					if i%3 == 0 {
						o.Namespace = fmt.Sprint("/table-", i%7)
					}
					c, err := f.host.TryConnect(o)
					if err != nil {
						f.T.Error(err)
						return
					}
					if _, err := realtimetest.TryCall[bool](c, "alive"); err != nil {
						f.T.Error(err)
					}
					if i%2 == 0 {
						_ = c.Send("1" + strings.TrimPrefix(o.Namespace+",", ","))
					}
					c.Close()
				}
			})
		}
		all.Wait()
		pass(time.Minute) // a polling client that went between two GETs is noticed by its heartbeat
		st := f.Stats()
		gauges := []int{st.Sessions, st.Polling, st.WebSocket, st.Unjoined, st.Handshakes, st.Conns, st.Rooms, int(st.QueuedBytes), st.Handlers}
		if diff := cmp.Diff(make([]int, len(gauges)), gauges); diff != "" || st.Namespaces != 1 {
			f.Errorf("%s: %+v", diff, st)
		}
		if n := ended.Load(); n != cycles {
			f.Errorf("%d of %d ended", n, cycles)
		}
		var counted uint64
		for _, n := range st.Disconnects {
			counted += n
		}
		if counted != cycles {
			f.Errorf("counted %v", st.Disconnects)
		}
	})
}
