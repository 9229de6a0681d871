package engine

import (
	"sync"
	"sync/atomic"

	"github.com/realtime-go/realtime/internal/eiowire"
	"github.com/realtime-go/realtime/internal/wsframe"
)

// Message is one encoded message: a text part, possibly followed by binary
// parts, or a bare Engine.IO packet. It is immutable and shared by all sessions
// it is sent to, whatever their transport, so that a broadcast is encoded once.
// A Message belongs to the sessions of one Server: its bytes are counted against
// that server's budget, once, for as long as any queue holds it.
//
// All parts stand in one slice as complete websocket frames, so that a websocket
// writes the slice as it is. Polling takes the parts without their headers; the
// base64 form is made when it is first needed.
type Message struct {
	frames []byte
	// The text part without its frame header.
	textStart, textEnd int32
	kind               messageKind
	refs               atomic.Int32 // queues and writes in progress that hold it
	attached           *attached    // nil without binary parts
	placed             *placed      // nil without a key
	packed             atomic.Pointer[packed]
	plain              bool // never compressed
}

type messageKind byte

const (
	// dataMessage is made by a caller and counted against the budget.
	dataMessage messageKind = iota
	// packetMessage is a bare Engine.IO packet, mostly one of those that all
	// sessions share. It is too small to count.
	packetMessage
	// frameMessage is a websocket control frame: it has no polling form.
	frameMessage
	// finalMessage is a close frame, after which the websocket ends.
	finalMessage
	// placeMessage stands in one queue for the newest message of its key.
	placeMessage
)

// attached is what a message with binary parts has besides.
type attached struct {
	spans []span // the binary parts in frames

	pollingOnce sync.Once
	polling     []byte
	wsOnce      sync.Once
	ws          []byte
}

type span struct{ start, end int32 }

// The bare packets that all sessions share.
var (
	pingPacket = newPacket("2")
	probeReply = wsframe.AppendFrame(nil, wsframe.Text, []byte("3probe"))
	closeFrame = newClose(0)
)

// NewMessage returns the message of a Socket.IO packet: its text without the
// Engine.IO type digit, and its attachments. The inputs are copied.
func NewMessage(text []byte, attachments ...[]byte) *Message {
	size := wsframe.HeaderLen(1+len(text)) + 1 + len(text)
	for _, a := range attachments {
		size += wsframe.HeaderLen(len(a)) + len(a)
	}
	m := &Message{}
	buf := wsframe.AppendHeader(make([]byte, 0, size), wsframe.Text, 1+len(text))
	m.textStart = int32(len(buf))
	buf = append(buf, byte(eiowire.Message))
	buf = append(buf, text...)
	m.textEnd = int32(len(buf))
	if len(attachments) > 0 {
		m.attached = &attached{spans: make([]span, len(attachments))}
		for i, a := range attachments {
			buf = wsframe.AppendHeader(buf, wsframe.Binary, len(a))
			start := int32(len(buf))
			buf = append(buf, a...)
			m.attached.spans[i] = span{start, int32(len(buf))}
		}
	}
	m.frames = buf
	return m
}

// newPacket returns a bare Engine.IO packet given in text form.
func newPacket(text string) *Message {
	m := &Message{kind: packetMessage}
	m.frames = wsframe.AppendHeader(nil, wsframe.Text, len(text))
	m.textStart = int32(len(m.frames))
	m.frames = append(m.frames, text...)
	m.textEnd = int32(len(m.frames))
	return m
}

// newPong returns the answer to a websocket ping.
func newPong(data string) *Message {
	return &Message{kind: frameMessage, frames: wsframe.AppendFrame(nil, wsframe.Pong, []byte(data))}
}

// newClose returns the close frame that ends a websocket; code 0 means none.
func newClose(code int) *Message {
	return &Message{kind: finalMessage, frames: wsframe.AppendClose(nil, code, "")}
}

// Size is the number of bytes of the message on a websocket, which is also its
// weight in queues and in the budget.
func (m *Message) Size() int { return len(m.frames) }

// counted tells whether the message counts against the budget: not those that all
// sessions share.
func (m *Message) counted() bool { return m.kind == dataMessage || m.kind == frameMessage }

// text is the text part as a packet in text form.
func (m *Message) text() []byte { return m.frames[m.textStart:m.textEnd] }

// polling is the message as part of a polling payload; empty means that it has
// no such form.
func (m *Message) polling() []byte {
	a := m.attached
	if a == nil {
		return m.text()
	}
	a.pollingOnce.Do(func() {
		size := len(m.text())
		for _, s := range a.spans {
			size += 1 + eiowire.Base64Len(int(s.end-s.start))
		}
		buf := append(make([]byte, 0, size), m.text()...)
		for _, s := range a.spans {
			buf = append(buf, eiowire.Separator)
			buf = eiowire.AppendBase64(buf, m.frames[s.start:s.end])
		}
		a.polling = buf
	})
	return a.polling
}

// websocket is the message as frames. base64 is set for clients that asked for
// text frames only (the b64 query parameter).
func (m *Message) websocket(base64 bool) []byte {
	a := m.attached
	if a == nil || !base64 {
		return m.frames
	}
	a.wsOnce.Do(func() {
		buf := append([]byte(nil), m.frames[:m.textEnd]...)
		for _, s := range a.spans {
			buf = wsframe.AppendHeader(buf, wsframe.Text, eiowire.Base64Len(int(s.end-s.start)))
			buf = eiowire.AppendBase64(buf, m.frames[s.start:s.end])
		}
		a.ws = buf
	})
	return a.ws
}
