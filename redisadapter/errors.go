package redisadapter

import (
	"errors"
	"fmt"
)

// What calls of an adapter fail with. The errors of Redis are wrapped in them.
var (
	// ErrUnavailable means that Redis cannot be reached, or that too many calls failed
	// lately and the next attempt is not due yet. It is returned at once, without a
	// network call (requirement R65).
	ErrUnavailable = errors.New("redisadapter: redis unavailable")

	// ErrQueueFull means that more messages wait for Redis than Limits allow (decision
	// D32).
	ErrQueueFull = errors.New("redisadapter: too many messages wait for redis")

	// ErrTooManyRequests means that Limits.Requests questions to other nodes are open.
	ErrTooManyRequests = errors.New("redisadapter: too many requests to other nodes")

	// ErrNamespaceClosed means that a question concerns a namespace that is not open on
	// this node, where no answer could be heard.
	ErrNamespaceClosed = errors.New("redisadapter: namespace is not open on this node")

	// ErrNotStarted means that Start has not been called, or has failed.
	ErrNotStarted = errors.New("redisadapter: not started")

	// ErrStarted means that Start was called a second time.
	ErrStarted = errors.New("redisadapter: already started")

	// ErrClosed means that Close has been called.
	ErrClosed = errors.New("redisadapter: closed")

	// ErrUnsupported means that the wire has no form for the message.
	ErrUnsupported = errors.New("redisadapter: operation not supported by the wire")
)

var (
	errDropped    = errors.New("redisadapter: subscription lost")
	errSilent     = errors.New("redisadapter: subscription delivers nothing any more")
	errNoReceiver = errors.New("redisadapter: redis does not know of the subscription any more")
)

// unavailable says that Redis cannot be used, and why.
func unavailable(cause error) error {
	if cause == nil || errors.Is(cause, ErrUnavailable) {
		return errors.Join(cause, ErrUnavailable)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, cause)
}
