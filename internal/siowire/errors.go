package siowire

import (
	"errors"
	"strconv"
)

// The rules a packet can break. A decoder never returns one of them bare: it
// returns an [*Error] that wraps it, so that errors.Is finds the rule and
// errors.As finds the position.
var (
	// ErrEmpty: a text message without a single byte.
	ErrEmpty = errors.New("empty packet")
	// ErrUnknownType: the first byte is not a digit from 0 to 6.
	ErrUnknownType = errors.New("unknown packet type")
	// ErrAttachmentCount: the attachment count of a binary packet is missing,
	// zero, not made of digits only, or not followed by a dash (requirement R25).
	ErrAttachmentCount = errors.New("illegal attachment count")
	// ErrTooManyAttachments: the attachment count is above [Limits].Attachments.
	ErrTooManyAttachments = errors.New("too many attachments")
	// ErrID: the ack id has more than 16 digits or is above 2^53−1 (requirement R29).
	ErrID = errors.New("ack id out of range")
	// ErrNameTooLong: a namespace or an event name is longer than [Limits].NameLen
	// (requirement R32).
	ErrNameTooLong = errors.New("name too long")
	// ErrPayload: the payload is JSON of a shape that the packet type does not
	// allow, or does not start where the header ends (requirement R28).
	ErrPayload = errors.New("payload does not fit the packet type")
	// ErrReservedEvent: the event bears one of the six names that belong to the
	// protocol (requirement R28).
	ErrReservedEvent = errors.New("reserved event name")
	// ErrJSON: the payload is not JSON as RFC 8259 defines it.
	ErrJSON = errors.New("invalid JSON")
	// ErrDepth: the payload nests deeper than allowed (requirement R33).
	ErrDepth = errors.New("JSON nested too deeply")
	// ErrPlaceholder: a placeholder's number is missing, is not an integer or
	// points outside the announced attachments (requirement R26).
	ErrPlaceholder = errors.New("illegal attachment placeholder")
	// ErrUnexpectedText: a text message while attachments are outstanding.
	ErrUnexpectedText = errors.New("text message while attachments are outstanding")
	// ErrUnexpectedBinary: a binary message while no attachment is outstanding.
	ErrUnexpectedBinary = errors.New("binary message without a packet that announced it")
	// ErrAttachmentBytes: the attachments of one packet are together larger than
	// [Limits].AttachmentBytes (requirement R27).
	ErrAttachmentBytes = errors.New("attachments too large")
	// ErrTooLarge: the text is longer than a span can describe (4 GiB). Message
	// limits of the transport are reached long before.
	ErrTooLarge = errors.New("packet too large")
	// ErrUnusable: the decoder failed before or was discarded (requirement R36).
	ErrUnusable = errors.New("decoder is not usable any more")
)

// Error says which rule a peer broke and where. It never quotes the peer's
// text, so that it can be logged as it is.
type Error struct {
	// Reason is one of the Err values of this package.
	Reason error
	// Offset is the position in the text message, in bytes, at which the rule
	// was found broken; −1 if the fault has no position.
	Offset int
}

// Error implements error.
func (e *Error) Error() string {
	if e.Offset < 0 {
		return "socket.io packet: " + e.Reason.Error()
	}
	return "socket.io packet: " + e.Reason.Error() + " at byte " + strconv.Itoa(e.Offset)
}

// Unwrap gives the broken rule to errors.Is.
func (e *Error) Unwrap() error { return e.Reason }

// errUnusable is shared: a caller that keeps feeding a dead decoder must not
// make it allocate.
var errUnusable = &Error{Reason: ErrUnusable, Offset: -1}
