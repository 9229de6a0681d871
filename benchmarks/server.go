package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
)

// asServer is the environment variable that makes this program, or the one on Node.js, a server.
const asServer = "REALTIME_BENCH_NODE"

// patience is how long anything may take that takes no time on a healthy machine.
const patience = 30 * time.Second

// order tells a server what it is to be.
type order struct {
	Kind    string `json:"kind"`
	Redis   string `json:"redis,omitempty"` // address; "": a single node
	Prefix  string `json:"prefix,omitempty"`
	Native  bool   `json:"native,omitempty"`   // the wire between Go nodes
	Flush   int    `json:"flush_ms,omitempty"` // FlushDelay
	Event   bool   `json:"event,omitempty"`    // EventDriven
	Watch   string `json:"watch,omitempty"`    // "metrics" or "traces"
	Profile string `json:"profile,omitempty"`  // path of profiles, see profiler
	Extra   int    `json:"extra,omitempty"`    // rooms that each connection joins beside its own, and nobody uses
}

// greeting is the first line that a server prints.
type greeting struct {
	Addr     string `json:"addr"`
	Versions string `json:"versions"`
	Config   string `json:"config"`
}

// service is a server of one kind.
type service struct {
	handler http.Handler
	config  string // as it is in effect
	stop    func(context.Context) error
}

// kinds are the servers written in Go.
var kinds = map[string]func(order) (service, error){
	"realtime":   newRealtime,
	"gorilla":    newGorilla,
	"melody":     newMelody,
	"gws":        newGws,
	"centrifuge": newCentrifuge,
}

// serve is a server. It does what each line of its input says, collects garbage or begins and ends a profile, and ends with it.
func serve(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return fmt.Errorf("%s: %w", asServer, err)
	}
	build := kinds[o.Kind]
	if build == nil {
		return fmt.Errorf("%s: no server %q", asServer, o.Kind)
	}
	s, err := build(o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, s.stop(ctx))
	}
	web := &http.Server{Handler: s.handler, ReadHeaderTimeout: patience}
	served := make(chan error, 1)
	go func() { served <- web.Serve(ln) }() // owned by serve, ends with Close
	say, profiles := json.NewEncoder(os.Stdout), profiler{path: o.Profile}
	err = say.Encode(greeting{ln.Addr().String(), goVersions(o.Kind), fmt.Sprintf("GOMAXPROCS %d, %s", runtime.GOMAXPROCS(0), s.config)})
	for in := bufio.NewScanner(os.Stdin); err == nil && in.Scan(); {
		if in.Text() == profileLine {
			err = profiles.toggle()
		} else {
			debug.FreeOSMemory()
		}
		err = errors.Join(err, say.Encode("done"))
	}
	ctx, cancel = context.WithTimeout(context.Background(), patience)
	defer cancel()
	err = errors.Join(err, s.stop(ctx), web.Close())
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// modules are those that a server is made of, by the last part of their paths.
var modules = map[string][]string{
	"realtime":   {"websocket", "rueidis"},
	"gorilla":    {"websocket"},
	"melody":     {"melody", "websocket"},
	"gws":        {"gws"},
	"centrifuge": {"centrifuge", "rueidis"},
}

func goVersions(kind string) string {
	text := runtime.Version()
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return text
	}
	for _, m := range info.Deps {
		if name := path.Base(m.Path); slices.Contains(modules[kind], name) {
			text += ", " + name + " " + m.Version
		}
	}
	return text
}
