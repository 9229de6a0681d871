package engine

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/gorilla/websocket"

	"github.com/realtime-go/realtime/internal/eiowire"
)

// peer is a client of either transport, so that one scenario tests both.
type peer interface {
	send(text string)        // one Engine.IO packet in text form
	sendBinary(data string)  // one binary message
	recv() (string, bool)    // the next packet but heartbeats, binary as "binary:…"; false: ended
	silence()                // answer no ping from now on
	hangUp()                 // end without a word
	transport() string       // as Session.Transport names it
	endsWith(code int) bool  // the way the server ended it: a close frame over websocket
	refusesOversize() string // how a message over the limit ends: "kept" or "closed"
}

// eachTransport runs a scenario over polling, over websocket and over a session
// that has changed from one to the other, inside a bubble with fake time.
func eachTransport(t *testing.T, o Options, prepare func(*recorder), scenario func(*testing.T, *harness, peer, *recorder)) {
	for name, open := range map[string]func(*harness) (peer, *recorder){
		"polling":   (*harness).pollingPeer,
		"websocket": (*harness).websocketPeer,
		"upgraded":  (*harness).upgradedPeer,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newPipeHarness(t, o, prepare)
				p, r := open(h)
				if got := r.session.Transport(); got != p.transport() {
					t.Errorf("Transport() = %q, want %q", got, p.transport())
				}
				scenario(t, h, p, r)
				p.hangUp()
			})
		})
	}
}

// pollPeer keeps a GET parked until it is told otherwise.
type pollPeer struct {
	h       *harness
	sid     string
	ctx     context.Context
	cancel  context.CancelFunc
	packets chan string
	pong    atomic.Bool
}

func (h *harness) pollingPeer() (peer, *recorder) {
	h.t.Helper()
	sid, r := h.openPolling()
	p := &pollPeer{h: h, sid: sid, packets: make(chan string, 1<<14)}
	p.pong.Store(true)
	p.ctx, p.cancel = context.WithCancel(context.Background())
	h.t.Cleanup(p.cancel)
	// Owner: the test. It ends when the session or the context does.
	go p.loop()
	return p, r
}

func (p *pollPeer) loop() {
	defer close(p.packets)
	for {
		a, err := p.h.try(p.ctx, http.MethodGet, pollQuery+"&sid="+p.sid, "")
		if err != nil || a.status != http.StatusOK {
			return
		}
		for packet := range strings.SplitSeq(a.body, "\x1e") {
			switch {
			case packet == "1":
				return
			case packet == "6":
			case packet == "2":
				if p.pong.Load() {
					if _, err := p.h.try(p.ctx, http.MethodPost, pollQuery+"&sid="+p.sid, "3"); err != nil {
						return
					}
				}
			case packet[0] == 'b':
				q, err := eiowire.Decode([]byte(packet))
				if err != nil {
					panic(err)
				}
				p.packets <- "binary:" + string(q.Data)
			default:
				p.packets <- packet
			}
		}
	}
}

func (p *pollPeer) send(text string) {
	p.h.t.Helper()
	// The answer is of no interest: what it means is seen at the receiver.
	_, _ = p.h.try(p.ctx, http.MethodPost, pollQuery+"&sid="+p.sid, text)
}

func (p *pollPeer) sendBinary(data string) {
	p.send(string(eiowire.AppendBase64(nil, []byte(data))))
}

func (p *pollPeer) recv() (string, bool) {
	p.h.t.Helper()
	m := await(p.h, p.packets, "packet")
	return m, m != ""
}

func (p *pollPeer) silence()                { p.pong.Store(false) }
func (p *pollPeer) hangUp()                 { p.cancel() }
func (p *pollPeer) transport() string       { return "polling" }
func (p *pollPeer) endsWith(int) bool       { _, ok := p.recv(); return !ok }
func (p *pollPeer) refusesOversize() string { return "kept" }

// wsPeer reads in a goroutine, so that pipes do not block the server.
type wsPeer struct {
	h       *harness
	conn    *websocket.Conn
	packets chan string
	ended   chan error
	pong    atomic.Bool
	writing chan struct{} // a lock: gorilla allows one writer, and a mutex would not do in a bubble
}

func (h *harness) websocketPeer() (peer, *recorder) {
	h.t.Helper()
	conn, r := h.openWebSocket()
	return h.peerOf(conn), r
}

func (h *harness) peerOf(conn *websocket.Conn) *wsPeer {
	p := &wsPeer{h: h, conn: conn, packets: make(chan string, 1<<14), ended: make(chan error, 1), writing: make(chan struct{}, 1)}
	p.pong.Store(true)
	// Owner: the test. It ends when the connection does.
	go p.loop()
	return p
}

// upgradedPeer begins with polling and changes to websocket.
func (h *harness) upgradedPeer() (peer, *recorder) {
	h.t.Helper()
	sid, r := h.openPolling()
	return h.peerOf(h.upgrade(sid)), r
}

// upgrade changes a polling session without a parked GET to websocket.
func (h *harness) upgrade(sid string) *websocket.Conn {
	h.t.Helper()
	conn, _, err := h.dial("EIO=4&transport=websocket&sid=" + sid)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	h.write(conn, "2probe")
	if m := h.read(conn); m != "3probe" {
		h.t.Fatalf("the probe was answered with %q", m)
	}
	h.write(conn, "5")
	if err := await(h, h.upgrades, "upgrade"); err != nil {
		h.t.Fatal(err)
	}
	return conn
}

func (p *wsPeer) loop() {
	defer close(p.packets)
	for {
		m, err := p.h.readMessage(p.conn)
		if err != nil {
			p.ended <- err
			return
		}
		if m != "2" {
			p.packets <- m
		} else if p.pong.Load() {
			if err := p.write(websocket.TextMessage, "3"); err != nil {
				p.ended <- err
				return
			}
		}
	}
}

func (p *wsPeer) write(kind int, data string) error {
	p.writing <- struct{}{}
	defer func() { <-p.writing }()
	return p.conn.WriteMessage(kind, []byte(data))
}

func (p *wsPeer) send(text string)       { _ = p.write(websocket.TextMessage, text) }
func (p *wsPeer) sendBinary(data string) { _ = p.write(websocket.BinaryMessage, data) }

func (p *wsPeer) recv() (string, bool) {
	p.h.t.Helper()
	m := await(p.h, p.packets, "packet")
	return m, m != ""
}

func (p *wsPeer) silence()                { p.pong.Store(false) }
func (p *wsPeer) hangUp()                 { p.conn.Close() }
func (p *wsPeer) transport() string       { return "websocket" }
func (p *wsPeer) refusesOversize() string { return "closed" }

func (p *wsPeer) endsWith(code int) bool {
	p.h.t.Helper()
	err := await(p.h, p.ended, "end")
	if code == websocket.CloseAbnormalClosure {
		var framed *websocket.CloseError
		return !errors.As(err, &framed) || framed.Code == code
	}
	return websocket.IsCloseError(err, code)
}
