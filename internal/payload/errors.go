package payload

import (
	"errors"
	"fmt"
	"strconv"
)

// What is refused here and not by the packet's decoder. Bind and BindInto wrap
// these into a [*DecodeError].
var (
	// ErrTooManyArgs: the packet has more than [MaxArgs] arguments (requirement
	// R34). It is an error of the event, not of the connection (decision D56).
	ErrTooManyArgs = errors.New("too many arguments")
	// ErrTooManyNodes: the arguments that are wanted as interface values hold
	// more than [MaxNodes] JSON values (requirement R34). Destinations whose
	// type holds no interface have no such limit.
	ErrTooManyNodes = errors.New("too many values for an untyped destination")
	// ErrPlaceholder: a placeholder that belongs to no attachment of the packet,
	// or stands where the destination cannot hold an attachment. Also, when
	// sending, data that a peer would take for a placeholder.
	ErrPlaceholder = errors.New("misplaced attachment")
)

// errChanged means that a value and its JSON do not match, which can only be if
// somebody changed the value meanwhile, or if a MarshalJSON method did.
var errChanged = errors.New("value changed while it was encoded")

// errKeys: two keys of a map have the same text, so that nobody can tell which
// of the two values is the first one in the JSON.
var errKeys = errors.New("two keys of a map have the same text")

// errLookalike: what stands next to attachments looks like a placeholder.
var errLookalike = fmt.Errorf("%w: data that looks like a placeholder cannot be sent together with attachments", ErrPlaceholder)

// errEmptyJSON: a custom codec returned nothing, which would break the packet.
var errEmptyJSON = errors.New("codec returned no JSON")

// DecodeError tells which argument did not fit its destination. It is the
// peer's mistake, or the handler expects the wrong type.
//
// The text of Err comes from encoding/json or from an UnmarshalJSON method and
// may quote a fragment of the payload, so it belongs neither into a log at a
// level that is always on nor into an answer to another peer.
type DecodeError struct {
	Arg int // position of the argument, counted from 0 without the event's name
	Err error
}

// Error implements error.
func (e *DecodeError) Error() string {
	return "argument " + strconv.Itoa(e.Arg) + ": " + e.Err.Error()
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *DecodeError) Unwrap() error { return e.Err }

// EncodeError tells which argument could not be turned into JSON.
type EncodeError struct {
	Arg int // position in the list of arguments, counted from 0; −1 if it is about all of them
	Err error
}

// Error implements error.
func (e *EncodeError) Error() string {
	if e.Arg < 0 {
		return e.Err.Error()
	}
	return "argument " + strconv.Itoa(e.Arg) + ": " + e.Err.Error()
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *EncodeError) Unwrap() error { return e.Err }

// ValidationError carries what a Validate method returned.
type ValidationError struct {
	Err error
}

// Error implements error with the text of the Validate method's error.
func (e *ValidationError) Error() string { return e.Err.Error() }

// Unwrap gives the Validate method's error to errors.Is and errors.As.
func (e *ValidationError) Unwrap() error { return e.Err }
