package wiretest

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Op is what one step of a script does.
type Op string

// The steps of a script. "Send" steps act on the server, the others state what must be seen.
const (
	OpRequest  Op = "request"   // an HTTP request and its answer
	OpPartial  Op = "partial"   // a POST that announces ten bytes and sends two; the connection stays open
	OpNoAnswer Op = "no-answer" // the partial POST's connection was closed without one byte
	OpDropPart Op = "drop-part" // a partial POST whose connection is dropped at once
	OpDropGet  Op = "drop-get"  // a GET that is held and whose connection is then dropped
	OpOpen     Op = "open"      // a websocket handshake and its answer
	OpPollOpen Op = "poll-open" // a polling handshake; sends and receives of its tag are POSTs and GETs
	OpUpgrade  Op = "upgrade"   // the upgrade of a polling tag, as the official client does it
	OpSend     Op = "send"      // a message, or on polling a POST with one packet
	OpRecv     Op = "recv"      // the next message
	OpRaw      Op = "raw"       // bytes written as they are, e.g. several fragments
	OpPong     Op = "pong"      // a control pong has arrived
	OpClose    Op = "close"     // the client closes with Code (1005: without status, 1006: the TCP connection is destroyed)
	OpClosed   Op = "closed"    // the server closes with Code
	OpQuiet    Op = "quiet"     // nothing arrives on any websocket for Wait
	OpShutdown Op = "shutdown"  // the server is shut down
	OpRestart  Op = "restart"   // the server is replaced by a fresh one that knows no session
	OpObserve  Op = "observe"   // the application on the server reports Observed
)

// Step is one step of a script.
type Step struct {
	Op  Op
	At  int    // position in the golden file, from 1; edits keep it
	Tag string // which websocket or polling session; empty when there is only one

	// Requests and handshakes.
	Method     string
	Path       string
	Header     map[string]string
	Body       []byte
	Concurrent bool // the answer is awaited later
	Want       *Response

	// Messages and close codes.
	Binary   bool
	Data     []byte
	Together bool // the next step follows at once; otherwise the server first deals with what was sent
	Code     int
	Wait     time.Duration

	// Observed is what the application reports, as JSON.
	Observed json.RawMessage
}

// Response is a captured HTTP answer.
type Response struct {
	Status int
	Header map[string]string // as captured: Date, Connection, Keep-Alive and Transfer-Encoding are left out
	Body   []byte
	Len    int    // length of a body that was not stored
	SHA256 string // and its hash
	Closed bool   // the server closed the connection after the answer
	Outer  bool   // not the library answers but the HTTP server around it
}

// Script is one case, ready to be replayed.
type Script struct {
	File        string
	Name        string
	Description string
	Options     Options
	Steps       []Step
	// StartError is part of the error with which the server refuses the options; then nothing is replayed.
	StartError string
	// Observed is everything the capture's server reported during the case, as JSON objects with a member "ev".
	Observed []json.RawMessage
	// ObservedAfterShutdown tells that the list includes what the final shutdown of the server caused.
	ObservedAfterShutdown bool
}

// Clone gives a copy whose steps and observations may be edited.
func (s *Script) Clone() *Script {
	c := *s
	c.Steps = slices.Clone(s.Steps)
	for i := range c.Steps {
		c.Steps[i].Header = maps.Clone(c.Steps[i].Header)
		if w := c.Steps[i].Want; w != nil {
			r := *w
			r.Header = maps.Clone(w.Header)
			c.Steps[i].Want = &r
		}
	}
	c.Observed = slices.Clone(s.Observed)
	return &c
}

func compile(file string, c *goldenCase) (*Script, error) {
	s := &Script{
		File: file, Name: c.Name, Description: c.Description, Options: c.Options, Observed: c.ServerEvents,
		ObservedAfterShutdown: file == HTTPFile,
	}
	var err error
	if file == SessionsFile {
		s.Steps, err = compileLog(c)
		s.Observed = c.ServerEvents
		return s, err
	}
	closer := closerOf(c)
	for i := range c.Steps {
		steps, err := compileStep(&c.Steps[i], closer)
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", i+1, err)
		}
		if i+1 < len(c.Steps) && c.Steps[i+1].Note == latePong {
			steps = append([]Step{{Op: OpQuiet, Wait: 100 * time.Millisecond}}, steps...)
		}
		for _, st := range steps {
			st.At = i + 1
			st.Together = strings.HasSuffix(c.Name, "-back-to-back") && i+1 < len(c.Steps) && c.Steps[i+1].Send != ""
			if strings.HasPrefix(c.Name, "ws-deflate-") && st.Op == OpOpen {
				st.Header = map[string]string{"Sec-WebSocket-Extensions": "permessage-deflate"}
			}
			if slices.Contains([]Op{OpPartial, OpDropPart, OpDropGet}, st.Op) {
				st.Path = "/socket.io/?EIO=4&transport=polling&sid=" + c.Vars["sid"]
			}
			s.Steps = append(s.Steps, st)
		}
	}
	return s, nil
}

