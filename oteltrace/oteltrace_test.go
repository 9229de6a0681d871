package oteltrace_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/memadapter"
	"github.com/realtime-go/realtime/oteltrace"
	"github.com/realtime-go/realtime/realtimetest"
)

// traced runs a test with two servers over one bus, whose spans go to one exporter.
func traced(t *testing.T, o oteltrace.Options, test func(here, there *realtimetest.Server, a, b realtime.Server, spans func() []string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		exporter := tracetest.NewInMemoryExporter()
		o.Provider = trace.NewTracerProvider(trace.WithSyncer(exporter))
		o.Propagator = propagation.TraceContext{}
		bus := memadapter.NewBus()
		server := func() realtime.Server {
			srv, err := realtime.New(realtime.Config{Adapter: bus.Node(), Tracer: oteltrace.New(o), Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			if err := srv.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			return srv
		}
		a, b := server(), server()
		test(realtimetest.Serve(t, a), realtimetest.Serve(t, b), a, b, func() []string {
			synctest.Wait()
			defer exporter.Reset()
			return lines(exporter.GetSpans())
		})
	})
}

// lines are "name < name of the parent: attributes", without ids that are new in each run; "?" is a parent that was not exported.
func lines(spans tracetest.SpanStubs) (out []string) {
	names := map[string]string{}
	for _, s := range spans {
		names[s.SpanContext.SpanID().String()] = s.Name
	}
	for _, s := range spans {
		line := s.Name
		if s.Parent.IsValid() {
			parent := names[s.Parent.SpanID().String()]
			if parent == "" {
				parent = "?"
			}
			line += " < " + parent
		}
		for _, kv := range s.Attributes {
			switch kv.Key {
			case "realtime.conn.id", "realtime.node":
				if kv.Value.AsString() == "" {
					line += " without " + string(kv.Key)
				}
			default:
				line += fmt.Sprintf(" %s=%s", strings.TrimPrefix(string(kv.Key), "realtime."), kv.Value.Emit())
			}
		}
		if s.Status.Code == codes.Error {
			line += " failed: " + s.Status.Description
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

// TestTraceCrossesNodes follows an event into another node's OnServerSide function.
func TestTraceCrossesNodes(t *testing.T) {
	traced(t, oteltrace.Options{}, func(here, there *realtimetest.Server, a, b realtime.Server, spans func() []string) {
		b.OnServerSide("count", func(ctx context.Context, _ *realtime.Event) (any, error) { return 1, b.Emit(ctx, "counted") })
		realtime.On(a, "say", func(ctx context.Context, c *realtime.Conn, text string) error {
			if err := c.To("x").Emit(ctx, "said", text); err != nil {
				return err
			}
			_, err := a.ServerSideEmitWithAck(ctx, "count")
			return err
		})
		client := here.Connect(realtimetest.Options{})
		client.Emit("say", "hello")
		want := []string{
			"connect namespace=/ transport=websocket",
			"event say event=say namespace=/ size=15",
			"publish broadcast < event say op=broadcast namespace=/ rooms=1 size=16",
			"publish broadcast < receive server_side_ack op=broadcast namespace=/ rooms=0 size=11",
			"publish server_side_ack < event say op=server_side_ack namespace=/ rooms=0 size=9",
			"receive broadcast < publish broadcast op=broadcast namespace=/ rooms=0 size=11",
			"receive broadcast < publish broadcast op=broadcast namespace=/ rooms=1 size=16",
			"receive server_side_ack < publish server_side_ack op=server_side_ack namespace=/ rooms=0 size=9",
		}
		if diff := cmp.Diff(want, spans()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestErrors: what a client was told is no failure of the server.
func TestErrors(t *testing.T) {
	traced(t, oteltrace.Options{}, func(here, _ *realtimetest.Server, a, _ realtime.Server, spans func() []string) {
		realtime.On(a, "refused", func(context.Context, *realtime.Conn, int) error { return realtime.Errorf("no_seat", "none") })
		realtime.On(a, "failed", func(context.Context, *realtime.Conn, int) error { return fmt.Errorf("disk full") })
		realtime.On(a, "panics", func(context.Context, *realtime.Conn, int) error { panic("sic") })
		a.Of("/closed").Use(func(context.Context, *realtime.Conn) error {
			return realtime.Errorf(realtime.CodeForbidden, "members only")
		})
		client := here.Connect(realtimetest.Options{})
		for _, event := range []string{"refused", "failed", "panics", "names that clients choose"} {
			client.Emit(event, 1)
		}
		if _, err := client.TryJoin(realtimetest.Options{Namespace: "/closed"}); err == nil {
			t.Error("let in")
		}
		want := []string{
			"connect namespace=/ transport=websocket",
			"connect namespace=/closed transport=websocket error.code=forbidden",
			"event (unregistered) event=(unregistered) namespace=/ size=31 error.code=unknown_event",
			"event failed event=failed namespace=/ size=12 failed: disk full",
			"event panics event=panics namespace=/ size=12 failed: panic in panics: sic",
			"event refused event=refused namespace=/ size=13 error.code=no_seat",
		}
		if diff := cmp.Diff(want, spans()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestFromClients: the trace of a client is taken up only where clients are trusted.
func TestFromClients(t *testing.T) {
	for _, trusted := range []bool{false, true} {
		traced(t, oteltrace.Options{FromClients: trusted}, func(here, _ *realtimetest.Server, _, _ realtime.Server, spans func() []string) {
			here.Connect(realtimetest.Options{Header: http.Header{
				"Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
			}})
			want := "connect namespace=/ transport=websocket"
			if trusted {
				want = "connect < ? namespace=/ transport=websocket"
			}
			if diff := cmp.Diff([]string{want}, spans()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
