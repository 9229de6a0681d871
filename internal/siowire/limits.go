package siowire

// The limits that hold where [Limits] says nothing.
const (
	// DefaultAttachments is the number that default peers accept (decision D11).
	DefaultAttachments = 10
	// DefaultAttachmentBytes is ten messages of the default size (D11).
	DefaultAttachmentBytes = 10 * 1_000_000
	// DefaultConnectDepth is the nesting allowed in the payload of CONNECT, which
	// is read before anybody is authenticated (requirement R18).
	DefaultConnectDepth = 16
	// DefaultNameLen is the length of a namespace or event name (R32).
	DefaultNameLen = 255
)

// Limits bounds what a [Decoder] accepts. A field below 1 means its default.
// One Limits serves many decoders, which only read it.
type Limits struct {
	// AttachmentBytes bounds the attachments of one packet together.
	AttachmentBytes int64
	// Attachments bounds their number; more than 2^20 is taken as that.
	Attachments int
	// Depth bounds the nesting of JSON in all packets but CONNECT.
	Depth int
	// ConnectDepth bounds it in CONNECT.
	ConnectDepth int
	// NameLen bounds a namespace and an event name, in bytes. An event name that
	// is a number counts as it is written.
	NameLen int
}

// defaultLimits is what a decoder without limits uses.
var defaultLimits Limits

// maxAttachments bounds what [Limits].Attachments can allow, so that a count can
// be computed in an int of any size.
const maxAttachments = 1 << 20

// attachments is the number of attachments allowed.
func (l *Limits) attachments() int {
	return min(orDefault(l.Attachments, DefaultAttachments), maxAttachments)
}

// nameLen is the length of names allowed.
func (l *Limits) nameLen() int { return orDefault(l.NameLen, DefaultNameLen) }

// attachmentBytes is the size of the attachments of a packet together.
func (l *Limits) attachmentBytes() int64 {
	return orDefault(l.AttachmentBytes, DefaultAttachmentBytes)
}

// depth is the nesting allowed for a type.
func (l *Limits) depth(t Type) int {
	if t == Connect {
		return orDefault(l.ConnectDepth, DefaultConnectDepth)
	}
	return orDefault(l.Depth, DefaultDepth)
}

// orDefault is limit, or def if limit is not set.
func orDefault[N int | int64](limit, def N) N {
	if limit < 1 {
		return def
	}
	return limit
}
