package eiowire

import (
	"strconv"
	"time"
)

// OpenPacket is what the server tells a client in the handshake (Engine.IO 4,
// "handshake").
type OpenPacket struct {
	// SID is the session id. It must need no JSON escape.
	SID string
	// Upgrades lists the transports the client may change to.
	Upgrades []string
	// PingInterval and PingTimeout are written in whole milliseconds.
	PingInterval, PingTimeout time.Duration
	// MaxPayload is the largest accepted polling body or websocket message in
	// bytes.
	MaxPayload int64
}

// AppendOpen appends the open packet in text form. Keys and their order are
// those of the official server; some clients compare the bytes.
func AppendOpen(dst []byte, o OpenPacket) []byte {
	dst = append(dst, byte(Open))
	dst = append(dst, `{"sid":"`...)
	dst = append(dst, o.SID...)
	dst = append(dst, `","upgrades":[`...)
	for i, u := range o.Upgrades {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, u...)
		dst = append(dst, '"')
	}
	dst = append(dst, `],"pingInterval":`...)
	dst = strconv.AppendInt(dst, o.PingInterval.Milliseconds(), 10)
	dst = append(dst, `,"pingTimeout":`...)
	dst = strconv.AppendInt(dst, o.PingTimeout.Milliseconds(), 10)
	dst = append(dst, `,"maxPayload":`...)
	dst = strconv.AppendInt(dst, o.MaxPayload, 10)
	return append(dst, '}')
}
