package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter"
)

type saying struct {
	realtime.Positional
	Room string
	Data json.RawMessage
}

func newRealtime(o order) (service, error) {
	cfg := realtime.Config{
		FlushDelay:  time.Duration(o.Flush) * time.Millisecond,
		EventDriven: o.Event,
		Limits:      realtime.Limits{EventRate: -1, ByteRate: -1},
		Logger:      slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	watch, err := instrument(&cfg, o.Watch)
	if err != nil {
		return service{}, err
	}
	if o.Redis != "" {
		wire := redisadapter.NodeClassic
		if o.Native {
			wire = redisadapter.Native
		}
		adapter, err := redisadapter.New(redisadapter.Config{
			Redis: rueidis.ClientOption{InitAddress: []string{o.Redis}}, Prefix: o.Prefix, Wire: wire,
			PublishOnSpecificResponseChannel: !o.Native, Logger: cfg.Logger,
		})
		if err != nil {
			return service{}, err
		}
		cfg.Adapter = adapter
	}
	srv, err := realtime.New(cfg)
	if err == nil {
		err = watch(srv)
	}
	if err != nil {
		return service{}, err
	}
	realtime.Handle(srv, "join", func(ctx context.Context, c *realtime.Conn, room string) (bool, error) {
		for i := range o.Extra {
			if err := c.Join(ctx, fmt.Sprintf("%s-%d", c.ID(), i)); err != nil {
				return false, err
			}
		}
		return true, c.Join(ctx, room)
	})
	realtime.On(srv, "say", func(ctx context.Context, c *realtime.Conn, s saying) error {
		return c.To(s.Room).Emit(ctx, "msg", s.Data)
	})
	realtime.Handle(srv, "echo", func(_ context.Context, _ *realtime.Conn, v json.RawMessage) (json.RawMessage, error) { return v, nil })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := srv.Start(ctx); err != nil {
		return service{}, err
	}
	l := srv.Stats().Limits
	text := fmt.Sprintf("FlushDelay %s, EventDriven %t, EventRate %d, ByteRate %d, InboundEvents %d, OutboundMessages %d, OutboundBytes %d",
		cfg.FlushDelay, cfg.EventDriven, l.EventRate, l.ByteRate, l.InboundEvents, l.OutboundMessages, l.OutboundBytes)
	return service{srv, text, srv.Shutdown}, nil
}
