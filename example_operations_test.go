package realtime_test

import (
	"encoding/json"
	"net/http"

	"github.com/realtime-go/realtime"
)

// Pages for operators, on a listener of their own: they show who is connected, and from where.
func ExampleServer_DebugHandler() {
	srv, err := realtime.New(realtime.Config{})
	if err != nil {
		panic(err)
	}
	operators := http.NewServeMux()
	operators.Handle("/debug/realtime", srv.DebugHandler())
	operators.HandleFunc("/readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := srv.Ready(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	operators.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(srv.Health()) // for people and alerts, not for the balancer
	})
	_ = operators // http.ListenAndServe("127.0.0.1:9090", operators)
}
