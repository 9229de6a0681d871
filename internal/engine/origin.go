package engine

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// originPolicy decides which pages may connect (decision D14, requirement R47).
type originPolicy struct {
	any      bool                // "*"
	sameHost bool                // no list was given
	exact    map[string]struct{} // origins in normal form
	wild     []origin            // host holds the suffix with its leading dot
}

// origin is a parsed Origin header in normal form: lower case, no default port.
type origin struct{ scheme, host, port string }

func (o origin) String() string {
	s := o.scheme + "://" + o.host
	if o.port != "" {
		s += ":" + o.port
	}
	return s
}

// ValidOrigins reports every mistake in a list for Options.Origins.
func ValidOrigins(list []string, credentials bool) error {
	_, err := newOriginPolicy(list, credentials)
	return err
}

// newOriginPolicy parses the list of Options.Origins.
func newOriginPolicy(list []string, credentials bool) (*originPolicy, error) {
	p := &originPolicy{sameHost: len(list) == 0, exact: make(map[string]struct{})}
	var errs []error
	for _, entry := range list {
		if entry == "*" {
			p.any = true
			continue
		}
		scheme, host, _ := strings.Cut(entry, "://")
		rest, wild := strings.CutPrefix(host, "*.")
		o, ok := parseOrigin(entry)
		if wild {
			o, ok = parseOrigin(scheme + "://" + rest)
			o.host = "." + o.host
		}
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("origin %q is neither an origin such as https://game.example.com, nor https://*.example.com, nor *", entry))
		case wild:
			p.wild = append(p.wild, o)
		default:
			p.exact[o.String()] = struct{}{}
		}
	}
	if p.any && credentials {
		// Requirement R48.
		errs = append(errs, errors.New(`"*" together with Credentials would let every page act with the cookies of every visitor`))
	}
	return p, errors.Join(errs...)
}

// admits tells whether a page of the given origin may connect to host.
func (p *originPolicy) admits(header, host string) bool {
	if p.any {
		return true
	}
	o, ok := parseOrigin(header)
	if !ok {
		return false
	}
	if p.sameHost {
		return o.isHost(host)
	}
	if _, ok := p.exact[o.String()]; ok {
		return true
	}
	for _, w := range p.wild {
		// The suffix begins with a dot, so a match ends at a label boundary.
		if o.scheme == w.scheme && o.port == w.port &&
			len(o.host) > len(w.host) && strings.HasSuffix(o.host, w.host) {
			return true
		}
	}
	return false
}

// isHost tells whether o is a web page of the host that a request names. The
// scheme is not compared: behind a proxy that ends TLS we do not know our own.
func (o origin) isHost(host string) bool {
	if o.scheme != "http" && o.scheme != "https" {
		return false
	}
	same, ok := parseOrigin(o.scheme + "://" + host)
	return ok && same.host == o.host && same.port == o.port
}

// parseOrigin reads scheme://host[:port] strictly: no user, path, query or
// trailing slash, no host beyond letters, digits, dot, '-' and '_', or an IPv6
// address in brackets. "null" is no origin. The host may be missing for schemes
// other than http, as in "file://".
func parseOrigin(s string) (origin, bool) {
	scheme, rest, ok := strings.Cut(strings.ToLower(s), "://")
	if !ok || !validScheme(scheme) {
		return origin{}, false
	}
	if rest == "" {
		return origin{scheme: scheme}, scheme != "http" && scheme != "https"
	}
	host, port, colon := cutPort(rest)
	if !validHost(host) || colon && port == "" || len(port) > 5 || !only(port, "0123456789") {
		return origin{}, false
	}
	if scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		port = ""
	}
	return origin{scheme, host, port}, true
}

// cutPort splits host[:port]; the host may be an IPv6 address in brackets.
func cutPort(s string) (host, port string, colon bool) {
	end := 0
	if s[0] == '[' {
		end = max(strings.IndexByte(s, ']'), 0)
	}
	after, port, colon := strings.Cut(s[end:], ":")
	return s[:end] + after, port, colon
}

func validHost(s string) bool {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		return ok && inner != "" && only(inner, "0123456789abcdef:.")
	}
	return s != "" && only(s, "abcdefghijklmnopqrstuvwxyz0123456789-._")
}

func validScheme(s string) bool {
	return s != "" && s[0] >= 'a' && s[0] <= 'z' && only(s, "abcdefghijklmnopqrstuvwxyz0123456789+-.")
}

// only tells whether s holds nothing but the given ASCII characters.
func only(s, chars string) bool {
	for i := range len(s) {
		if strings.IndexByte(chars, s[i]) < 0 {
			return false
		}
	}
	return true
}

// originRule refuses a request by its Origin header. It comes second, after the
// transport, as at the official server.
func originRule(s *Server, r *http.Request, _ *request) *Refusal {
	values := r.Header["Origin"]
	if len(values) == 0 {
		return nil
	}
	if len(values) > 1 || !legalHeaderValue(values[0]) {
		return refuse(codeRequest, "origin-illegal", "the Origin header is repeated or holds control characters", "")
	}
	if s.origins.admits(values[0], r.Host) {
		return nil
	}
	ref := refuse(codeForbidden, "origin", fmt.Sprintf("origin %q may not connect to host %q", cutText(values[0]), cutText(r.Host)), "Origins")
	if o, ok := parseOrigin(values[0]); ok {
		ref.Setting = fmt.Sprintf("Origins: %q", o.String())
	}
	ref.keepStatus = true // 403 on both transports (decision D14)
	return ref
}

// legalHeaderValue is the official server's test of the Origin header.
func legalHeaderValue(v string) bool {
	for i := range len(v) {
		if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// cutText shortens what a client sent before it goes into a detail text.
func cutText(s string) string {
	if len(s) > 128 {
		return strings.ToValidUTF8(s[:128], "") + "…"
	}
	return s
}
