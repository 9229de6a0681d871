package wiretest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-go/realtime"
)

// InProcess starts our own server for each case, behind an http.Server whose connections are pipes, so that a case can run
// in a testing/synctest bubble: timeouts cost no time, and Settle knows when the server has nothing left to do.
type InProcess struct {
	// Settle returns when every goroutine of the bubble waits (synctest.Wait).
	Settle func()
}

// New is a Factory.
func (f InProcess) New(s *Script) (Server, error) {
	p := &inProcess{script: s, settle: f.Settle, listener: newPipeListener(), journal: NewJournal()}
	if err := p.start(); err != nil {
		return nil, err
	}
	p.http = &http.Server{Handler: p, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), ReadHeaderTimeout: time.Minute}
	p.served = make(chan struct{})
	// Ends when Stop closes the listener; Stop waits for it.
	go func() {
		defer close(p.served)
		_ = p.http.Serve(p.listener)
	}()
	return p, nil
}

// inProcess is one server of this process.
type inProcess struct {
	script   *Script
	settle   func()
	listener interface {
		net.Listener
		dial() (net.Conn, error)
	}
	http    *http.Server
	served  chan struct{}
	journal *Journal
	path    string // what the program around the library mounts it under

	mu    sync.Mutex
	srv   realtime.Server
	muted *atomic.Bool // the journal of a server that was replaced
}

func (p *inProcess) start() error {
	muted := &atomic.Bool{}
	log := func(v any) {
		if !muted.Load() {
			p.journal.Add(v)
		}
	}
	cfg, err := settingsOf(&p.script.Options)
	if err != nil {
		return err
	}
	instrument(&cfg, log)
	app := applicationOf(p.script)
	if app.configure != nil {
		app.configure(&cfg)
	}
	srv, err := realtime.New(cfg)
	if err != nil {
		return fmt.Errorf("wiretest: %w", err)
	}
	app.run(srv, log)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.srv, p.muted, p.path = srv, muted, cfg.Path
	return nil
}

func (p *inProcess) current() realtime.Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.srv
}

// ServeHTTP is the program around the library: what is not below the path is not found.
func (p *inProcess) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, cmpOr(p.path, "/socket.io/")) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	p.current().ServeHTTP(w, r)
}

func cmpOr(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// settlePause is what a server may need of (fake) time to deal with what it was sent: it may collect messages briefly before it writes them.
const settlePause = 5 * time.Millisecond

func (p *inProcess) Settle() {
	pause := time.NewTimer(settlePause)
	<-pause.C
	p.settle()
}

func (p *inProcess) Dial() (net.Conn, error) { return p.listener.dial() }
func (p *inProcess) Journal() *Journal       { return p.journal }

func (p *inProcess) Shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.current().Shutdown(ctx)
}

// Restart replaces the server; the old one ends in silence.
func (p *inProcess) Restart() error {
	p.mu.Lock()
	old, muted := p.srv, p.muted
	p.mu.Unlock()
	muted.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.start(); err != nil {
		return err
	}
	return old.Shutdown(ctx)
}

// lastWords is longer than net/http keeps a connection open that it wants to close, so that the client can read its answer.
const lastWords = time.Second

func (p *inProcess) Stop() error {
	err := errors.Join(p.Shutdown(), p.http.Close())
	<-p.served
	wait := time.NewTimer(lastWords)
	<-wait.C
	return err
}

// Reports is everything but the "error" event that Node fires on its own socket when a packet is bad.
func (p *inProcess) Reports(kind string) bool { return kind != "sio_error" }

// pipeListener is a net.Listener whose connections are pipes within the process.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	port   atomic.Int32
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) dial() (net.Conn, error) {
	client, server := net.Pipe()
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 40000 + int(l.port.Add(1))}
	select {
	case l.conns <- addressedConn{server, addr}:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Accept implements net.Listener.
func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// addressedConn is a pipe that looks as if it came from somewhere.
type addressedConn struct {
	net.Conn
	from net.Addr
}

// RemoteAddr implements net.Conn.
func (c addressedConn) RemoteAddr() net.Addr { return c.from }
