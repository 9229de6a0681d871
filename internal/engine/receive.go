package engine

import (
	"github.com/realtime-go/realtime/internal/eiowire"
)

// receive hands one message to the receiver. Only one goroutine calls it at a
// time: a POST's handler or the websocket's reader.
func (s *Session) receive(data []byte, binary bool) {
	s.activity.Add(1)
	s.receivedBytes.Add(uint64(len(data)))
	if hook := s.srv.opts.Hooks.OnReceive; hook != nil {
		hook(s.Transport(), len(data))
	}
	err := s.receiver.Receive(data, binary)
	s.activity.Add(1)
	if err != nil {
		s.finish(because(ErrForced, "", err), endFlush)
	}
}

// control handles a packet that is not a message, alike on both transports
// (Engine.IO 4, "packet types"). A close packet is not among them.
func (s *Session) control(p eiowire.Packet) {
	switch p.Type {
	case eiowire.Pong:
		s.pong()
	case eiowire.Ping:
		s.finish(because(ErrTransportError, "invalid heartbeat direction", nil), endFrame)
	default:
		// Open, upgrade and noop from a client mean nothing here.
	}
}
