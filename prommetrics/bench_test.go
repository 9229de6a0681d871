package prommetrics_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/prommetrics"
	"github.com/realtime-go/realtime/realtimetest"
)

// BenchmarkScrape is one scrape of a node with 10,000 connections and 200 event names that go both ways.
func BenchmarkScrape(b *testing.B) {
	registry := prometheus.NewRegistry()
	metrics, err := prommetrics.New(registry, prommetrics.Options{})
	if err != nil {
		b.Fatal(err)
	}
	o := metrics.Observer()
	srv, err := realtime.New(realtime.Config{Observer: o, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	if err := metrics.Watch(srv); err != nil {
		b.Fatal(err)
	}
	host := realtimetest.Serve(b, srv)
	for range 10_000 {
		host.Connect(realtimetest.Options{})
	}
	for i := range 200 {
		name := fmt.Sprintf("table:event-%03d", i)
		o.Handled("/", name, 100, time.Millisecond, "")
		o.Emitted("/", name, 10, 0, 100)
	}
	page := promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true})
	size := 0
	for b.Loop() {
		w := httptest.NewRecorder()
		page.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		n, err := io.Copy(io.Discard, w.Body)
		if err != nil {
			b.Fatal(err)
		}
		size = int(n)
	}
	b.ReportMetric(float64(size), "bytes/scrape")
}

// BenchmarkObserver is what the calls of one event cost that comes in and goes out to one connection.
func BenchmarkObserver(b *testing.B) {
	metrics, err := prommetrics.New(prometheus.NewRegistry(), prommetrics.Options{})
	if err != nil {
		b.Fatal(err)
	}
	o := metrics.Observer()
	b.ReportAllocs()
	for b.Loop() {
		o.Received("websocket", 100)
		o.Handled("/", "say", 100, time.Millisecond, "")
		o.Emitted("/", "said", 10, 0, 100)
		o.Written("websocket", 1, 100)
	}
}
