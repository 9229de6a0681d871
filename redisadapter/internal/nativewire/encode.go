package nativewire

import (
	"encoding/json"
	"math"
	"slices"
	"time"
	"unicode/utf8"
)

// AppendMessage appends a message as it stands in a frame of the channel, without its
// length. What it refuses, with an [*Error], a decoder would refuse too; dst comes back as
// it was then. It allocates only when dst has to grow.
func AppendMessage(dst []byte, m *Message, ch Channel) ([]byte, error) {
	if err := m.check(ch); err != nil {
		return dst, err
	}
	start := len(dst)
	dst = append(dst, byte(m.Op))
	dst = appendNumberField(dst, tagFlags, m.flags())
	if !ch.Kind.hasNamespace() {
		dst = appendTextField(dst, tagNamespace, m.Namespace)
	}
	dst = appendListField(dst, tagRooms, m.Rooms)
	dst = appendListField(dst, tagExcept, m.Except)
	dst = appendListField(dst, tagNames, m.Names)
	dst = appendNumberField(dst, tagAsk, m.Ask)
	dst = appendNumberField(dst, tagTimeout, zigzag(int64(m.Timeout)))
	dst = appendTimeField(dst, tagTime, m.Time)
	dst = appendTextField(dst, tagReason, m.Reason)
	dst = appendTextField(dst, tagConn, m.Conn)
	dst = appendNumberField(dst, tagCount, uint64(m.Count))
	dst = appendConns(dst, m.Conns)
	dst = appendBytesField(dst, tagData, m.Data)
	dst = appendAttachments(dst, m.Attachments)
	dst = appendMeta(dst, m.Meta)
	dst = appendNumberField(dst, tagCopy, m.Copy)
	if len(dst)-start > MaxMessage {
		return dst[:start], fault(ErrSize)
	}
	return dst, nil
}

func (m *Message) flags() (bits uint64) {
	if m.Volatile {
		bits |= flagVolatile
	}
	if m.Close {
		bits |= flagClose
	}
	if m.Compress != Unset {
		bits |= flagCompressSet
	}
	if m.Compress == On {
		bits |= flagCompressOn
	}
	return bits
}

// check applies the rules of the decoder.
func (m *Message) check(ch Channel) error {
	size := len(m.Data)
	for _, a := range m.Attachments {
		size += len(a)
	}
	switch {
	case m.Op == 0 || m.Op > lastOp:
		return &Error{Reason: ErrOp, Offset: -1, Value: uint64(m.Op)}
	case ch.Kind.hasNamespace() && m.Namespace != ch.Name:
		return fault(ErrChannel)
	case len(m.Namespace) > MaxNamespace || size > MaxMessage:
		return fault(ErrSize)
	case m.manyElements():
		return fault(ErrCount)
	case !m.goodValues():
		return fault(ErrValue)
	case !m.goodText():
		return fault(ErrText)
	}
	for i := range m.Conns {
		if err := m.Conns[i].check(); err != nil {
			return err
		}
	}
	return nil
}

func (m *Message) manyElements() bool {
	return max(len(m.Rooms), len(m.Except), len(m.Names)) > MaxRooms || len(m.Attachments) > MaxAttachments ||
		len(m.Conns) > MaxConns || len(m.Meta) > MaxMeta
}

func (m *Message) goodValues() bool {
	return m.Compress <= On && m.Count >= 0 && m.Count <= math.MaxInt32 && max(m.Ask, m.Copy) <= MaxNumber && goodTime(m.Time)
}

func (m *Message) goodText() bool {
	for key, value := range m.Meta {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return false
		}
	}
	return utf8.Valid(m.Data) && utf8.ValidString(m.Reason)
}

func (c *Conn) check() error {
	switch {
	case c.ID == "" || !goodTime(c.Connected):
		return fault(ErrValue)
	case len(c.Rooms) > MaxRooms:
		return fault(ErrCount)
	case !utf8.Valid(c.Public) || !utf8.ValidString(c.Address) || !utf8.ValidString(c.Transport):
		return fault(ErrText)
	case len(c.Public) > 0 && !goodJSON(c.Public):
		return fault(ErrJSON)
	}
	return nil
}

// goodJSON reports whether data is JSON that nests at most MaxDepth deep.
func goodJSON(data []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > MaxDepth {
				return false
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return json.Valid(data)
}

func appendTimeField(dst []byte, tag byte, t time.Time) []byte {
	if t.IsZero() {
		return dst
	}
	seconds, nanos := zigzag(t.Unix()), uint64(t.Nanosecond())
	dst = appendHead(dst, tag, timeLen(t))
	return appendNumber(appendNumber(dst, seconds), nanos)
}

func timeLen(t time.Time) int {
	if t.IsZero() {
		return 0
	}
	return numberLen(zigzag(t.Unix())) + numberLen(uint64(t.Nanosecond()))
}

func appendConns(dst []byte, conns []Conn) []byte {
	if len(conns) == 0 {
		return dst
	}
	n := 0
	for i := range conns {
		n += textLen(conns[i].len())
	}
	dst = appendHead(dst, tagConns, n)
	for i := range conns {
		dst = conns[i].append(appendNumber(dst, uint64(conns[i].len())))
	}
	return dst
}

// len is the length of the connection's record.
func (c *Conn) len() int {
	n := fieldLen(len(c.ID)) + fieldLen(len(c.User)) + fieldLen(len(c.Node)) + fieldLen(listLen(c.Rooms)) +
		fieldLen(len(c.Public)) + fieldLen(len(c.Address)) + fieldLen(len(c.Transport)) + fieldLen(timeLen(c.Connected))
	if c.Secure {
		n += fieldLen(1)
	}
	return n
}

func (c *Conn) append(dst []byte) []byte {
	dst = appendTextField(dst, tagConnID, c.ID)
	dst = appendTextField(dst, tagConnUser, c.User)
	dst = appendTextField(dst, tagConnNode, c.Node)
	dst = appendListField(dst, tagConnRooms, c.Rooms)
	dst = appendBytesField(dst, tagConnPublic, c.Public)
	dst = appendTextField(dst, tagConnAddress, c.Address)
	dst = appendTextField(dst, tagConnTransport, c.Transport)
	if c.Secure {
		dst = appendNumberField(dst, tagConnSecure, 1)
	}
	return appendTimeField(dst, tagConnConnected, c.Connected)
}

func appendAttachments(dst []byte, attachments [][]byte) []byte {
	if len(attachments) == 0 {
		return dst
	}
	n := 0
	for _, a := range attachments {
		n += textLen(len(a))
	}
	dst = appendHead(dst, tagAttachments, n)
	for _, a := range attachments {
		dst = append(appendNumber(dst, uint64(len(a))), a...)
	}
	return dst
}

// appendMeta writes keys in ascending order, since a map has none.
func appendMeta(dst []byte, meta map[string]string) []byte {
	if len(meta) == 0 {
		return dst
	}
	var room [MaxMeta]string // checked: there are no more
	keys, n := room[:0], 0
	for key, value := range meta {
		keys = append(keys, key)
		n += textLen(len(key)) + textLen(len(value))
	}
	slices.Sort(keys)
	dst = appendHead(dst, tagMeta, n)
	for _, key := range keys {
		dst = appendText(appendText(dst, key), meta[key])
	}
	return dst
}
