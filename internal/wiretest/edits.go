package wiretest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// everywhere adds the differences that hold for every answer of the library, whatever the case:
//
//   - "Vary: Origin" always (requirement R48), since its answers always depend on the origin; Node sends it when a CORS rule compared origins;
//   - every refusal names its rule in X-Realtime-Refused (decision D6);
//   - no Content-Length with status 204, where RFC 9110 section 8.6 forbids it and net/http removes it.
func everywhere(s *Script) *Script {
	c := s.Clone()
	for i := range c.Steps {
		w := c.Steps[i].Want
		if w == nil || w.Status == 0 || w.Outer {
			continue
		}
		if w.Header == nil {
			w.Header = map[string]string{}
		}
		if vary := headerOf(w.Header, "Vary"); !strings.Contains(vary, "Origin") {
			w.Header["Vary"] = strings.TrimSuffix("Origin, "+vary, ", ")
		}
		if w.Status >= http.StatusBadRequest {
			w.Header["X-Realtime-Refused"] = anyValue
		}
		if w.Status == http.StatusNoContent {
			delete(w.Header, "Content-Length")
		}
	}
	return c
}

// freshID stands for an id that the capture does not have.
const freshID = "fresh-id-00000000001"

// connectReply is a CONNECT reply with a new id.
const connectReply = `40{"sid":"` + freshID + `"}`

// Steps that edits put in.
var (
	clientCloses = Step{Op: OpClose, Code: closeNoStatus}
	serverCloses = Step{Op: OpClosed, Code: closeNoStatus}
)

func recvText(text string) Step { return Step{Op: OpRecv, Data: []byte(text)} }

// on puts a step on the websocket of a tag.
func on(tag string, s Step) Step {
	s.Tag = tag
	return s
}

// Observations that edits put in.
const connection = `{"ev":"sio_connection"}`

func disconnect(reason string) string {
	return fmt.Sprintf(`{"ev":"sio_disconnect","reason":%q}`, reason)
}

func engineClose(reason string) string {
	return fmt.Sprintf(`{"ev":"engine_close","reason":%q}`, reason)
}

func refused(code int, message string) string {
	return fmt.Sprintf(`{"ev":"connection_error","code":%d,"message":%q}`, code, message)
}

// observed replaces what the server reports.
func observed(s *Script, entries ...string) {
	s.Observed = nil
	for _, e := range entries {
		s.Observed = append(s.Observed, json.RawMessage(e))
	}
}

// answer replaces the answer of the request at a position of the golden file.
func answer(s *Script, at int, want *Response) {
	for i := range s.Steps {
		if s.Steps[i].At == at && s.Steps[i].Want != nil {
			s.Steps[i].Want = want
		}
	}
	*s = *s.Clone() // the answer may be shared
}

// The answers that edits put in.
var (
	unknownTransport = refusal(http.StatusBadRequest, 0, "Transport unknown")
	unknownVersion   = refusal(http.StatusBadRequest, 5, "Unsupported protocol version")
	forbidden        = refusal(http.StatusForbidden, 4, "Forbidden")
)

func refusal(status, code int, message string) *Response {
	return &Response{
		Status: status, Header: map[string]string{"Content-Type": "application/json"},
		Body: fmt.Appendf(nil, `{"code":%d,"message":%q}`, code, message),
	}
}

// answerBody replaces the body of a polling answer.
func answerBody(s *Script, at int, body string) {
	answer(s, at, &Response{Status: http.StatusOK, Body: []byte(body), Header: map[string]string{
		"Content-Type": "text/plain; charset=UTF-8", "Content-Length": strconv.Itoa(len(body)), "cache-control": "no-store",
	}})
}

// answerOpen makes the answer the open packet of a server with both transports. The id is the captured one, so that later steps find it, or a new one.
func answerOpen(s *Script, at int) {
	sid := fmt.Sprintf("fresh-session-id-%03d", at)
	for i := range s.Steps {
		if w := s.Steps[i].Want; s.Steps[i].At == at && w != nil {
			if v := variable.FindSubmatch(w.Body); v != nil {
				sid = string(v[1])
			}
		}
	}
	answerBody(s, at, string(openPacket(sid, bothTransports, &s.Options)))
}

func answerStatus(s *Script, status int, at ...int) {
	for i := range s.Steps {
		if slices.Contains(at, s.Steps[i].At) {
			w := s.Steps[i].Want
			w.Status, w.Body = status, nil
			delete(w.Header, "Content-Type")
		}
	}
}

// withoutHeader removes wanted headers from the answer at a position, or from all with position 0.
func withoutHeader(s *Script, at int, names ...string) {
	for i := range s.Steps {
		if w := s.Steps[i].Want; w != nil && (at == 0 || s.Steps[i].At == at) {
			for _, name := range names {
				delete(w.Header, name)
			}
		}
	}
}

