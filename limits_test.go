package realtime_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// partialPacket announces ten attachments.
func partialPacket(namespace string) string {
	var b strings.Builder
	b.WriteString(`510-` + namespace + `["x"`)
	for i := range 10 {
		fmt.Fprintf(&b, `,{"_placeholder":true,"num":%d}`, i)
	}
	return "4" + b.String() + "]"
}

// R27: who announces ten attachments and sends nine is closed after 15 s, and what was kept is freed.
func TestPartialPacketEnds(t *testing.T) {
	const size = 1000
	for transport, send := range map[string]func(f *fixture, namespace string, n int) (id string, drop func()){
		"websocket": func(f *fixture, namespace string, n int) (string, func()) {
			s := f.joined()
			if err := s.write(opText, partialPacket(namespace)); err != nil {
				f.T.Fatal(err)
			}
			for range n {
				if err := s.write(opBinary, strings.Repeat("x", size)); err != nil {
					f.T.Fatal(err)
				}
			}
			return s.id, func() { _ = s.conn.Close() }
		},
		"polling": func(f *fixture, namespace string, n int) (string, func()) {
			s := f.raw()
			blob := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", size)))
			s.do(http.MethodPost, partialPacket(namespace)+strings.Repeat("\x1eb"+blob, n))
			return s.id, func() { s.do(http.MethodPost, "1") }
		},
	} {
		t.Run(transport, func(t *testing.T) {
			bubble(t, realtime.Config{}, func(f *fixture) {
				ends := endings(f, f.Server)
				var handled atomic.Int32
				realtime.On(f.Server, "x", func(context.Context, *realtime.Conn, any) error { handled.Add(1); return nil })
				start := time.Now()

				send(f, "", 9)
				synctest.Wait()
				if got := f.Stats().QueuedBytes; got != 9*size {
					f.Errorf("%d bytes are counted, want %d", got, 9*size)
				}
				e := <-ends
				if e.why.Cause != realtime.CauseProtocolError || !strings.Contains(e.why.Detail, "in time") || e.at.Sub(start) != 15*time.Second {
					f.Errorf("%+v after %v", e.why, e.at.Sub(start))
				}
				synctest.Wait()
				if got := f.Stats().QueuedBytes; got != 0 {
					f.Errorf("%d bytes are still counted", got)
				}

				_, drop := send(f, "", 9) // freed when the client goes, too
				drop()
				<-ends
				synctest.Wait()
				if got := f.Stats().QueuedBytes; got != 0 {
					f.Errorf("%d bytes are still counted after the end", got)
				}

				start = time.Now()
				send(f, "/nowhere,", 0) // nothing is kept for a namespace that is not joined
				if e := <-ends; e.why.Cause != realtime.CauseProtocolError || e.at != start {
					f.Errorf("%+v after %v", e.why, e.at.Sub(start))
				}

				id, _ := send(f, "", 10)
				pass(time.Minute / 3)
				if _, there := f.Server.Conn(id); !there || handled.Load() != 1 {
					f.Errorf("a whole packet: connection there %v, %d handled", there, handled.Load())
				}
			})
		})
	}
}

// R27, R44: attachments that are waited for count against the memory of the process.
func TestPartialPacketsAreChargedToTheProcess(t *testing.T) {
	bubble(t, realtime.Config{Limits: realtime.Limits{OutboundMemory: 10_000}}, func(f *fixture) {
		ends := endings(f, f.Server)
		first, second := f.joined(), f.joined()
		for _, s := range []*rawSocket{first, second} {
			if err := s.write(opText, partialPacket("")); err != nil {
				f.Fatal(err)
			}
			for range 6 {
				if s.write(opBinary, strings.Repeat("x", 1000)) != nil {
					break
				}
			}
		}
		if e := <-ends; e.conn.ID() != second.id || !strings.Contains(e.why.Detail, "memory") {
			f.Errorf("%s ended with %+v", e.conn.ID(), e.why)
		}
		synctest.Wait()
		if got := f.Stats().QueuedBytes; got != 6000 {
			f.Errorf("%d bytes are counted, want the first client's 6000", got)
		}
	})
}

