package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/realtime-go/realtime"
)

// stopLimit bounds a shutdown, generously: nothing in a scenario has to be waited for that long.
const stopLimit = 15 * time.Second

// control is the service behind REALTIME_URL. It starts and stops servers, each on a port of its own.
type control struct {
	log *slog.Logger

	mu      sync.Mutex // guards what follows
	lastID  int
	servers map[string]*instance
}

// newControl makes a service without servers; they log to log.
func newControl(log *slog.Logger) *control {
	return &control{log: log, servers: make(map[string]*instance)}
}

// handler serves the contract that README.md has as a table.
func (s *control) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]string{"implementation": "go"}, nil)
	})
	mux.HandleFunc("POST /servers", func(w http.ResponseWriter, r *http.Request) {
		created, err := s.create(r)
		answer(w, created, err)
	})
	mux.HandleFunc("POST /servers/{id}/shutdown", s.on(func(in *instance, _ *http.Request) (any, error) { return nil, in.stop() }))
	mux.HandleFunc("POST /servers/{id}/restart", s.on(func(in *instance, _ *http.Request) (any, error) { return nil, in.start() }))
	mux.HandleFunc("GET /servers/{id}/accepted", s.on(func(in *instance, _ *http.Request) (any, error) {
		return map[string]int{"accepted": in.count()}, nil
	}))
	mux.HandleFunc("GET /servers/{id}/gone/{conn}", s.on(func(in *instance, r *http.Request) (any, error) {
		return in.gone(r.Context(), r.PathValue("conn"))
	}))
	mux.HandleFunc("DELETE /servers/{id}", s.on(func(in *instance, r *http.Request) (any, error) {
		s.forget(r.PathValue("id"))
		return nil, in.stop()
	}))
	return mux
}

// on finds the server that a request is about.
func (s *control) on(do func(*instance, *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		in := s.servers[r.PathValue("id")]
		s.mu.Unlock()
		if in == nil {
			http.Error(w, "no such server", http.StatusNotFound)
			return
		}
		result, err := do(in, r)
		answer(w, result, err)
	}
}

func (s *control) create(r *http.Request) (any, error) {
	in := &instance{log: s.log, address: "127.0.0.1:0", reports: make(map[string]*report)}
	if err := json.NewDecoder(r.Body).Decode(&in.options); err != nil {
		return nil, err
	}
	if err := in.start(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID++
	id := strconv.Itoa(s.lastID)
	s.servers[id] = in
	return map[string]string{"id": id, "url": "http://" + in.address}, nil
}

func (s *control) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.servers, id)
}

// stop ends the servers that tests left behind, and names them in its error.
func (s *control) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for id, in := range s.servers {
		errs = append(errs, fmt.Errorf("server %s was not removed", id), in.stop())
	}
	clear(s.servers)
	return errors.Join(errs...)
}

func answer(w http.ResponseWriter, result any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if result != nil {
		_ = json.NewEncoder(w).Encode(result) // the test has gone if this fails
	}
}

// options of a server; what is zero has the library's default.
type options struct {
	PingInterval   int      `json:"pingInterval"` // milliseconds, as the next two
	PingTimeout    int      `json:"pingTimeout"`
	ConnectTimeout int      `json:"connectTimeout"`
	MaxPayload     int64    `json:"maxPayload"`
	Origins        []string `json:"origins"`
	Transports     []string `json:"transports"`
	Warning        int      `json:"warning"` // milliseconds before a token ends, as the next one
	Grace          int      `json:"grace"`
	Connections    int      `json:"connections"` // of one user
}

func (o options) config(log *slog.Logger) realtime.Config {
	milliseconds := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	cfg := realtime.Config{
		Origins: o.Origins,
		Heartbeat: realtime.Heartbeat{
			Interval: milliseconds(o.PingInterval), Timeout: milliseconds(o.PingTimeout), ConnectTimeout: milliseconds(o.ConnectTimeout),
		},
		Limits:   realtime.Limits{MessageSize: o.MaxPayload},
		Expiry:   realtime.ExpiryPolicy{Warning: milliseconds(o.Warning), Grace: milliseconds(o.Grace)},
		Sessions: realtime.SessionPolicy{Max: o.Connections},
		Logger:   log,

		EventDriven: os.Getenv("REALTIME_TEST_EVENT_DRIVEN") != "",
	}
	for _, name := range o.Transports {
		switch name {
		case "polling":
			cfg.Transports |= realtime.Polling
		case "websocket":
			cfg.Transports |= realtime.WebSocket
		}
	}
	return cfg
}

// instance is one server, which can be stopped and started again. It observes its application.
type instance struct {
	options options
	log     *slog.Logger
	address string // with the port once it was started

	mu       sync.Mutex // guards what follows
	srv      realtime.Server
	web      *http.Server
	accepted int
	reports  map[string]*report
}

// report of a connection's end; done is closed when it is there.
type report struct {
	done chan struct{}
	ending
}

func (in *instance) start() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	srv, err := realtime.New(in.options.config(in.log))
	if err != nil {
		return err
	}
	if err := application(srv, in); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", in.address)
	if err != nil {
		return err
	}
	in.address = listener.Addr().String()
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	in.srv, in.web = srv, &http.Server{Handler: mux, ReadHeaderTimeout: stopLimit}
	// Owned by the instance; returns when stop shuts the server down.
	go func(web *http.Server) {
		if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			in.log.Error("serving ended", slog.Any("err", err))
		}
	}(in.web)
	return nil
}

// stop does what an operator's program does on a signal. Stopping twice is fine.
func (in *instance) stop() error {
	in.mu.Lock()
	srv, web := in.srv, in.web
	in.srv, in.web = nil, nil
	in.mu.Unlock()
	if srv == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		return fmt.Errorf("shutdown: %w", err)
	}
	if left := srv.Stats(); left.Sessions != 0 || left.Conns != 0 {
		return fmt.Errorf("after the shutdown %d sessions and %d connections are left", left.Sessions, left.Conns)
	}
	return web.Shutdown(ctx)
}

func (in *instance) admitted() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.accepted++
}

func (in *instance) count() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.accepted
}

func (in *instance) ended(e ending) {
	r := in.report(e.ID)
	r.ending = e
	close(r.done)
}

// gone waits for the end of a connection.
func (in *instance) gone(ctx context.Context, id string) (any, error) {
	r := in.report(id)
	select {
	case <-r.done:
		return r.ending, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (in *instance) report(id string) *report {
	in.mu.Lock()
	defer in.mu.Unlock()
	r := in.reports[id]
	if r == nil {
		r = &report{done: make(chan struct{})}
		in.reports[id] = r
	}
	return r
}
