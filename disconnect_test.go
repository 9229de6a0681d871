package realtime_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

func TestCauseTexts(t *testing.T) {
	got := map[string]string{}
	for c := realtime.CauseUnknown; c <= realtime.CauseReplaced; c++ {
		got[c.String()] = c.Reason()
	}
	want := map[string]string{
		"unknown":           "forced close",
		"client_disconnect": "client namespace disconnect",
		"server_disconnect": "server namespace disconnect",
		"transport_close":   "transport close",
		"transport_error":   "transport error",
		"ping_timeout":      "ping timeout",
		"parse_error":       "parse error",
		"protocol_error":    "forced close",
		"payload_too_large": "transport error",
		"slow_consumer":     "forced close",
		"flood":             "forced close",
		"reconnect":         "forced close",
		"busy":              "forced close",
		"connect_timeout":   "forced close",
		"shutdown":          "server shutting down",
		"auth_expired":      "forced close",
		"auth_revoked":      "server namespace disconnect",
		"replaced":          "server namespace disconnect",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if beyond := realtime.CauseReplaced + 1; beyond.String() != "unknown" || beyond.Reason() != "forced close" {
		t.Error("a value outside of the list has texts of its own")
	}
	if _, ok := realtime.DisconnectedOf(io.EOF); ok {
		t.Error("io.EOF tells of a disconnect")
	}
}

// ended is what an OnDisconnect function saw.
type ended struct {
	conn *realtime.Conn
	why  realtime.Disconnected
	at   time.Time
}

// endings lets every connection of a namespace join rooms a and b and hands out its end. What D57 promises is
// checked for each.
func endings(f *fixture, ns realtime.Namespace) <-chan ended {
	ends := make(chan ended, 1000)
	ns.Use(func(ctx context.Context, c *realtime.Conn) error { return c.Join(ctx, "a", "b") })
	ns.OnDisconnect(func(ctx context.Context, c *realtime.Conn, why realtime.Disconnected) {
		if err := ctx.Err(); err != nil {
			f.T.Errorf("%v: the ctx of OnDisconnect is over: %v", why.Cause, err)
		}
		if _, there := ns.Conn(c.ID()); there {
			f.T.Errorf("%v: the connection is still in the index", why.Cause)
		}
		members, err := ns.Room("a").Members(ctx)
		if err != nil || slices.ContainsFunc(members, func(m realtime.Member) bool { return m.ID == c.ID() }) {
			f.T.Errorf("%v: the connection is still a member: %v, %v", why.Cause, members, err)
		}
		if diff := cmp.Diff([]string{"a", "b"}, c.Rooms()); diff != "" || !c.In("a") || c.In("x") {
			f.T.Errorf("%v: rooms are not readable: %s", why.Cause, diff)
		}
		cause := context.Cause(c.Context())
		if of, ok := realtime.DisconnectedOf(cause); !ok || of.Cause != why.Cause || of.Detail != why.Detail {
			f.T.Errorf("%v: the context says %v", why.Cause, cause)
		}
		if !errors.Is(cause, realtime.ErrClosed) || !errors.Is(cause, net.ErrClosed) {
			f.T.Errorf("%v: cause %v is not ErrClosed", why.Cause, cause)
		}
		for name, err := range map[string]error{
			"Emit": c.Emit(ctx, "x"), "Volatile": c.Volatile().Emit(ctx, "x"), "Join": c.Join(ctx, "x"), "Leave": c.Leave(ctx, "a"),
			"Disconnect": c.Disconnect(ctx, "again"), "Close": c.Close(ctx, "again"), "Reconnect": c.Reconnect(ctx, "again"),
		} {
			if !errors.Is(err, realtime.ErrClosed) {
				f.T.Errorf("%v: %s returned %v", why.Cause, name, err)
			}
		}
		ends <- ended{c, why, time.Now()}
	})
	return ends
}

// one waits for an end, and makes sure that it is the only one.
func one(f *fixture, ends <-chan ended) ended {
	f.T.Helper()
	select {
	case e := <-ends:
		pass(time.Minute)
		if len(ends) != 0 {
			f.T.Errorf("OnDisconnect ran again: %v", (<-ends).why)
		}
		return e
	case <-time.After(2 * time.Minute):
		f.T.Fatal("OnDisconnect did not run")
		return ended{}
	}
}

// TestCauses ends a connection in every way that there is. The table's names are those of the causes.
func TestCauses(t *testing.T) {
	over := func(tr realtimetest.Transport, act func(f *fixture, client *realtimetest.Client, c *realtime.Conn)) func(*fixture) {
		return func(f *fixture) {
			client := f.host.Connect(realtimetest.Options{Transport: tr})
			synctest.Wait() // a GET is held
			act(f, client, f.conn(client))
		}
	}
	websocket := func(act func(f *fixture, client *realtimetest.Client, c *realtime.Conn)) func(*fixture) {
		return over(realtimetest.WebSocket, act)
	}
	posts := func(body string) func(*fixture) {
		return func(f *fixture) { f.raw().do(http.MethodPost, body) }
	}
	check := func(f *fixture, err error) {
		if err != nil {
			f.T.Error(err)
		}
	}
	for _, tc := range []struct {
		cause  realtime.Cause
		reason string
		name   string
		cfg    realtime.Config
		act    func(*fixture)
		detail string // part of Detail, "" means that it is empty
		again  bool   // Recoverable
	}{
		{
			cause: realtime.CauseClientDisconnect, reason: "client namespace disconnect",
			act: websocket(func(_ *fixture, client *realtimetest.Client, _ *realtime.Conn) { client.Disconnect() }),
		},
		{
			cause: realtime.CauseServerDisconnect, reason: "server namespace disconnect", name: "Disconnect", detail: "cheating",
			act: websocket(func(f *fixture, client *realtimetest.Client, c *realtime.Conn) {
				check(f, c.Disconnect(f.Context(), "cheating"))
				if reason := client.WaitClosed(); reason != realtimetest.ReasonServer {
					f.T.Errorf("the client was told %q", reason)
				}
			}),
		},
		{
			cause: realtime.CauseServerDisconnect, reason: "server namespace disconnect", name: "Close", detail: "over",
			act: websocket(func(f *fixture, client *realtimetest.Client, c *realtime.Conn) {
				check(f, c.Close(f.Context(), "over"))
				if reason := client.WaitClosed(); reason != realtimetest.ReasonServer {
					f.T.Errorf("the client was told %q", reason)
				}
			}),
		},
		{
			cause: realtime.CauseTransportClose, reason: "transport close", name: "websocket gone", detail: "transport close", again: true,
			act: websocket(func(_ *fixture, client *realtimetest.Client, _ *realtime.Conn) { client.Close() }),
		},
		{
			cause: realtime.CauseTransportClose, reason: "transport close", name: "close packet", detail: "close packet", again: true,
			act: posts("1"),
		},
		{
			cause: realtime.CauseTransportError, reason: "transport error", name: "poll aborted", detail: "closed prematurely", again: true,
			act: over(realtimetest.Polling, func(_ *fixture, client *realtimetest.Client, _ *realtime.Conn) { client.Close() }),
		},
		{
			cause: realtime.CauseTransportError, reason: "transport error", name: "ping of a client", detail: "heartbeat direction", again: true,
			act: posts("2"),
		},
		{
			cause: realtime.CausePingTimeout, reason: "ping timeout", name: "websocket", detail: "no pong came within 10s", again: true,
			act: websocket(func(_ *fixture, client *realtimetest.Client, _ *realtime.Conn) { client.Cut() }),
		},
		{
			cause: realtime.CausePingTimeout, reason: "ping timeout", name: "polling", detail: "no pong came within 10s", again: true,
			act: over(realtimetest.Polling, func(_ *fixture, client *realtimetest.Client, _ *realtime.Conn) { client.Cut() }),
		},
		{
			cause: realtime.CauseParseError, reason: "parse error", detail: "parse error",
			act: posts("nonsense"),
		},
		{
			cause: realtime.CauseProtocolError, reason: "forced close", name: "undecodable", detail: "unknown packet type", again: true,
			act: posts("49"),
		},
		{
			cause: realtime.CauseProtocolError, reason: "forced close", name: "out of place", detail: "not joined", again: true,
			act: posts(`42/nowhere,["x"]`),
		},
		{
			cause: realtime.CauseTooLarge, reason: "transport error", detail: "limit of 1000000", again: true,
			act: websocket(func(_ *fixture, client *realtimetest.Client, _ *realtime.Conn) {
				_ = client.Send(`2["x","` + strings.Repeat("x", 1_000_000) + `"]`) // the server may end before all is written
			}),
		},
		{
			cause: realtime.CauseSlowConsumer, reason: "forced close", detail: "queue is full", again: true,
			act: websocket(func(f *fixture, client *realtimetest.Client, c *realtime.Conn) {
				client.Stall()
				var err error
				for range 20_000 { // a batch is being written, and then the queue fills
					if err = c.Emit(f.Context(), "x"); err != nil {
						break
					}
				}
				if !errors.Is(err, realtime.ErrClosed) {
					f.T.Errorf("the emit that was too much returned %v", err)
				}
			}),
		},
		{
			cause: realtime.CauseFlood, reason: "forced close", again: true,
			cfg: realtime.Config{Limits: realtime.Limits{InboundEvents: 10}},
			act: func(f *fixture) {
				realtime.On(f.Server, "block", func(ctx context.Context, _ *realtime.Conn, _ any) error { <-ctx.Done(); return nil })
				client := f.connect()
				for range 12 { // one runs, ten wait, and the reader holds the last
					client.Emit("block")
				}
			},
		},
		{
			cause: realtime.CauseReconnect, reason: "forced close", detail: "update", again: true,
			act: websocket(func(f *fixture, client *realtimetest.Client, c *realtime.Conn) {
				check(f, c.Reconnect(f.Context(), "update"))
				if reason := client.WaitClosed(); reason != realtimetest.ReasonTransportClose {
					f.T.Errorf("the client was told %q", reason)
				}
			}),
		},
		{
			cause: realtime.CauseBusy, reason: "forced close", again: true,
			cfg: realtime.Config{Limits: realtime.Limits{Handshakes: 1, HandshakeWait: time.Second}},
			act: func(f *fixture) {
				f.Of("/slow").Use(func(ctx context.Context, _ *realtime.Conn) error { <-ctx.Done(); return nil })
				first, second := f.connect(), f.connect()
				check(f, first.Send("0/slow,"))
				synctest.Wait()
				check(f, second.Send("0/slow,"))
				if reason := second.WaitClosed(); reason != realtimetest.ReasonTransportClose { // it comes back
					f.T.Errorf("the client was told %q", reason)
				}
			},
		},
		{
			cause: realtime.CauseShutdown, reason: "server shutting down", detail: "server closed", again: true,
			act: websocket(func(f *fixture, client *realtimetest.Client, _ *realtime.Conn) {
				check(f, f.Shutdown(f.Context()))
				if reason := client.WaitClosed(); reason != realtimetest.ReasonTransportClose {
					f.T.Errorf("the client was told %q", reason)
				}
			}),
		},
	} {
		t.Run(strings.TrimSpace(tc.cause.String()+" "+tc.name), func(t *testing.T) {
			bubble(t, tc.cfg, func(f *fixture) {
				ends := endings(f, f.Server)
				tc.act(f)
				e := one(f, ends)
				if e.why.Cause != tc.cause || e.why.Cause.Reason() != tc.reason || e.why.Recoverable != tc.again {
					f.Errorf("ended with %v (%s), recoverable %v", e.why.Cause, e.why.Cause.Reason(), e.why.Recoverable)
				}
				if !strings.Contains(e.why.Detail, tc.detail) || (tc.detail == "") != (e.why.Detail == "") {
					f.Errorf("detail %q, want %q", e.why.Detail, tc.detail)
				}
				var protocol *realtime.ProtocolError
				if isProtocol := errors.As(e.why.Err, &protocol); isProtocol != (tc.cause == realtime.CauseProtocolError) {
					f.Errorf("Err is %v", e.why.Err)
				}
				if n := f.Stats().Disconnects[tc.cause.String()]; n != 1 {
					f.Errorf("counted %v", f.Stats().Disconnects)
				}
				if len(f.log.lines("msg=disconnected", "conn="+e.conn.ID(), "cause="+tc.cause.String())) != 1 {
					f.Errorf("log:\n%s", f.log)
				}
			})
		})
	}
}

// Close ends all namespaces of a link, each with a DISCONNECT packet, and then the link; Disconnect ends one.
func TestCloseEndsEveryNamespaceDisconnectOnlyOne(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		rootEnds, otherEnds := endings(f, f.Server), endings(f, f.Of("/other"))
		root := f.host.Connect(o)
		other := root.Join(realtimetest.Options{Namespace: "/other"})
		kick, _ := f.Of("/other").Conn(other.ID())
		if err := kick.Disconnect(f.Context(), "kick"); err != nil {
			f.Fatal(err)
		}
		if e := <-otherEnds; e.why.Cause != realtime.CauseServerDisconnect || e.why.Detail != "kick" {
			f.Errorf("kicked with %+v", e.why)
		}
		if other.WaitClosed() != realtimetest.ReasonServer || root.Reason() != "" || len(rootEnds) != 0 {
			f.Error("the other namespace suffered")
		}
		other = root.Join(realtimetest.Options{Namespace: "/other"}) // it may come back
		if err := f.conn(root).Close(f.Context(), "bye"); err != nil {
			f.Fatal(err)
		}
		for _, ends := range []<-chan ended{rootEnds, otherEnds} {
			if e := one(f, ends); e.why.Cause != realtime.CauseServerDisconnect || e.why.Detail != "bye" || e.why.Recoverable {
				f.Errorf("closed with %+v", e.why)
			}
		}
		for _, c := range []*realtimetest.Client{root, other} {
			if reason := c.WaitClosed(); reason != realtimetest.ReasonServer {
				f.Errorf("reason %q", reason)
			}
		}
		if n := f.Stats().Sessions; n != 0 {
			f.Errorf("%d sessions are left", n)
		}
	})
}

