package wiretest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// The kinds of observations that the captures' server made by itself, beside what its application logged.
var serverKinds = []string{"sio_connection", "sio_disconnect", "sio_error", "engine_close", "connection_error", "upgrade"}

// unrecorded are the kinds that a golden file does not hold, though they happened.
var unrecorded = map[string][]string{
	HTTPFile:     {"sio_error"},
	SessionsFile: {"sio_connection", "sio_disconnect", "sio_error", "connection_error"},
}

// incidental are members that say the same in Node's own words, or repeat the request.
var incidental = []string{"context", "description"}

// observation decodes one entry and returns its kind, or "" for something that the application logged.
func observation(raw json.RawMessage) (kind string, value map[string]any) {
	if json.Unmarshal(raw, &value) != nil {
		return "", map[string]any{"undecodable": string(raw)}
	}
	kind, _ = value["ev"].(string)
	if !slices.Contains(serverKinds, kind) {
		return "", value
	}
	for _, name := range incidental {
		delete(value, name)
	}
	return kind, value
}

// ofKind picks the observations of one kind.
func ofKind(entries []json.RawMessage, kind string) []map[string]any {
	var picked []map[string]any
	for _, raw := range entries {
		if k, v := observation(raw); k == kind {
			picked = append(picked, v)
		}
	}
	return picked
}

// observe waits for the next thing that the application reports.
func (p *player) observe(s *Step) bool {
	var got map[string]any
	ok := p.server.Journal().Await(func(entries []json.RawMessage) bool {
		told := ofKind(entries, "")
		if len(told) <= p.told {
			return false
		}
		got = told[p.told]
		return true
	})
	var want map[string]any
	if err := json.Unmarshal([]byte(p.ids.subst(string(s.Observed))), &want); err != nil {
		p.differ(s.At, "observation %s: %v", s.Observed, err)
		return false
	}
	if !ok {
		p.differ(s.At, "the application did not report %s", p.ids.subst(string(s.Observed)))
		return false
	}
	p.told++
	if !reflect.DeepEqual(got, want) {
		p.differ(s.At, "the application reports %s, want %s", printed(got), printed(want))
	}
	return true
}

// compareObserved compares the rest: each kind that the server can report is compared in order. The order between kinds
// is not: the application hears of the end of a socket on its own goroutine.
func (p *player) compareObserved() {
	for _, kind := range append([]string{""}, serverKinds...) {
		if kind != "" && (!p.server.Reports(kind) || slices.Contains(unrecorded[p.script.File], kind)) {
			continue
		}
		var want []map[string]any
		if kind != "" {
			for _, raw := range p.script.Observed {
				if k, v := observation(json.RawMessage(p.ids.subst(string(raw)))); k == kind {
					want = append(want, v)
				}
			}
		}
		p.compareKind(kind, want)
	}
}

func (p *player) compareKind(kind string, want []map[string]any) {
	skip := 0
	if kind == "" {
		skip = p.told
	}
	p.server.Journal().Await(func(entries []json.RawMessage) bool {
		return len(ofKind(entries, kind)) >= skip+len(want)
	})
	got := ofKind(p.server.Journal().All(), kind)
	got = got[min(skip, len(got)):]
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			p.differ(0, "the server did not report %s", printed(want[i]))
		case i >= len(want):
			p.differ(0, "the server reports %s, which is not in the capture", printed(got[i]))
		case !reflect.DeepEqual(got[i], want[i]):
			p.differ(0, "the server reports %s, want %s", printed(got[i]), printed(want[i]))
		}
	}
}

func printed(v map[string]any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}
