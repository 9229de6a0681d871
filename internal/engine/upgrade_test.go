package engine

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// TestUpgradeNoops is decision D2: a GET that is parked while a websocket probes
// is answered after 100 ms, again and again, until the upgrade packet comes.
func TestUpgradeNoops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPipeHarness(t, Options{})
		sid, r := h.openPolling()
		r.session.Joined()
		first := h.goGet(r)
		conn, _, err := h.dial("EIO=4&transport=websocket&sid=" + sid)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		synctest.Wait()
		if st := h.srv.Stats(); st.Probing != 1 {
			t.Errorf("%+v", st)
		}
		h.write(conn, "2probe")
		if m := h.read(conn); m != "3probe" {
			t.Fatalf("got %q", m)
		}
		begin := time.Now()
		for i, parked := 1, first; i <= 20; i++ {
			if a := await(h, parked, "answer"); a.body != "6" {
				t.Fatalf("%+v", a)
			}
			if took := time.Since(begin); took != time.Duration(i)*noopInterval {
				t.Fatalf("noop %d came after %s", i, took)
			}
			parked = h.goGet(r)
			if i == 20 {
				// Capture upgrade-events-during-probe: what is sent meanwhile goes to
				// the parked GET.
				_ = r.session.Send(message("during"))
				if a := await(h, parked, "answer"); a.body != "4during" {
					t.Fatalf("%+v", a)
				}
			}
		}
		// Capture upgrade-no-pending-get: without a GET it waits for the websocket.
		_ = r.session.Send(message("buffered"))
		h.write(conn, "5")
		if m := h.read(conn); m != "4buffered" {
			t.Errorf("got %q", m)
		}
		if err := await(h, h.upgrades, "upgrade"); err != nil {
			t.Error(err)
		}
		// Capture upgrade-normal.
		expectRefusal(t, h.get(sid), 400, bodyRequest, "transport-mismatch")
		expectRefusal(t, h.post(sid, "3"), 400, bodyRequest, "transport-mismatch")
		if st := h.srv.Stats(); st.Probing != 0 || st.WebSocket != 1 || st.Polling != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestUpgradePacket: captures upgrade-packet-without-probe and
// upgrade-post-during-get-after.
func TestUpgradePacket(t *testing.T) {
	h := newHarness(t, Options{})
	sid, r := h.openPolling()
	parked := h.goGet(r)
	conn, _, err := h.dial("EIO=4&transport=websocket&sid=" + sid)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	h.write(conn, "5")
	h.write(conn, "4hello")
	if a := await(h, parked, "answer"); a.body != "1" {
		t.Errorf("the parked GET: %+v", a)
	}
	if got := await(h, r.got, "message"); got.data != "hello" {
		t.Errorf("got %+v", got)
	}
	conn.Close()
	expectEnd(t, h, r, ErrTransportClose)
}

// TestUpgradeFails: whatever else a probing websocket does ends it, and the
// session goes on (captures upgrade-message-without-probe, -wrong-probe-text,
// -undecodable, -abandoned, -timeout).
func TestUpgradeFails(t *testing.T) {
	for name, break_ := range map[string]func(*harness, *websocket.Conn) error{
		"message":     func(h *harness, c *websocket.Conn) error { h.write(c, "40"); return errUpgradePacket },
		"other ping":  func(h *harness, c *websocket.Conn) error { h.write(c, "2foo"); return errUpgradePacket },
		"undecodable": func(h *harness, c *websocket.Conn) error { h.write(c, "xyz"); return nil },
		"binary": func(h *harness, c *websocket.Conn) error {
			_ = c.WriteMessage(websocket.BinaryMessage, []byte("5"))
			return errUpgradePacket
		},
		"message after the probe": func(h *harness, c *websocket.Conn) error {
			h.write(c, "2probe")
			h.read(c)
			h.write(c, "4x")
			return errUpgradePacket
		},
		"silence":                 func(h *harness, c *websocket.Conn) error { return errUpgradeTimeout },
		"silence after the probe": func(h *harness, c *websocket.Conn) error { h.write(c, "2probe"); h.read(c); return errUpgradeTimeout },
		"closed": func(h *harness, c *websocket.Conn) error {
			_ = c.WriteControl(websocket.CloseMessage, nil, time.Now().Add(time.Second))
			return nil
		},
		"cut": func(h *harness, c *websocket.Conn) error { c.NetConn().Close(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newPipeHarness(t, Options{ConnectTimeout: -1})
				sid, r := h.openPolling()
				conn, _, err := h.dial("EIO=4&transport=websocket&sid=" + sid)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				begin := time.Now()
				want := break_(h, conn)
				got := await(h, h.upgrades, "failure")
				if got == nil || want != nil && !errors.Is(got, want) {
					t.Errorf("failed with %v, want %v", got, want)
				}
				if errors.Is(want, errUpgradeTimeout) {
					if took := time.Since(begin); took != DefaultUpgradeTimeout {
						t.Errorf("failed after %s", took)
					}
				}
				if name != "cut" && name != "closed" {
					if code := h.closeCode(conn); code != 1005 {
						t.Errorf("closed with %d", code)
					}
				}
				if a := h.post(sid, "4alive"); a.body != "ok" {
					t.Errorf("%+v", a)
				}
				if got := await(h, r.got, "message"); got.data != "alive" {
					t.Errorf("got %+v", got)
				}
				// Another attempt is allowed.
				second := h.upgrade(sid)
				h.write(second, "4second")
				if got := await(h, r.got, "message"); got.data != "second" {
					t.Errorf("got %+v", got)
				}
				second.Close()
				expectEnd(t, h, r, ErrTransportClose)
			})
		})
	}
}