// R38: more namespaces than 32 are refused, more than 64 attempts in a minute end the link.
func TestNamespacesPerSession(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		ends := endings(f, f.Server)
		f.OfFunc(func(string) bool { return true })
		root := f.host.Connect(o)
		for i := range 31 {
			root.Join(realtimetest.Options{Namespace: fmt.Sprint("/n", i)})
		}
		const refusal = `too many namespaces {"code":"too_many"}`
		if got := refusalText(root.TryJoin(realtimetest.Options{Namespace: "/n31"})); got != refusal {
			f.Errorf("the 33rd namespace: %s", got)
		}
		if n := f.Stats(); n.Conns != 32 || n.Namespaces != 32 || n.Refused["connect:too_many"] != 1 {
			f.Errorf("%+v", n)
		}
		for i := range 31 { // attempts 34 to 64
			if got := refusalText(root.TryJoin(realtimetest.Options{Namespace: fmt.Sprint("/m", i)})); got != refusal {
				f.Errorf("attempt %d: %s", 34+i, got)
			}
		}
		got := refusalText(root.TryJoin(realtimetest.Options{Namespace: "/last"}))
		if got != `too many attempts {"code":"too_many"}` && !strings.Contains(got, "canceled") { // over polling the end may overtake the answer
			f.Errorf("the 65th attempt: %s", got)
		}
		if e := one(f, ends); e.why.Cause != realtime.CauseProtocolError || !strings.Contains(e.why.Detail, "CONNECT") {
			f.Errorf("ended with %+v", e.why)
		}
		if n := f.Stats(); n.Conns != 0 || n.Namespaces != 1 || n.Refused["connect:too_many"] != 33 {
			f.Errorf("%+v", n)
		}
	})
}

// 64 attempts in a minute and not one more; time gives them back.
func TestConnectAttemptsComeBack(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		f.Of("/n")
		root := f.connect()
		for range 10 {
			for range 30 {
				root.Join(realtimetest.Options{Namespace: "/n"}).Disconnect()
				synctest.Wait()
			}
			pass(30 * time.Second)
		}
		if root.Reason() != "" {
			f.Errorf("closed: %s", root.Reason())
		}
	})
}

// R38: 100,000 CONNECTs cost one link.
func TestConnectFlood(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		f.Of("/n")
		other := f.connect()
		s := f.joined()
		go func() { // drains what the server says; ends with the socket
			_, _ = io.Copy(io.Discard, s.in)
		}()
		for range 100_000 {
			if s.write(opText, "40/n,") != nil || s.write(opText, "41/n,") != nil {
				break
			}
		}
		pass(2 * time.Second)
		n := f.Stats()
		if n.Sessions != 1 || n.Refused["connect:too_many"] != 1 || n.Disconnects["client_disconnect"] > 63 || other.Reason() != "" {
			f.Errorf("%+v, the other client: %q", n, other.Reason())
		}
	})
}

