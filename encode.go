package realtime

import (
	"fmt"
	"slices"
	"sync"

	"github.com/realtime-go/realtime/internal/engine"
	"github.com/realtime-go/realtime/internal/payload"
	"github.com/realtime-go/realtime/internal/siowire"
)

// encoded is the payload of an EVENT or ACK packet, encoded once, with room before it for the header of
// whichever packet it becomes. It lives in a pooled buffer until release.
type encoded struct {
	buf         *[]byte
	head        int // where the payload begins
	attachments [][]byte
}

// maxPooledBuffer keeps one huge message from staying in the pool for ever.
const maxPooledBuffer = 64 << 10

// headerFixed is the longest header without its namespace: type, attachments and dash, comma, id.
const headerFixed = 1 + 3 + 1 + 20

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// encodeArgs encodes [event,args...], or [args...] if there is no event. nameLimit bounds the namespace
// that the header will have.
func encodeArgs(cfg *Config, event string, args []any) (encoded, error) {
	p := encoded{buf: buffers.Get().(*[]byte), head: headerFixed + cfg.Limits.NameLength}
	buf := append(slices.Grow((*p.buf)[:0], p.head)[:p.head], '[')
	if event != "" {
		buf = siowire.AppendString(buf, event)
	}
	buf, attachments, err := payload.AppendArgs(buf, cfg.Codec, args, nil)
	if err == nil && event == "" && len(args) > 0 { // AppendArgs puts a comma before every argument
		buf = slices.Delete(buf, p.head+1, p.head+2)
	}
	*p.buf, p.attachments = append(buf, ']'), attachments
	if err == nil && cfg.Limits.Attachments >= 0 && len(attachments) > cfg.Limits.Attachments {
		err = fmt.Errorf("%w: %d, at most %d", ErrTooManyAttachments, len(attachments), cfg.Limits.Attachments)
	}
	if err != nil {
		p.release()
		return encoded{}, err
	}
	return p, nil
}

// release gives the buffer back; the payload must not be used afterwards.
func (p encoded) release() {
	if cap(*p.buf) <= maxPooledBuffer {
		buffers.Put(p.buf)
	}
}

// data is the payload, valid until release.
func (p encoded) data() []byte { return (*p.buf)[p.head:] }

// message frames the packet. It allocates the packet's bytes once, for all receivers.
func (p encoded) message(t siowire.Type, namespace string, id uint64, hasID bool) *engine.Message {
	var small [64]byte
	header := siowire.AppendHeader(small[:0], t, len(p.attachments), namespace, id, hasID)
	if len(header) > p.head { // a namespace of this server that is longer than clients may name
		return engine.NewMessage(slices.Concat(header, p.data()), p.attachments...)
	}
	start := p.head - len(header)
	copy((*p.buf)[start:], header)
	return engine.NewMessage((*p.buf)[start:], p.attachments...)
}

// packetMessage frames a packet whose payload is known as it is.
func packetMessage(t siowire.Type, namespace string, id uint64, hasID bool, data []byte, attachments [][]byte) *engine.Message {
	header := siowire.AppendHeader(nil, t, len(attachments), namespace, id, hasID)
	return engine.NewMessage(append(header, data...), attachments...)
}