// Events that arrived before the end are handled before OnDisconnect, in order, however it ends; those of one
// handler at a time. A handler that waits sees its context end.
func TestQueuedEventsAreHandledBeforeTheEnd(t *testing.T) {
	for name, end := range map[string]func(ctx context.Context, client *realtimetest.Client, c *realtime.Conn) error{
		"client disconnect": func(_ context.Context, client *realtimetest.Client, _ *realtime.Conn) error {
			client.Disconnect()
			return nil
		},
		"link drops": func(_ context.Context, client *realtimetest.Client, _ *realtime.Conn) error {
			client.Close()
			return nil
		},
		"Disconnect": func(ctx context.Context, _ *realtimetest.Client, c *realtime.Conn) error {
			return c.Disconnect(ctx, "")
		},
		"Close":     func(ctx context.Context, _ *realtimetest.Client, c *realtime.Conn) error { return c.Close(ctx, "") },
		"Reconnect": func(ctx context.Context, _ *realtimetest.Client, c *realtime.Conn) error { return c.Reconnect(ctx, "") },
	} {
		t.Run(name, func(t *testing.T) {
			transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
				var trace []string
				f.OnLeave(func(_ context.Context, c *realtime.Conn, room string) { trace = append(trace, "leave "+room) })
				f.OnDisconnect(func(context.Context, *realtime.Conn, realtime.Disconnected) { trace = append(trace, "end") })
				realtime.On(f.Server, "wait", func(ctx context.Context, c *realtime.Conn, _ any) error {
					err := c.Join(ctx, "r")
					<-ctx.Done()
					if _, ok := realtime.DisconnectedOf(context.Cause(ctx)); !ok {
						f.T.Errorf("the handler's context ended with %v", context.Cause(ctx))
					}
					trace = append(trace, "wait")
					return err
				})
				realtime.On(f.Server, "n", func(_ context.Context, _ *realtime.Conn, n string) error { trace = append(trace, n); return nil })
				client := f.host.Connect(o)
				client.Emit("wait")
				for _, n := range []string{"1", "2", "3"} {
					client.Emit("n", n)
				}
				synctest.Wait()
				if err := end(f.Context(), client, f.conn(client)); err != nil {
					f.Error(err)
				}
				synctest.Wait()
				if diff := cmp.Diff([]string{"wait", "1", "2", "3", "leave r", "end"}, trace); diff != "" {
					f.Error(diff)
				}
			})
		})
	}
}

