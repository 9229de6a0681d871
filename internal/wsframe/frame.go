// Package wsframe writes the server's half of the websocket framing layer
// (RFC 6455 section 5): unmasked, unfragmented frames, appended to a slice of
// the caller. It reads nothing: reading, unmasking and the handshake belong to
// gorilla/websocket.
//
// A frame built here is one contiguous slice, so that one Write carries it
// whole beside other writers of the same connection.
package wsframe

import "encoding/binary"

// Opcode says what a frame carries (RFC 6455 section 5.2).
type Opcode byte

// The opcodes a server sends. Continuation is absent on purpose: a message
// always goes out as one frame.
const (
	Text   Opcode = 1
	Binary Opcode = 2
	Close  Opcode = 8
	Ping   Opcode = 9
	Pong   Opcode = 10
)

// Compressed is added to the opcode of a frame whose payload is compressed (RSV1 of
// RFC 7692 section 6).
const Compressed Opcode = 0x40

// MaxControl is the largest payload of a control frame in bytes (RFC 6455
// section 5.5).
const MaxControl = 125

// MaxHeader is the longest header AppendHeader writes, in bytes.
const MaxHeader = 10

const (
	fin = 0x80

	len16 = 126 // marks a length in the two bytes that follow
	len64 = 127 // marks a length in the eight bytes that follow

	max7  = 125
	max16 = 1<<16 - 1
)

// HeaderLen is the number of bytes AppendHeader adds for a payload of n bytes.
func HeaderLen(n int) int {
	switch {
	case n <= max7:
		return 2
	case n <= max16:
		return 4
	default:
		return MaxHeader
	}
}

// AppendHeader appends the header of a final, unmasked frame with a payload of
// n bytes. The caller appends the payload itself; n must not be negative, and
// not above MaxControl for a control frame.
func AppendHeader(dst []byte, op Opcode, n int) []byte {
	dst = append(dst, fin|byte(op))
	switch {
	case n <= max7:
		return append(dst, byte(n))
	case n <= max16:
		return binary.BigEndian.AppendUint16(append(dst, len16), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, len64), uint64(n))
	}
}

// AppendFrame appends a whole frame: header and payload.
func AppendFrame(dst []byte, op Opcode, payload []byte) []byte {
	return append(AppendHeader(dst, op, len(payload)), payload...)
}

// AppendClose appends a close frame (RFC 6455 section 5.5.1). Code 0 gives a
// frame without status, which the peer reports as 1005; the official server
// closes that way. A reason is cut at the end of the last whole character that
// fits a control frame, and dropped when there is no code.
func AppendClose(dst []byte, code int, reason string) []byte {
	if code == 0 {
		return AppendHeader(dst, Close, 0)
	}
	reason = cut(reason, MaxControl-2)
	dst = AppendHeader(dst, Close, 2+len(reason))
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, reason...)
}

// cut shortens s to at most n bytes without splitting a UTF-8 sequence: a close
// reason must be valid UTF-8.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
