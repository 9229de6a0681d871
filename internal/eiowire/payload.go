package eiowire

import "bytes"

// Separator stands between the packets of a polling payload (Engine.IO 4, "HTTP
// long-polling"). It needs no escape: JSON never holds it raw.
const Separator = 0x1e

// NextPacket cuts the first packet off a polling payload. more tells that a
// separator followed, hence that rest is a packet too, even when it is empty: a
// trailing separator is followed by an empty packet, which is a parse error. A
// reader loops:
//
//	for more := true; more; {
//		packet, body, more = NextPacket(body)
//		...
//	}
//
// The cost of a whole payload is linear in its length, and nothing is allocated.
func NextPacket(payload []byte) (packet, rest []byte, more bool) {
	i := bytes.IndexByte(payload, Separator)
	if i < 0 {
		return payload, nil, false
	}
	return payload[:i], payload[i+1:], true
}
