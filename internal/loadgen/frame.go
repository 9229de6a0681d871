package loadgen

import (
	"encoding/binary"
	"errors"
)

// Opcodes of RFC 6455.
const (
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10
)

// maxMessage bounds what a server may send in one frame.
const maxMessage = 4 << 20

var (
	errFrame   = errors.New("loadgen: a frame that is masked, fragmented or compressed")
	errTooLong = errors.New("loadgen: a frame of more than 4 MiB")
)

// headerSize is how long the header of a client's frame is.
func headerSize(n int) int {
	switch {
	case n <= 125:
		return 6
	case n < 1<<16:
		return 8
	default:
		return 14
	}
}

// appendFrame appends a client's frame whose masking key is zero: what follows the header is the payload as it is.
func appendFrame(dst []byte, opcode byte, payload []byte) []byte {
	dst = append(dst, 0x80|opcode)
	switch n := len(payload); headerSize(n) {
	case 6:
		dst = append(dst, 0x80|byte(n))
	case 8:
		dst = append(dst, 0x80|126, byte(n>>8), byte(n))
	default:
		dst = append(dst, 0x80|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	dst = append(dst, 0, 0, 0, 0)
	return append(dst, payload...)
}

// cutFrame takes the first frame off buf. Without a whole one size is 0.
func cutFrame(buf []byte) (opcode byte, payload []byte, size int, err error) {
	if len(buf) < 2 {
		return 0, nil, 0, nil
	}
	if buf[0]&0xf0 != 0x80 || buf[1]&0x80 != 0 || buf[0]&0x0f == 0 {
		return 0, nil, 0, errFrame
	}
	n, head := uint64(buf[1]), 2
	switch n {
	case 126:
		if head = 4; len(buf) < head {
			return 0, nil, 0, nil
		}
		n = uint64(binary.BigEndian.Uint16(buf[2:]))
	case 127:
		if head = 10; len(buf) < head {
			return 0, nil, 0, nil
		}
		n = binary.BigEndian.Uint64(buf[2:])
	}
	if n > maxMessage {
		return 0, nil, 0, errTooLong
	}
	if size = head + int(n); len(buf) < size {
		return 0, nil, 0, nil
	}
	return buf[0] & 0x0f, buf[head:size], size, nil
}

// appendServerFrame appends a text frame as a server sends it.
func appendServerFrame(dst, payload []byte) []byte {
	dst = append(dst, 0x80|opText)
	switch n := len(payload); {
	case n <= 125:
		dst = append(dst, byte(n))
	case n < 1<<16:
		dst = append(dst, 126, byte(n>>8), byte(n))
	default:
		dst = append(dst, 127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	return append(dst, payload...)
}

// cutClientFrame takes the first frame off what appendFrame made, which is whole.
func cutClientFrame(buf []byte) (opcode byte, payload []byte, size int) {
	n, head := int(buf[1]&0x7f), 6
	switch n {
	case 126:
		n, head = int(binary.BigEndian.Uint16(buf[2:])), 8
	case 127:
		n, head = int(binary.BigEndian.Uint64(buf[2:])), 14 //nolint:gosec // the length of a slice
	}
	return buf[0] & 0x0f, buf[head : head+n], head + n
}