// D18: after the client's own DISCONNECT the link stays and the namespace can be joined again. A packet for a
// namespace that it has left is a mistake, as at the reference server.
func TestClientLeavesAndJoinsAgain(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		ends, rootEnds := endings(f, f.Of("/n")), endings(f, f.Server)
		root := f.host.Connect(o)
		seen := map[string]bool{}
		for range 5 {
			c := root.Join(realtimetest.Options{Namespace: "/n"})
			seen[c.ID()] = true
			c.Disconnect()
			if e := <-ends; e.why.Cause != realtime.CauseClientDisconnect {
				f.Errorf("ended with %+v", e.why)
			}
		}
		if len(seen) != 5 || root.Reason() != "" {
			f.Errorf("%d ids, reason %q", len(seen), root.Reason())
		}
		root.Disconnect() // no namespace is left: the link stays all the same
		<-rootEnds
		pass(time.Minute)
		if n := f.Stats().Sessions; n != 1 {
			f.Fatalf("%d sessions", n)
		}
		again := root.Join(realtimetest.Options{})
		_ = again.Send(`2/n,["x"]`) // over polling the end may overtake the answer
		if e := one(f, rootEnds); e.why.Cause != realtime.CauseProtocolError {
			f.Errorf("ended with %+v", e.why)
		}
	})
}

