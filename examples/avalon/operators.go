package main

import (
	"encoding/json"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/realtime-go/realtime"
)

// operators serves the pages of those who run the program. They show who is connected and from where, and so have an address of
// their own, which players do not reach.
func operators(srv realtime.Server, metrics prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.Handle("/debug/realtime", srv.DebugHandler())
	mux.HandleFunc("GET /readyz", ready(srv))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(srv.Health()) // whoever asked may have gone
	})
	return mux
}

// ready tells a balancer whether this process should get players.
func ready(srv realtime.Server) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := srv.Ready(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	}
}
