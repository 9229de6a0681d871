package realtime

import (
	"errors"

	"github.com/realtime-go/realtime/internal/engine"
)

// Cause says why a connection ended. The list is closed; each value is a metric label (String) and has
// the stable text of Socket.IO (Reason).
type Cause uint8

// The causes. The text behind each is what a Socket.IO server reports as its disconnect reason.
const (
	CauseUnknown          Cause = iota // never given to a callback
	CauseClientDisconnect              // "client namespace disconnect": the client sent a DISCONNECT packet
	CauseServerDisconnect              // "server namespace disconnect": Disconnect or Close
	CauseTransportClose                // "transport close": the peer closed, or the network went away
	CauseTransportError                // "transport error": the peer broke the transport's rules
	CausePingTimeout                   // "ping timeout": no pong in time
	CauseParseError                    // "parse error": an Engine.IO packet could not be decoded
	CauseProtocolError                 // "forced close": a Socket.IO packet could not be decoded or was out of place
	CauseTooLarge                      // "transport error": a message over the limit
	CauseSlowConsumer                  // "forced close": the outbound queue was full
	CauseFlood                         // "forced close": the inbound queue stayed full for Limits.FloodTimeout
	CauseReconnect                     // "forced close": Reconnect
	CauseBusy                          // "forced close": no room to authenticate the connection in time
	CauseConnectTimeout                // "forced close": a session joined no namespace in time; never of a connection
	CauseShutdown                      // "server shutting down": Shutdown
	CauseExpired                       // "forced close": the identity expired and was not refreshed
	CauseRevoked                       // "server namespace disconnect": the user or the identity was revoked
	CauseReplaced                      // "server namespace disconnect": SessionPolicy preferred another connection
)

var causes = [...]struct{ label, reason string }{
	CauseUnknown:          {"unknown", "forced close"},
	CauseClientDisconnect: {"client_disconnect", "client namespace disconnect"},
	CauseServerDisconnect: {"server_disconnect", "server namespace disconnect"},
	CauseTransportClose:   {"transport_close", "transport close"},
	CauseTransportError:   {"transport_error", "transport error"},
	CausePingTimeout:      {"ping_timeout", "ping timeout"},
	CauseParseError:       {"parse_error", "parse error"},
	CauseProtocolError:    {"protocol_error", "forced close"},
	CauseTooLarge:         {"payload_too_large", "transport error"},
	CauseSlowConsumer:     {"slow_consumer", "forced close"},
	CauseFlood:            {"flood", "forced close"},
	CauseReconnect:        {"reconnect", "forced close"},
	CauseBusy:             {"busy", "forced close"},
	CauseConnectTimeout:   {"connect_timeout", "forced close"},
	CauseShutdown:         {"shutdown", "server shutting down"},
	CauseExpired:          {"auth_expired", "forced close"},
	CauseRevoked:          {"auth_revoked", "server namespace disconnect"},
	CauseReplaced:         {"replaced", "server namespace disconnect"},
}

// String returns the metric label, e.g. "ping_timeout".
func (c Cause) String() string {
	if int(c) >= len(causes) {
		c = CauseUnknown
	}
	return causes[c].label
}

// Reason returns the text that Socket.IO uses for the cause, e.g. "ping timeout"
// (Socket.IO protocol 5, disconnect reasons).
func (c Cause) Reason() string {
	if int(c) >= len(causes) {
		c = CauseUnknown
	}
	return causes[c].reason
}

// Disconnected tells why a connection ended. It is given to OnDisconnect, and [DisconnectedOf] reads it
// from the cause of Conn.Context.
type Disconnected struct {
	Cause       Cause
	Detail      string // the reason given to Disconnect, Close or Reconnect, or what the peer did
	Err         error  // the underlying error, may be nil
	Recoverable bool   // whether Socket.IO counts the reason as one that a session may be resumed after
}

// disconnectError carries a Disconnected as the cause of a context.
type disconnectError struct{ why Disconnected }

func (e *disconnectError) Error() string {
	text := "realtime: disconnected: " + e.why.Cause.Reason()
	if e.why.Detail != "" {
		text += ": " + e.why.Detail
	}
	return text
}

func (e *disconnectError) Is(target error) bool {
	return target == ErrClosed || errors.Is(ErrClosed, target)
}
func (e *disconnectError) Unwrap() error { return e.why.Err }

// DisconnectedOf returns why a connection ended, given context.Cause(conn.Context()).
// The second result is false if err tells of no disconnect.
func DisconnectedOf(err error) (Disconnected, bool) {
	var d *disconnectError
	if errors.As(err, &d) {
		return d.why, true
	}
	return Disconnected{}, false
}

// kicked reports whether the server ended the connection with a DISCONNECT packet.
func (c Cause) kicked() bool {
	return c == CauseServerDisconnect || c == CauseRevoked || c == CauseReplaced
}

// closeCause is given to engine.Session.Close where the server itself ends a session.
type closeCause struct {
	cause  Cause
	detail string
	err    error
}

func (e *closeCause) Error() string {
	if e.detail == "" {
		return e.err.Error()
	}
	return e.err.Error() + ": " + e.detail
}
func (e *closeCause) Unwrap() error { return e.err }

// sessionEnded translates the engine's cause of a session's end.
func sessionEnded(err error) Disconnected {
	d := Disconnected{Cause: CauseTransportError, Err: err, Recoverable: true}
	if err != nil {
		d.Detail = err.Error()
	}
	var own *closeCause
	var proto *ProtocolError
	var tooLarge *engine.PayloadTooLarge
	switch {
	case errors.As(err, &own):
		d.Cause, d.Detail, d.Recoverable = own.cause, own.detail, own.cause != CauseServerDisconnect
	case errors.As(err, &proto):
		d.Cause = CauseProtocolError
	case errors.As(err, &tooLarge):
		d.Cause = CauseTooLarge
	case errors.Is(err, engine.ErrServerClosed):
		d.Cause = CauseShutdown
	case errors.Is(err, engine.ErrConnectTimeout):
		d.Cause = CauseConnectTimeout
	case errors.Is(err, engine.ErrPingTimeout):
		d.Cause = CausePingTimeout
	case errors.Is(err, engine.ErrSlowConsumer):
		d.Cause = CauseSlowConsumer
	case errors.Is(err, engine.ErrParse):
		d.Cause, d.Recoverable = CauseParseError, false
	case errors.Is(err, engine.ErrTransportClose):
		d.Cause = CauseTransportClose
	}
	return d
}