// Events for a namespace that the server has just ended are on their way: they are dropped and harm nobody.
func TestEventsInFlightToAKickedNamespace(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		realtime.Handle(f.Server, "alive", value(true))
		handled := make(chan int, 1000)
		kicked := f.Of("/kicked")
		ends := endings(f, kicked)
		realtime.On(kicked, "n", func(ctx context.Context, c *realtime.Conn, n int) error {
			handled <- n
			return c.Disconnect(ctx, "enough")
		})
		root := f.host.Connect(o)
		c := root.Join(realtimetest.Options{Namespace: "/kicked"})
		if err := c.Send(`2/kicked,["n",1]`, `2/kicked,["n",2]`); err != nil {
			f.Fatal(err)
		}
		if e := <-ends; e.why.Detail != "enough" {
			f.Errorf("ended with %+v", e.why)
		}
		synctest.Wait()
		before := len(handled)
		for range 50 {
			if err := c.Send(`2/kicked,["n",3]`, `2/kicked,7["n",3]`, `3/kicked,0[]`); err != nil {
				f.Fatal(err)
			}
			c.Emit("blob", realtime.Binary{1, 2}, photo{"t", realtime.Binary{3}})
		}
		if !realtimetest.Call[bool](root, "alive") {
			f.Error("the other namespace suffered")
		}
		synctest.Wait()
		if len(handled) != before || before > 2 {
			f.Errorf("%d events were handled after the kick", len(handled)-before)
		}
		if again := root.Join(realtimetest.Options{Namespace: "/kicked"}); again.ID() == c.ID() {
			f.Error("the old connection came back")
		}
	})
}

