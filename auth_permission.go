package realtime

import (
	"context"
	"slices"
)

// Permission for one event. The checks run for every event, after its rate limit and before its handler, and
// nothing is remembered between two events (R57). Who is refused gets the error in the acknowledgement.

// Authenticated lets only connections with a user send the event. Others are answered with code
// "unauthorized".
func Authenticated() HandlerOption { return permission(authenticated) }

// Require lets only users send the event whose identity has at least one of the roles. Others are answered
// with code "forbidden", or "unauthorized" without a user. It panics without a role.
func Require(roles ...string) HandlerOption {
	if len(roles) == 0 {
		panic("realtime: Require: no role")
	}
	roles = slices.Clone(roles)
	return permission(func(ctx context.Context, c *Conn, ev *Event) error {
		if err := authenticated(ctx, c, ev); err != nil {
			return err
		}
		for _, role := range c.Identity().Roles {
			if slices.Contains(roles, role) {
				return nil
			}
		}
		return errForbidden
	})
}

// Authorize decides on the event by its payload, which is decoded and validated as for [On]. The handler runs
// only if fn returns nil: an [*Error] (say, with [CodeForbidden]) is what the client is told, any other error
// is answered as code "internal". The handler gets the value that fn has seen if it is of the same type.
func Authorize[In any](fn func(ctx context.Context, c *Conn, in In) error) HandlerOption {
	mustNotBeNil(fn != nil, "Authorize")
	return permission(func(ctx context.Context, c *Conn, ev *Event) error {
		in, err := decoded[In](ev)
		if err != nil {
			return err
		}
		return fn(ctx, c, in)
	})
}

var (
	errAnonymous = &Error{Code: CodeUnauthorized, Message: "log in first"}
	errForbidden = &Error{Code: CodeForbidden, Message: "not allowed"}
)

func authenticated(_ context.Context, c *Conn, _ *Event) error {
	if c.UserID() == "" {
		return errAnonymous
	}
	return nil
}

func permission(check HandlerFunc) HandlerOption {
	return HandlerOption{func(o *handlerOptions) { o.permissions = append(o.permissions, check) }}
}

// withPermission runs the handler only if every check lets it.
func withPermission(next HandlerFunc, checks []HandlerFunc) HandlerFunc {
	return func(ctx context.Context, c *Conn, ev *Event) error {
		for _, check := range checks {
			if err := check(ctx, c, ev); err != nil {
				return err
			}
		}
		return next(ctx, c, ev)
	}
}

// decoded decodes an event's payload once for all that ask for the same type.
func decoded[In any](ev *Event) (In, error) {
	if in, ok := ev.input.(*In); ok {
		return *in, nil
	}
	var in In
	if err := ev.bindInto(&in); err != nil {
		return in, err
	}
	if ev.route != nil && len(ev.route.options.permissions) > 0 { // somebody else asks as well
		ev.input = &in
	}
	return in, nil
}
