package realtime

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/realtime-go/realtime/internal/payload"
)

// Sentinels that callers compare with errors.Is. What the peer did wrong is told by [Disconnected];
// what a handler wants to tell a client is an [*Error].
var (
	// ErrClosed means that the connection has ended. It matches net.ErrClosed.
	ErrClosed = fmt.Errorf("realtime: connection closed: %w", net.ErrClosed)

	// ErrServerClosed means that Shutdown has been called.
	ErrServerClosed = errors.New("realtime: server closed")

	// ErrInvalidEvent means that an event name is empty, reserved by the protocol, or too long.
	ErrInvalidEvent = errors.New("realtime: invalid event name")

	// ErrAckTimeout means that a client, or another node, did not answer in time. It matches
	// context.DeadlineExceeded.
	ErrAckTimeout = fmt.Errorf("realtime: no acknowledgement in time: %w", context.DeadlineExceeded)

	// ErrConnecting means that a connection was asked for an acknowledgement before it was admitted.
	ErrConnecting = errors.New("realtime: connection is not admitted yet")

	// ErrTooManyAcks means that a connection already owes Limits.PendingAcks answers.
	ErrTooManyAcks = errors.New("realtime: too many acknowledgements outstanding")

	// ErrTooManyRooms means that a connection is in Limits.Rooms rooms already.
	ErrTooManyRooms = errors.New("realtime: too many rooms")

	// ErrRoomName means that a room name is empty, too long, or (with Config.RawRooms) belongs to a
	// user or a connection.
	ErrRoomName = errors.New("realtime: invalid room name")

	// ErrTooManyAttachments means that an emit holds more binary values than the protocol's peers accept.
	ErrTooManyAttachments = errors.New("realtime: too many attachments")

	// ErrReplied means that Event.Reply was called a second time.
	ErrReplied = errors.New("realtime: event already answered")

	// ErrPartial means that some of those asked did not answer. The error is a [*PartialError].
	ErrPartial = errors.New("realtime: partial answer")

	// ErrUnavailable is wrapped by an Authenticator, a KeyFunc or Expiry.Revoked that cannot tell right now. The
	// client is not refused for good: its link is closed, so that it tries again.
	ErrUnavailable = errors.New("realtime: temporarily unavailable")

	// ErrOffline means that a user has no connection.
	ErrOffline = errors.New("realtime: user is offline")

	// ErrTooManyRevocations means that User.Revoke remembers as many users as it can.
	ErrTooManyRevocations = errors.New("realtime: too many revocations")

	// ErrPublicData means that a value given to Conn.SetPublic is too large when encoded.
	ErrPublicData = errors.New("realtime: public data too large")
)

// PartialError is returned with the answers that did arrive. It matches [ErrPartial] and, through
// Unwrap, the reason for giving up.
type PartialError struct {
	Conns []string // ids of the local connections that stayed silent
	Nodes []string // ids of the nodes that did not answer, or not in full
	Err   error    // why the wait ended: ErrAckTimeout, a context's cause, the adapter's error
}

// Error names who stayed silent.
func (e *PartialError) Error() string {
	return fmt.Sprintf("realtime: partial answer: silent connections [%s], silent nodes [%s]: %v",
		strings.Join(e.Conns, " "), strings.Join(e.Nodes, " "), e.Err)
}

// Is reports whether target is [ErrPartial].
func (e *PartialError) Is(target error) bool { return target == ErrPartial }

// Unwrap returns why the wait ended.
func (e *PartialError) Unwrap() error { return e.Err }