// R18, D7: before the first joined namespace a smaller limit holds, and it answers like the large one.
func TestLargeAuth(t *testing.T) {
	auth := func(n int) string { return `40{"token":"` + strings.Repeat("x", n-len(`40{"token":""}`)) + `"}` }
	const limit = 64 << 10
	bubble(t, realtime.Config{}, func(f *fixture) {
		ok, over := f.socket(), f.socket()
		if err := ok.write(opText, auth(limit)); err != nil {
			f.Fatal(err)
		}
		if _, reply := ok.read(); !strings.HasPrefix(reply, `40{"sid"`) {
			f.Errorf("64 KiB: %s", reply)
		}
		go func() { _ = over.write(opText, auth(limit+1)) }() // ends when the message is taken or the socket closed
		if status := over.closed(); status != 1009 {
			f.Errorf("close status %d", status)
		}
		synctest.Wait()
		if n := f.Stats(); n.Sessions != 1 || n.Conns != 1 {
			f.Errorf("%+v", n)
		}
		if len(f.log.lines("msg=\"session closed\"", "cause=payload_too_large", "65536", "level=INFO")) != 1 {
			f.Errorf("log:\n%s", f.log)
		}

		poll := &rawSession{f: f} // over polling the POST is refused, and the log names the limit that held
		_, open := poll.do(http.MethodGet, "")
		poll.sid = strings.Split(open, `"`)[3]
		if status, _ := poll.do(http.MethodPost, auth(limit+1)); status != http.StatusRequestEntityTooLarge {
			f.Errorf("POST: status %d", status)
		}
		if len(f.log.lines("rule=payload-too-large", "setting=Limits.ConnectMessageSize")) != 1 {
			f.Errorf("log:\n%s", f.log)
		}

		deep := f.socket() // nesting is limited more, too
		if err := deep.write(opText, `40{"a":`+strings.Repeat("[", 16)+strings.Repeat("]", 16)+`}`); err != nil {
			f.Fatal(err)
		}
		if status := deep.closed(); status != 0 {
			f.Errorf("close status %d", status)
		}
	})
	bubble(t, realtime.Config{}, func(f *fixture) {
		s := &rawSession{f: f}
		_, body := s.do(http.MethodGet, "")
		var open struct{ SID string }
		if err := json.Unmarshal([]byte(body[1:]), &open); err != nil {
			f.Fatal(err)
		}
		s.sid = open.SID
		if status, _ := s.do(http.MethodPost, auth(65<<10)); status != http.StatusRequestEntityTooLarge {
			f.Errorf("status %d", status)
		}
		if status, _ := s.do(http.MethodPost, auth(1000)); status != http.StatusOK { // the session lives
			f.Errorf("status %d", status)
		}
		if _, reply := s.do(http.MethodGet, ""); !strings.HasPrefix(reply, `40{"sid"`) {
			f.Errorf("CONNECT reply %s", reply)
		}
	})
}

// D7: an oversize message is refused with 413 over polling, where the session lives, and ends a websocket with
// status 1009. The log names the sizes either way.
func TestOversizeMessage(t *testing.T) {
	const limit = 1_000_000
	event := func(n int) string { return `42["x","` + strings.Repeat("x", n-len(`42["x",""]`)) + `"]` }
	serve := func(f *fixture) <-chan int {
		sizes := make(chan int, 10)
		realtime.On(f.Server, "x", func(_ context.Context, _ *realtime.Conn, s string) error { sizes <- len(s); return nil })
		return sizes
	}
	t.Run("polling", func(t *testing.T) {
		bubble(t, realtime.Config{}, func(f *fixture) {
			sizes, s := serve(f), f.raw()
			if status, _ := s.do(http.MethodPost, event(limit)); status != http.StatusOK {
				f.Errorf("at the limit: %d", status)
			}
			if status, body := s.do(http.MethodPost, event(limit+1)); status != http.StatusRequestEntityTooLarge || body != "" {
				f.Errorf("over the limit: %d %q", status, body)
			}
			if status, _ := s.do(http.MethodPost, event(100)); status != http.StatusOK {
				f.Errorf("afterwards: %d", status)
			}
			synctest.Wait()
			if len(sizes) != 2 || f.Stats().Conns != 1 {
				f.Errorf("%d events, %+v", len(sizes), f.Stats())
			}
			if len(f.log.lines("msg=refused", "rule=payload-too-large", "1000001", "1000000")) != 1 || f.Stats().Refused["payload-too-large"] != 1 {
				f.Errorf("%v, log:\n%s", f.Stats().Refused, f.log)
			}
		})
	})
	t.Run("websocket", func(t *testing.T) {
		bubble(t, realtime.Config{}, func(f *fixture) {
			sizes, ends, s, other := serve(f), endings(f, f.Server), f.joined(), f.connect()
			if err := s.write(opText, event(limit)); err != nil {
				f.Fatal(err)
			}
			go func() { _ = s.write(opText, event(limit+1)) }() // ends when the socket is closed
			if status := s.closed(); status != 1009 {
				f.Errorf("close status %d", status)
			}
			_ = s.conn.Close()
			e := <-ends
			if e.conn.ID() != s.id || e.why.Cause != realtime.CauseTooLarge || !strings.Contains(e.why.Detail, "1000000") {
				f.Errorf("ended with %+v", e.why)
			}
			synctest.Wait()
			if len(sizes) != 1 || other.Reason() != "" {
				f.Errorf("%d events, the other client: %q", len(sizes), other.Reason())
			}
			if len(f.log.lines("level=INFO", `msg="session closed"`, "cause=payload_too_large", "1000000")) != 1 {
				f.Errorf("log:\n%s", f.log)
			}
		})
	})
}

