package wiretest

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// logCompiler turns the log of a session between the official client and the official server into a raw replay: what
// the client sent is sent, what the server sent and its application reported is expected. What the client's
// application saw is the client's business and left out.
type logCompiler struct {
	c      *goldenCase
	target string          // of the handshake request seen last
	closed map[string]bool // connections whose end is in the script already
	steps  []Step
}

// unlogged holds what happened without a trace in the log, by case and by the position (from 1) of the entry before which it happened.
var unlogged = map[string]map[int][]Step{
	"reason-server-shutdown": {6: {{Op: OpShutdown}}},
	// The captured server was made to stop pinging. A client gives up after interval and timeout together.
	"reason-ping-timeout-client": {6: {{Op: OpQuiet, Wait: 180 * time.Millisecond}}},
	// The session vanished from the server; its packets are then refused. A restarted server is the real-life form of it.
	"reason-server-polling-lost": {9: {
		{Op: OpRestart},
		{Op: OpRequest, Method: "POST", Path: "/socket.io/?EIO=4&transport=polling&sid=Vc-5ZXcjlHeCrdOmAAAQ", Header: pollHeader, Body: []byte(`42["x"]`), Want: unknownSID},
		{Op: OpRequest, Method: "GET", Path: "/socket.io/?EIO=4&transport=polling&sid=Vc-5ZXcjlHeCrdOmAAAQ", Want: unknownSID},
	}},
}

var unknownSID = &Response{
	Status: 400, Header: map[string]string{"Content-Type": "application/json"}, Body: []byte(`{"code":1,"message":"Session ID unknown"}`),
}

// compileLog makes the steps of a session, and sets the observations that the log holds.
func compileLog(c *goldenCase) ([]Step, error) {
	l := &logCompiler{c: c, closed: map[string]bool{}}
	for i := range c.Log {
		first := len(l.steps)
		l.steps = append(l.steps, unlogged[c.Name][i+1]...)
		if err := l.entry(i); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		for k := first; k < len(l.steps); k++ {
			l.steps[k].At = i + 1
		}
	}
	return l.steps, nil
}

func (l *logCompiler) entry(i int) error {
	e := &l.c.Log[i]
	switch {
	case e.HTTP != "":
		if !strings.Contains(e.URL, "sid=") {
			l.target = e.URL
		}
	case e.Opened == "websocket":
		l.add(Step{Op: OpOpen, Tag: e.Conn, Path: l.target})
		l.add(Step{Op: OpRecv, Tag: e.Conn, Data: openPacket(e.SID, "[]", &l.c.Options)})
	case e.Opened == "polling":
		l.add(Step{Op: OpPollOpen, Tag: e.Conn, Path: l.target, Data: openPacket(e.SID, bothTransports, &l.c.Options)})
	case e.Upgraded != "":
		l.add(Step{Op: OpUpgrade, Tag: e.Conn})
		l.c.ServerEvents = append(l.c.ServerEvents, json.RawMessage(`{"ev":"upgrade","transport":"websocket"}`))
	case e.Dir != "":
		if i > 0 && e.Dir == "client->server" && l.c.Log[i-1].Dir == e.Dir && l.c.Log[i-1].Conn == e.Conn {
			l.steps[len(l.steps)-1].Together = true // the official client sent both before it heard from the server
		}
		return l.packet(e)
	case e.EngineClose != "":
		l.end(e.Conn, e.EngineClose)
		ev, _ := json.Marshal(map[string]string{"ev": "engine_close", "reason": e.EngineClose})
		l.c.ServerEvents = append(l.c.ServerEvents, ev)
	case len(e.Server) > 0:
		l.endBefore(i)
		l.add(Step{Op: OpObserve, Observed: e.Server})
	}
	return nil
}

func (l *logCompiler) add(s Step) { l.steps = append(l.steps, s) }

func (l *logCompiler) packet(e *logEntry) error {
	op := OpSend
	if e.Dir == "server->client" {
		op = OpRecv
	}
	switch {
	case e.BinaryHex != nil:
		data, err := hex.DecodeString(*e.BinaryHex)
		l.add(Step{Op: op, Tag: e.Conn, Binary: true, Data: data})
		return err
	case l.c.Name == "emit-values" && *e.Text == "41,2":
		// The recorder printed the Uint8Array [1, 2] as a text; on the wire it is a binary message.
		l.add(Step{Op: op, Tag: e.Conn, Binary: true, Data: []byte{1, 2}})
	default:
		l.add(Step{Op: op, Tag: e.Conn, Data: []byte(*e.Text)})
	}
	return nil
}

// end adds the end of a connection: the client's, if that is the reason, or the server's.
func (l *logCompiler) end(conn, reason string) {
	if l.closed[conn] {
		return
	}
	l.closed[conn] = true
	switch {
	case l.c.Name == "reason-network-cut":
		l.add(Step{Op: OpClose, Tag: conn, Code: closeAbnormal})
	case reason == "transport close":
		l.add(Step{Op: OpClose, Tag: conn, Code: closeNoStatus})
	default:
		l.add(Step{Op: OpClosed, Tag: conn, Code: closeNoStatus})
	}
}

// endBefore lets the client close before its application hears of it: the log has the application's line first.
func (l *logCompiler) endBefore(i int) {
	var told struct{ Ev, Reason string }
	if json.Unmarshal(l.c.Log[i].Server, &told) != nil || told.Ev != "disconnect" || told.Reason != "transport close" {
		return
	}
	for _, e := range l.c.Log[i:] {
		if e.EngineClose != "" {
			l.end(e.Conn, e.EngineClose)
			return
		}
	}
}

// bothTransports is the list of upgrades that a polling client is offered.
const bothTransports = `["websocket"]`

// openPacket is the open packet that the server's options ask for.
func openPacket(sid, upgrades string, o *Options) []byte {
	return fmt.Appendf(nil, `0{"sid":"%s","upgrades":%s,"pingInterval":%d,"pingTimeout":%d,"maxPayload":%d}`,
		sid, upgrades, valueOr(o.PingInterval, 25000), valueOr(o.PingTimeout, 20000), valueOr(o.MaxHTTPBuffer, 1_000_000))
}

func valueOr[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
