package registry

import (
	"context"
	"errors"
	"fmt"
)

// What calls fail with. Errors of Redis are wrapped in ErrUnavailable.
var (
	// ErrUnavailable means that Redis did not answer as it should.
	ErrUnavailable = errors.New("registry: redis unavailable")

	// ErrBusy means that Config.Questions questions wait for Redis.
	ErrBusy = errors.New("registry: too many questions wait for redis")

	// ErrClosed means that Close has been called.
	ErrClosed = errors.New("registry: closed")

	// ErrStarted means that Start has been called before.
	ErrStarted = errors.New("registry: already started")

	// ErrCursor means that a cursor does not come from PresenceMembers.
	ErrCursor = errors.New("registry: not a cursor")

	// ErrMeta means that a value is larger than Config.MaxMeta, or no JSON.
	ErrMeta = errors.New("registry: value too large or not JSON")
)

var errReply = errors.New("registry: unexpected reply")

// UncleanError is what Close returns when something of this node may be left in Redis. It goes by itself: other nodes
// clear it away, and if there are none it expires.
type UncleanError struct {
	Users int  // of this node, whose connections may still be there
	Lease bool // the node still counts as alive, until Config.Dead has passed
	Err   error
}

// Error says what was left, and why.
func (e *UncleanError) Error() string {
	return fmt.Sprintf("registry: not cleaned: %d users, lease %t: %v", e.Users, e.Lease, e.Err)
}

// Unwrap returns why.
func (e *UncleanError) Unwrap() error { return e.Err }

// unavailable wraps an error of Redis; ctx is the caller's, whose end is an error of its own.
func unavailable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