// R43, R45: a client that does not read is closed the moment its queue is full; nobody waits for it.
func TestSlowConsumer(t *testing.T) {
	for name, payload := range map[string]string{"messages": "", "bytes": strings.Repeat("x", 10_000)} {
		t.Run(name, func(t *testing.T) {
			transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
				ends := endings(f, f.Server)
				slow, quick := f.host.Connect(o), f.connect()
				id := slow.ID()
				got := make(chan struct{}, 20_000)
				realtimetest.Answer(quick, "x", func(string) any { got <- struct{}{}; return nil })
				synctest.Wait()
				slow.Stall()
				start, sent := time.Now(), 0
				for len(ends) == 0 && sent < 20_000 {
					if err := f.Server.Emit(f.Context(), "x", payload); err != nil {
						f.Fatal(err)
					}
					if sent++; sent%50 == 0 {
						synctest.Wait() // the quick client keeps up
					}
				}
				synctest.Wait()
				if len(ends) == 0 {
					f.Fatalf("not closed after %d messages", sent)
				}
				e := <-ends
				if e.conn.ID() != id || e.why.Cause != realtime.CauseSlowConsumer || e.at != start {
					f.Errorf("%s ended with %+v after %v", e.conn, e.why, e.at.Sub(start))
				}
				if limit := map[string]int{"messages": 2*4096 + 50, "bytes": 2*(1<<20)/10_000 + 50}[name]; sent > limit {
					f.Errorf("%d messages were queued", sent)
				}
				if len(got) != sent || quick.Reason() != "" {
					f.Errorf("the quick client got %d of %d, %q", len(got), sent, quick.Reason())
				}
				if len(f.log.lines("level=INFO", `msg="session closed"`, "cause=slow_consumer")) != 1 {
					f.Errorf("log:\n%s", f.log)
				}
				slow.Resume()
				if reason := slow.WaitClosed(); !strings.HasPrefix(reason, "transport") {
					f.Errorf("the client was told %q: it would not come back", reason)
				}
				synctest.Wait()
				if n := f.Stats().QueuedBytes; n != 0 {
					f.Errorf("%d bytes are still counted", n)
				}
			})
		})
	}
}

// R23: one message that cannot be written for 10 s is enough.
func TestBlockedWriteEndsTheLink(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		ends := endings(f, f.Server)
		c := f.connect()
		c.Stall()
		start := time.Now()
		for range 2 { // the first is in the client's hands
			if err := f.conn(c).Emit(f.Context(), "x"); err != nil {
				f.Fatal(err)
			}
			synctest.Wait()
		}
		if e := <-ends; e.why.Cause != realtime.CauseSlowConsumer || e.at.Sub(start) != 10*time.Second {
			f.Errorf("%+v after %v", e.why, e.at.Sub(start))
		}
	})
}

