//go:build unix

package redisadapter_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// captured returns the payload that Node.js node A published in a case of the captures.
func captured(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("internal", "nodewire", "testdata", "redis-classic.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Name     string
			Messages []struct {
				From, Command string
				Payload       string `json:"payload_hex"`
			}
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Cases {
		for _, m := range c.Messages {
			if c.Name == name && m.From == "A" && m.Command == "PUBLISH" {
				b, err := hex.DecodeString(m.Payload)
				if err != nil {
					t.Fatal(err)
				}
				return string(b)
			}
		}
	}
	t.Fatalf("no message of A in %s", name)
	return ""
}

// TestPublishesWhatNodeDoes compares the bytes on Redis with those of a Node.js server that
// did the same.
func TestPublishesWhatNodeDoes(t *testing.T) {
	server := redistest.Start(t)
	cfg := options(server.Addr)
	tap := newTap(t, server, cfg.Prefix)
	p := newPeer(t, cfg)
	p.self.ID = "IjfDew" // the uid of node A
	if err := errors.Join(p.Start(t.Context(), p.self, p), p.OpenNamespace(t.Context(), "/")); err != nil {
		t.Fatal(err)
	}
	yes, no := true, false
	everyone, request := "#/#", "-request#/#"
	for _, c := range []struct {
		name, channel string
		m             realtime.Message
	}{
		{"broadcast-namespace", everyone, realtime.Message{Op: realtime.OpBroadcast, Data: json.RawMessage(`["hello",1,"a",null,true,{"k":[1.5]}]`)}},
		{"broadcast-one-room", "#/#room1#", realtime.Message{Op: realtime.OpBroadcast, Rooms: []string{"room1"}, Data: json.RawMessage(`["hello","x"]`)}},
		{"broadcast-rooms-except", everyone, realtime.Message{Op: realtime.OpBroadcast, Rooms: []string{"room1", "room2"}, Except: []string{"room3"}, Data: json.RawMessage(`["hello","x"]`)}},
		{"broadcast-volatile", everyone, realtime.Message{Op: realtime.OpBroadcast, Volatile: true, Data: json.RawMessage(`["hello","x"]`)}},
		{"broadcast-compress-false", everyone, realtime.Message{Op: realtime.OpBroadcast, Compress: &no, Data: json.RawMessage(`["hello","x"]`)}},
		{"broadcast-compress-true-volatile-room", "#/#room1#", realtime.Message{Op: realtime.OpBroadcast, Rooms: []string{"room1"}, Compress: &yes, Volatile: true, Data: json.RawMessage(`["hello","x"]`)}},
		{"broadcast-binary", everyone, realtime.Message{
			Op:          realtime.OpBroadcast,
			Data:        json.RawMessage(`["bin",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1},{"_placeholder":true,"num":2},{"deep":[{"_placeholder":true,"num":3}]}]`),
			Attachments: [][]byte{{1, 2, 3}, {0xff, 0}, {9, 8}, {0xaa}},
		}},
		{"broadcast-room-with-hash", "#/#a#b*é#", realtime.Message{Op: realtime.OpBroadcast, Rooms: []string{"a#b*é"}, Data: json.RawMessage(`["hello","x"]`)}},
		{"sockets-join-several", request, realtime.Message{Op: realtime.OpJoin, Rooms: []string{"room1"}, Except: []string{"room3"}, Names: []string{"x1", "x2"}}},
		{"sockets-leave", request, realtime.Message{Op: realtime.OpLeave, Rooms: []string{"room1"}, Names: []string{"x1", "x2"}}},
		{"disconnect-sockets-false", request, realtime.Message{Op: realtime.OpDisconnect, Rooms: []string{"nobody"}}},
		{"disconnect-sockets-true", request, realtime.Message{Op: realtime.OpDisconnect, Rooms: []string{"room3"}, Close: true}},
		{"server-side-emit", request, realtime.Message{Op: realtime.OpServerSide, Data: json.RawMessage(`["sse",1,{"a":[null]}]`)}},
	} {
		c.m.Namespace = "/"
		if err := p.Publish(t.Context(), &c.m); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(captured(t, c.name), tap.take(cfg.Prefix+c.channel)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	// Questions differ in their random id alone.
	tap.subscribe(func(string, string) {}, cfg.Prefix+request) // somebody to ask
	for _, c := range []struct {
		name string
		m    realtime.Message
	}{
		{"fetch-sockets", realtime.Message{Op: realtime.OpFetch}},
		{"fetch-sockets-room", realtime.Message{Op: realtime.OpFetch, Rooms: []string{"room2"}, Except: []string{"room3"}}},
		{"server-side-emit-with-ack", realtime.Message{Op: realtime.OpServerSideAck, Data: json.RawMessage(`["sse","x"]`)}},
		{"broadcast-with-ack", realtime.Message{Op: realtime.OpBroadcastAck, Data: json.RawMessage(`["q",1]`), Timeout: 500 * time.Millisecond}},
	} {
		c.m.Namespace = "/"
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if n, err := p.Ask(ctx, &c.m, func(*realtime.Message) {}); n != 1 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %d, %v", c.name, n, err)
		}
		cancel()
		want, got := captured(t, c.name), tap.take(cfg.Prefix+request)
		if diff := cmp.Diff(withoutID(want), withoutID(got)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// withoutID cuts the value of requestId out of a request, JSON or msgpack.
func withoutID(s string) string {
	before, rest, found := strings.Cut(s, "requestId")
	if !found {
		return s
	}
	if rest[0] == '"' {
		_, after, _ := strings.Cut(rest[3:], `"`)
		return before + after
	}
	return before + rest[1+int(rest[0]&0x1f):]
}

// TestUnderstandsNode publishes what Node.js nodes have published, and looks what becomes
// of it.
func TestUnderstandsNode(t *testing.T) {
	server := redistest.Start(t)
	cfg := options(server.Addr)
	tap := newTap(t, server, cfg.Prefix)
	p := startPeer(t, cfg)
	p.RoomOpened("/", "room1")
	everyone, room, request := cfg.Prefix+"#/#", cfg.Prefix+"#/#room1#", cfg.Prefix+"-request#/#"
	no := false
	for _, c := range []struct {
		name, channel string
		want          realtime.Message
	}{
		{"broadcast-namespace", everyone, realtime.Message{Op: realtime.OpBroadcast, Data: json.RawMessage(`["hello",1,"a",null,true,{"k":[1.5]}]`)}},
		{"broadcast-one-room-except-two", room, realtime.Message{Op: realtime.OpBroadcast, Rooms: []string{"room1"}, Except: []string{"x", "y"}, Data: json.RawMessage(`["hello","x"]`)}},
		{"broadcast-volatile", everyone, realtime.Message{Op: realtime.OpBroadcast, Volatile: true, Data: json.RawMessage(`["hello","x"]`)}},
		{"broadcast-compress-false", everyone, realtime.Message{Op: realtime.OpBroadcast, Compress: &no, Data: json.RawMessage(`["hello","x"]`)}},
		{"broadcast-dates", everyone, realtime.Message{Op: realtime.OpBroadcast, Data: json.RawMessage(
			`["d","1970-01-01T00:00:00.000Z","2023-11-14T22:13:20.000Z","2023-11-14T22:13:20.123Z","1969-12-31T23:59:59.999Z","2514-05-30T01:53:04.000Z"]`)}},
		{"sockets-join-several", request, realtime.Message{Op: realtime.OpJoin, Rooms: []string{"room1"}, Except: []string{"room3"}, Names: []string{"x1", "x2"}}},
		{"sockets-leave", request, realtime.Message{Op: realtime.OpLeave, Rooms: []string{"room1"}, Names: []string{"x1", "x2"}}},
		{"disconnect-sockets-true", request, realtime.Message{Op: realtime.OpDisconnect, Rooms: []string{"room3"}, Close: true}},
		{"server-side-emit", request, realtime.Message{Op: realtime.OpServerSide, Data: json.RawMessage(`["sse",1,{"a":[null]}]`)}},
		{"legacy-request-join-sid", request, realtime.Message{Op: realtime.OpJoin, Rooms: []string{"05aJPqPCknDxJ5vlAAAA"}, Names: []string{"legacy"}}},
	} {
		p.note(func() { p.heard = nil })
		tap.publish(c.channel, captured(t, c.name))
		p.await(c.name, func() bool { return len(p.heard) == 1 })
		c.want.Namespace, c.want.Node = "/", "IjfDew"
		if diff := cmp.Diff(&c.want, p.heard[0]); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	// Of these nothing comes: nobody is in the room, or the packet is of another namespace.
	p.note(func() { p.heard = nil })
	tap.publish(cfg.Prefix+"#/#nobody#", captured(t, "broadcast-one-room"))
	tap.publish(everyone, captured(t, "broadcast-nested-namespace"))
	tap.publish(request, `{"uid":"IjfDew","requestId":"r","type":42}`)
	tap.publish(everyone, captured(t, "broadcast-no-args"))
	p.await("a last message", func() bool { return p.hears("hello") })
	if len(p.heard) != 1 {
		t.Errorf("%d messages heard", len(p.heard))
	}
}

// TestHostileMessages: what breaks the rules is counted and dropped, and nothing else
// happens (R74).
func TestHostileMessages(t *testing.T) {
	server := redistest.Start(t)
	cfg := options(server.Addr)
	tap := newTap(t, server, cfg.Prefix)
	p := startPeer(t, cfg)
	channels := []string{"#/#", "-request#/#", "-response#/#", "-response#/#" + p.self.ID + "#", "-node#", "-node#" + p.self.ID + "#"}
	payloads := []string{
		"", "x", "{", "{}", "[]", "null", "\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\xc1", strings.Repeat("\x91", 1000), strings.Repeat(`{"a":`, 1000),
		`{"requestId":"forged","sockets":[]}`, `{"type":8,"requestId":"forged","clientCount":1e9}`, `{"op":"hello","node":5}`, `{"op":"hello","node":{}}`, "beat 99999999999999999999",
		`{"uid":"` + p.self.ID + `","type":4,"opts":{"rooms":[]},"close":true}`, captured(t, "broadcast-namespace") + "more",
	}
	for _, channel := range channels {
		for _, payload := range payloads {
			tap.publish(cfg.Prefix+channel, payload)
		}
	}
	tap.publish(cfg.Prefix+"#/#", strings.Repeat("\x01", 9<<20))
	tap.publish(cfg.Prefix+"#/#", captured(t, "broadcast-no-args"))
	p.await("a good message after the bad ones", func() bool { return p.hears("hello") })
	if len(p.heard) != 1 || len(p.asked) != 0 {
		t.Errorf("%d messages and %d questions came of them", len(p.heard), len(p.asked))
	}
	redistest.Await(t, "all of them counted", func() bool { return p.Stats().Invalid >= 40 })
	if s := p.Stats(); s.Breaks != 0 || s.Overflow != 0 {
		t.Errorf("%+v", s)
	}
}

// TestAnswersNode asks as Node.js does, and looks at the answers.
func TestAnswersNode(t *testing.T) {
	server := redistest.Start(t)
	for _, specific := range []bool{false, true} {
		cfg := options(server.Addr)
		cfg.PublishOnSpecificResponseChannel = specific
		tap := newTap(t, server, cfg.Prefix)
		p := startPeer(t, cfg)
		request, shared, own := cfg.Prefix+"-request#/#", cfg.Prefix+"-response#/#", cfg.Prefix+"-response#/#asker#"
		if !specific {
			own = shared
		}
		id := "conn-of-" + p.self.ID
		node := `"realtime":{"node":"` + p.self.ID + `"}`
		for _, c := range []struct{ ask, channel, want string }{
			{`"type":0,"rooms":["room1"]`, own, `{"requestId":"r","sockets":["` + id + `"],` + node + `}`},
			{`"type":1`, own, `{"requestId":"r","rooms":["` + id + `","room:x","user:ann"],` + node + `}`},
			{
				`"type":5,"opts":{"rooms":[],"except":[]}`, own, `{"requestId":"r","sockets":[{"id":"` + id + `","handshake":{"headers":{},"time":"","address":"","xdomain":false,` +
					`"secure":false,"issued":0,"url":"/","query":{},"auth":{}},"rooms":["` + id + `","room:x","user:ann"],"data":{},"realtime":{"user":"ann"}}],` + node + `}`,
			},
			{`"type":6,"data":["sse"]`, shared, `{"type":6,"requestId":"r","data":"` + p.self.ID + `",` + node + `}`},
			{`"type":7,"packet":{"type":2,"data":["q"],"nsp":"/"},"opts":{"rooms":[],"except":[],"flags":{"timeout":500}}`, own, `{"type":8,"requestId":"r","clientCount":0,` + node + `}`},
			{`"type":2,"sid":"` + id + `","room":"old"`, own, `{"requestId":"r"}`},
		} {
			tap.publish(request, `{"uid":"asker","requestId":"r",`+c.ask+`}`)
			if got := tap.take(c.channel); got != c.want {
				t.Errorf("%s:\n got %s\nwant %s", c.ask, got, c.want)
			}
		}
		tap.publish(request, `{"requestId":"r","type":1}`) // without a uid
		want := shared
		if specific {
			want = cfg.Prefix + "-response#/#undefined#"
		}
		tap.take(want)
	}
}

// fakeNode answers questions as a Node.js node does, which does not say who it is.
func fakeNode(tap *tap, prefix string, answer func(kind, id string) []string) {
	tap.subscribe(func(_, payload string) {
		var r struct {
			Type json.Number
			ID   string `json:"requestId"`
		}
		if payload[0] != '{' { // msgpack: a broadcast with acknowledgements
			r.Type = "7"
			_, rest, _ := strings.Cut(payload, "requestId")
			r.ID = rest[1 : 1+int(rest[0]&0x1f)]
		} else if err := json.Unmarshal([]byte(payload), &r); err != nil {
			tap.t.Error(err)
		}
		if r.ID == "" {
			return
		}
		go func() { // the reader must not wait for the connection that it reads; ends with the last answer
			for _, text := range answer(r.Type.String(), r.ID) {
				tap.publish(prefix+"-response#/#", text)
			}
		}()
	}, prefix+"-request#/#")
}

// TestAsksNode asks nodes that do not say who they are.
func TestAsksNode(t *testing.T) {
	server := redistest.Start(t)
	cfg := options(server.Addr)
	tap := newTap(t, server, cfg.Prefix)
	p := startPeer(t, cfg)
	goNode := startPeer(t, cfg)
	for i := range 2 {
		socket := fmt.Sprintf("socket%d", i)
		fakeNode(tap, cfg.Prefix, func(kind, id string) []string {
			reply := `{"requestId":"` + id + `",`
			switch kind {
			case "0":
				return []string{reply + `"sockets":["` + socket + `","second"]}`}
			case "1":
				return []string{reply + `"rooms":["` + socket + `","both"]}`}
			case "5":
				return []string{reply + `"sockets":[{"id":"` + socket + `","handshake":{"headers":{"cookie":"secret"},"time":"x","address":"192.0.2.7","xdomain":false,"secure":true,` +
					`"issued":1795380723524,"url":"/socket.io/?token=secret","query":{"token":"secret"},"auth":{"token":"secret"}},"rooms":["` + socket + `","room:x","user:joe"],"data":{"n":1}}]}`}
			case "6":
				return []string{`{"type":6,"requestId":"` + id + `","data":"` + socket + `"}`}
			}
			return []string{
				`{"type":9,"requestId":"` + id + `","packet":"early"}`, `{"type":8,"requestId":"` + id + `","clientCount":2}`, `{"type":9,"requestId":"` + id + `"}`,
			}
		})
	}
	ask := func(op realtime.Op, data string) (answers []*realtime.Message) {
		t.Helper()
		m := &realtime.Message{Op: op, Node: p.self.ID, Namespace: "/", Data: json.RawMessage(data), Timeout: watchdog}
		ctx, cancel := context.WithTimeout(t.Context(), watchdog)
		defer cancel()
		if n, err := p.Ask(ctx, m, func(r *realtime.Message) { answers = append(answers, r) }); n != 3 || err != nil {
			t.Fatalf("operation %d: %d nodes, %v", op, n, err)
		}
		return answers
	}
	nodes := map[string]int{}
	for _, r := range ask(realtime.OpFetch, "") {
		nodes[r.Node]++
		for _, info := range r.Conns {
			if r.Node == goNode.self.ID {
				continue
			}
			want := realtime.ConnInfo{
				ID: info.ID, Node: info.Node, Rooms: []string{"room:x", "user:joe"}, Public: json.RawMessage(`{"n":1}`),
				Address: "192.0.2.7", Secure: true, Connected: time.UnixMilli(1795380723524),
			}
			if diff := cmp.Diff(want, info); diff != "" {
				t.Error(diff)
			}
		}
		if text, _ := json.Marshal(r); strings.Contains(string(text), "secret") {
			t.Errorf("a secret of another node: %s (D31)", text)
		}
	}
	if diff := cmp.Diff(map[string]int{goNode.self.ID: 1, "node.js-1": 1, "node.js-2": 1}, nodes); diff != "" {
		t.Error(diff)
	}
	sum := 0
	for _, r := range ask(realtime.OpCountMembers, "") {
		sum += r.Count
	}
	if sum != 2+2+1 {
		t.Errorf("%d members", sum)
	}
	texts := map[string]int{}
	for _, r := range ask(realtime.OpServerSideAck, `["who"]`) {
		texts[string(r.Data)]++
	}
	if diff := cmp.Diff(map[string]int{`["socket0"]`: 1, `["socket1"]`: 1, `["` + goNode.self.ID + `"]`: 1}, texts); diff != "" {
		t.Error(diff)
	}
	acks := map[string]int{}
	for _, r := range ask(realtime.OpBroadcastAck, `["q"]`) {
		if r.Op == realtime.OpAnswer {
			acks[string(r.Data)]++
		}
	}
	if diff := cmp.Diff(map[string]int{`["early"]`: 2, `[]`: 2}, acks); diff != "" {
		t.Error(diff)
	}
	rooms, err := p.AllRooms(t.Context(), "/")
	want := []string{"both", "conn-of-" + p.self.ID, "conn-of-" + goNode.self.ID, "room:x", "socket0", "socket1", "user:ann"}
	if diff := cmp.Diff(want, rooms); err != nil || diff != "" {
		t.Error(err, diff)
	}
	list, err := p.Nodes(t.Context())
	if err != nil || len(list) != 4 || list[0].ID != p.self.ID || list[1].ID != goNode.self.ID || list[2].ID != "node.js-1" {
		t.Errorf("nodes %+v, %v", list, err)
	}
}
