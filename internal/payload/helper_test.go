package payload

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime/internal/siowire"
)

// list is an Args over JSON texts.
type list [][]byte

func (l list) Len() int         { return len(l) }
func (l list) Raw(i int) []byte { return l[i] }

// texts makes an Args of JSON texts.
func texts(s ...string) list {
	l := make(list, len(s))
	for i := range s {
		l[i] = []byte(s[i])
	}
	return l
}

// split cuts what AppendArgs wrote into arguments.
func split(text []byte) list {
	var l list
	for i := 0; i < len(text); {
		end := siowire.SkipValue(text, i+1)
		l = append(l, text[i+1:end])
		i = end
	}
	return l
}

// encode is AppendArgs for a packet of its own; it checks that the text is valid.
func encode(t testing.TB, args ...any) (string, [][]byte) {
	t.Helper()
	text, atts, err := AppendArgs(nil, nil, args, nil)
	if err != nil {
		t.Fatalf("AppendArgs(%#v): %v", args, err)
	}
	for i, raw := range split(text) {
		if _, err := siowire.Valid(raw, maxDepth); err != nil {
			t.Fatalf("argument %d is not JSON: %v\n%s", i, err, raw)
		}
	}
	return string(text), atts
}

// plainJSON is the reference: what encoding/json makes of v without HTML escaping.
func plainJSON(t testing.TB, v any) string {
	t.Helper()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatalf("encoding/json: %v", err)
	}
	return string(bytes.TrimSuffix(buf.Bytes(), []byte("\n")))
}

// inline puts the attachments back as base64, which makes of the text what
// encoding/json would have written. A quote inside a string is escaped, so that
// the text of a placeholder cannot be part of a string.
func inline(text string, atts [][]byte) string {
	out := []byte(text)
	for i, b := range atts {
		mark := `{"_placeholder":true,"num":` + strconv.Itoa(i) + `}`
		out = bytes.ReplaceAll(out, []byte(mark), []byte(`"`+base64.StdEncoding.EncodeToString(b)+`"`))
	}
	return string(out)
}

// ph is the text of a placeholder.
func ph(num int) string { return string(siowire.AppendPlaceholder(nil, num)) }

// wantDecodeError checks the type, the argument and, if given, the cause.
func wantDecodeError(t *testing.T, err error, arg int, cause error) {
	t.Helper()
	var e *DecodeError
	if !errors.As(err, &e) {
		t.Fatalf("error %v is no *DecodeError", err)
	}
	if e.Arg != arg {
		t.Errorf("error is about argument %d, want %d: %v", e.Arg, arg, err)
	}
	if cause != nil && !errors.Is(err, cause) {
		t.Errorf("error %v does not match %v", err, cause)
	}
}

// private makes go-cmp look at unexported fields too.
var private = cmp.Exporter(func(reflect.Type) bool { return true })

func ptr[T any](v T) *T { return &v }
