package main

import (
	"context"
	"errors"
	"time"

	"github.com/realtime-go/realtime/internal/loadgen"
)

// load opens the connections and puts the load on them. An interrupt ends it early, with what was measured until then.
func load(ctx context.Context, s settings, p *progress) (r *report, err error) {
	cfg := s.config()
	cfg.Progress = func(ready, begun int) { p.line(false, "connecting: %d of %d", ready, s.connections) }
	begin := time.Now()
	c, err := loadgen.Dial(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	r = &report{Connections: s.connections, Rooms: s.rooms, Transport: s.transport, ConnectSeconds: time.Since(begin).Seconds()}
	p.line(true, "connected: %d in %s", s.connections, time.Since(begin).Round(time.Millisecond))
	if s.silent() {
		return r, r.hold(ctx, c, s.duration, p)
	}
	l := s.load()
	l.Tick = func(t loadgen.Sample) {
		r.Seconds = append(r.Seconds, secondOf(t))
		p.line(len(r.Seconds) == 1, "%3.0f s  %d connections  %d sent  %d received  p50 %s  p99 %s", t.Since.Seconds(), t.Ready, t.Sent, t.Delivered, brief(t.P50), brief(t.P99))
	}
	res, err := c.Run(ctx, l)
	r.take(res)
	if errors.Is(err, context.Canceled) && res.Wall > 0 {
		r.Interrupted, err = true, nil
	}
	return r, err
}

// hold keeps silent connections.
func (r *report) hold(ctx context.Context, c *loadgen.Client, d time.Duration, p *progress) error {
	begin := time.Now()
	for left := d; left > 0; left = d - time.Since(begin) {
		p.line(false, "%3.0f s  held", time.Since(begin).Seconds())
		if err := c.Idle(ctx, min(left, time.Second)); err != nil {
			if r.Interrupted = errors.Is(err, context.Canceled); r.Interrupted {
				break
			}
			return err
		}
	}
	r.WallSeconds = time.Since(begin).Seconds()
	r.Breaks, r.Returns, r.Break = breaks(c.Away())
	return nil
}

func breaks(n, returns int, last error) (int, int, string) {
	if last == nil {
		return n, returns, ""
	}
	return n, returns, last.Error()
}
