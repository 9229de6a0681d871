package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// watchdog is how long a test waits for something that must happen. It bounds
// hangs and asserts no speed.
const watchdog = 20 * time.Second

// eventDrivenEnv makes every server of the tests event-driven when it is set.
const eventDrivenEnv = "REALTIME_TEST_EVENT_DRIVEN"

// eventDriven tells whether the platform can do that.
const eventDriven = runtime.GOOS == "linux"

// inbound is one message as a receiver got it.
type inbound struct {
	data   string
	binary bool
}

// recorder is the receiver of the tests. The zero value of handle keeps what
// comes.
type recorder struct {
	session *Session
	got     chan inbound
	closed  chan error // receives the cause, once
	handle  func(data []byte, binary bool) error
}

func (r *recorder) Receive(data []byte, binary bool) error {
	if r.handle != nil {
		return r.handle(data, binary)
	}
	select {
	case r.got <- inbound{string(data), binary}:
	case <-r.session.Done():
	}
	return nil
}

func (r *recorder) Closed(cause error) {
	r.closed <- cause
	close(r.closed) // a second call panics
}

// keep makes a recorder keep n messages that nobody takes.
func keep(n int) func(*recorder) {
	return func(r *recorder) { r.got = make(chan inbound, n) }
}

// ownGoroutines returns the stacks of goroutines that run functions of this
// package outside its tests, or of its poller.
func ownGoroutines() (stacks []string) {
	buf := make([]byte, 64<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		for line := range strings.SplitSeq(stack, "\n") {
			ours := strings.Contains(line, "/internal/engine/") || strings.Contains(line, "/internal/readpoll/")
			if ours && !strings.Contains(line, "_test.go:") {
				stacks = append(stacks, stack)
				break
			}
		}
	}
	return stacks
}

// harness is a server and what it has seen. It listens on loopback, or on pipes
// inside a synctest bubble.
type harness struct {
	t       testing.TB
	srv     *Server
	http    *http.Server
	connect func() (net.Conn, error)
	client  *http.Client
	limit   time.Duration // how long to wait for what must happen
	bubble  bool
	opened  chan *recorder
	prepare func(*recorder) // called in accept

	mu       sync.Mutex
	refusals []*Refusal
	upgrades chan error
}

// newHarness starts a server on loopback. What o.Hooks hold is replaced.
func newHarness(t testing.TB, o Options, prepare ...func(*recorder)) *harness {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := newBareHarness(t, o, prepare...)
	h.listen(l, func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) })
	return h
}

// newGoroutineHarness is newHarness without event-driven reading.
func newGoroutineHarness(t *testing.T, o Options, prepare ...func(*recorder)) *harness {
	t.Helper()
	t.Setenv(eventDrivenEnv, "")
	return newHarness(t, o, prepare...)
}

// newPipeHarness starts a server on pipes, for use inside a synctest bubble.
func newPipeHarness(t testing.TB, o Options, prepare ...func(*recorder)) *harness {
	t.Helper()
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	h := newBareHarness(t, o, prepare...)
	h.bubble, h.srv.watchConn = true, watchPipe
	h.limit = time.Hour
	h.listen(l, l.dial)
	return h
}

// listen serves l until the end of the test. connect makes a connection to it.
func (h *harness) listen(l net.Listener, connect func() (net.Conn, error)) {
	h.connect = connect
	h.http = &http.Server{Handler: h.srv, ErrorLog: log.New(io.Discard, "", 0)}
	h.client = &http.Client{Transport: &http.Transport{
		DialContext:         func(context.Context, string, string) (net.Conn, error) { return h.connect() },
		MaxIdleConnsPerHost: 64,
	}}
	served := make(chan error, 1)
	// Owner: the harness, which closes the server and receives from served.
	go func() { served <- h.http.Serve(l) }()
	h.t.Cleanup(func() {
		h.shutdown()
		h.client.CloseIdleConnections()
		h.http.Close()
		<-served
	})
}

// pipeListener is a net.Listener of in-memory connections.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) dial() (net.Conn, error) {
	client, server := newPolledPipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80} }

// newBareHarness has no listener.
func newBareHarness(t testing.TB, o Options, prepare ...func(*recorder)) *harness {
	o.EventDriven = o.EventDriven || os.Getenv(eventDrivenEnv) != ""
	h := &harness{t: t, limit: watchdog, opened: make(chan *recorder, 1<<14), upgrades: make(chan error, 1<<12)}
	if len(prepare) > 0 {
		h.prepare = prepare[0]
	}
	o.Hooks.OnRefused = func(_ *http.Request, ref *Refusal) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.refusals = append(h.refusals, ref)
	}
	o.Hooks.OnUpgrade = func(_ *Session, err error) { h.upgrades <- err }
	h.srv = New(o, func(s *Session) Receiver {
		r := &recorder{session: s, got: make(chan inbound, 16), closed: make(chan error, 1)}
		if h.prepare != nil {
			h.prepare(r)
		}
		h.opened <- r
		return r
	})
	return h
}

func (h *harness) shutdown() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), h.limit)
	defer cancel()
	if err := h.srv.Shutdown(ctx); err != nil {
		h.t.Errorf("Shutdown: %v; %+v", err, h.srv.Stats())
	}
	st := h.srv.Stats()
	st.BudgetBytes = 0
	if st != (Stats{}) {
		h.t.Errorf("after Shutdown: %+v", st)
	}
}