// R15, D3: a peer that has gone is found 25 + 10 s after its last sign of life.
func TestPingTimeoutIsExact(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		ends := endings(f, f.Server)
		client, other := f.host.Connect(o), f.connect()
		pass(19 * time.Second) // the first ping comes 20 to 25 s after the handshake
		client.Stall()
		pass(7 * time.Second)
		client.Resume() // the pong goes out now, which makes the next ping predictable
		synctest.Wait()
		conn := f.conn(client)
		if rtt := conn.RTT(); rtt < time.Second || rtt > 7*time.Second {
			f.Errorf("round trip %v: the pong was not held back", rtt)
		}
		client.Cut()
		start := time.Now()
		if e := one(f, ends); e.conn != conn || e.why.Cause != realtime.CausePingTimeout || e.at.Sub(start) != 35*time.Second {
			f.Errorf("%v after %v", e.why, e.at.Sub(start))
		}
		if other.Reason() != "" {
			f.Errorf("another client ended: %s", other.Reason())
		}
	})
}

// Without a hold on the pongs the spread of the first ping is all that differs: 30 to 35 s, and not all alike.
func TestFirstPingIsSpread(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		ends := endings(f, f.Server)
		start := time.Now()
		var lifetimes []time.Duration
		for range 50 {
			f.connect().Cut()
		}
		for range 50 {
			e := <-ends
			lifetimes = append(lifetimes, e.at.Sub(start))
		}
		if slices.Min(lifetimes) < 30*time.Second || slices.Max(lifetimes) > 35*time.Second {
			f.Errorf("between %v and %v", slices.Min(lifetimes), slices.Max(lifetimes))
		}
		slices.Sort(lifetimes)
		if distinct := len(slices.Compact(lifetimes)); distinct < 40 {
			f.Errorf("%d of 50 clients are pinged at moments of their own", distinct)
		}
	})
}
