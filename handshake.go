package realtime

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// Handshake is what is known of a client from the first HTTP request of its session and from the auth
// payload of its CONNECT packet. It is the same request for all namespaces of a session.
//
// It may hold credentials (headers, query, auth), so it prints, logs and encodes as address, time and
// transport security only. A Handshake is not changed after it was handed out.
type Handshake struct {
	Header  http.Header     // of the first request
	Query   url.Values      // of the first request, with EIO and transport
	Path    string          // the URL's path
	Auth    json.RawMessage // the object of the CONNECT packet, nil if the client sent none
	Host    string          // the Host header
	Address string          // the client's IP address (behind trusted proxies the one they name)
	Secure  bool            // TLS
	XDomain bool            // an Origin header was there
	Issued  time.Time       // when the session began
	Refresh bool            // the client sent new credentials later, by the event "auth:refresh": Auth is its payload
}

// BindAuth decodes the auth payload into dst with encoding/json. Without a payload dst is left as it is.
func (h *Handshake) BindAuth(dst any) error {
	if len(h.Auth) == 0 {
		return nil
	}
	return json.Unmarshal(h.Auth, dst)
}

// scrubbed is the part of a handshake that may be shown.
type scrubbed struct {
	Address string    `json:"address"`
	Secure  bool      `json:"secure"`
	XDomain bool      `json:"xdomain"`
	Issued  time.Time `json:"issued"`
}

// MarshalJSON writes what may be shown: no header, query or auth payload.
func (h *Handshake) MarshalJSON() ([]byte, error) {
	return json.Marshal(scrubbed{h.Address, h.Secure, h.XDomain, h.Issued})
}

// String returns what may be shown.
func (h *Handshake) String() string {
	return "handshake from " + h.Address + " at " + h.Issued.Format(time.RFC3339)
}

// GoString keeps credentials out of %#v.
func (h *Handshake) GoString() string { return h.String() }

// LogValue returns what may be logged.
func (h *Handshake) LogValue() slog.Value {
	return slog.GroupValue(slog.String("address", h.Address), slog.Bool("secure", h.Secure), slog.Time("issued", h.Issued))
}
