package realtimetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/realtime-go/realtime/internal/eiowire"
)

// pollTransport is long polling of a link: one GET at a time by poll, one POST at a time by send.
type pollTransport struct {
	link    *link
	options *Options
	http    *http.Client
	ctx     context.Context
	cancel  context.CancelFunc

	posting turn
	stalling

	mu       sync.Mutex
	paused   bool // poll ends after the GET that is held
	wireCut  bool
	idle     chan struct{} // closed when poll has returned
	switched chan struct{} // closed when an upgrade has ended
}

func newPollTransport(l *link, o *Options) *pollTransport {
	t := &pollTransport{link: l, options: o, posting: newTurn(), idle: make(chan struct{}), switched: make(chan struct{})}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.http = &http.Client{Transport: &http.Transport{DialContext: l.host.dialer(o.Address), DisableCompression: true}}
	return t
}

// poll repeats the GET until the link ends or pause is called.
func (t *pollTransport) poll() {
	defer close(t.idle)
	defer t.http.CloseIdleConnections()
	for !t.stop() {
		t.wait(t.ctx.Done())
		if err := t.get(); err != nil {
			var refused *RefusedError
			switch {
			case t.ctx.Err() != nil:
			case errors.As(err, &refused):
				t.link.close(ReasonTransportError)
			default:
				t.link.close(ReasonTransportClose)
			}
			return
		}
	}
}

func (t *pollTransport) stop() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.paused || t.wireCut || t.ctx.Err() != nil
}

// get fetches one payload and delivers it.
func (t *pollTransport) get() error {
	body, err := t.do(http.MethodGet, nil)
	if err != nil {
		return err
	}
	t.wait(t.ctx.Done())
	for more := true; more; {
		var packet []byte
		packet, body, more = eiowire.NextPacket(body)
		pong, err := t.link.packet(packet)
		if err == nil && pong {
			err = t.pong()
		}
		if err != nil {
			t.link.close(ReasonParseError + ": " + err.Error())
			return nil
		}
	}
	return nil
}

func (t *pollTransport) do(method string, body []byte) ([]byte, error) {
	u := t.options.url("http", "polling", t.link.open.SID)
	req, err := http.NewRequestWithContext(t.ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for k, v := range t.options.Header {
		req.Header[k] = v
	}
	if body != nil {
		req.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	resp, err := t.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, refusedBy(resp)
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func (t *pollTransport) send(ms []message) error {
	var payload []byte
	for i, m := range ms {
		if i > 0 {
			payload = append(payload, eiowire.Separator)
		}
		if m.binary {
			payload = eiowire.AppendBase64(payload, m.data)
		} else {
			payload = append(append(payload, '4'), m.data...)
		}
	}
	return t.post(payload)
}

func (t *pollTransport) post(payload []byte) error {
	t.posting.take()
	defer t.posting.give()
	_, err := t.do(http.MethodPost, payload)
	return err
}

func (t *pollTransport) pong() error  { return t.post([]byte("3")) }
func (t *pollTransport) name() string { return "polling" }
func (t *pollTransport) close()       { t.cancel() }

// pause lets poll end after the GET that is held.
func (t *pollTransport) pause() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.paused = true
}

func (t *pollTransport) isPaused() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.paused
}

// cut leaves the held GET hanging and sends nothing more.
func (t *pollTransport) cut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wireCut = true
}