// TestSecondUpgrade is requirement R9 (captures upgrade-concurrent,
// upgrade-on-ws-session, upgrade-session-closed-meanwhile).
func TestSecondUpgrade(t *testing.T) {
	h := newHarness(t, Options{})
	sid, r := h.openPolling()
	first, _, err := h.dial("EIO=4&transport=websocket&sid=" + sid)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	h.write(first, "2probe")
	h.read(first)
	refused := func(why string) {
		t.Helper()
		conn, _, err := h.dial("EIO=4&transport=websocket&sid=" + sid)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if code := h.closeCode(conn); code != 1005 {
			t.Errorf("%s: closed with %d", why, code)
		}
		if err := await(h, h.upgrades, "failure"); !errors.Is(err, errUpgradeTwice) {
			t.Errorf("%s: %v", why, err)
		}
	}
	refused("during an upgrade")
	h.write(first, "5")
	if err := await(h, h.upgrades, "upgrade"); err != nil {
		t.Fatal(err)
	}
	refused("after an upgrade")
	h.write(first, "4alive")
	if got := await(h, r.got, "message"); got.data != "alive" {
		t.Errorf("got %+v", got)
	}

	sid, r = h.openPolling()
	probe, _, err := h.dial("EIO=4&transport=websocket&sid=" + sid)
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Close()
	h.write(probe, "2probe")
	h.read(probe)
	h.post(sid, "1")
	expectEnd(t, h, r, ErrTransportClose)
	if code := h.closeCode(probe); code != 1005 {
		t.Errorf("the probe of a closed session ended with %d", code)
	}
	if err := await(h, h.upgrades, "failure"); !errors.Is(err, errUpgradeEnded) {
		t.Error(err)
	}
	h.dialRefused("EIO=4&transport=websocket&sid="+sid, 400, "Session ID unknown")
}

// TestUpgradeDuringDelivery: a message on the websocket waits for the POST that
// is still with the receiver.
func TestUpgradeDuringDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		var mu sync.Mutex
		var got []string
		h := newPipeHarness(t, Options{}, func(r *recorder) {
			r.handle = func(data []byte, _ bool) error {
				if string(data) == "first" {
					<-gate
				}
				mu.Lock()
				defer mu.Unlock()
				got = append(got, string(data))
				return nil
			}
		})
		sid, r := h.openPolling()
		r.session.Joined()
		posted := make(chan answer, 1)
		// Owner: the test, which receives from posted.
		go func() { posted <- h.post(sid, "4first") }()
		synctest.Wait()
		conn := h.upgrade(sid)
		written := make(chan error, 1)
		// Owner: the test, which receives from written.
		go func() { written <- conn.WriteMessage(websocket.TextMessage, []byte("4second")) }()
		synctest.Wait()
		mu.Lock()
		if len(got) != 0 {
			t.Errorf("delivered %v while the receiver was busy", got)
		}
		mu.Unlock()
		close(gate)
		if a := await(h, posted, "answer"); a.body != "ok" {
			t.Errorf("%+v", a)
		}
		if err := await(h, written, "write"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if strings.Join(got, " ") != "first second" {
			t.Errorf("got %v", got)
		}
	})
}

// TestPongMayMove: a pong that a client kept back while it changed the transport
// comes in time.
func TestPongMayMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPipeHarness(t, Options{ConnectTimeout: -1})
		sid, r := h.openPolling()
		parked := h.goGet(r)
		if a := await(h, parked, "ping"); a.body != "2" {
			t.Fatalf("%+v", a)
		}
		time.Sleep(DefaultPingTimeout - time.Second) // synctest: fake time
		conn := h.upgrade(sid)
		defer conn.Close()
		time.Sleep(DefaultPingTimeout - time.Second) // synctest: fake time
		h.write(conn, "3")
		synctest.Wait()
		if r.session.ended.Load() {
			t.Error("closed")
		}
		if rtt := r.session.RTT(); rtt != 2*DefaultPingTimeout-2*time.Second {
			t.Errorf("RTT() = %s", rtt)
		}
	})
}

// loadedClient is a correct client that polls, upgrades and goes on, and sends and
// receives numbered messages all the time.
type loadedClient struct {
	h     *harness
	sid   string
	next  int // number of the next message to send
	got   []string
	flows chan struct{} // one element for each message that is on its way here
}

