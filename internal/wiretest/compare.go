package wiretest

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// compareAnswer compares an HTTP answer with the captured one: the body first, since it binds the ids that headers may carry.
func (p *player) compareAnswer(s *Step, a httpAnswer) {
	want := s.Want
	if a.err != nil && (want.Status != http.StatusSwitchingProtocols || a.status == 0) {
		p.differ(s.At, "%s %s: %v, want status %d", s.Method, s.Path, a.err, want.Status)
		return
	}
	if a.status != want.Status {
		p.differ(s.At, "status %d %s, want %d %s", a.status, clip(string(a.body)), want.Status, clip(string(want.Body)))
		return
	}
	if err := p.matchBody(want, a); err != nil {
		p.differ(s.At, "body: %v", err)
	}
	if want.Closed && !a.closed {
		p.differ(s.At, "the connection stays open after the answer, want it closed")
	}
	for _, text := range headerDifferences(want, a, p.ids) {
		p.differ(s.At, "%s", text)
	}
}

// matchBody compares bodies. Compressed ones are compared by what they hold, since no two compressors agree on the bytes.
func (p *player) matchBody(want *Response, a httpAnswer) error {
	if want.SHA256 != "" {
		sum := sha256.Sum256(a.body)
		if got := hex.EncodeToString(sum[:]); got != want.SHA256 || len(a.body) != want.Len {
			return fmt.Errorf("%d bytes with hash %s, want %d with %s", len(a.body), got, want.Len, want.SHA256)
		}
		return nil
	}
	encoding := headerOf(want.Header, "Content-Encoding")
	if encoding == "" || encoding != a.header.Get("Content-Encoding") {
		return p.ids.match(string(want.Body), string(a.body))
	}
	wantPlain, err := decompress(encoding, want.Body)
	if err != nil {
		return fmt.Errorf("the captured body: %w", err)
	}
	gotPlain, err := decompress(encoding, a.body)
	if err != nil {
		return fmt.Errorf("%s body: %w", encoding, err)
	}
	return p.ids.match(string(wantPlain), string(gotPlain))
}

func decompress(encoding string, data []byte) ([]byte, error) {
	var r io.ReadCloser
	var err error
	switch encoding {
	case "gzip":
		r, err = gzip.NewReader(bytes.NewReader(data))
	case "deflate": // the zlib format, RFC 9110 section 8.4.1.2
		if r, err = zlib.NewReader(bytes.NewReader(data)); err != nil {
			r, err = flate.NewReader(bytes.NewReader(data)), nil
		}
	default:
		err = errors.New("unknown encoding " + encoding)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return io.ReadAll(r)
}

// anyValue, as a wanted header value, accepts everything that is not empty.
const anyValue = "*any*"

// framing are the header fields that say how the message is delimited and the connection kept. The captures left
// most of them out; what is left is compared by its meaning in headerDifferences.
var framing = []string{"date", "connection", "keep-alive", "transfer-encoding", "content-length"}

// headerDifferences compares header fields whatever their order and case.
func headerDifferences(want *Response, a httpAnswer, x *ids) []string {
	wanted, got := map[string]string{}, map[string]string{}
	for name, value := range want.Header {
		wanted[strings.ToLower(name)] = normalHeader(name, x.subst(value))
	}
	for name := range a.header {
		got[strings.ToLower(name)] = normalHeader(name, strings.Join(a.header.Values(name), ", "))
	}
	if a.status == http.StatusSwitchingProtocols {
		delete(got, "upgrade")
		delete(got, "sec-websocket-accept")
	}
	diffs := framingDifferences(want, a, x)
	for _, name := range framing {
		delete(wanted, name)
		delete(got, name)
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		value, ok := got[name]
		switch {
		case !ok:
			diffs = append(diffs, fmt.Sprintf("header %s is missing, want %q", name, wanted[name]))
		case wanted[name] == anyValue && value != "":
		case value != wanted[name]:
			diffs = append(diffs, fmt.Sprintf("header %s is %q, want %q", name, value, wanted[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := wanted[name]; !ok {
			diffs = append(diffs, fmt.Sprintf("header %s: %q is not in the capture", name, got[name]))
		}
	}
	return diffs
}

// framingDifferences checks the length and the end of the connection. A capture without Content-Length was chunked;
// any correct framing is as good. A capture that announced the end of the connection must be followed.
func framingDifferences(want *Response, a httpAnswer, x *ids) []string {
	var diffs []string
	if captured := headerOf(want.Header, "Content-Length"); captured != "" {
		n, _ := strconv.Atoi(captured)
		if n == len(want.Body) {
			n = len(x.subst(string(want.Body))) // ids may be longer than Node's
		}
		if headerOf(want.Header, "Content-Encoding") == "" && a.header.Get("Content-Length") != strconv.Itoa(n) {
			diffs = append(diffs, fmt.Sprintf("Content-Length is %q, want %d", a.header.Get("Content-Length"), n))
		}
	}
	if strings.EqualFold(headerOf(want.Header, "Connection"), "close") && !a.closed {
		diffs = append(diffs, "the answer does not announce the end of the connection, want Connection: close")
	}
	return diffs
}

func headerOf(header map[string]string, name string) string {
	for k, v := range header {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// normalHeader brings values whose order carries no meaning into one order.
func normalHeader(name, value string) string {
	switch strings.ToLower(name) {
	case "vary":
		parts := strings.Split(strings.ToLower(strings.ReplaceAll(value, " ", "")), ",")
		slices.Sort(parts)
		return strings.Join(parts, ", ")
	case "set-cookie":
		parts := strings.Split(value, "; ")
		slices.Sort(parts[1:])
		return strings.Join(parts, "; ")
	default:
		return value
	}
}
