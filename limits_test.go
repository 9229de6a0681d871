package realtime_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/binary"
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

// Opcodes of RFC 6455.
const (
	opText   = 1
	opBinary = 2
	opClose  = 8
)

// rawSocket is a websocket of which a test writes every frame.
type rawSocket struct {
	f    *fixture
	conn io.ReadWriteCloser
	in   *bufio.Reader
	id   string // of its connection to "/"
}

// socket opens a websocket session without joining a namespace.
func (f *fixture) socket() *rawSocket {
	f.T.Helper()
	r, err := http.NewRequestWithContext(f.Context(), http.MethodGet, "http://realtime.test/socket.io/?EIO=4&transport=websocket", http.NoBody)
	if err != nil {
		f.T.Fatal(err)
	}
	for key, v := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		r.Header.Set(key, v)
	}
	resp, err := f.host.Do(r)
	if err != nil {
		f.T.Fatal(err)
	}
	conn, ok := resp.Body.(io.ReadWriteCloser)
	if resp.StatusCode != http.StatusSwitchingProtocols || !ok {
		f.T.Fatalf("handshake: %d", resp.StatusCode)
	}
	s := &rawSocket{f: f, conn: conn, in: bufio.NewReader(conn)}
	f.Cleanup(func() { _ = conn.Close() })
	if _, open := s.read(); !strings.HasPrefix(open, "0{") {
		f.T.Fatalf("open packet: %s", open)
	}
	return s
}

// joined opens a websocket session and joins "/".
func (f *fixture) joined() *rawSocket {
	f.T.Helper()
	s := f.socket()
	if err := s.write(opText, "40"); err != nil {
		f.T.Fatal(err)
	}
	_, reply := s.read()
	var body struct{ SID string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(reply, "40")), &body); err != nil {
		f.T.Fatalf("CONNECT reply: %s", reply)
	}
	s.id = body.SID
	return s
}

// write sends one frame, masked with zeros.
func (s *rawSocket) write(op byte, data string) error {
	frame := []byte{0x80 | op, 0x80 | 127}
	frame = binary.BigEndian.AppendUint64(frame, uint64(len(data)))
	frame = append(frame, 0, 0, 0, 0)
	_, err := s.conn.Write(append(frame, data...))
	return err
}

// read returns the next frame, with opcode 0 and the error's text once there are no more.
func (s *rawSocket) read() (op byte, data string) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(s.in, head); err != nil {
		return 0, err.Error()
	}
	n := uint64(head[1])
	if wide := map[byte]int{126: 2, 127: 8}[head[1]]; wide > 0 {
		length := make([]byte, 8)
		if _, err := io.ReadFull(s.in, length[8-wide:]); err != nil {
			return 0, err.Error()
		}
		n = binary.BigEndian.Uint64(length)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(s.in, body); err != nil {
		return 0, err.Error()
	}
	return head[0] & 0x0f, string(body)
}

// closed reads up to the close frame and returns its status, 0 if it has none.
func (s *rawSocket) closed() int {
	s.f.T.Helper()
	for {
		switch op, data := s.read(); op {
		case opClose:
			if len(data) < 2 {
				return 0
			}
			return int(binary.BigEndian.Uint16([]byte(data)))
		case 0:
			s.f.T.Fatalf("no close frame: %s", data)
		}
	}
}

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

