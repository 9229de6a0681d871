package oteltrace_test

import (
	"context"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/oteltrace"
)

// A program gives its provider, here one without an exporter.
func Example() {
	provider := trace.NewTracerProvider()
	srv, err := realtime.New(realtime.Config{
		Tracer: oteltrace.New(oteltrace.Options{Provider: provider, Propagator: propagation.TraceContext{}}),
		Logger: slog.New(slog.DiscardHandler),
	})
	fmt.Println(srv != nil, err, provider.Shutdown(context.Background()))
	// Output: true <nil> <nil>
}
