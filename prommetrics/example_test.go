package prommetrics_test

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/prommetrics"
)

// A program with one server serves its figures at /metrics.
func Example() {
	registry := prometheus.NewRegistry()
	metrics, err := prommetrics.New(registry, prommetrics.Options{})
	if err != nil {
		panic(err)
	}
	srv, err := realtime.New(realtime.Config{Observer: metrics.Observer(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	if err := metrics.Watch(srv); err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{})) // where only operators come
	families, err := registry.Gather()
	fmt.Println(len(families) > 10, err)
	// Output: true <nil>
}
