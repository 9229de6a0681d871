package wiretest

import (
	"fmt"
	"regexp"
	"strings"
)

// ids maps the random parts of a capture (session ids, socket ids, recovery ids and offsets) to those of the replay. A part is
// bound the first time it is expected in something received; from then on it must come back the same, and it
// is put into everything that is sent.
type ids struct {
	actual map[string]string // captured → replayed
	taken  map[string]string // replayed → captured
}

func newIDs() *ids {
	return &ids{actual: map[string]string{}, taken: map[string]string{}}
}

// variable finds the random parts of a captured text: ids as members of a JSON object (also inside a JSON
// string, as JSONP has it), and the recovery offsets, which are times and share their first digits.
var variable = regexp.MustCompile(`\\?"(?:sid|pid|id)\\?":\\?"([A-Za-z0-9_-]{20})\\?"|"(Q851[A-Za-z0-9_-]{3}(?:\.[0-9]+)?)"`)

// idShape says which replayed texts may stand for a captured one.
type idShape struct {
	min, max int
	chars    string
}

const idChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// The engine's session id may be longer than Node's 20 characters (decision D17); socket ids are exactly as long as Node's.
var (
	shapeSession = idShape{20, 64, idChars}
	shapeSocket  = idShape{20, 20, idChars}
	shapeOffset  = idShape{7, 20, idChars + "."}
)

type span struct {
	start, end int
	shape      idShape
}

// variables lists the random parts of a captured text.
func variables(want string) []span {
	var spans []span
	for _, m := range variable.FindAllStringSubmatchIndex(want, -1) {
		switch {
		case m[4] >= 0:
			spans = append(spans, span{m[4], m[5], shapeOffset})
		case strings.HasSuffix(strings.ReplaceAll(want[:m[0]], `\`, ""), "0{") && !strings.HasSuffix(want[:m[0]], "40{"):
			spans = append(spans, span{m[2], m[3], shapeSession})
		default:
			spans = append(spans, span{m[2], m[3], shapeSocket})
		}
	}
	return spans
}

// subst puts the replay's ids into a captured text.
func (x *ids) subst(s string) string {
	for captured, actual := range x.actual {
		s = strings.ReplaceAll(s, captured, actual)
	}
	return s
}

// match compares what came with the captured text and binds the ids that are new. An error says how they differ.
func (x *ids) match(want, got string) error {
	pos, at := 0, 0
	for _, v := range variables(want) {
		literal := x.subst(want[at:v.start])
		if !strings.HasPrefix(got[pos:], literal) {
			return fmt.Errorf("want %s, got %s", clip(x.subst(want)), clip(got))
		}
		pos += len(literal)
		n, err := x.bind(want[v.start:v.end], got[pos:], v.shape)
		if err != nil {
			return fmt.Errorf("want %s, got %s: %w", clip(want), clip(got), err)
		}
		pos += n
		at = v.end
	}
	if got[pos:] != x.subst(want[at:]) {
		return fmt.Errorf("want %s, got %s", clip(x.subst(want)), clip(got))
	}
	return nil
}

// bind takes the id at the start of got for the captured one and returns its length.
func (x *ids) bind(captured, got string, shape idShape) (int, error) {
	if actual, ok := x.actual[captured]; ok {
		if !strings.HasPrefix(got, actual) {
			return 0, fmt.Errorf("id %q of the capture is %q here, not another", captured, actual)
		}
		return len(actual), nil
	}
	n := len(got) - len(strings.TrimLeft(got, shape.chars))
	if n < shape.min || n > shape.max {
		return 0, fmt.Errorf("an id of %d characters, want %d to %d", n, shape.min, shape.max)
	}
	actual := got[:n]
	if other, ok := x.taken[actual]; ok {
		return 0, fmt.Errorf("id %q was given out before, for %q of the capture", actual, other)
	}
	x.actual[captured], x.taken[actual] = actual, captured
	return n, nil
}

// clip shortens a text for a message.
func clip(s string) string {
	const most = 400
	if len(s) > most {
		return fmt.Sprintf("%q… (%d bytes)", s[:most], len(s))
	}
	return fmt.Sprintf("%q", s)
}