// badPackets are Socket.IO packets, without the engine's digit, that end a link (R25, R26, R28, R29, R32, R33).
var badPackets = map[string]string{
	"no type":                   "",
	"unknown type":              "7",
	"letter":                    "x",
	"event object":              `2{"a":1}`,
	"event string":              `2"x"`,
	"event number":              `21"x"`,
	"event without name":        `2[]`,
	"event named true":          `2[true]`,
	"event named null":          `2[null,1]`,
	"event named by an object":  `2[{"toString":1}]`,
	"reserved connect":          `2["connect"]`,
	"reserved connect_error":    `2["connect_error"]`,
	"reserved disconnect":       `2["disconnect"]`,
	"reserved disconnecting":    `2["disconnecting"]`,
	"reserved newListener":      `2["newListener"]`,
	"reserved removeListener":   `2["removeListener"]`,
	"reserved with escapes":     `2["\u0063onnect"]`,
	"truncated":                 `2["x"`,
	"trailing":                  `2["x"]y`,
	"not JSON":                  `2['x']`,
	"disconnect with a payload": `1{}`,
	"ack object":                `31{"a":1}`,
	"connect with an array":     `0/n,[1]`,
	"connect with a string":     `0/n,"x"`,
	"connect error":             `4{"message":"x"}`,
	"connect again":             `0`,
	"namespace not joined":      `2/n,["x"]`,
	"id 2^53":                   `29007199254740992["x"]`,
	"id 2^64":                   `218446744073709551616["x"]`,
	"id 10^400":                 `21` + strings.Repeat("0", 400) + `["x"]`,
	"id -1":                     `2-1["x"]`,
	"ack id 2^53":               `39007199254740992[]`,
	"attachments 0":             `50-["x"]`,
	"attachments 11":            `511-["x"]`,
	"attachments none":          `5["x",{"_placeholder":true,"num":0}]`,
	"attachments negative":      `5-1-["x"]`,
	"attachments +1":            `5+1-["x"]`,
	"attachments 1e0":           `51e0-["x"]`,
	"attachments with a space":  `5 1-["x"]`,
	"attachments huge":          `5` + strings.Repeat("9", 300) + `-["x"]`,
	"placeholder outside":       `51-["x",{"_placeholder":true,"num":1}]`,
	"placeholder negative":      `51-["x",{"_placeholder":true,"num":-1}]`,
	"placeholder fraction":      `51-["x",{"_placeholder":true,"num":0.5}]`,
	"placeholder name":          `51-["x",{"_placeholder":true,"num":"splice"}]`,
	"placeholder huge":          `51-["x",{"_placeholder":true,"num":1000000000}]`,
	"placeholder without num":   `51-["x",{"_placeholder":true}]`,
	"text for an attachment":    `51-["x",{"_placeholder":true,"num":0}]` + "\x1e4" + `2["x"]`,
	"depth 65":                  `2["x",` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `]`,
	"depth 500,000":             `2["x",` + strings.Repeat("[", 490_000) + strings.Repeat("]", 490_000) + `]`,
	"event name of 256 bytes":   `2["` + strings.Repeat("x", 256) + `"]`,
	"event name of 900 KB":      `2["` + strings.Repeat("x", 900_000) + `"]`,
	"namespace of 256 bytes":    `0/` + strings.Repeat("x", 255) + `,`,
}

// R28, R29, R33, R36: a packet that breaks the rules ends the link of its sender. No handler runs, not even for
// good packets right behind it, and others notice nothing.
func TestBadPacketsEndTheLink(t *testing.T) {
	good := `2["good"]`
	serve := func(f *fixture) (handled *atomic.Int32, ends <-chan ended, other *realtimetest.Client) {
		handled = &atomic.Int32{}
		f.OnAny(func(_ context.Context, _ *realtime.Conn, ev *realtime.Event) {
			if ev.Name != "alive" {
				handled.Add(1)
			}
		})
		realtime.Handle(f.Server, "alive", value(true))
		return handled, endings(f, f.Server), f.connect()
	}
	check := func(f *fixture, handled *atomic.Int32, ends <-chan ended, other *realtimetest.Client, id string) {
		f.T.Helper()
		if e := <-ends; e.conn.ID() != id || e.why.Cause != realtime.CauseProtocolError || e.why.Cause.Reason() != "forced close" {
			f.Errorf("%s ended with %+v", e.conn, e.why)
		}
		if n := handled.Load(); n != 0 {
			f.Errorf("%d handlers ran", n)
		}
		if !realtimetest.Call[bool](other, "alive") || other.Reason() != "" || f.Stats().Sessions != 1 {
			f.Errorf("others suffered: %q, %+v", other.Reason(), f.Stats())
		}
	}
	for name, packet := range badPackets {
		t.Run(name, func(t *testing.T) {
			t.Run("websocket", func(t *testing.T) {
				bubble(t, realtime.Config{}, func(f *fixture) {
					handled, ends, other := serve(f)
					s := f.joined()
					go func() { // ends when the socket is closed
						for _, text := range strings.Split("4"+packet+"\x1e4"+good, "\x1e") {
							_ = s.write(opText, text)
						}
						if strings.HasPrefix(packet, "51-") {
							_ = s.write(opBinary, "x") // a wrong placeholder is told when the packet is whole
						}
					}()
					if status := s.closed(); status != 0 {
						f.Errorf("close status %d, the reference server sends none", status)
					}
					_ = s.conn.Close()
					check(f, handled, ends, other, s.id)
				})
			})
			t.Run("polling", func(t *testing.T) {
				bubble(t, realtime.Config{}, func(f *fixture) {
					handled, ends, other := serve(f)
					s := f.raw()
					s.do(http.MethodPost, "4"+packet+"\x1e4"+good)
					if strings.HasPrefix(packet, "51-") {
						s.do(http.MethodPost, "beA==")
					}
					check(f, handled, ends, other, s.id)
				})
			})
		})
	}
}