// receive keeps a message and lets the server send another.
func (c *loadedClient) receive(m string) {
	if m != "6" && m != "2" {
		c.got = append(c.got, m)
		<-c.flows
	}
}

// run does what official clients do: it polls in one goroutine and posts in
// another, opens the websocket beside them, and on the probe's answer lets both
// come to an end before it sends the upgrade packet.
func (c *loadedClient) run(before, after, expect int) error {
	stop := make(chan struct{})
	polled, posted := make(chan error, 1), make(chan error, 1)
	// Owner: run, which receives from polled.
	go func() { polled <- c.poll(stop) }()
	// Owner: run, which receives from posted.
	go func() { posted <- c.send(stop, before) }()
	conn, _, err := c.h.dial("EIO=4&transport=websocket&sid=" + c.sid)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.WriteMessage(websocket.TextMessage, []byte("2probe")); err != nil {
		return err
	}
	if m, err := c.h.readMessage(conn); m != "3probe" {
		return errors.Join(errors.New("no probe answer: "+m), err)
	}
	close(stop)
	if err := errors.Join(<-posted, <-polled); err != nil {
		return err
	}
	if err := conn.WriteMessage(websocket.TextMessage, []byte("5")); err != nil {
		return err
	}
	sent := make(chan error, 1)
	// Owner: run, which receives from sent.
	go func() {
		for range after {
			if err := conn.WriteMessage(websocket.TextMessage, []byte("4"+numbered(c.next))); err != nil {
				sent <- err
				return
			}
			c.next++
		}
		sent <- nil
	}()
	for len(c.got) < expect {
		m, err := c.h.readMessage(conn)
		if err != nil {
			return err
		}
		c.receive(m)
	}
	return <-sent
}

// poll polls until stop is closed and the GET of that moment has returned.
func (c *loadedClient) poll(stop chan struct{}) error {
	for {
		a, err := c.h.try(c.h.t.Context(), http.MethodGet, pollQuery+"&sid="+c.sid, "")
		if err != nil {
			return err
		}
		if a.status != 200 {
			return errors.New("GET: " + strconv.Itoa(a.status) + a.body)
		}
		for m := range strings.SplitSeq(a.body, "\x1e") {
			c.receive(m)
		}
		select {
		case <-stop:
			return nil
		default:
		}
	}
}

// send posts messages until stop is closed, at least n.
func (c *loadedClient) send(stop chan struct{}, n int) error {
	for i := 0; ; i++ {
		select {
		case <-stop:
			if i >= n {
				return nil
			}
		default:
		}
		body := "4" + numbered(c.next) + "\x1e4" + numbered(c.next+1)
		a, err := c.h.try(c.h.t.Context(), http.MethodPost, pollQuery+"&sid="+c.sid, body)
		if err != nil {
			return err
		}
		if a.body != "ok" {
			return errors.New("POST: " + strconv.Itoa(a.status) + a.body)
		}
		c.next += 2
	}
}

// TestUpgradeUnderLoad: nothing is lost, doubled or reordered in either direction
// while 50 sessions change the transport under load.
func TestUpgradeUnderLoad(t *testing.T) {
	const sessions, down = 50, 2000
	var mu sync.Mutex
	received := map[*Session][]string{}
	h := newHarness(t, Options{}, func(r *recorder) {
		r.session.Joined()
		r.handle = func(data []byte, _ bool) error {
			mu.Lock()
			defer mu.Unlock()
			received[r.session] = append(received[r.session], string(data))
			return nil
		}
	})
	var group sync.WaitGroup
	for range sessions {
		sid, r := h.openPolling()
		c := &loadedClient{h: h, sid: sid, flows: make(chan struct{}, DefaultMaxQueueItems/4)}
		// Owner: the test, which waits for the group.
		group.Go(func() {
			for i := range down {
				select {
				case c.flows <- struct{}{}:
				case <-r.session.Done():
				}
				if err := r.session.Send(message(numbered(i))); err != nil {
					t.Errorf("Send: %v", err)
					return
				}
			}
		})
		group.Go(func() {
			if err := c.run(20, 200, down); err != nil {
				t.Errorf("client: %v", err)
				return
			}
			for i, m := range c.got {
				if m != "4"+numbered(i) {
					t.Errorf("the client got %.60q as message %d of %d", m, i, len(c.got))
					return
				}
			}
			h.eventually("all messages of the client", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(received[r.session]) >= c.next
			})
			mu.Lock()
			defer mu.Unlock()
			for i, m := range received[r.session] {
				if m != numbered(i) {
					t.Errorf("the server got %.60q as message %d of %d", m, i, c.next)
					return
				}
			}
		})
	}
	group.Wait()
	for range sessions {
		if err := await(h, h.upgrades, "upgrade"); err != nil {
			t.Error(err)
		}
	}
}
