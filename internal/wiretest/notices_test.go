package wiretest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// TestReplayNotices falsifies one thing at a time in cases that are as captured, and wants the replay to see it. Without this
// the whole comparison could be blind and TestGolden would still pass.
func TestReplayNotices(t *testing.T) {
	firstWant := func(s *Script) *Response { return s.Steps[0].Want }
	last := func(s *Script, op Op) *Step {
		for i := len(s.Steps) - 1; i >= 0; i-- {
			if s.Steps[i].Op == op {
				return &s.Steps[i]
			}
		}
		t.Fatalf("%s has no step %s", s.Name, op)
		return nil
	}
	tests := []struct {
		name, file, script string
		falsify            func(s *Script)
		says               string
	}{
		{"status", HTTPFile, "error-unknown-sid", func(s *Script) { firstWant(s).Status = 404 }, "status 400"},
		{"body", HTTPFile, "error-unknown-sid", func(s *Script) { firstWant(s).Body = []byte(`{"code":2}`) }, "body"},
		{"missing header", HTTPFile, "handshake-polling", func(s *Script) { firstWant(s).Header["X-More"] = "1" }, "x-more is missing"},
		{"header value", HTTPFile, "handshake-polling", func(s *Script) { firstWant(s).Header["cache-control"] = "no-cache" }, "cache-control"},
		{"unexpected header", HTTPFile, "handshake-cookie-true", func(s *Script) { delete(firstWant(s).Header, "Set-Cookie") }, "set-cookie"},
		{"length", HTTPFile, "methods-on-session", func(s *Script) { s.Steps[len(s.Steps)-1].Want.Header["Content-Length"] = "3" }, "Content-Length"},
		{"end of connection", WSFile, "ws-polling-only-server", func(s *Script) { firstWant(s).Header["connection"] = "close" }, "Connection: close"},
		{"another id", HTTPFile, "polling-connect-and-echo", func(s *Script) {
			s.Steps[2].Want.Body = bytes.Replace(s.Steps[2].Want.Body, []byte(`"sid":"`), []byte(`"sid":"x`), 1)
		}, "body"},
		{"text", WSFile, "ws-handshake-echo", func(s *Script) { last(s, OpRecv).Data = []byte(`42["c","e"]`) }, "want"},
		{"text for binary", WSFile, "ws-base64-in", func(s *Script) { last(s, OpRecv).Binary = false }, "want text"},
		{"binary", WSFile, "ws-base64-in", func(s *Script) { last(s, OpRecv).Data = []byte{9} }, "want binary"},
		{"message missing", WSFile, "ws-harmless-types", func(s *Script) { replaceAt(s, 10, recvText(`42["echo",1]`), recvText("42[]")) }, "nothing came"},
		{"message too many", WSFile, "ws-harmless-types", func(s *Script) { replaceAt(s, 10) }, "not expected before the close"},
		{"close code", WSFile, "ws-invalid-utf8", func(s *Script) { last(s, OpClosed).Code = 1005 }, "1007"},
		{"who closes", WSFile, "ws-ping-from-client", func(s *Script) { *last(s, OpClosed) = clientCloses }, "not expected before the close"},
		{"nobody closes", WSFile, "ws-harmless-types", func(s *Script) { *last(s, OpClose) = serverCloses }, "want the server to close"},
		{"silence", WSFile, "ws-heartbeat", func(s *Script) { replaceAt(s, 5, Step{Op: OpQuiet, Wait: patience}) }, "nothing was to come"},
		{"held for ever", HTTPFile, "polling-concurrent-post", func(s *Script) { replaceAt(s, 3) }, "closed without a byte"},
		{"reason", WSFile, "ws-heartbeat", func(s *Script) { s.Observed[1] = json.RawMessage(disconnect("transport close")) }, "ping timeout"},
		{"unreported", WSFile, "ws-connect-bad-json", func(s *Script) { observed(s, connection, engineClose("forced close")) }, "did not report"},
		{"not in the capture", WSFile, "ws-heartbeat", func(s *Script) { s.Observed = s.Observed[1:] }, "not in the capture"},
		{"refusal", HTTPFile, "error-unknown-sid", func(s *Script) { s.Observed = s.Observed[:2] }, "not in the capture"},
		{"application", SessionsFile, "reason-conn-close", func(s *Script) {
			last(s, OpObserve).Observed = json.RawMessage(`{"ev":"disconnect","reason":"transport close"}`)
		}, "the application reports"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := everywhere(byName(t, tt.file, tt.script))
			tt.falsify(s)
			var seen []string
			for _, d := range replay(t, s) {
				seen = append(seen, d.String())
			}
			if !strings.Contains(strings.Join(seen, "\n"), tt.says) {
				t.Errorf("differences %q, want one that says %q", seen, tt.says)
			}
		})
	}
}

func byName(t *testing.T, file, name string) *Script {
	t.Helper()
	for _, s := range load(t, file) {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("%s has no case %s", file, name)
	return nil
}

func TestIDs(t *testing.T) {
	const (
		open   = `0{"sid":"AAAAAAAAAAAAAAAAAAAA","upgrades":[]}`
		reply  = `40{"sid":"BBBBBBBBBBBBBBBBBBBB"}`
		second = `40{"sid":"CCCCCCCCCCCCCCCCCCCC"}`
	)
	long := strings.Repeat("s", 32)
	steps := []struct {
		want, got string
		ok        bool
	}{
		{open, `0{"sid":"` + strings.Repeat("s", 19) + `","upgrades":[]}`, false},
		{open, `0{"sid":"` + long + `","upgrades":["x"]}`, false}, // binds before it fails
		{open, `0{"sid":"` + long + `","upgrades":[]}`, true},
		{open, `0{"sid":"` + strings.Repeat("x", 32) + `","upgrades":[]}`, false},
		{reply, `40{"sid":"` + strings.Repeat("b", 21) + `"}`, false}, // a socket id has exactly 20 characters
		{reply, `40{"sid":"` + strings.Repeat("b", 20) + `"}`, true},
		{second, `40{"sid":"` + strings.Repeat("b", 20) + `"}`, false}, // given out before
		{second, `40{"sid":"` + strings.Repeat("c", 20) + `"}`, true},
		{second, `40{"sid":"` + strings.Repeat("c", 20) + `"} `, false},
	}
	x := newIDs()
	for _, s := range steps {
		if err := x.match(s.want, s.got); (err == nil) != s.ok {
			t.Errorf("match(%s, %s): %v", s.want, s.got, err)
		}
	}
	if got, want := x.subst("?sid=AAAAAAAAAAAAAAAAAAAA"), "?sid="+long; got != want {
		t.Errorf("subst: %s, want %s", got, want)
	}
}

// TestReadFrame feeds the client what a server must not send.
func TestReadFrame(t *testing.T) {
	for name, frame := range map[string][]byte{
		"masked":        clientFrame(true, opText, []byte("x")),
		"reserved bits": {0xc1, 0x00},
		"huge":          {0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	} {
		if _, _, _, err := (&wsClient{}).readFrame(bufio.NewReader(bytes.NewReader(frame))); protocolError(err) == nil {
			t.Errorf("%s: %v, want a protocol error", name, err)
		}
	}
	fin, op, payload, err := (&wsClient{}).readFrame(bufio.NewReader(bytes.NewReader([]byte{0x81, 0x01, 'x'})))
	if !fin || op != opText || string(payload) != "x" || err != nil {
		t.Errorf("a text frame reads as %v %d %q %v", fin, op, payload, err)
	}
}
