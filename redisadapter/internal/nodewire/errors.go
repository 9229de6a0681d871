package nodewire

import (
	"errors"
	"strconv"
)

// The rules that a message can break. They come wrapped in an [*Error].
var (
	// ErrSize: the message has more than MaxSize bytes.
	ErrSize = errors.New("message too large")
	// ErrDepth: containers nest deeper than MaxDepth.
	ErrDepth = errors.New("nested too deeply")
	// ErrTruncated: the message ends inside a value, or claims more than it has.
	ErrTruncated = errors.New("message ends inside a value")
	// ErrTrailing: there is something behind the value.
	ErrTrailing = errors.New("bytes behind the message")
	// ErrCode: a byte begins no msgpack value.
	ErrCode = errors.New("no msgpack value")
	// ErrExtension: an extension type other than −1 and 0, or one of a wrong length.
	ErrExtension = errors.New("extension type not accepted")
	// ErrAttachments: more than MaxAttachments binary values.
	ErrAttachments = errors.New("too many binary values")
	// ErrJSON: what should be JSON is not.
	ErrJSON = errors.New("invalid JSON")
	// ErrShape: well formed, but not the message that was expected.
	ErrShape = errors.New("not the expected shape")
)

// The bounds of what is read, and of what is written.
const (
	// MaxSize bounds a message, in bytes (requirement R74).
	MaxSize = 8 << 20
	// MaxDepth bounds how deep containers nest in a message (requirement R74).
	MaxDepth = 70
	// MaxAttachments bounds the binary values of a message. Clients accept ten in a
	// packet; that is for the server to check.
	MaxAttachments = 1024
	// MaxRooms bounds each list of rooms that selects receivers.
	MaxRooms = 1 << 16
)

// Error says which rule a message broke and where. It never quotes the message, so
// that it can be logged as it is.
type Error struct {
	Reason error // one of the Err values of this package
	Offset int   // in bytes, -1 if the fault has no position
}

// Error implements error.
func (e *Error) Error() string {
	if e.Offset < 0 {
		return "nodewire: " + e.Reason.Error()
	}
	return "nodewire: " + e.Reason.Error() + " at byte " + strconv.Itoa(e.Offset)
}

// Unwrap gives the broken rule to errors.Is.
func (e *Error) Unwrap() error { return e.Reason }

// fault makes an Error.
func fault(reason error, offset int) error { return &Error{Reason: reason, Offset: offset} }
