package realtimetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// shutdownTimeout is how long the end of a test waits for the server's callbacks.
const shutdownTimeout = 30 * time.Second

// Server serves a handler over in-memory connections. It ends with its test: clients are closed first, then
// the handler's Shutdown is called if it has one. Its methods may be called concurrently.
type Server struct {
	t        testing.TB
	http     *http.Server
	listener *listener

	mu      sync.Mutex
	clients []*link
	dialled int
}

// Serve starts serving h for the rest of the test.
func Serve(t testing.TB, h http.Handler) *Server {
	t.Helper()
	s := &Server{t: t, listener: newListener()}
	s.http = &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan struct{})
	go func() { // owned by s, ends when the listener is closed
		defer close(served)
		_ = s.http.Serve(s.listener)
	}()
	t.Cleanup(func() {
		s.mu.Lock()
		links := s.clients
		s.mu.Unlock()
		for _, l := range links {
			l.close(ReasonClient)
		}
		s.shutdown(h)
		_ = s.http.Close()
		<-served
		for _, l := range links {
			<-l.ended
		}
	})
	return s
}

func (s *Server) shutdown(h http.Handler) {
	srv, ok := h.(interface{ Shutdown(context.Context) error })
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		s.t.Errorf("realtimetest: Shutdown: %v", err)
	}
}

// Do sends a plain HTTP request to the server, for tests of other handlers beside it. The host of its URL
// is not looked at. The caller closes the response's body.
func (s *Server) Do(r *http.Request) (*http.Response, error) {
	c := &http.Client{Transport: &http.Transport{DialContext: s.dialer("192.0.2.1"), DisableKeepAlives: true}}
	r = r.Clone(r.Context())
	r.RequestURI = ""
	r.URL.Scheme, r.URL.Host = "http", "realtime.test"
	return c.Do(r)
}

// dialer returns a dial function whose connections come from the given address.
func (s *Server) dialer(address string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		s.mu.Lock()
		s.dialled++
		port := 40000 + s.dialled
		s.mu.Unlock()
		return s.listener.dial(ctx, fmt.Sprintf("%s:%d", address, port))
	}
}

// listener hands one end of a pipe to the server for each dial.
type listener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newListener() *listener {
	return &listener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *listener) dial(ctx context.Context, remote string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- &pipeConn{server, addr("192.0.2.254:80"), addr(remote)}:
		return &pipeConn{client, addr(remote), addr("192.0.2.254:80")}, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Accept returns the server's end of the next dial.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr returns an address of the documentation range.
func (l *listener) Addr() net.Addr { return addr("192.0.2.254:80") }

// pipeConn is a pipe's end with addresses that look like a network's.
type pipeConn struct {
	net.Conn
	local, remote addr
}

func (c *pipeConn) LocalAddr() net.Addr  { return c.local }
func (c *pipeConn) RemoteAddr() net.Addr { return c.remote }

type addr string

func (a addr) Network() string { return "tcp" }
func (a addr) String() string  { return string(a) }

var errTimeout = errors.New("nothing came in time")
