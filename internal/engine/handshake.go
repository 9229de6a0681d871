package engine

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Handshake is what a session keeps of its first request. It is a copy: the
// request itself is dropped, because an idle connection should not hold it. It
// must not be modified.
type Handshake struct {
	// URL is the path and query as the client sent them: it may hold secrets.
	URL string
	// Path is the path alone.
	Path string
	// Host is the host the client asked for.
	Host string
	// RemoteAddr is the client's address: that of the connection with its port,
	// or, when the connection comes from one of Options.TrustedProxies, the
	// nearest address in X-Forwarded-For that is not such a proxy, without port.
	RemoteAddr string
	// TLS tells that the request came encrypted to us, or to a trusted proxy that
	// says so.
	TLS bool
	// Issued is when the handshake was accepted.
	Issued time.Time

	// header holds names and values in turn, each followed by a zero byte, which
	// net/http admits in neither. An http.Header is some times larger.
	header string
}

// Header decodes the request's header, which is complete: it may hold secrets.
func (h *Handshake) Header() http.Header {
	header := make(http.Header)
	for name, value := range h.fields {
		header[name] = append(header[name], value)
	}
	return header
}

// HeaderValue returns the first value of a header by its canonical name, or "".
func (h *Handshake) HeaderValue(name string) string {
	for n, value := range h.fields {
		if n == name {
			return value
		}
	}
	return ""
}

func (h *Handshake) fields(yield func(name, value string) bool) {
	for rest := h.header; rest != ""; {
		var name, value string
		name, rest, _ = strings.Cut(rest, "\x00")
		value, rest, _ = strings.Cut(rest, "\x00")
		if !yield(name, value) {
			return
		}
	}
}

// packHeader is what Handshake.header holds.
func packHeader(header http.Header) string {
	var b strings.Builder
	n := 0
	for name, values := range header {
		for _, value := range values {
			n += len(name) + len(value) + 2
		}
	}
	b.Grow(n)
	for name, values := range header {
		for _, value := range values {
			b.WriteString(name)
			b.WriteByte(0)
			b.WriteString(value)
			b.WriteByte(0)
		}
	}
	return b.String()
}

// Query decodes the query: it may hold secrets. It is not kept, because it is large and
// looked at once if at all.
func (h *Handshake) Query() url.Values {
	_, raw, _ := strings.Cut(h.URL, "?")
	query, _ := url.ParseQuery(raw) // what does not decode is left out, as in URL.Query
	return query
}

// newHandshake copies what is kept of r.
func (s *Server) newHandshake(r *http.Request) *Handshake {
	addr, proxied := s.opts.remoteAddr(r)
	secure := r.TLS != nil
	if proxied && r.TLS == nil {
		secure = strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
	}
	return &Handshake{
		header:     packHeader(r.Header),
		URL:        strings.Clone(r.URL.RequestURI()),
		Path:       strings.Clone(r.URL.Path),
		Host:       strings.Clone(r.Host),
		RemoteAddr: addr,
		TLS:        secure,
		Issued:     time.Now(),
	}
}

// remoteAddr returns the client's address and whether a trusted proxy stood
// between. Without trusted proxies X-Forwarded-For is not looked at: anybody can
// write it.
func (o *Options) remoteAddr(r *http.Request) (addr string, proxied bool) {
	peer, ok := addrOf(r.RemoteAddr)
	if !ok || !o.trusts(peer) {
		return strings.Clone(r.RemoteAddr), false
	}
	last := peer
	for _, line := range slices.Backward(r.Header.Values("X-Forwarded-For")) {
		for _, field := range slices.Backward(strings.Split(line, ",")) {
			a, ok := addrOf(strings.TrimSpace(field))
			if !ok {
				// Whatever stands further left was not written by a proxy that we
				// trust.
				return last.String(), true
			}
			last = a
			if !o.trusts(a) {
				return last.String(), true
			}
		}
	}
	return last.String(), true
}

// trusts tells whether a is the address of a trusted proxy.
func (o *Options) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(o.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// addrOf parses "host:port" or an address without port.
func addrOf(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}
