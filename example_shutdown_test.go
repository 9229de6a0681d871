package realtime_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/realtime-go/realtime"
)

// A program that ends in order: first the realtime server, whose clients come back by themselves, to another
// node if there is one; then the web server, which does not know of websockets.
func ExampleServer_Shutdown() {
	srv, err := realtime.New(realtime.Config{})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := srv.Ready(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	web := &http.Server{Addr: ":3001", Handler: mux, ReadHeaderTimeout: 5 * time.Second}

	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	ended := make(chan struct{})
	go func() { // ends with the signal; main waits for it
		defer close(ended)
		<-stop.Done()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := errors.Join(srv.Shutdown(ctx), web.Shutdown(ctx)); err != nil {
			slog.Error("not everything ended in time", "err", err)
		}
	}()
	if err := web.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		slog.Error("web server", "err", err)
		cancel()
	}
	<-ended
}
