package siowire

import (
	"strconv"
	"unicode/utf8"
)

// AppendHeader appends everything of a packet that stands before its JSON. An
// Event or Ack with attachments above 0 is written in its binary form and
// announces them; other types never have any. The namespace is written unless it
// is "/" or empty, and must not contain a comma, which ends it on the wire.
//
// There is no limit on the number of attachments here, as in the official
// encoder, though default peers accept ten (decision D11). Like all Append
// functions it allocates only when dst has to grow.
func AppendHeader(dst []byte, t Type, attachments int, namespace string, id uint64, hasID bool) []byte {
	switch t {
	case Event, BinaryEvent:
		t = either(attachments > 0, BinaryEvent, Event)
	case Ack, BinaryAck:
		t = either(attachments > 0, BinaryAck, Ack)
	}
	dst = append(dst, '0'+byte(t))
	if t == BinaryEvent || t == BinaryAck {
		dst = strconv.AppendInt(dst, int64(attachments), 10)
		dst = append(dst, '-')
	}
	if namespace != "" && namespace != defaultNamespace {
		dst = append(dst, namespace...)
		dst = append(dst, ',')
	}
	if hasID {
		dst = strconv.AppendUint(dst, id, 10)
	}
	return dst
}

// either is a if cond, else b.
func either(cond bool, a, b Type) Type {
	if cond {
		return a
	}
	return b
}

// AppendString appends s as a JSON string, byte for byte as JSON.stringify
// writes it: no HTML escaping, U+2028 and U+2029 raw, control characters in
// their short form where there is one. Bytes that are not UTF-8 become U+FFFD,
// since a text message that holds them would make the peer close the link.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	done := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < ' ' || c == '"' || c == '\\' {
				dst = append(dst, s[done:i]...)
				dst = appendEscape(dst, c)
				done = i + 1
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, s[done:i]...)
			dst = utf8.AppendRune(dst, utf8.RuneError)
			done = i + 1
		}
		i += size
	}
	dst = append(dst, s[done:]...)
	return append(dst, '"')
}

// appendEscape appends the escape sequence of a byte that must not stand raw in
// a JSON string.
func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '\b':
		c = 'b'
	case '\f':
		c = 'f'
	case '\n':
		c = 'n'
	case '\r':
		c = 'r'
	case '\t':
		c = 't'
	case '"', '\\':
	default:
		return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
	}
	return append(dst, '\\', c)
}
