package realtime

import "context"

// Tracer opens spans: package oteltrace has one for OpenTelemetry. Each function may be nil. It begins a span and returns the
// function that ends it, which is called once with what became of the work and may be nil too. Contexts that it returns are those
// that the program's own functions get. They are called concurrently, must be quick, and panics are recovered and logged.
type Tracer struct {
	// Connect spans the admission of a connection: authentication, the Use functions, the CONNECT reply and OnConnect.
	Connect func(ctx context.Context, c *Conn) (context.Context, func(err error))
	// Event spans the handler of an inbound event and its answer. event is its name, "(unregistered)" if nobody handles it.
	Event func(ctx context.Context, c *Conn, event string, ev *Event) (context.Context, func(err error))
	// Publish spans the handing over of a message to other nodes, or a question and its answers. It may put what the
	// receiving nodes need to go on with into m.Meta, which only the wires between Go nodes carry.
	Publish func(ctx context.Context, m *Message) (context.Context, func(err error))
	// Receive spans what a message of another node makes this one do. m must not be changed.
	Receive func(ctx context.Context, m *Message) (context.Context, func(err error))
}

// span is one that may end. The zero value does nothing.
type span struct {
	srv *server
	fn  func(error)
}

func (s span) end(err error) {
	if s.fn != nil {
		s.srv.guard("Config.Tracer", func() { s.fn(err) })
	}
}

// begin calls one of the functions; a panic leaves ctx as it is.
func (s *server) begin(ctx context.Context, open func(context.Context) (context.Context, func(error))) (context.Context, span) {
	traced, sp := ctx, span{srv: s}
	s.guard("Config.Tracer", func() { traced, sp.fn = open(ctx) })
	if traced == nil {
		traced = ctx
	}
	return traced, sp
}

func (s *server) traceConnect(c *Conn) (context.Context, span) {
	fn := s.cfg.Tracer.Connect
	if fn == nil {
		return c.ctx, span{}
	}
	return s.begin(c.ctx, func(ctx context.Context) (context.Context, func(error)) { return fn(ctx, c) })
}

func (s *server) traceEvent(c *Conn, ev *Event) (context.Context, span) {
	fn := s.cfg.Tracer.Event
	if fn == nil {
		return c.ctx, span{}
	}
	return s.begin(c.ctx, func(ctx context.Context) (context.Context, func(error)) { return fn(ctx, c, s.logName(ev), ev) })
}

// tracePublish is called before m is handed over.
func (s *server) tracePublish(ctx context.Context, m *Message) (context.Context, span) {
	fn := s.cfg.Tracer.Publish
	if fn == nil {
		return ctx, span{}
	}
	return s.begin(ctx, func(ctx context.Context) (context.Context, func(error)) { return fn(ctx, m) })
}

func (s *server) traceReceive(m *Message) (context.Context, span) {
	ctx, fn := context.Background(), s.cfg.Tracer.Receive
	if fn == nil {
		return ctx, span{}
	}
	return s.begin(ctx, func(ctx context.Context) (context.Context, func(error)) { return fn(ctx, m) })
}
