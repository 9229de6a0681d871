package nativewire

import (
	"errors"
	"strconv"
)

// The rules that a publish can break. They come wrapped in an [*Error].
var (
	// ErrFormat: it does not begin as publishes of this wire do.
	ErrFormat = errors.New("not of this wire")
	// ErrVersion: another major version. Error.Value is the version's byte.
	ErrVersion = errors.New("unknown version")
	// ErrKind: a kind of publish or channel that is not known, or not the one expected.
	// Error.Value is the kind.
	ErrKind = errors.New("unknown kind")
	// ErrOp: an operation that is not known. Error.Value is the operation.
	ErrOp = errors.New("unknown operation")
	// ErrChannel: the frame was made for another channel than the one it came on, or a
	// message for another namespace than the channel's.
	ErrChannel = errors.New("not for this channel")
	// ErrUnsigned: there is no signature where one is required.
	ErrUnsigned = errors.New("not signed")
	// ErrForged: the signature is not of one of the keys.
	ErrForged = errors.New("forged or damaged")
	// ErrSize: more bytes than allowed.
	ErrSize = errors.New("too large")
	// ErrCount: more elements than allowed.
	ErrCount = errors.New("too many elements")
	// ErrTruncated: it ends inside a value, or claims more than it has.
	ErrTruncated = errors.New("ends inside a value")
	// ErrTrailing: there is something behind the last value.
	ErrTrailing = errors.New("bytes behind the last value")
	// ErrNumber: a number is not in its shortest form, or has more than 64 bits.
	ErrNumber = errors.New("illegal number")
	// ErrField: a field that is not known, not in order, or empty.
	ErrField = errors.New("illegal field")
	// ErrValue: a value outside its range.
	ErrValue = errors.New("value out of range")
	// ErrText: text that must be UTF-8 is not.
	ErrText = errors.New("invalid UTF-8")
	// ErrJSON: public data that is no JSON, or nests deeper than MaxDepth.
	ErrJSON = errors.New("invalid JSON")
)

// The bounds of what is read, and of what is written (requirement R74).
const (
	// MaxSize bounds a publish, in bytes.
	MaxSize = 8 << 20
	// MaxMessage bounds a message, in bytes: what a frame has beside it is always left.
	MaxMessage = MaxSize - 8<<10
	// MaxMessages bounds the messages of a frame.
	MaxMessages = 4096
	// MaxRooms bounds each of a message's lists of names.
	MaxRooms = 1 << 16
	// MaxAttachments bounds the attachments of a message. Clients accept ten in a packet;
	// that is for the server to check.
	MaxAttachments = 1024
	// MaxConns bounds the connections that a message tells of.
	MaxConns = 1 << 16
	// MaxMeta bounds a message's meta entries.
	MaxMeta = 64
	// MaxPositions bounds the positions in a heartbeat.
	MaxPositions = 4096
	// MaxNode and MaxNamespace bound the names in the head of a frame, in bytes.
	MaxNode      = 255
	MaxNamespace = 1024
	// MaxDepth bounds how deep public data nests.
	MaxDepth = 70
	// MaxNumber bounds sequence numbers and the like, so that sums do not overflow.
	MaxNumber = 1 << 62
)

// Error says which rule a publish broke and where. It never quotes the publish, so that it
// can be logged as it is.
type Error struct {
	Reason error  // one of the Err values of this package
	Offset int    // in bytes, −1 if the fault has no position
	Value  uint64 // what is unknown, with ErrVersion, ErrKind and ErrOp
}

// Error implements error.
func (e *Error) Error() string {
	text := "nativewire: " + e.Reason.Error()
	switch {
	case errors.Is(e.Reason, ErrVersion):
		text += " " + strconv.FormatUint(e.Value>>4, 10) + "." + strconv.FormatUint(e.Value&0xf, 10)
	case errors.Is(e.Reason, ErrKind), errors.Is(e.Reason, ErrOp):
		text += " " + strconv.FormatUint(e.Value, 10)
	}
	if e.Offset >= 0 {
		text += " at byte " + strconv.Itoa(e.Offset)
	}
	return text
}

// Unwrap gives the broken rule to errors.Is.
func (e *Error) Unwrap() error { return e.Reason }

// fault makes an Error without a position, for what is to be written.
func fault(reason error) error { return &Error{Reason: reason, Offset: -1} }
