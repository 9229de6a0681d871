package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/oteltrace"
	"github.com/realtime-go/realtime/prommetrics"
)

// instrument turns metrics or traces on; watch is called with the server.
func instrument(cfg *realtime.Config, what string) (watch func(realtime.Server) error, err error) {
	watch = func(realtime.Server) error { return nil }
	switch what {
	case "metrics":
		metrics, err := prommetrics.New(prometheus.NewRegistry(), prommetrics.Options{})
		if err != nil {
			return nil, err
		}
		cfg.Observer, watch = metrics.Observer(), metrics.Watch
	case "traces":
		provider := trace.NewTracerProvider(trace.WithBatcher(discard{}))
		cfg.Tracer = oteltrace.New(oteltrace.Options{Provider: provider, Propagator: propagation.TraceContext{}})
	}
	return watch, nil
}

// discard is an exporter that does nothing.
type discard struct{}

func (discard) ExportSpans(context.Context, []trace.ReadOnlySpan) error { return nil }
func (discard) Shutdown(context.Context) error                          { return nil }
