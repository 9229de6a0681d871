package servers

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter"
)

// newRealtime is this library on default settings, but that the rates of events and bytes are not limited: the closed
// loops are floods by design.
func newRealtime(ctx context.Context, o Options) (http.Handler, error) {
	cfg := realtime.Config{Logger: slog.New(slog.DiscardHandler), Limits: realtime.Limits{EventRate: -1, ByteRate: -1}}
	if o.FlushDelay != "" {
		delay, err := time.ParseDuration(o.FlushDelay)
		if err != nil {
			return nil, err
		}
		cfg.FlushDelay = delay
	}
	if o.Redis != "" {
		wire := redisadapter.NodeClassic
		if o.Wire == "native" {
			wire = redisadapter.Native
		}
		adapter, err := redisadapter.New(redisadapter.Config{
			Redis: rueidis.ClientOption{InitAddress: []string{o.Redis}}, Wire: wire, PublishOnSpecificResponseChannel: wire == redisadapter.NodeClassic,
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
	realtime.On(srv, "msg", func(ctx context.Context, c *realtime.Conn, d data) error { return c.To(d.R).Emit(ctx, "msg", d) })
	realtime.Handle(srv, "echo", func(_ context.Context, _ *realtime.Conn, d data) (data, error) { return d, nil })
	return srv, srv.Start(ctx)
}
