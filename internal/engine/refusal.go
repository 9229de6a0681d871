package engine

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// RefusedHeader is the response header that names the rule by which a request
// was refused (decision D6). The body stays what the official server writes.
const RefusedHeader = "X-Realtime-Refused"

// Refusal says why a request was or would be refused. It holds nothing that the
// client sent, except where Detail says so, and nothing secret.
type Refusal struct {
	// Rule is a short stable word for header, log and metric.
	Rule string
	// Code is the Engine.IO error code, or -1 where the protocol has none.
	Code int
	// Status is the HTTP status.
	Status int
	// Message is the error text of the protocol, as the client sees it.
	Message string
	// Detail says in words what was found. It is for the log, never for the
	// client.
	Detail string
	// Setting names the option that would admit the request, and how; empty if
	// none does.
	Setting string
	// RetryAfter is written as Retry-After when it is above zero.
	RetryAfter time.Duration

	// keepStatus makes an upgrade request fail with this status too; without it
	// the status of a failed upgrade is 400 (capture ws-error-forbidden).
	keepStatus bool
	// bare means an empty body instead of the protocol's error.
	bare bool
}

// Error implements error, so that a refusal can travel as one.
func (r *Refusal) Error() string {
	s := "engine: refused by rule " + r.Rule
	if r.Detail != "" {
		s += ": " + r.Detail
	}
	return s
}

// The error codes of the protocol.
const (
	codeNone      = -1
	codeTransport = 0
	codeSID       = 1
	codeMethod    = 2
	codeRequest   = 3
	codeForbidden = 4
	codeVersion   = 5
)

var codeMessages = [...]string{
	codeTransport: "Transport unknown",
	codeSID:       "Session ID unknown",
	codeMethod:    "Bad handshake method",
	codeRequest:   "Bad request",
	codeForbidden: "Forbidden",
	codeVersion:   "Unsupported protocol version",
}

// refuse returns a refusal with one of the protocol's codes.
func refuse(code int, rule, detail, setting string) *Refusal {
	status := http.StatusBadRequest
	if code == codeForbidden {
		status = http.StatusForbidden
	}
	return &Refusal{
		Rule: rule, Code: code, Status: status, Message: codeMessages[code],
		Detail: detail, Setting: setting,
	}
}

// busy returns a refusal that asks the client to come back: 503 with
// Retry-After. The delay is random so that refused clients do not return all at
// once.
func busy(rule, detail, setting string) *Refusal {
	return &Refusal{
		Rule: rule, Code: codeNone, Status: http.StatusServiceUnavailable,
		Message: http.StatusText(http.StatusServiceUnavailable),
		Detail:  detail, Setting: setting,
		RetryAfter: time.Duration(1+rand.IntN(5)) * time.Second,
		keepStatus: true,
	}
}

// bare returns a refusal with an empty body, as the official server answers
// wrong requests to a session that exists.
func bare(status int, rule, detail string) *Refusal {
	return &Refusal{Rule: rule, Code: codeNone, Status: status, Detail: detail, bare: true}
}

// write answers the request. upgrade says that it asked for a websocket: then the
// body is plain text and the connection ends, as the official server does on the
// raw socket.
func (r *Refusal) write(w http.ResponseWriter, upgrade bool) {
	h := w.Header()
	h.Set(RefusedHeader, r.Rule)
	if r.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(r.RetryAfter/time.Second)))
	}
	status, body := r.Status, []byte(nil)
	switch {
	case r.bare:
		// net/http would sniff a type for an empty body only if there was one.
	case upgrade:
		if !r.keepStatus {
			status = http.StatusBadRequest
		}
		h.Set("Connection", "close")
		h.Set("Content-Type", "text/html")
		body = []byte(r.Message)
	case r.Code == codeNone:
		h.Set("Content-Type", "text/plain; charset=UTF-8")
		body = []byte(r.Message)
	default:
		h.Set("Content-Type", "application/json")
		body = append(body, `{"code":`...)
		body = strconv.AppendInt(body, int64(r.Code), 10)
		body = append(body, `,"message":`...)
		body = appendJSONString(body, r.Message)
		body = append(body, '}')
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if len(body) > 0 {
		// A client that is gone by now is no concern of a refusal.
		_, _ = w.Write(body)
	}
}

// appendJSONString appends s as a JSON string the way JSON.stringify writes it.
func appendJSONString(dst []byte, s string) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	// A string cannot fail to encode.
	_ = enc.Encode(s)
	return append(dst, bytes.TrimRight(buf.Bytes(), "\n")...)
}
