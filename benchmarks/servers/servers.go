// Package servers holds the servers that the benchmarks compare, each as its users would write it: what a client
// joins is a room, "msg" goes to the others in a room, "echo" is answered.
package servers

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"runtime/debug"
)

// Options are what differs between runs.
type Options struct {
	Redis       string // address of a Redis that joins several processes, "" for one alone
	Wire        string // of the realtime server over Redis: classic or native
	FlushDelay  string // of the realtime server, a duration
	EventDriven bool   // of the realtime server
}

// New makes a server by its name.
func New(ctx context.Context, name string, o Options) (http.Handler, error) {
	switch name {
	case "realtime":
		return newRealtime(ctx, o)
	case "gorilla":
		return newGorilla(), nil
	case "melody":
		return newMelody(), nil
	case "gws":
		return newGWS(), nil
	case "centrifuge":
		return newCentrifuge(o)
	}
	return nil, fmt.Errorf("no server %q", name)
}

// Serve listens on a free port of loopback and says where on standard output. It adds the path /gc, which makes the
// process give back what it does not need, and profiles under /debug/pprof.
func Serve(ctx context.Context, name string, o Options) error {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	handler, err := New(ctx, name, o)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", handler)
	mux.HandleFunc("/gc", func(http.ResponseWriter, *http.Request) {
		runtime.GC()
		debug.FreeOSMemory()
	})
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/heap", pprof.Handler("heap").ServeHTTP)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	server := &http.Server{Handler: mux} //nolint:gosec // loopback, and ends with the benchmark
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	if err := server.Serve(l); ctx.Err() == nil {
		return err
	}
	return nil
}

// data is the payload of every message.
type data struct {
	N string `json:"n"`
	R string `json:"r"`
	P string `json:"p,omitempty"`
}

// envelope is a message on a bare websocket.
type envelope struct {
	E string          `json:"e"`
	D json.RawMessage `json:"d,omitempty"`
}

// decode takes an envelope apart.
func decode(message []byte) (event string, d data, raw json.RawMessage) {
	var e envelope
	if json.Unmarshal(message, &e) != nil || json.Unmarshal(e.D, &d) != nil {
		return "", data{}, nil
	}
	return e.E, d, e.D
}

// encode makes one.
func encode(event string, d any) []byte {
	raw, err := json.Marshal(d)
	if err != nil {
		return nil
	}
	message, _ := json.Marshal(envelope{event, raw})
	return message
}