// The other side of each limit: what is just allowed.
func TestPacketsWithinTheLimits(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		names := make(chan string, 100)
		f.OnAny(func(_ context.Context, _ *realtime.Conn, ev *realtime.Event) { names <- ev.Name })
		c := f.connect()
		long := strings.Repeat("x", 255)
		for packet, name := range map[string]string{
			`29007199254740991["id"]`: "id",
			`2["deep",` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `]`: "deep",
			`2["` + long + `"]`: long,
			`2[5,"x"]`:          "5", // D19
			`2[1e21]`:           "1e+21",
			`2["error","x"]`:    "error", // not reserved by the parser
			`2["__proto__",{"__proto__":1,"constructor":9223372036854775808,"n":1e999}]`: "__proto__", // R35
			`2 ["space"]`: "",
		} {
			if err := c.Send(packet); err != nil {
				f.Fatal(err)
			}
			synctest.Wait()
			if name == "" {
				if c.Reason() == "" {
					f.Errorf("%.40s: a space is no digit for us", packet)
				}
				c = f.connect()
				continue
			}
			select {
			case got := <-names:
				if got != name {
					f.Errorf("%.40s: event %q", packet, got)
				}
			default:
				f.Errorf("%.40s was not handled: %s", packet, c.Reason())
				c = f.connect()
			}
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

// burst is n events as a client sends them that was offline.
func burst(n int) []string {
	events := make([]string, n)
	for i := range events {
		events[i] = fmt.Sprintf(`2["n",%d]`, i)
	}
	return events
}

// R7, R41, D4: 3,000 events that a client has buffered get through, in order, in one POST or over websocket; the
// first 1,000 at once and the others at 200 a second.
func TestBufferedBurstGetsThrough(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		var handled, disorder atomic.Int32
		realtime.On(f.Server, "n", func(_ context.Context, _ *realtime.Conn, n int32) error {
			if handled.Add(1) != n+1 {
				disorder.Add(1)
			}
			return nil
		})
		c := f.host.Connect(o)
		sent := make(chan error, 1)
		go func() { sent <- c.Send(burst(3000)...) }() // ends when the server has taken all
		synctest.Wait()
		for second := range 11 {
			want := min(3000, 1000+200*int32(second)) //nolint:gosec // small
			if got := handled.Load(); got < want-1 || got > want+1 {
				f.Errorf("%d events after %d s, want %d", got, second, want)
			}
			pass(time.Second)
		}
		if err := <-sent; err != nil || disorder.Load() != 0 || handled.Load() != 3000 || c.Reason() != "" {
			f.Errorf("send %v, %d out of order, %d handled, %q", err, disorder.Load(), handled.Load(), c.Reason())
		}
	})
}

// R41: bytes have a rate of their own: 4 MiB at once, then 1 MiB a second.
func TestByteRate(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		const size, count = 1 << 19, 16 // 8 MiB
		var last time.Time
		realtime.On(f.Server, "x", func(context.Context, *realtime.Conn, string) error { last = time.Now(); return nil })
		c, start := f.connect(), time.Now()
		for range count {
			if err := c.Send(`2["x","` + strings.Repeat("x", size-len(`["x",""]`)) + `"]`); err != nil {
				f.Fatal(err)
			}
		}
		pass(time.Minute)
		if took := last.Sub(start).Round(time.Millisecond); took != 4*time.Second {
			f.Errorf("the last event waited %v, want 4s", took)
		}
	})
}

// R41, D50: pongs and acknowledgements do not wait behind events that are slowed down.
func TestPongsAndAcksPassWaitingEvents(t *testing.T) {
	transports(t, realtime.Config{Limits: realtime.Limits{EventRate: 1, EventBurst: 1}}, func(f *fixture, o realtimetest.Options) {
		realtime.On(f.Server, "n", func(context.Context, *realtime.Conn, int) error { return nil })
		c := f.host.Connect(o)
		realtimetest.Answer(c, "ask", func(any) bool { return true })
		if err := c.Send(burst(100)...); err != nil { // 99 of them wait, for 99 s
			f.Fatal(err)
		}
		for range 9 {
			start := time.Now()
			if _, err := realtime.EmitWithAck[bool](f.Context(), f.conn(c), "ask"); err != nil || time.Since(start) != 0 {
				f.Fatalf("acknowledgement after %v: %v", time.Since(start), err)
			}
			pass(10 * time.Second) // heartbeats among them
		}
		if rtt := f.conn(c).RTT(); rtt != 0 || c.Reason() != "" {
			f.Errorf("pongs took %v, %q", rtt, c.Reason())
		}
	})
}

// flood sends events as fast as the server takes them, until the context or the link ends.
func flood(ctx context.Context, c *realtimetest.Client) {
	events := burst(50)
	for ctx.Err() == nil && c.Reason() == "" {
		if c.Send(events...) != nil {
			return
		}
	}
}