// Codes that the library itself puts into an [Error]. Applications add their own.
const (
	CodeInternal       = "internal"        // the handler failed; the log has the same id
	CodeInvalidPayload = "invalid_payload" // the arguments do not decode into the handler's type
	CodeInvalid        = "invalid"         // the payload's Validate method refused it
	CodeUnknownEvent   = "unknown_event"   // no handler is registered for the event
	CodeRateLimited    = "rate_limited"    // RateLimit of the event
	CodeTimeout        = "timeout"         // Timeout of the event passed
	CodeUnauthorized   = "unauthorized"    // no acceptable identity
	CodeTokenExpired   = "token_expired"   // the identity was acceptable once: fetch a fresh token
	CodeTokenRevoked   = "token_revoked"   // the user, or the login, was revoked
	CodeForbidden      = "forbidden"       // the identity is acceptable, and may not do this
	CodeBusy           = "busy"            // too much to do right now: try again later

	CodeTooManyConnections = "too_many_connections" // the user is connected elsewhere (SessionPolicy.RefuseNew)

	CodeTooMany      = "too_many" // a limit of the connection was reached
	codeBadNamespace = "invalid_namespace"
)

// Error is what a client may see. Return one from a handler and it becomes the error of the caller's
// acknowledgement; return one from a Use middleware and it becomes the CONNECT_ERROR. Any other error is
// answered as code "internal" with an id that stands in the log, and its text stays on the server.
type Error struct {
	Code    string // stable, for programs
	Message string // for people
	Data    any    // optional, encoded as JSON
}

// Errorf makes an [Error] without data.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error returns the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// ConnectError refuses a connection with exactly these contents: the CONNECT_ERROR packet holds
// {"message":Message,"data":Data} (Socket.IO protocol 5, CONNECT_ERROR). A Use middleware that returns an
// [*Error] instead gets {"message":Message,"data":{"code":Code,...}}.
type ConnectError struct {
	Message string
	Data    any // nil: no "data" member
}

// Error returns the message.
func (e *ConnectError) Error() string { return e.Message }

// ProtocolError tells how a peer broke the protocol; it is the cause of the connection's end.
type ProtocolError struct {
	Layer string // "engine.io" or "socket.io"
	Op    string // what was being done
	Err   error
}

// Error names the layer, the operation and the rule.
func (e *ProtocolError) Error() string { return e.Layer + ": " + e.Op + ": " + e.Err.Error() }

// Unwrap returns the rule that was broken.
func (e *ProtocolError) Unwrap() error { return e.Err }

// The rules that a packet can break although it is well formed, and what a flood is closed for.
var (
	errConnectTwice    = errors.New("namespace is joined already")
	errNotJoined       = errors.New("namespace is not joined")
	errUnexpectedType  = errors.New("packet type not allowed from a client")
	errUnknownAcks     = errors.New("too many acknowledgements that nobody asked for")
	errConnectAttempts = errors.New("too many CONNECT packets")
	errPartialPacket   = errors.New("attachments did not arrive in time")
	errPartialMemory   = errors.New("no memory left for a binary packet")
	errFlood           = errors.New("realtime: event queue full for too long")
	errBusy            = errors.New("realtime: too many connections being authenticated")
	errReconnect       = errors.New("realtime: asked to reconnect")
	errClosedByServer  = errors.New("realtime: closed by the server")
	errIdentityExpired = errors.New("realtime: identity expired")
	errUnknownEvent    = &Error{Code: CodeUnknownEvent, Message: "no such event"}
)

// isDecoding reports whether a payload did not decode, or was refused by a Validate that does not speak as an
// Error of its own.
func isDecoding(err error) bool {
	var public *Error
	var invalid *payload.ValidationError
	var decode *payload.DecodeError
	return !errors.As(err, &public) && (errors.As(err, &invalid) || errors.As(err, &decode))
}

// publicError is the part of err that a client may see, or nil if the error is internal.
func publicError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var invalid *payload.ValidationError
	if errors.As(err, &invalid) {
		return &Error{Code: CodeInvalid, Message: invalid.Err.Error()}
	}
	var decode *payload.DecodeError
	if errors.As(err, &decode) || errors.Is(err, payload.ErrTooManyArgs) || errors.Is(err, payload.ErrTooManyNodes) {
		return &Error{Code: CodeInvalidPayload, Message: "payload does not fit the event"}
	}
	switch {
	case errors.Is(err, ErrRoomName): // as a rule the client has named the room
		return &Error{Code: CodeInvalid, Message: "invalid room name"}
	case errors.Is(err, ErrTooManyRooms):
		return &Error{Code: CodeTooMany, Message: "too many rooms"}
	}
	return nil
}
