//go:build unix

package redisadapter_test

import (
	"log/slog"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/oteltrace"
	"github.com/realtime-go/realtime/redisadapter"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// TestTraceCrossesRedis: what a node does for another one is part of the trace that the other one began.
func TestTraceCrossesRedis(t *testing.T) {
	for _, wire := range []redisadapter.Wire{redisadapter.Native, redisadapter.Rolling} {
		cfg := options(redistest.Start(t).Addr)
		cfg.Wire = wire
		exporter := tracetest.NewInMemoryExporter()
		tracer := oteltrace.New(oteltrace.Options{
			Provider: trace.NewTracerProvider(trace.WithSyncer(exporter)), Propagator: propagation.TraceContext{},
		})
		var nodes []realtime.Server
		for range 2 {
			adapter, err := redisadapter.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			srv, err := realtime.New(realtime.Config{Adapter: adapter, Tracer: tracer, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			if err := srv.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer srv.Shutdown(t.Context()) //nolint:errcheck // the test is about spans
			nodes = append(nodes, srv)
		}
		redistest.Await(t, "both nodes", func() bool {
			list, err := nodes[0].Nodes(t.Context())
			return err == nil && len(list) == 2
		})
		if err := nodes[0].Emit(t.Context(), "news"); err != nil {
			t.Fatal(err)
		}
		redistest.Await(t, "the span of the other node in the trace of this one", func() bool {
			spans := exporter.GetSpans()
			return len(spans) == 2 && spans[1].Name == "receive broadcast" && spans[1].Parent.SpanID() == spans[0].SpanContext.SpanID() &&
				spans[1].SpanContext.TraceID() == spans[0].SpanContext.TraceID()
		})
	}
}
