package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter"
)

// asServer is the environment variable that makes this program a node, and tells a node of
// either kind what it is to be.
const asServer = "REALTIME_BENCH_NODE"

// order is what a node is told.
type order struct {
	Redis  string            `json:"redis"` // address; "": no adapter
	Prefix string            `json:"prefix"`
	Wire   redisadapter.Wire `json:"wire"`
}

// greeting is the first line that a node prints.
type greeting struct {
	Addr     string `json:"addr"`
	Versions string `json:"versions"`
	Config   string `json:"config"` // as it is in effect
}

type say struct {
	realtime.Positional
	Room, Text string
}

// serve is a Go node. It ends when its input does.
func serve() error {
	var o order
	if err := json.Unmarshal([]byte(os.Getenv(asServer)), &o); err != nil {
		return fmt.Errorf("%s: %w", asServer, err)
	}
	srv, err := newServer(o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := srv.Start(ctx); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, srv.Shutdown(ctx))
	}
	web := &http.Server{Handler: srv, ReadHeaderTimeout: patience}
	served := make(chan error, 1)
	go func() { served <- web.Serve(ln) }() // owned by serve, ends with Shutdown
	if err := json.NewEncoder(os.Stdout).Encode(greeting{ln.Addr().String(), goVersions(), o.config(srv)}); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	ctx, cancel = context.WithTimeout(context.Background(), patience)
	defer cancel()
	err = errors.Join(srv.Shutdown(ctx), web.Shutdown(ctx))
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

func newServer(o order) (realtime.Server, error) {
	cfg := realtime.Config{
		Limits: realtime.Limits{EventRate: -1, ByteRate: -1},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	if o.Redis != "" {
		adapter, err := redisadapter.New(redisadapter.Config{
			Redis:                            rueidis.ClientOption{InitAddress: []string{o.Redis}},
			Wire:                             o.Wire,
			Prefix:                           o.Prefix,
			PublishOnSpecificResponseChannel: o.Wire == redisadapter.NodeClassic,
			Logger:                           cfg.Logger,
		})
		if err != nil {
			return nil, err
		}
		cfg.Adapter = adapter
	}
	srv, err := realtime.New(cfg)
	if err != nil {
		return nil, err
	}
	realtime.Handle(srv, "join", func(ctx context.Context, c *realtime.Conn, room string) (bool, error) { return true, c.Join(ctx, room) })
	realtime.On(srv, "say", func(ctx context.Context, _ *realtime.Conn, s say) error {
		return srv.To(s.Room).Emit(ctx, "msg", s.Text)
	})
	return srv, nil
}

// config tells what matters here of the configuration that is in effect.
func (o order) config(srv realtime.Server) string {
	l := srv.Stats().Limits
	text := fmt.Sprintf("GOMAXPROCS %d, EventRate %d, ByteRate %d, InboundEvents %d, OutboundMessages %d, OutboundBytes %d",
		runtime.GOMAXPROCS(0), l.EventRate, l.ByteRate, l.InboundEvents, l.OutboundMessages, l.OutboundBytes)
	if o.Redis != "" {
		text += fmt.Sprintf(", Wire %d, PublishOnSpecificResponseChannel %t", o.Wire, o.Wire == redisadapter.NodeClassic)
	}
	return text
}

func goVersions() string {
	text := runtime.Version()
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return text
	}
	for _, m := range info.Deps {
		if name := path.Base(m.Path); name == "websocket" || name == "rueidis" {
			text += ", " + m.Path + " " + m.Version
		}
	}
	return text
}

// patience is how long anything may take that takes no time on a healthy machine.
const patience = 20 * time.Second
