package engine

import "encoding/binary"

// Bits of a frame's first byte (RFC 6455 section 5.2).
const (
	finalBit      = 0x80
	compressedBit = 0x40 // RSV1, as RFC 7692 section 6 has it
	reservedBit   = 0x20 // RSV2, which nothing gives a meaning
	controlBit    = 0x08 // of the opcode
)

// frameWatch follows the frames of a client that gorilla is about to read, where
// compression was negotiated: gorilla takes the mark of a compressed message on any
// frame, and takes a message for complete when its compressed stream ends.
type frameWatch struct {
	head     [14]byte // of the frame whose header is read
	n        int      // bytes of head
	left     uint64   // bytes of payload to come
	last     bool     // the frame ends a message
	messages uint64   // that were complete
}

// follow looks at the next bytes of the client. It marks a frame that is compressed and
// must not be, a control frame or one that continues a message (RFC 7692 section 6.1),
// with a bit that gorilla refuses.
func (w *frameWatch) follow(p []byte) {
	for len(p) > 0 {
		if w.left > 0 {
			n := min(w.left, uint64(len(p)))
			p, w.left = p[n:], w.left-n
			w.ended()
			continue
		}
		if w.n == 0 && p[0]&compressedBit != 0 && (p[0]&controlBit != 0 || p[0]&0x0f == 0) {
			p[0] |= reservedBit
		}
		w.head[w.n] = p[0]
		w.n++
		p = p[1:]
		w.header()
	}
}

// header begins a frame if its header is complete.
func (w *frameWatch) header() {
	if w.n < 2 {
		return
	}
	size, length := 2, uint64(w.head[1]&0x7f)
	switch length {
	case 126:
		size, length = 4, uint64(binary.BigEndian.Uint16(w.head[2:]))
	case 127:
		size, length = 10, binary.BigEndian.Uint64(w.head[2:])
	}
	if w.head[1]&0x80 != 0 {
		size += 4 // the mask
	}
	if w.n < size {
		return
	}
	w.n, w.left = 0, length
	w.last = w.head[0]&finalBit != 0 && w.head[0]&controlBit == 0
	w.ended()
}

// ended counts a message if its last frame is complete.
func (w *frameWatch) ended() {
	if w.left == 0 && w.last {
		w.messages++
		w.last = false
	}
}
