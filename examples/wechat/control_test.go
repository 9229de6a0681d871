package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// control starts a server for each scenario.
type control struct {
	t *testing.T

	mu      sync.Mutex
	servers map[string]*playServer
}

// playServer is one of them, with its log.
type playServer struct {
	app *app
	web *httptest.Server
	log chan string // what was logged, as far as it was not read
}

// maxLines is more than a scenario logs.
const maxLines = 10_000

// Write takes a line of the log.
func (s *playServer) Write(line []byte) (int, error) {
	select {
	case s.log <- string(line):
		return len(line), nil
	default:
		return 0, errors.New("too many lines in the log")
	}
}

// line waits for the next line with a message.
func (s *playServer) line(ctx context.Context, msg string) (map[string]any, error) {
	for {
		select {
		case text := <-s.log:
			var line map[string]any
			if err := json.Unmarshal([]byte(text), &line); err != nil || line["msg"] == msg {
				return line, err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// order is what a scenario may ask of its server.
type order struct {
	Origins string
	Player  string        // whose token is wanted
	Left    time.Duration // of that token's life
	Foreign bool          // the login signs with a secret that the server does not know
}

func (c *control) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /servers", func(w http.ResponseWriter, r *http.Request) {
		var o order
		if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer, err := c.serve(o)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(answer)
	})
	mux.HandleFunc("GET /servers/{id}/log", func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		s := c.servers[r.PathValue("id")]
		c.mu.Unlock()
		line, err := s.line(r.Context(), r.FormValue("msg"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		_ = json.NewEncoder(w).Encode(line)
	})
	mux.HandleFunc("DELETE /servers/{id}", func(_ http.ResponseWriter, r *http.Request) { c.end(r.PathValue("id")) })
	return mux
}

func (c *control) serve(o order) (map[string]string, error) {
	secret := rand.Text() + rand.Text()
	s := settings{origins: o.Origins, secret: secret, lifetime: time.Hour, grace: time.Hour}
	ps := &playServer{log: make(chan string, maxLines)}
	var err error
	if ps.app, err = newApp(s, slog.New(slog.NewJSONHandler(ps, &slog.HandlerOptions{Level: slog.LevelDebug}))); err != nil {
		return nil, err
	}
	token, err := sign([]byte(secret), "dev-"+o.Player, time.Now().Add(o.Left-time.Hour), time.Hour)
	if err != nil {
		return nil, err
	}
	var h http.Handler = ps.app
	if o.Foreign {
		mux := http.NewServeMux()
		mux.Handle("/", ps.app)
		mux.Handle("POST /login", &login{developmentExchange, []byte(rand.Text() + rand.Text()), s.lifetime})
		h = mux
	}
	ps.web = httptest.NewUnstartedServer(h)
	ps.web.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // phones that are cut off in a handshake
	ps.web.StartTLS()
	c.mu.Lock()
	defer c.mu.Unlock()
	id := strconv.Itoa(len(c.servers))
	c.servers[id] = ps
	_, port, _ := strings.Cut(strings.TrimPrefix(ps.web.URL, "https://"), ":")
	return map[string]string{"id": id, "url": "https://example.com:" + port, "token": token}, nil
}

func (c *control) end(id string) {
	c.mu.Lock()
	s := c.servers[id]
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := s.app.shutdown(ctx); err != nil {
		c.t.Errorf("server %s: %v", id, err)
	}
	s.web.Close()
}

// stop ends what a failed scenario left. Ending twice does no harm.
func (c *control) stop() {
	for id := range c.servers {
		c.end(id)
	}
}
