package prommetrics_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/prommetrics"
)

// site is a program that serves clients and its metrics on one real address.
type site struct {
	realtime.Server
	t       testing.TB
	url     string
	metrics *prommetrics.Metrics
}

func serve(t testing.TB, cfg realtime.Config, o prommetrics.Options) *site {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	metrics, err := prommetrics.New(registry, o)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Observer = metrics.Observer()
	cfg.Logger = slog.New(slog.DiscardHandler)
	srv, err := realtime.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := metrics.Watch(srv); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	ts := httptest.NewServer(mux)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		ts.Close()
	})
	return &site{srv, t, ts.URL, metrics}
}

// client is a joined websocket.
type client struct {
	*websocket.Conn
	t testing.TB
}

func (s *site) connect(namespace string) *client {
	s.t.Helper()
	ws, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.url, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = resp.Body.Close()
	s.t.Cleanup(func() { _ = ws.Close() })
	c := &client{ws, s.t}
	c.expect("0{")
	c.send("40" + namespace)
	c.expect("40")
	return c
}

func (c *client) send(text string) {
	c.t.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) expect(beginning string) {
	c.t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		c.t.Fatal(err)
	}
	_, data, err := c.ReadMessage()
	if err != nil || !strings.HasPrefix(string(data), beginning) {
		c.t.Fatalf("got %q %v, want %s…", data, err, beginning)
	}
}

// scrape returns every series of the library's with its value.
func (s *site) scrape() map[string]float64 {
	s.t.Helper()
	resp, err := http.Get(s.url + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	return parse(s.t, resp.Body)
}

func parse(t testing.TB, r io.Reader) map[string]float64 {
	t.Helper()
	series := make(map[string]float64)
	for lines := bufio.NewScanner(r); lines.Scan(); {
		line := lines.Text()
		i := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || i < 0 {
			continue
		}
		v, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		series[line[:i]] = v
	}
	return series
}

// expect scrapes until the series have their values: what a client has seen may be counted a moment later.
func (s *site) expect(want map[string]float64) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for {
		got, wrong := s.scrape(), ""
		for name, v := range want {
			if have, ok := got[name]; !ok || have != v {
				wrong += "\n" + name + ": " + strconv.FormatFloat(have, 'g', -1, 64) + ", want " + strconv.FormatFloat(v, 'g', -1, 64)
			}
		}
		if wrong == "" {
			return
		}
		if ctx.Err() != nil {
			s.t.Fatal(wrong)
		}
	}
}
