package engine

import (
	"errors"
	"fmt"
	"net"
)

// Causes with which a session ends, and errors of Send. All of them may be
// wrapped with detail: use errors.Is.
var (
	// ErrClosed is returned to callers who use a session that has ended. It
	// matches net.ErrClosed.
	ErrClosed = fmt.Errorf("engine: session closed: %w", net.ErrClosed)
	// ErrTransportClose means that the client went: a websocket close frame, a
	// dropped connection, or a close packet over polling.
	ErrTransportClose = errors.New("engine: transport close")
	// ErrTransportError means that the client broke the rules of the transport
	// (overlapping requests, an aborted request, a broken frame, a ping in the
	// wrong direction), or that writing to it failed.
	ErrTransportError = errors.New("engine: transport error")
	// ErrPingTimeout means that the client did not answer a ping in time.
	ErrPingTimeout = errors.New("engine: ping timeout")
	// ErrParse means that an Engine.IO packet could not be decoded.
	ErrParse = errors.New("engine: parse error")
	// ErrForced means that the Receiver refused what it was given. The error it
	// returned is in the chain.
	ErrForced = errors.New("engine: forced close")
	// ErrSlowConsumer means that the client did not take what was sent to it:
	// the session's queue or the process budget was full.
	ErrSlowConsumer = errors.New("engine: slow consumer")
	// ErrServerClosed means that the server was shut down.
	ErrServerClosed = errors.New("engine: server closed")
	// ErrConnectTimeout means that no namespace was joined in time.
	ErrConnectTimeout = errors.New("engine: no namespace joined in time")
)

// PayloadTooLarge is the cause of a session that ended because of a websocket
// message over the limit. An oversize polling body is refused instead, and the
// session lives (decision D7).
type PayloadTooLarge struct {
	// Size is what was announced or read when the limit was noticed, in bytes; 0
	// if that is unknown.
	Size int64
	// Limit is the limit that held at that moment, in bytes.
	Limit int64
}

// Error implements error.
func (e *PayloadTooLarge) Error() string {
	if e.Size > 0 {
		return fmt.Sprintf("engine: payload of %d bytes or more is over the limit of %d", e.Size, e.Limit)
	}
	return fmt.Sprintf("engine: payload is over the limit of %d bytes", e.Limit)
}

// Is makes an oversize message match ErrTransportError, which is how the
// protocol names it.
func (e *PayloadTooLarge) Is(target error) bool { return target == ErrTransportError }

// causeError is one of the causes above with what happened in words, and
// possibly the error behind it.
type causeError struct {
	cause  error
	detail string
	err    error
}

// because returns cause with a detail text; err may be nil.
func because(cause error, detail string, err error) error {
	return &causeError{cause: cause, detail: detail, err: err}
}

func (e *causeError) Error() string {
	s := e.cause.Error()
	if e.detail != "" {
		s += ": " + e.detail
	}
	if e.err != nil {
		s += ": " + e.err.Error()
	}
	return s
}

func (e *causeError) Unwrap() []error {
	if e.err == nil {
		return []error{e.cause}
	}
	return []error{e.cause, e.err}
}
