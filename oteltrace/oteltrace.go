// Package oteltrace makes OpenTelemetry spans of what a [realtime.Server] does.
//
//	cfg.Tracer = oteltrace.New(oteltrace.Options{})
//
// There are four kinds: "connect" (authentication, middleware, OnConnect), "event NAME" (a handler and its answer),
// "publish OPERATION" (what is handed to other nodes) and "receive OPERATION" (on those). The context of each reaches the
// program's functions, so that spans of a database become its children, and it crosses nodes with the messages of memadapter and
// of redisadapter's native wire; the wires of Node.js have no place for it. Names and attributes hold no credentials, and
// nothing of what events carry.
package oteltrace

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/realtime-go/realtime"
)

// Options are the settings of New. The zero value uses what the process has registered with package otel.
type Options struct {
	Provider   trace.TracerProvider          // nil: otel.GetTracerProvider()
	Propagator propagation.TextMapPropagator // between nodes; nil: otel.GetTextMapPropagator()

	// FromClients makes the span of a connection a child of the trace that the headers of its handshake name. It lets clients
	// choose trace ids, and sampling where the provider follows the parent: only for clients that are trusted.
	FromClients bool
}

const scope = "github.com/realtime-go/realtime/oteltrace"

// The keys of attributes.
const (
	keyNamespace = attribute.Key("realtime.namespace")
	keyConn      = attribute.Key("realtime.conn.id")
	keyTransport = attribute.Key("realtime.transport")
	keyEvent     = attribute.Key("realtime.event")
	keySize      = attribute.Key("realtime.size") // bytes
	keyOp        = attribute.Key("realtime.op")
	keyNode      = attribute.Key("realtime.node")  // that published
	keyRooms     = attribute.Key("realtime.rooms") // how many are named; 0: everyone
	keyErrorCode = attribute.Key("realtime.error.code")
)

// New returns a tracer for Config.Tracer. It may serve several servers.
func New(o Options) *realtime.Tracer {
	if o.Provider == nil {
		o.Provider = otel.GetTracerProvider()
	}
	if o.Propagator == nil {
		o.Propagator = otel.GetTextMapPropagator()
	}
	t := &tracer{o.Provider.Tracer(scope), o.Propagator, o.FromClients}
	return &realtime.Tracer{Connect: t.connect, Event: t.event, Publish: t.publish, Receive: t.receive}
}

type tracer struct {
	trace.Tracer

	propagator  propagation.TextMapPropagator
	fromClients bool
}

func (t *tracer) connect(ctx context.Context, c *realtime.Conn) (context.Context, func(error)) {
	if t.fromClients {
		ctx = t.propagator.Extract(ctx, propagation.HeaderCarrier(c.Handshake().Header))
	}
	ns := c.Namespace().Name()
	return t.begin(ctx, "connect", trace.SpanKindServer, keyNamespace.String(ns), keyConn.String(c.ID()), keyTransport.String(c.Transport()))
}

func (t *tracer) event(ctx context.Context, c *realtime.Conn, event string, ev *realtime.Event) (context.Context, func(error)) {
	return t.begin(ctx, "event "+event, trace.SpanKindServer,
		keyEvent.String(event), keyNamespace.String(c.Namespace().Name()), keyConn.String(c.ID()), keySize.Int(ev.Size))
}

func (t *tracer) publish(ctx context.Context, m *realtime.Message) (context.Context, func(error)) {
	ctx, end := t.begin(ctx, "publish "+m.Op.String(), trace.SpanKindProducer, about(m)...)
	if trace.SpanContextFromContext(ctx).IsValid() {
		if m.Meta == nil {
			m.Meta = make(map[string]string)
		}
		t.propagator.Inject(ctx, propagation.MapCarrier(m.Meta))
	}
	return ctx, end
}

func (t *tracer) receive(ctx context.Context, m *realtime.Message) (context.Context, func(error)) {
	ctx = t.propagator.Extract(ctx, propagation.MapCarrier(m.Meta))
	return t.begin(ctx, "receive "+m.Op.String(), trace.SpanKindConsumer, append(about(m), keyNode.String(m.Node))...)
}

func about(m *realtime.Message) []attribute.KeyValue {
	return []attribute.KeyValue{
		keyOp.String(m.Op.String()), keyNamespace.String(m.Namespace), keyRooms.Int(len(m.Rooms)), keySize.Int(len(m.Data)),
	}
}

func (t *tracer) begin(ctx context.Context, name string, kind trace.SpanKind, attrs ...attribute.KeyValue) (context.Context, func(error)) {
	ctx, span := t.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attrs...))
	return ctx, func(err error) {
		note(span, err)
		span.End()
	}
}

// note enters what became of the work. What the client was told is its affair, and no failure of the server, as a status below 500
// is none in HTTP.
func note(span trace.Span, err error) {
	if err == nil || !span.IsRecording() {
		return
	}
	var public *realtime.Error
	if errors.As(err, &public) {
		span.SetAttributes(keyErrorCode.String(public.Code))
		return
	}
	span.RecordError(err)
	span.SetStatus(codes.Error, err.Error())
}