// rules returns the rules of all refusals so far.
func (h *harness) rules() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var names []string
	for _, r := range h.refusals {
		names = append(names, r.Rule)
	}
	return names
}

// await returns what comes from c, or fails the test.
func await[T any](h *harness, c <-chan T, what string) T {
	h.t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(h.limit):
		h.t.Fatalf("no %s within %s", what, h.limit)
		panic("unreachable")
	}
}

// session waits for the receiver of the next session.
func (h *harness) session() *recorder {
	h.t.Helper()
	return await(h, h.opened, "session")
}

// answer is an HTTP response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request below the path; errors fail the test.
func (h *harness) do(method, query, body string, header ...string) answer {
	h.t.Helper()
	a, err := h.try(h.t.Context(), method, query, body, header...)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, query, err)
	}
	return a
}

// try is do that returns the error. header holds names and values in turn.
func (h *harness) try(ctx context.Context, method, query, body string, header ...string) (answer, error) {
	var reader io.Reader
	if body != "" || method == http.MethodPost {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+testHost+DefaultPath+"?"+query, reader)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := h.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(data)}, err
}

// testHost is the Host of all requests.
const testHost = "server.test"

const pollQuery = "EIO=4&transport=polling"

// openPolling makes a polling session.
func (h *harness) openPolling() (sid string, r *recorder) {
	h.t.Helper()
	a := h.do(http.MethodGet, pollQuery, "")
	if a.status != http.StatusOK || !strings.HasPrefix(a.body, `0{"sid":"`) {
		h.t.Fatalf("handshake: %+v", a)
	}
	return strings.Split(a.body, `"`)[3], h.session()
}

// get and post are requests of a polling session.
func (h *harness) get(sid string) answer {
	h.t.Helper()
	return h.do(http.MethodGet, pollQuery+"&sid="+sid, "")
}

func (h *harness) post(sid, body string) answer {
	h.t.Helper()
	return h.do(http.MethodPost, pollQuery+"&sid="+sid, body, "Content-Type", "text/plain;charset=UTF-8")
}

// goGet starts a GET and returns when the server has parked it.
func (h *harness) goGet(r *recorder) <-chan answer {
	h.t.Helper()
	c := make(chan answer, 1)
	ctx := h.t.Context()
	// Owner: the test, which receives from c or ends the context.
	go func() {
		a, err := h.try(ctx, http.MethodGet, pollQuery+"&sid="+r.session.ID(), "")
		if err != nil {
			a.body = err.Error()
		}
		c <- a
	}()
	h.eventually("parked GET", func() bool {
		r.session.mu.Lock()
		defer r.session.mu.Unlock()
		return r.session.polling.get != nil
	})
	return c
}

// eventually waits until a condition of the server's state holds.
func (h *harness) eventually(what string, cond func() bool) {
	h.t.Helper()
	if h.bubble {
		synctest.Wait()
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(h.limit)
	for !cond() {
		select {
		case <-tick.C:
		case <-limit:
			h.t.Fatalf("no %s within %s", what, h.limit)
		}
	}
}

// dial opens a websocket below the path.
func (h *harness) dial(query string, header ...string) (*websocket.Conn, *http.Response, error) {
	hdr := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		hdr.Set(header[i], header[i+1])
	}
	d := websocket.Dialer{
		NetDial:          func(string, string) (net.Conn, error) { return h.connect() },
		HandshakeTimeout: h.limit,
	}
	return d.Dial("ws://"+testHost+DefaultPath+"?"+query, hdr)
}

// openWebSocket makes a session that begins as websocket.
func (h *harness) openWebSocket() (*websocket.Conn, *recorder) {
	h.t.Helper()
	conn, _, err := h.dial("EIO=4&transport=websocket")
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	if m := h.read(conn); !strings.HasPrefix(m, `0{"sid":"`) {
		h.t.Fatalf("open packet %q", m)
	}
	return conn, h.session()
}

// read returns the next message of a websocket client, binary ones as "binary:…".
func (h *harness) read(conn *websocket.Conn) string {
	h.t.Helper()
	m, err := h.readMessage(conn)
	if err != nil {
		h.t.Fatalf("read: %v", err)
	}
	return m
}

func (h *harness) readMessage(conn *websocket.Conn) (string, error) {
	_ = conn.SetReadDeadline(time.Now().Add(h.limit))
	kind, data, err := conn.ReadMessage()
	if kind == websocket.BinaryMessage {
		return "binary:" + string(data), err
	}
	return string(data), err
}

func (h *harness) write(conn *websocket.Conn, text string) {
	h.t.Helper()
	if err := conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		h.t.Fatalf("write %q: %v", text, err)
	}
}

// closeCode reads until the connection ends and returns the code of the close
// frame, 1006 if there was none.
func (h *harness) closeCode(conn *websocket.Conn) int {
	h.t.Helper()
	for {
		_, err := h.readMessage(conn)
		var framed *websocket.CloseError
		switch {
		case err == nil:
			continue
		case errors.As(err, &framed):
			return framed.Code
		case isTimeout(err):
			h.t.Fatalf("the websocket did not end: %v", err)
		}
		return websocket.CloseAbnormalClosure
	}
}

func message(text string, attachments ...string) *Message {
	var list [][]byte
	for _, a := range attachments {
		list = append(list, []byte(a))
	}
	return NewMessage([]byte(text), list...)
}

// numbered is the text of message i, of a size that varies.
func numbered(i int) string {
	return fmt.Sprintf("2[%d,%q]", i, bytes.Repeat([]byte{'x'}, i%97))
}