// R41, D4: a flood is slowed to its rate and ends its link when the queue has been full for 30 s without a
// pause; 200 good clients beside it notice nothing.
func TestFlood(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		ends := endings(f, f.Server)
		var handled atomic.Int32
		realtime.On(f.Server, "n", func(context.Context, *realtime.Conn, int) error { handled.Add(1); return nil })
		realtime.Handle(f.Server, "alive", value(true))
		var good []*realtimetest.Client
		for range 200 {
			good = append(good, f.connect())
		}
		bad := f.host.Connect(o)
		id, start := bad.ID(), time.Now()
		go flood(f.Context(), bad)
		for range 29 {
			pass(time.Second)
			if len(ends) != 0 {
				f.Fatalf("closed after %v: %+v", time.Since(start), (<-ends).why)
			}
			for _, c := range good {
				before := time.Now()
				if !realtimetest.Call[bool](c, "alive") || time.Since(before) != 0 {
					f.Fatalf("a good client waited %v", time.Since(before))
				}
			}
		}
		if n := handled.Load(); n < 1000+29*200-1 || n > 1000+29*200+1 {
			f.Errorf("%d events were handled in 29 s", n)
		}
		e := one(f, ends)
		if e.conn.ID() != id || e.why.Cause != realtime.CauseFlood || e.at.Sub(start) != 30*time.Second {
			f.Errorf("%+v after %v", e.why, e.at.Sub(start))
		}
		for _, c := range good {
			if c.Reason() != "" {
				f.Fatalf("a good client was closed: %s", c.Reason())
			}
		}
		if len(f.log.lines("level=INFO", `msg="session closed"`, "cause=flood")) != 1 {
			f.Error("the log does not tell of the flood")
		}
	})
}

// A flood that pauses for long enough that an event finds room is not closed; and one whose reader is paused
// counts as alive all the while (D3).
func TestFloodThatPauses(t *testing.T) {
	t.Run("pauses", func(t *testing.T) {
		bubble(t, realtime.Config{Limits: realtime.Limits{EventRate: 50}}, func(f *fixture) {
			c := f.connect()
			for range 5 {
				ctx, stop := context.WithTimeout(f.Context(), 25*time.Second)
				flood(ctx, c)
				stop()
				pass(2 * time.Second)
			}
			if c.Reason() != "" {
				f.Errorf("closed: %s", c.Reason())
			}
		})
	})
	t.Run("long timeout", func(t *testing.T) {
		transports(t, realtime.Config{Limits: realtime.Limits{FloodTimeout: 10 * time.Minute, EventRate: 10, EventBurst: 10}}, func(f *fixture, o realtimetest.Options) {
			c := f.host.Connect(o)
			ctx, stop := context.WithTimeout(f.Context(), 5*time.Minute)
			defer stop()
			flood(ctx, c)
			if c.Reason() != "" {
				f.Errorf("closed: %s", c.Reason())
			}
			pass(time.Minute)
			if c.Reason() != "" {
				f.Errorf("closed after the flood: %s", c.Reason())
			}
		})
	})
}

// R42: while a handler blocks, reading goes on until 128 events or 1 MiB wait, and pauses then.
func TestReadingPausesBehindABlockedHandler(t *testing.T) {
	for name, tc := range map[string]struct {
		size int
		want int32 // events that the server takes: one runs, some wait in the queue, the reader holds one
	}{
		"events": {20, 1 + 128 + 1},
		"bytes":  {100_000, 1 + 10 + 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, realtime.Config{Limits: realtime.Limits{FloodTimeout: time.Hour}}, func(f *fixture) {
				release := make(chan struct{})
				var handled, sent atomic.Int32
				realtime.On(f.Server, "x", func(context.Context, *realtime.Conn, string) error {
					<-release
					handled.Add(1)
					return nil
				})
				c := f.connect()
				packet := `2["x","` + strings.Repeat("x", tc.size-len(`["x",""]`)) + `"]`
				done := make(chan struct{})
				go func() { // ends when the server has taken all
					defer close(done)
					for range 200 {
						if c.Send(packet) != nil {
							return
						}
						sent.Add(1)
					}
				}()
				pass(10 * time.Minute) // no heartbeat timeout either: it is we who do not read
				if n := sent.Load(); n != tc.want {
					f.Errorf("the server took %d events, want %d", n, tc.want)
				}
				close(release)
				<-done
				pass(time.Minute)
				if sent.Load() != 200 || handled.Load() != 200 || c.Reason() != "" {
					f.Errorf("%d sent, %d handled, %q", sent.Load(), handled.Load(), c.Reason())
				}
			})
		})
	}
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
