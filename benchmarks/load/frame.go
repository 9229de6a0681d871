package load

import (
	"encoding/binary"
	"errors"
)

// Opcodes of RFC 6455.
const (
	opText   = 1
	opBinary = 2
	opClose  = 8
	opPing   = 9
)

var errFrame = errors.New("load: the server sends a frame that this client does not know")

// Frame returns a client's text message in one frame. The mask is zero, so that masking costs nothing.
func Frame(text string) []byte {
	const fin, masked = 0x80, 0x80
	f := []byte{fin | opText}
	switch n := len(text); {
	case n <= 125:
		f = append(f, masked|byte(n))
	case n < 1<<16:
		f = append(f, masked|126, byte(n>>8), byte(n))
	default:
		f = binary.BigEndian.AppendUint64(append(f, masked|127), uint64(n))
	}
	return append(append(f, 0, 0, 0, 0), text...)
}

// next cuts one frame off. ok is false if it is not whole yet.
func next(buf []byte) (op byte, payload, rest []byte, ok bool, err error) {
	if len(buf) < 2 {
		return 0, nil, buf, false, nil
	}
	n, head := int(buf[1]), 2
	switch {
	case n > 127: // a server does not mask
		return 0, nil, nil, false, errFrame
	case n == 126:
		if len(buf) < 4 {
			return 0, nil, buf, false, nil
		}
		n, head = int(binary.BigEndian.Uint16(buf[2:])), 4
	case n == 127:
		if len(buf) < 10 {
			return 0, nil, buf, false, nil
		}
		long := binary.BigEndian.Uint64(buf[2:])
		if long > 1<<30 {
			return 0, nil, nil, false, errFrame
		}
		n, head = int(long), 10
	}
	if len(buf) < head+n {
		return 0, nil, buf, false, nil
	}
	return buf[0] & 0x0f, buf[head : head+n], buf[head+n:], true, nil
}
