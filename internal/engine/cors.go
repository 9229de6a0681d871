package engine

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// defaultMethods is what the official server's CORS module answers.
const defaultMethods = "GET,HEAD,PUT,PATCH,POST,DELETE"

// maxRequestHeaders bounds the names a preflight may ask for, in bytes.
const maxRequestHeaders = 1024

// corsHeaders are the answers that do not depend on the request.
type corsHeaders struct {
	methods, allowed, exposed, maxAge string
	credentials                       bool
}

func newCORSHeaders(o *Options) corsHeaders {
	c := corsHeaders{
		methods:     strings.Join(o.CORS.Methods, ","),
		allowed:     strings.Join(o.CORS.AllowedHeaders, ","),
		exposed:     strings.Join(o.CORS.ExposedHeaders, ","),
		credentials: o.Credentials,
	}
	if c.methods == "" {
		c.methods = defaultMethods
	}
	if o.CORS.MaxAge > 0 {
		c.maxAge = strconv.FormatInt(int64(o.CORS.MaxAge/time.Second), 10)
	}
	return c
}

// writeCORS sets the headers that every response carries, refusals included:
// without them a browser hides the reason from the page. It reports whether the
// request has an Origin that is admitted.
func (s *Server) writeCORS(h http.Header, r *http.Request) (admitted bool) {
	// Always, also with "*": a cache must not hand one page's answer to another
	// (R48).
	h.Add("Vary", "Origin")
	values := r.Header["Origin"]
	present := len(values) == 1 && legalHeaderValue(values[0])
	admitted = present && s.origins.admits(values[0], r.Host)
	if len(values) > 0 && !admitted || len(values) == 0 && s.origins.sameHost {
		return admitted
	}
	if s.origins.any {
		h.Set("Access-Control-Allow-Origin", "*")
	} else if admitted {
		h.Set("Access-Control-Allow-Origin", values[0])
	}
	if s.cors.credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if s.cors.exposed != "" {
		h.Set("Access-Control-Expose-Headers", s.cors.exposed)
	}
	return admitted
}

// preflight answers the OPTIONS request of an admitted origin (engineio-v4
// section 9). Others go on and are refused like any wrong method.
func (s *Server) preflight(w http.ResponseWriter, r *http.Request, admitted bool) bool {
	if r.Method != http.MethodOptions || !admitted {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", s.cors.methods)
	if s.cors.allowed != "" {
		h.Set("Access-Control-Allow-Headers", s.cors.allowed)
	} else {
		h.Set("Vary", "Origin, Access-Control-Request-Headers")
		if names := headerNames(r.Header.Get("Access-Control-Request-Headers")); names != "" {
			h.Set("Access-Control-Allow-Headers", names)
		}
	}
	if s.cors.maxAge != "" {
		h.Set("Access-Control-Max-Age", s.cors.maxAge)
	}
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// headerNames returns the valid header names of a comma separated list, so that
// nothing else that a client sent comes back in a header (R14).
func headerNames(list string) string {
	if len(list) > maxRequestHeaders {
		return ""
	}
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" && isToken(name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// isToken tells whether s may be a header name (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	return only(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
}
