package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/realtime-go/realtime"
)

// What stands around the gateway's handlers, as nest/around.mjs has it: middleware, guard, interceptor, filter.
// The pipe is Say.Validate.

// unauthorized refuses with the words that the clients know from the NestJS gateway's middleware.
type unauthorized struct{ realtime.Authenticator }

// Authenticate asks the authenticator inside. A key that cannot be fetched right now is no refusal.
func (a unauthorized) Authenticate(ctx context.Context, h *realtime.Handshake) (*realtime.Identity, error) {
	id, err := a.Authenticator.Authenticate(ctx, h)
	if err != nil && !errors.Is(err, realtime.ErrUnavailable) {
		return nil, &realtime.ConnectError{Message: "Unauthorized"}
	}
	return id, err
}

// hostGuard is the guard: for hosts only. The option Require("host") does the same with words of its own.
func hostGuard(next realtime.HandlerFunc) realtime.HandlerFunc {
	return func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
		if !slices.Contains(c.Identity().Roles, "host") {
			return realtime.Errorf(realtime.CodeForbidden, "Forbidden resource")
		}
		return next(ctx, c, ev)
	}
}

// handler is a typed handler, as Handle takes it.
type handler[In, Out any] = func(context.Context, *realtime.Conn, In) (Out, error)

// answer is a result and the node that it is from.
type answer[T any] struct {
	Data T      `json:"data"`
	At   string `json:"at"`
}

// at is the interceptor: it tells with every result which node it is from.
func at[In, Out any](node string, next handler[In, Out]) handler[In, answer[Out]] {
	return func(ctx context.Context, c *realtime.Conn, in In) (answer[Out], error) {
		out, err := next(ctx, c, in)
		return answer[Out]{out, node}, err
	}
}

// tooLong is an error of the chat, which knows nothing of sockets.
type tooLong struct{ limit int }

func (e tooLong) Error() string { return fmt.Sprintf("longer than %d characters", e.limit) }

// tooLongFilter is the exception filter: it gives that error a code that clients know.
func tooLongFilter(next realtime.HandlerFunc) realtime.HandlerFunc {
	return func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
		err := next(ctx, c, ev)
		var long tooLong
		if errors.As(err, &long) {
			return &realtime.Error{Code: "too_long", Message: long.Error(), Data: map[string]any{"code": "too_long", "limit": long.limit}}
		}
		return err
	}
}

// jsDate is a time as JavaScript encodes its Date: in UTC, with milliseconds. Go's own form has as many digits as it takes.
func jsDate(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
