package engine

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gorilla/websocket"
)

// The transports, as they are named in queries.
const (
	transportPolling   = "polling"
	transportWebSocket = "websocket"
)

// request is what the checks have found out about an HTTP request.
type request struct {
	query   url.Values
	upgrade bool     // it asks for a websocket, and we serve them
	sid     string   // empty: a handshake
	session *Session // set by sidRule
}

// transport is the requested one. A repeated parameter is none (R1).
func (q *request) transport() string {
	if v := q.query["transport"]; len(v) == 1 {
		return v[0]
	}
	return ""
}

// rule is one check; nil means that it has no objection.
type rule func(s *Server, r *http.Request, q *request) *Refusal

// Rules in the order of the official server (engineio-v4 section 2), with our
// own between them. The first objection is the answer; Explain lists all.
var (
	commonRules    = []rule{transportRule, originRule}
	sessionRules   = []rule{sidRule, sessionVersionRule}
	handshakeRules = []rule{methodRule, upgradeRule, drainRule}
	// slotRules come once the handshake has a slot (R12), because they may be
	// expensive.
	slotRules = []rule{allowRule, versionRule, capacityRule}
)

// serves tells whether the raw path belongs to this server.
func (s *Server) serves(r *http.Request) bool {
	return strings.HasPrefix(r.URL.EscapedPath(), s.opts.Path)
}

func (s *Server) parse(r *http.Request) *request {
	q := &request{query: r.URL.Query()}
	// A server without websocket never sees upgrades as such: they are plain GETs
	// to it (capture ws-polling-only-server).
	q.upgrade = s.opts.WebSocket && websocket.IsWebSocketUpgrade(r)
	// With duplicate keys the last one wins (capture handshake-polling-extra-params).
	if v := q.query["sid"]; len(v) > 0 {
		q.sid = v[len(v)-1]
	}
	return q
}

// check returns the first objection of the rules.
func (s *Server) check(r *http.Request, q *request, rules ...rule) *Refusal {
	for _, rule := range rules {
		if ref := rule(s, r, q); ref != nil {
			return ref
		}
	}
	return nil
}

// Explain returns why r would be refused, without side effects other than
// calling Options.Allow; nothing if it would be served. Limits are reported as
// they stand at the moment.
func (s *Server) Explain(r *http.Request) []Refusal {
	if !s.serves(r) {
		return []Refusal{{
			Rule: "path", Code: codeNone, Status: http.StatusNotFound,
			Message: http.StatusText(http.StatusNotFound),
			Detail:  "the path does not begin with " + s.opts.Path, Setting: "Path",
		}}
	}
	q := s.parse(r)
	var found []Refusal
	explain := func(rules []rule) {
		for _, rule := range rules {
			if ref := rule(s, r, q); ref != nil {
				found = append(found, *ref)
			}
		}
	}
	explain(commonRules)
	if q.sid != "" {
		explain(sessionRules)
		return found
	}
	explain(handshakeRules)
	explain(slotRules)
	return found
}

// transportRule: code 0 for a transport that is unknown, missing, repeated or
// switched off (R1).
func transportRule(s *Server, _ *http.Request, q *request) *Refusal {
	switch t := q.transport(); {
	case t == transportPolling && s.opts.Polling, t == transportWebSocket && s.opts.WebSocket:
		return nil
	case t == transportPolling, t == transportWebSocket:
		return refuse(codeTransport, "transport", "transport "+t+" is switched off", "Transports")
	default:
		return refuse(codeTransport, "transport", "the transport parameter is missing, repeated or unknown", "")
	}
}

// sidRule: code 1 for a session that we do not know, code 3 for one that has
// another transport (R2). It finds the session.
func sidRule(s *Server, _ *http.Request, q *request) *Refusal {
	if len(q.sid) <= maxSID && len(q.query["sid"]) == 1 {
		q.session = s.sessions.find(q.sid)
	}
	if q.session == nil {
		ref := unknownSession()
		if tag, ok := foreignTag(q.sid, s.opts.NodeTag); ok {
			ref.Detail = "the session began on the node tagged " + tag + ", not on " + s.opts.NodeTag +
				": the requests of one session reach several nodes, so sessions are not sticky"
		}
		return ref
	}
	if !q.upgrade && q.session.Transport() != q.transport() || !q.upgrade && q.transport() == transportWebSocket {
		return mismatch()
	}
	return nil
}

func unknownSession() *Refusal {
	return refuse(codeSID, "sid", "no session has this id; it may have ended, or live on another node", "")
}

func mismatch() *Refusal {
	return refuse(codeRequest, "transport-mismatch", "the session uses another transport", "")
}

// sessionVersionRule: the protocol revision is fixed at the handshake, and every
// later request must name it once (R3). The official server does not look.
func sessionVersionRule(_ *Server, _ *http.Request, q *request) *Refusal {
	if v := q.query["EIO"]; len(v) == 1 && v[0] == "4" {
		return nil
	}
	return wrongVersion()
}

// versionRule: code 5 for everything but exactly "4".
func versionRule(_ *Server, _ *http.Request, q *request) *Refusal {
	if v := q.query["EIO"]; len(v) > 0 && v[len(v)-1] == "4" {
		return nil
	}
	return wrongVersion()
}

func wrongVersion() *Refusal {
	return refuse(codeVersion, "version",
		"the client speaks another revision than Engine.IO 4: socket.io-client before 3.0 and weapp.socket.io before 3.0 must be updated", "")
}

// methodRule: code 2 for a handshake that is no GET.
func methodRule(_ *Server, r *http.Request, _ *request) *Refusal {
	if r.Method == http.MethodGet {
		return nil
	}
	return refuse(codeMethod, "method", "a handshake is a GET", "")
}

// upgradeRule: code 3 for a websocket handshake that does not ask for one; a
// proxy has often removed the header.
func upgradeRule(_ *Server, _ *http.Request, q *request) *Refusal {
	if q.upgrade || q.transport() != transportWebSocket {
		return nil
	}
	return refuse(codeRequest, "websocket-headers", "transport websocket without Connection: Upgrade and Upgrade: websocket; a proxy may have removed them", "")
}

// drainRule refuses handshakes once Shutdown has begun.
func drainRule(s *Server, _ *http.Request, _ *request) *Refusal {
	if !s.sessions.draining() {
		return nil
	}
	return busy("draining", "the server is shutting down", "")
}

// allowRule asks Options.Allow.
func allowRule(s *Server, r *http.Request, _ *request) *Refusal {
	if s.opts.Allow == nil {
		return nil
	}
	err := s.opts.Allow(r)
	if err == nil {
		return nil
	}
	ref := refuse(codeForbidden, "allow", "the Allow function refused", "Allow")
	if text := err.Error(); text != "" {
		ref.Message = text
	}
	return ref
}

// capacityRule refuses handshakes while a limit is reached.
func capacityRule(s *Server, r *http.Request, _ *request) *Refusal {
	return s.sessions.full(s.limitedAddr(r))
}
