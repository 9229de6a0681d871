package engine

import (
	"net/http"
	"strconv"

	"github.com/realtime-go/realtime/internal/eiowire"
)

// serveHandshake makes a session for a request that has passed the rules which
// need no slot.
func (s *Server) serveHandshake(w http.ResponseWriter, r *http.Request, q *request) {
	if q.sid != "" || q.upgrade && q.transport() == transportPolling {
		// An upgrade request that names polling: the official server upgrades and
		// closes (capture ws-error-polling-transport).
		s.upgradeAndClose(w, r, closeFrame)
		return
	}
	if !s.slots.take(r.Context().Done(), s.sessions.drain) {
		s.refuse(w, r, q, busy("handshakes", "too many handshakes at the same time", "MaxHandshakes"))
		return
	}
	defer s.slots.release()
	if ref := s.check(r, q, slotRules...); ref != nil {
		if q.upgrade && ref.Code == codeVersion {
			// The official server upgrades first and then drops the connection
			// (capture ws-error-version).
			s.told(r, ref)
			w.Header().Set(RefusedHeader, ref.Rule)
			s.upgradeAndClose(w, r, nil)
			return
		}
		s.refuse(w, r, q, ref)
		return
	}
	if q.upgrade {
		s.handshakeWebSocket(w, r)
	} else {
		s.handshakePolling(w, r, q)
	}
}

// handshakePolling answers with the open packet.
func (s *Server) handshakePolling(w http.ResponseWriter, r *http.Request, q *request) {
	session, ref := s.newSession(s.newHandshake(r), s.limitedAddr(r), nil)
	if ref != nil {
		s.refuse(w, r, q, ref)
		return
	}
	started := false
	defer func() {
		if !started { // accept panicked
			session.finish(ErrClosed, endCut)
		}
	}()
	session.start()
	started = true
	if cookie := s.cookie(session.id); cookie != "" {
		w.Header().Add("Set-Cookie", cookie)
	}
	writeText(w, r, s.openPacket(session.id, true))
}

// openPacket is the packet that tells a client its session.
func (s *Server) openPacket(sid string, polling bool) []byte {
	open := eiowire.OpenPacket{
		SID:          sid,
		PingInterval: s.opts.PingInterval, PingTimeout: s.opts.PingTimeout,
		MaxPayload: s.opts.MaxPayload,
	}
	if polling && s.opts.WebSocket {
		open.Upgrades = []string{transportWebSocket}
	}
	return eiowire.AppendOpen(make([]byte, 0, 160), open)
}

// writeText answers a GET with a payload.
func writeText(w http.ResponseWriter, r *http.Request, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	writeOK(w, r, body)
}

// writeOK writes a 200 with what all successful polling answers have in common.
// An error is the client's: it is noticed by the flush or by the next request.
func writeOK(w http.ResponseWriter, r *http.Request, body []byte) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if oldBrowser(r) {
		h.Set("X-XSS-Protection", "0")
	}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body)
}