// R44: when the memory of the process is used up, the largest queue goes first. A broadcast counts once.
func TestOutboundMemory(t *testing.T) {
	bubble(t, realtime.Config{Limits: realtime.Limits{OutboundMemory: 850_000}}, func(f *fixture) {
		ends := endings(f, f.Server)
		var clients []*realtimetest.Client
		for range 20 {
			c := f.connect()
			c.Stall()
			clients = append(clients, c)
		}
		payload := strings.Repeat("x", 100_000)
		for range 3 {
			if err := f.Server.Emit(f.Context(), "x", payload); err != nil {
				f.Fatal(err)
			}
			synctest.Wait()
		}
		if n := f.Stats().QueuedBytes; n < 200_000 || n > 310_000 {
			f.Errorf("%d bytes are counted for three broadcasts of 100 KB to 20 clients", n)
		}
		largest, second := f.conn(clients[7]), f.conn(clients[3])
		emit := func(c *realtime.Conn, n int) {
			for range n {
				if err := c.Emit(f.Context(), "x", payload); err != nil {
					f.Fatal(err)
				}
			}
			synctest.Wait()
		}
		emit(largest, 4)
		emit(second, 2)
		if len(ends) != 0 {
			f.Fatalf("closed too early: %+v, %d bytes", (<-ends).why, f.Stats().QueuedBytes)
		}
		emit(second, 1) // over 850 KB in all
		if len(ends) != 1 {
			f.Fatalf("%d ended, %d bytes", len(ends), f.Stats().QueuedBytes)
		}
		if e := <-ends; e.conn != largest || e.why.Cause != realtime.CauseSlowConsumer || !strings.Contains(e.why.Detail, "largest") {
			f.Errorf("%s ended with %+v, want %s", e.conn, e.why, largest)
		}
		if n := f.Stats().QueuedBytes; n > 850_000 {
			f.Errorf("%d bytes are counted", n)
		}
		for _, c := range clients {
			c.Resume()
		}
		pass(time.Second)
		if n := f.Stats(); n.QueuedBytes != 0 || n.Conns != 19 {
			f.Errorf("%+v", n)
		}
	})
}

// R12, R51: who finds no place to be authenticated within two seconds comes back later: its transport closes. A
// client that gave up waiting has lost nothing but its wait.
func TestAdmissionIsBounded(t *testing.T) {
	bubble(t, realtime.Config{Limits: realtime.Limits{Handshakes: 2}}, func(f *fixture) {
		release := make(chan struct{})
		slow := f.Of("/slow")
		slow.Use(func(context.Context, *realtime.Conn) error { <-release; return nil })
		ends := make(chan ended, 10)
		f.OnDisconnect(func(_ context.Context, c *realtime.Conn, why realtime.Disconnected) {
			ends <- ended{c, why, time.Now()}
		})
		var clients []*realtimetest.Client
		for range 4 {
			c := f.connect()
			clients = append(clients, c)
			if err := c.Send("0/slow,"); err != nil {
				f.Fatal(err)
			}
			synctest.Wait()
		}
		if err := clients[3].Send("1/slow,"); err != nil { // it gives up
			f.Fatal(err)
		}
		start := time.Now()
		e := one(f, ends)
		if took := e.at.Sub(start); e.why.Cause != realtime.CauseBusy || took != 2*time.Second {
			f.Errorf("%s ended with %+v after %v", e.conn, e.why, took)
		}
		if clients[2].Reason() != realtimetest.ReasonTransportClose || clients[3].Reason() != "" {
			f.Errorf("the one who waited: %q, the one who did not: %q", clients[2].Reason(), clients[3].Reason())
		}
		if n := f.Stats(); n.Refused["connect:busy"] != 1 || n.Sessions != 3 || len(f.log.lines("msg=refused", "rule=connect:busy", "namespace=/slow")) != 1 {
			f.Errorf("%+v, log:\n%s", n, f.log)
		}
		close(release)
		synctest.Wait()
		if n := f.Stats().Conns; n != 5 { // four in "/" less one, and two that were waited for
			f.Errorf("%d connections", n)
		}
	})
}

// D13: the connect timeout does not run while our own middleware does.
func TestSlowAdmissionIsNotCut(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		f.Use(func(context.Context, *realtime.Conn) error { <-time.After(30 * time.Second); return nil })
		o.Timeout = time.Minute
		start := time.Now()
		if c := f.host.Connect(o); c.ID() == "" || time.Since(start) < 30*time.Second {
			f.Errorf("%q after %v", c.ID(), time.Since(start))
		}
	})
}