// replaceAt replaces the steps of one position of the golden file.
func replaceAt(s *Script, at int, steps ...Step) { replaceRange(s, at, at, steps) }

// replaceFrom replaces the steps of a position and all behind it.
func replaceFrom(s *Script, at int, steps ...Step) { replaceRange(s, at, 1<<30, steps) }

func replaceRange(s *Script, from, to int, steps []Step) {
	inside := func(st Step) bool { return st.At >= from && st.At <= to }
	first := slices.IndexFunc(s.Steps, inside)
	kept := slices.DeleteFunc(slices.Clone(s.Steps), inside)
	steps = slices.Clone(steps)
	for i := range steps {
		steps[i].At = from
	}
	s.Steps = slices.Insert(kept, first, steps...)
}

// refuseOrigin is what an origin gets that is not admitted, in the five requests that every CORS case makes: code 4, but code 0
// comes first for the unknown transport.
func refuseOrigin(s *Script) {
	for _, at := range []int{1, 3, 4} {
		answer(s, at, forbidden)
	}
	withoutHeader(s, 2, "Access-Control-Allow-Origin")
	if s.Steps[1].Want.Status != http.StatusOK { // the case refuses everything; without Origin ours does not
		answerOpen(s, 2)
	}
	answer(s, 5, unknownTransport)
	observed(s, refused(4, "Forbidden"), refused(4, "Forbidden"), refused(4, "Forbidden"), refused(0, "Transport unknown"), engineClose("forced close"))
}

// refuseVersion is what a client of Engine.IO 3 gets: no session, so nothing behind it either.
func refuseVersion(s *Script) {
	answer(s, 1, unknownVersion)
	observed(s, refused(5, "Unsupported protocol version"))
	for at := 2; at <= len(s.Steps); at++ {
		answer(s, at, unknownSID)
		s.Observed = append(s.Observed, json.RawMessage(refused(1, "Session ID unknown")))
	}
}

// badHeaders are the two requests with control characters in a header.
func badHeaders(s *Script) {
	for _, at := range []int{4, 5} {
		answer(s, at, &Response{
			Status: http.StatusBadRequest, Header: map[string]string{"Content-Type": "text/plain; charset=utf-8"},
			Body: []byte("400 Bad Request"), Closed: true, Outer: true,
		})
	}
}

// plainBodies undoes the compression of the wanted answers.
func plainBodies(s *Script) {
	for i := range s.Steps {
		encoding := headerOf(s.Steps[i].Want.Header, "Content-Encoding")
		if encoding == "" {
			continue
		}
		if plain, err := decompress(encoding, s.Steps[i].Want.Body); err == nil {
			answerBody(s, s.Steps[i].At, string(plain))
		}
	}
}

const (
	unknownEvent = `[{"error":{"code":"unknown_event","message":"no such event"}}]`
	refusedEvent = `[{"error":{"code":"refused","message":"refused"}}]`
)

// unknownEventsAnswered puts in the answers to the three events that nobody handles.
func unknownEventsAnswered(s *Script) {
	second := slices.IndexFunc(s.Steps, func(st Step) bool { return string(st.Data) == `432["one"]` })
	s.Steps = slices.Insert(s.Steps, second, on("conn1", recvText("431"+unknownEvent)))
	last := slices.IndexFunc(s.Steps, func(st Step) bool { return string(st.Data) == `424["nolistener"]` })
	s.Steps = slices.Insert(s.Steps, last+1, on("conn1", recvText("433"+unknownEvent)), on("conn1", recvText("434"+unknownEvent)))
}

// refusedEventsAnswered puts in the answer to the refused event, and lets it be refused before the next one is seen.
func refusedEventsAnswered(s *Script) {
	isSeen := func(text string) func(Step) bool {
		return func(st Step) bool { return st.Op == OpObserve && strings.Contains(string(st.Observed), text) }
	}
	good := slices.IndexFunc(s.Steps, isSeen(`"good"`))
	s.Steps[good], s.Steps[good+1] = s.Steps[good+1], s.Steps[good]
	s.Steps = slices.Insert(s.Steps, good+1, on("conn2", recvText("430"+refusedEvent)))
}

// withLog replaces a session by another log, written as in the golden file.
func withLog(log string) func(*Script) {
	return func(s *Script) {
		c := goldenCase{Name: s.Name, Options: s.Options}
		if err := json.Unmarshal([]byte(log), &c.Log); err != nil {
			panic("wiretest: log of exception " + s.Name + ": " + err.Error())
		}
		steps, err := compileLog(&c)
		if err != nil {
			panic("wiretest: log of exception " + s.Name + ": " + err.Error())
		}
		s.Steps, s.Observed = steps, c.ServerEvents
	}
}
