package wiretest

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Difference is one thing that was not as captured.
type Difference struct {
	At   int // the step's position in the golden file; 0 for what the server reported
	Text string
}

func (d Difference) String() string {
	if d.At == 0 {
		return d.Text
	}
	return fmt.Sprintf("step %d: %s", d.At, d.Text)
}

// player replays one script against one server.
type player struct {
	script  *Script
	server  Server
	ids     *ids
	links   map[string]link
	partial []*exchange // POSTs whose body never ends
	pending []*pendingAnswer
	diffs   []Difference
	told    int // observations of the application consumed by OpObserve

	following Op // of the step behind the current one
}

// pendingAnswer is a concurrent request whose answer is still to be compared.
type pendingAnswer struct {
	step *Step
	x    *exchange
}

// Replay runs a script against a server and returns every difference. It stops early when a step makes the rest meaningless. The
// server must be fresh; the caller stops it.
func Replay(s *Script, server Server) []Difference {
	p := &player{script: s, server: server, ids: newIDs(), links: map[string]link{}}
	for i := range s.Steps {
		p.following = ""
		if i+1 < len(s.Steps) {
			p.following = s.Steps[i+1].Op
		}
		if !p.step(&s.Steps[i]) {
			break
		}
	}
	p.finish()
	return p.diffs
}

// differ notes a difference.
func (p *player) differ(at int, format string, args ...any) {
	p.diffs = append(p.diffs, Difference{At: at, Text: fmt.Sprintf(format, args...)})
}

// step runs one step; false ends the case.
func (p *player) step(s *Step) bool {
	p.awaitPendingBefore(s)
	switch s.Op {
	case OpRequest, OpPartial, OpNoAnswer, OpDropPart, OpDropGet:
		return p.httpStep(s)
	case OpOpen, OpPollOpen:
		return p.open(s)
	case OpUpgrade, OpSend, OpRecv, OpRaw, OpPong, OpClose, OpClosed:
		return p.linkStep(s)
	case OpQuiet:
		p.quiet(s.At, s.Wait)
		return true
	case OpShutdown:
		// The shutdown waits for its clients, which read in the background.
		if err := p.server.Shutdown(); err != nil {
			p.differ(s.At, "shutdown: %v", err)
		}
		return true
	case OpRestart:
		if err := p.server.Restart(); err != nil {
			p.differ(s.At, "restart: %v", err)
			return false
		}
		return true
	case OpObserve:
		return p.observe(s)
	default:
		p.differ(s.At, "unknown step %q", s.Op)
		return false
	}
}

// awaitPendingBefore keeps the order of the captures: a client has one GET in flight, and it sends the upgrade
// packet when the noop of its GET has come. Everything else overlaps with the requests that are pending.
func (p *player) awaitPendingBefore(s *Step) {
	var kept []*pendingAnswer
	for _, w := range p.pending {
		next := s.Op == OpRequest && s.Method == "GET" && !s.Concurrent
		upgrade := s.Op == OpSend && string(s.Data) == "5" && string(w.step.Want.Body) == "6"
		if next || upgrade || w.x.ready() {
			p.compareAnswer(w.step, w.x.wait())
		} else {
			kept = append(kept, w)
		}
	}
	p.pending = kept
}

func (p *player) httpStep(s *Step) bool {
	conn, err := p.server.Dial()
	if err != nil {
		p.differ(s.At, "dial: %v", err)
		return false
	}
	target := p.ids.subst(s.Path)
	switch s.Op {
	case OpRequest:
		x := startExchange(conn, s.Method, rawRequest(s.Method, target, s.Header, []byte(p.ids.subst(string(s.Body)))))
		if s.Concurrent {
			p.pending = append(p.pending, &pendingAnswer{step: s, x: x})
			p.server.Settle()
			return true
		}
		p.compareAnswer(s, x.wait())
		p.server.Settle() // handlers may run after the answer to a POST
	case OpPartial, OpDropPart:
		raw := rawRequest("POST", target, map[string]string{"Content-Length": "10"}, nil)
		raw = append([]byte(strings.Replace(string(raw), "Content-Length: 0\r\n", "", 1)), "40"...)
		x := startExchange(conn, "POST", raw)
		p.server.Settle()
		if s.Op == OpDropPart {
			x.close()
			p.server.Settle()
			return true
		}
		p.partial = append(p.partial, x)
	case OpNoAnswer:
		_ = conn.Close()
		for _, x := range p.partial {
			if a := x.wait(); a.err == nil || errors.Is(a.err, errTimeout) {
				p.differ(s.At, "the partial POST was answered %d (%v), want its connection closed without a byte", a.status, a.err)
			}
		}
		p.partial = nil
	case OpDropGet:
		x := startExchange(conn, "GET", rawRequest("GET", target, nil, nil))
		p.server.Settle()
		if x.ready() {
			p.differ(s.At, "the GET was answered at once, want it held")
		}
		x.close()
		p.server.Settle()
	}
	return true
}

// quiet states that nothing is received on any link for a while.
func (p *player) quiet(at int, wait time.Duration) {
	timeout := time.NewTimer(wait)
	<-timeout.C
	for tag, l := range p.links {
		if ev, ok := l.buffered(); ok {
			p.differ(at, "nothing was to come%s, got %s", onTag(tag), ev)
		}
	}
}

func onTag(tag string) string {
	if tag == "" {
		return ""
	}
	return " on " + tag
}

// finish compares what is still open and what the server reported, and closes every connection.
func (p *player) finish() {
	for _, w := range p.pending {
		p.compareAnswer(w.step, w.x.wait())
	}
	for _, x := range p.partial {
		x.close()
	}
	p.server.Settle()
	if p.script.ObservedAfterShutdown {
		if err := p.server.Shutdown(); err != nil {
			p.differ(0, "shutdown: %v", err)
		}
	}
	p.compareObserved()
	for tag, l := range p.links {
		if ev, ok := l.buffered(); ok {
			p.differ(0, "left over%s: %s", onTag(tag), ev)
		}
		l.destroy()
	}
}