func compileStep(g *goldenStep, serverCloses func(*goldenStep) bool) ([]Step, error) {
	one := func(st Step, err error) ([]Step, error) {
		st.Tag = g.Tag
		return []Step{st}, err
	}
	switch {
	case g.Request != nil:
		return one(compileRequest(g.Request, g))
	case g.HTTP != nil:
		return one(compileRequest(g.HTTP, g))
	case g.WSOpen != "":
		return one(compileOpen(g), nil)
	case g.Send != "":
		data, err := frameData(g)
		return one(Step{Op: OpSend, Binary: g.Send == "binary", Data: data}, err)
	case g.Recv != "":
		data, err := frameData(g)
		return one(Step{Op: OpRecv, Binary: g.Recv == "binary", Data: data}, err)
	case g.Closed != 0 && serverCloses(g):
		return one(Step{Op: OpClosed, Code: g.Closed}, nil)
	case g.Closed != 0:
		return one(Step{Op: OpClose, Code: g.Closed}, nil)
	case g.Note != "":
		return compileNote(g.Note)
	default:
		return nil, fmt.Errorf("empty step")
	}
}

func frameData(g *goldenStep) ([]byte, error) {
	if g.Send == "binary" || g.Recv == "binary" {
		return hex.DecodeString(g.Hex)
	}
	return []byte(g.Data), nil
}

func compileRequest(r *goldenRequest, g *goldenStep) (Step, error) {
	body, err := r.payload()
	if err != nil {
		return Step{}, err
	}
	want := &Response{
		Status: g.Response.Status, Header: g.Response.Headers, Len: g.Response.BodyLen,
		SHA256: g.Response.BodySHA, Closed: g.Response.Ended == "closed",
	}
	want.Outer = want.Status == http.StatusNotFound
	if want.Body, err = g.Response.payload(); err != nil {
		return Step{}, err
	}
	return Step{
		Op: OpRequest, Method: r.Method, Path: r.Path, Header: r.Headers, Body: body,
		Concurrent: g.Concurrent, Want: want,
	}, nil
}

// compileOpen reads a websocket handshake. One that ended in an error of the TCP connection has no status.
func compileOpen(g *goldenStep) Step {
	st := Step{Op: OpOpen, Path: g.WSOpen, Header: g.Headers}
	if g.Error != "" {
		st.Want = &Response{Status: 0}
		return st
	}
	st.Want = &Response{Status: g.Status, Header: g.ResponseHeaders}
	if g.Body != nil {
		st.Want.Body = []byte(*g.Body)
	}
	return st
}

// latePong is written behind the step that it dates.
const latePong = "pong sent about 100 ms after the handshake"

// noteSteps says what the notes of the captures mean. A note without steps only comments on its neighbours.
var noteSteps = map[string][]Step{
	"a first POST announced Content-Length 10 and sent 2 bytes, its connection stays open": {{Op: OpPartial}},
	"first POST connection: closed by server, bytes received on it: 0":                     {{Op: OpNoAnswer}},
	"a POST announced 10 bytes, sent 2, then its connection was dropped":                   {{Op: OpDropPart}},
	"a pending GET had its connection dropped":                                             {{Op: OpDropGet}},
	"body of exactly maxHttpBufferSize bytes: 100":                                         {},
	"io.close() called": {{Op: OpShutdown}},
	"no pong this time; next GET is pending when the timeout fires": {},
	"socket destroyed":                    {},
	"100 ms later":                        {{Op: OpQuiet, Wait: 100 * time.Millisecond}},
	"text frame with bytes 34 32 ff sent": {{Op: OpSend, Data: []byte{0x34, 0x32, 0xff}}},
	latePong:                              {},
	"about 200 ms after the handshake: no ping so far": {{Op: OpQuiet, Wait: 70 * time.Millisecond}}, // the pong took its time too
	"the GET above got the noop of the 100 ms timer":   {},
	`fragments: 42["echo" | (ping frame) | ,1]`: {
		{Op: OpRaw, Data: slices.Concat(
			clientFrame(false, opText, []byte(`42["echo"`)),
			clientFrame(true, opPing, []byte("p")),
			clientFrame(true, opContinuation, []byte(`,1]`)),
		)},
		{Op: OpPong},
	},
}

func compileNote(note string) ([]Step, error) {
	steps, ok := noteSteps[note]
	if !ok {
		return nil, fmt.Errorf("note %q not understood", note)
	}
	return slices.Clone(steps), nil
}

// closerOf decides who closed a websocket first, which ws.json does not say: both sides see the same code.
// The engine's close reason tells it for the session's own transport, and a websocket that is closed without
// having received anything, or while the polling session goes on, was refused by the server.
func closerOf(c *goldenCase) func(*goldenStep) bool {
	reason, ended := "", false
	for _, raw := range c.ServerEvents {
		var ev struct{ Ev, Reason string }
		if json.Unmarshal(raw, &ev) == nil && ev.Ev == "engine_close" {
			reason, ended = ev.Reason, true
		}
	}
	heard := map[string]bool{}
	destroyed := false
	for i := range c.Steps {
		if c.Steps[i].Recv != "" || c.Steps[i].Send != "" {
			heard[c.Steps[i].Tag] = true
		}
		destroyed = destroyed || c.Steps[i].Note == "socket destroyed"
	}
	return func(g *goldenStep) bool {
		switch {
		case g.Closed == 1006:
			return !destroyed
		case g.Closed == 1000:
			return false
		case c.Name == "upgrade-session-closed-meanwhile":
			return true // the polling session ended with a close packet, and the probe is closed with it
		default:
			return !ended || reason != "transport close" || !heard[g.Tag]
		}
	}
}
