package engine

import (
	"bufio"
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/realtime-go/realtime/internal/wsframe"
)

// Compression of websocket messages, permessage-deflate (RFC 7692), without context
// takeover in either direction: no connection keeps a window, and a message that
// goes to many is compressed once. gorilla negotiates and inflates; the limit on
// messages holds for what is inflated (requirement R19).

// DefaultCompressionThreshold is that of the official server.
const DefaultCompressionThreshold = 1024

// extension is what gorilla answers to an offer that it takes.
var extension = []byte("\r\nSec-WebSocket-Extensions: permessage-deflate;")

// acceptable tells whether the client offers compression as we do it, and nothing else
// under that name: gorilla looks at no parameter, and its answer suits only some.
func acceptable(header http.Header) bool {
	offered := false
	for _, line := range header.Values("Sec-WebSocket-Extensions") {
		for offer := range strings.SplitSeq(line, ",") {
			parts := strings.Split(offer, ";")
			if strings.TrimSpace(parts[0]) != "permessage-deflate" {
				continue
			}
			if !acceptableParameters(parts[1:]) {
				return false
			}
			offered = true
		}
	}
	return offered
}

// acceptableParameters tells whether an offer has only parameters that the answer need
// not mention, each once and with a value that it may have. An offer with others has to be
// declined (RFC 7692 section 7.1), and one that bounds the server's window too: the answer
// would have to say so.
func acceptableParameters(list []string) bool {
	seen := make(map[string]bool, len(list))
	for _, p := range list {
		name, value, valued := strings.Cut(p, "=")
		name = strings.TrimSpace(name)
		if seen[name] {
			return false
		}
		seen[name] = true
		switch name {
		case "server_no_context_takeover", "client_no_context_takeover":
			if valued {
				return false
			}
		case "client_max_window_bits":
			bits, err := strconv.Atoi(strings.Trim(strings.TrimSpace(value), `"`))
			if valued && (err != nil || bits < 8 || bits > 15) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// packed is the compressed form of a message.
type packed struct {
	once   sync.Once
	frames []byte
}

// DoNotCompress keeps the message as it is for everybody. It must be called before
// the message is sent.
func (m *Message) DoNotCompress() { m.plain = true }

// compressed is the message as frames of which those are compressed that get
// smaller. It is made when it is first needed, and shared.
func (m *Message) compressed() []byte {
	p := m.packed.Load()
	if p == nil {
		m.packed.CompareAndSwap(nil, new(packed))
		p = m.packed.Load()
	}
	p.once.Do(func() {
		d := deflaters.Get().(*deflater)
		defer d.free()
		p.frames = d.append(nil, wsframe.Text, m.text())
		if m.attached != nil {
			for _, s := range m.attached.spans {
				p.frames = d.append(p.frames, wsframe.Binary, m.frames[s.start:s.end])
			}
		}
	})
	return p.frames
}

// maxPooledDeflated is the largest buffer for compressed messages that is kept, in bytes.
const maxPooledDeflated = 64 << 10

// deflater compresses one message at a time. Its tables are large, so it is pooled.
type deflater struct {
	w   *flate.Writer
	out bytes.Buffer
}

var deflaters = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.BestSpeed) // the level is valid
	return &deflater{w: w}
}}

// free gives a deflater back, without what a huge message has left.
func (d *deflater) free() {
	if d.out.Cap() > maxPooledDeflated {
		d.out = bytes.Buffer{}
	}
	deflaters.Put(d)
}

// syncMarker ends what Flush writes. It is left out, and the receiver puts it back
// (RFC 7692 section 7.2.1).
const syncMarker = "\x00\x00\xff\xff"

// append appends a payload as a frame: compressed, if that makes it smaller.
func (d *deflater) append(dst []byte, op wsframe.Opcode, payload []byte) []byte {
	d.out.Reset()
	d.w.Reset(&d.out)
	_, _ = d.w.Write(payload) // to memory
	_ = d.w.Flush()
	small := bytes.TrimSuffix(d.out.Bytes(), []byte(syncMarker))
	if len(small) >= len(payload) {
		return append(wsframe.AppendHeader(dst, op, len(payload)), payload...)
	}
	return append(wsframe.AppendHeader(dst, op|wsframe.Compressed, len(small)), small...)
}

// isCorrupt tells whether a message could not be inflated, or much follows its compressed
// stream. An end of the connection inside of one is a close error of gorilla's.
func isCorrupt(err error) bool {
	var corrupt flate.CorruptInputError
	var closed *websocket.CloseError
	return errors.As(err, &corrupt) || errors.Is(err, bufio.ErrBufferFull) || errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, &closed)
}
