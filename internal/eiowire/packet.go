// Package eiowire reads and writes Engine.IO 4 packets: the text form that
// websocket messages and polling payloads share, the polling payload that joins
// packets with a separator, and the open packet of the handshake. It is pure:
// no I/O, no clock, no connection.
package eiowire

import (
	"encoding/base64"
	"errors"
	"fmt"
)

// Type is the first byte of a packet in its text form (Engine.IO 4, "packet
// types").
type Type byte

// The packet types.
const (
	Open    Type = '0'
	Close   Type = '1'
	Ping    Type = '2'
	Pong    Type = '3'
	Message Type = '4'
	Upgrade Type = '5'
	Noop    Type = '6'
)

// String names the type as the protocol document does.
func (t Type) String() string {
	switch t {
	case Open:
		return "open"
	case Close:
		return "close"
	case Ping:
		return "ping"
	case Pong:
		return "pong"
	case Message:
		return "message"
	case Upgrade:
		return "upgrade"
	case Noop:
		return "noop"
	default:
		return fmt.Sprintf("unknown(%#02x)", byte(t))
	}
}

// base64Mark opens a binary message in text form. Such a packet has no type
// digit: binary data is always a message.
const base64Mark = 'b'

// Reasons why a packet is refused. The official parser calls all of them
// "parser error".
var (
	ErrEmpty       = errors.New("empty packet")
	ErrUnknownType = errors.New("unknown packet type")
	ErrBase64      = errors.New("broken base64")
)

// Packet is one decoded packet. Binary implies the type Message.
type Packet struct {
	Type   Type
	Binary bool
	// Data is what follows the type byte. It aliases the input of Decode for
	// text and is fresh memory for binary.
	Data []byte
}

// Decode reads a packet in text form: a websocket text message, or one packet
// of a polling payload. A packet that begins with 'b' is base64, on both
// transports. Padding may be missing and the URL alphabet may be used, also
// mixed with the standard one; anything else that is not base64 is refused
// (decision D9), although the official parser lets it pass.
func Decode(text []byte) (Packet, error) {
	if len(text) == 0 {
		return Packet{}, ErrEmpty
	}
	switch t := text[0]; {
	case t == base64Mark:
		data, err := decodeBase64(text[1:])
		if err != nil {
			return Packet{}, err
		}
		return Packet{Type: Message, Binary: true, Data: data}, nil
	case t >= byte(Open) && t <= byte(Noop):
		return Packet{Type: Type(t), Data: text[1:]}, nil
	default:
		return Packet{}, ErrUnknownType
	}
}

// decodeBase64 returns fresh memory of exactly the decoded size. The standard
// decoder skips CR and LF and knows one alphabet at a time, so the input is
// brought into one form first.
func decodeBase64(src []byte) ([]byte, error) {
	pads := 0
	for pads < 2 && len(src) > 0 && src[len(src)-1] == '=' {
		src = src[:len(src)-1]
		pads++
	}
	if len(src)%4 == 1 || pads > 0 && (len(src)+pads)%4 != 0 {
		return nil, ErrBase64
	}
	legal, std := alphabet(src)
	if !legal {
		return nil, ErrBase64
	}
	if !std {
		src = toStandard(src)
	}
	dst := make([]byte, base64.RawStdEncoding.DecodedLen(len(src)))
	n, err := base64.RawStdEncoding.Decode(dst, src)
	if err != nil {
		return nil, ErrBase64
	}
	return dst[:n], nil
}

// alphabet tells whether src holds nothing but the two alphabets, and whether the
// standard one alone.
func alphabet(src []byte) (legal, standard bool) {
	standard = true
	for _, c := range src {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '+', c == '/':
		case c == '-', c == '_':
			standard = false
		default:
			return false, false
		}
	}
	return true, standard
}

// toStandard copies src with the URL alphabet replaced by the standard one.
func toStandard(src []byte) []byte {
	dst := make([]byte, len(src))
	for i, c := range src {
		switch c {
		case '-':
			c = '+'
		case '_':
			c = '/'
		}
		dst[i] = c
	}
	return dst
}

// AppendBase64 appends a binary message in text form: 'b' and standard base64
// with padding.
func AppendBase64(dst, data []byte) []byte {
	return base64.StdEncoding.AppendEncode(append(dst, base64Mark), data)
}

// Base64Len is the number of bytes AppendBase64 adds for n bytes of data.
func Base64Len(n int) int { return 1 + base64.StdEncoding.EncodedLen(n) }
