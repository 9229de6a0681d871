package realtime

import (
	"context"
	"slices"
	"time"

	"github.com/realtime-go/realtime/internal/payload"
)

// Codec encodes the arguments of events. The default is encoding/json without HTML escaping. A codec must
// produce and accept JSON, and may be called concurrently. With a codec of your own, [Binary] values are
// attachments only as whole arguments, not inside of others.
type Codec = payload.Codec

// Binary is a value that travels as an attachment instead of as JSON, anywhere in a payload. A plain
// []byte is one only as a whole argument; inside of a struct it is base64 text, as in encoding/json.
// Received ones share memory with the packet they came in.
type Binary = payload.Binary

// Positional is embedded in a struct whose exported fields stand for the arguments of an event in their order,
// instead of the struct for the first argument. As a result it is spread over the arguments of the
// acknowledgement.
type Positional = payload.Positional

// Validator is asked of every decoded payload that implements it. The error's text reaches the client, as
// code "invalid", unless the error is an [*Error] with a code of its own.
type Validator interface{ Validate() error }

// On registers a typed handler for an event that has no result. In is decoded from the first argument
// (see [Positional]); a payload that does not decode or validate is answered as an error and never reaches
// h. A client that asked for an acknowledgement gets an empty one when h returns nil.
func On[In any](r Router, event string, h func(ctx context.Context, c *Conn, in In) error, opts ...HandlerOption) {
	mustNotBeNil(h != nil, "handler of event "+event)
	r.HandleEvent(event, func(ctx context.Context, c *Conn, ev *Event) error {
		in, err := decoded[In](ev)
		if err != nil {
			return err
		}
		return h(ctx, c, in)
	}, opts...)
}

// Handle registers a typed handler whose result is the acknowledgement. It is otherwise as [On].
func Handle[In, Out any](r Router, event string, h func(ctx context.Context, c *Conn, in In) (Out, error), opts ...HandlerOption) {
	mustNotBeNil(h != nil, "handler of event "+event)
	r.HandleEvent(event, func(ctx context.Context, c *Conn, ev *Event) error {
		in, err := decoded[In](ev)
		if err != nil {
			return err
		}
		out, err := h(ctx, c, in)
		if err != nil {
			return err
		}
		ev.setResult(out)
		return nil
	}, opts...)
}

// HandlerOption changes how one event is handled: [Authenticated], [Require], [Authorize], [RateLimit],
// [Timeout], [Concurrent], [With].
type HandlerOption struct{ apply func(*handlerOptions) }

// handlerOptions are the options of one route.
type handlerOptions struct {
	concurrent  bool
	limits      []rateLimit
	permissions []HandlerFunc
	timeout     time.Duration
	with        []func(HandlerFunc) HandlerFunc
}

// rateLimit allows n events per period; each connection has a bucket of its own for it.
type rateLimit struct {
	key Key[*bucket]
	n   int
	per time.Duration
}

// RateLimit answers with code "rate_limited", and does not run the handler, when one connection sends the
// event more often than n times in per. It panics unless both are positive.
func RateLimit(n int, per time.Duration) HandlerOption {
	if n <= 0 || per <= 0 {
		panic("realtime: RateLimit: both numbers must be positive")
	}
	return HandlerOption{func(o *handlerOptions) {
		o.limits = append(o.limits, rateLimit{NewKey[*bucket]("rate limit"), n, per})
	}}
}

// Timeout ends the handler's context after d. A handler that then returns an error is answered with code
// "timeout". It panics unless d is positive.
func Timeout(d time.Duration) HandlerOption {
	if d <= 0 {
		panic("realtime: Timeout: must be positive")
	}
	return HandlerOption{func(o *handlerOptions) { o.timeout = d }}
}

// Concurrent lets the event overtake: its handler runs beside the connection's other handlers, at most
// Limits.Concurrent at a time.
func Concurrent() HandlerOption {
	return HandlerOption{func(o *handlerOptions) { o.concurrent = true }}
}

// With puts middleware around the handler of this one event, inside of UseEvent's.
func With(mw ...func(next HandlerFunc) HandlerFunc) HandlerOption {
	for _, fn := range mw {
		mustNotBeNil(fn != nil, "With")
	}
	return HandlerOption{func(o *handlerOptions) { o.with = append(o.with, mw...) }}
}

// wrap puts the options around h: rate limit first, then permission, then With's middleware. The time limit holds
// for both of these.
func (o *handlerOptions) wrap(h HandlerFunc) HandlerFunc {
	for _, mw := range slices.Backward(o.with) {
		h = mw(h)
	}
	if len(o.permissions) > 0 {
		h = withPermission(h, o.permissions)
	}
	if o.timeout > 0 {
		h = withTimeout(h, o.timeout)
	}
	for _, limit := range o.limits {
		h = withRateLimit(h, limit)
	}
	return h
}

func withTimeout(next HandlerFunc, d time.Duration) HandlerFunc {
	return func(ctx context.Context, c *Conn, ev *Event) error {
		ctx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		err := next(ctx, c, ev)
		if err != nil && publicError(err) == nil && ctx.Err() == context.DeadlineExceeded {
			return Errorf(CodeTimeout, "the server took longer than %v", d)
		}
		return err
	}
}

func withRateLimit(next HandlerFunc, limit rateLimit) HandlerFunc {
	return func(ctx context.Context, c *Conn, ev *Event) error {
		if !c.allow(limit, time.Now()) {
			return Errorf(CodeRateLimited, "more than %d in %v", limit.n, limit.per)
		}
		return next(ctx, c, ev)
	}
}

// allow takes one token of the connection's bucket for limit. Concurrent handlers may ask at once.
func (c *Conn) allow(limit rateLimit, now time.Time) bool {
	c.valuesMu.Lock()
	defer c.valuesMu.Unlock()
	b, ok := c.values[limit.key.id].(*bucket)
	if !ok {
		b = &bucket{rate: float64(limit.n) / limit.per.Seconds(), burst: float64(limit.n), tokens: float64(limit.n), last: now}
		if c.values == nil {
			c.values = make(map[*keyID]any)
		}
		c.values[limit.key.id] = b
	}
	return b.allow(1, now)
}
