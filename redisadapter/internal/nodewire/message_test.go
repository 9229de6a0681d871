package nodewire

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBroadcastIsReadLeniently(t *testing.T) {
	yes := true
	for name, c := range map[string]struct {
		text string // JSON, packed by the test
		want Broadcast
	}{
		"without a namespace, keys in any order": {
			`["u",{"data":["x",1],"more":[[{}]],"type":2.0},{"except":["e"],"rooms":[5,"r"],"x":{}}]`,
			Broadcast{UID: "u", Namespace: "/", Selection: Selection{[]string{"5", "r"}, []string{"e"}}, Data: []byte(`["x",1]`)},
		},
		"without rooms": {
			`["u",{"type":2,"data":["x"],"nsp":"/a"},{"rooms":null,"flags":null}]`,
			Broadcast{UID: "u", Namespace: "/a", Data: []byte(`["x"]`)},
		},
		"with every flag, and unknown ones": {
			`["u",{"type":5,"data":["x"]},{"flags":{"volatile":true,"compress":true,"timeout":1e3,"expectSingleResponse":true,"broadcast":true,"local":[1],"binary":{}}}]`,
			Broadcast{UID: "u", Namespace: "/", Flags: Flags{true, &yes, 1000, true}, Data: []byte(`["x"]`)},
		},
		"with a note and more": {
			`["u",{"type":2,"data":["x"]},{},{"meta":{"a":"b"}},7]`,
			Broadcast{UID: "u", Namespace: "/", Data: []byte(`["x"]`), Note: []byte(`{"meta":{"a":"b"}}`)},
		},
	} {
		packed, err := appendPacked(nil, []byte(c.text), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeBroadcast(string(packed))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(&c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestBroadcastRefuses(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, `["u"]`, `["u",{"type":2,"data":["x"]}]`, `[1,{"type":2,"data":["x"]},{}]`, `["u",[],{}]`, `["u",{"type":2,"data":["x"]},[]]`,
		`["u",{"type":2},{}]`, `["u",{"data":["x"]},{}]`, `["u",{"type":1,"data":["x"]},{}]`, `["u",{"type":"2","data":["x"]},{}]`, `["u",{"type":2.5,"data":["x"]},{}]`,
		`["u",{"type":2,"data":{"0":"x"}},{}]`, `["u",{"type":2,"data":"x"},{}]`, `["u",{"type":2,"data":["x"],"nsp":5},{}]`,
		`["u",{"type":2,"data":["x"]},{"rooms":"r"}]`, `["u",{"type":2,"data":["x"]},{"rooms":[["r"]]}]`, `["u",{"type":2,"data":["x"]},{"except":[null]}]`,
		`["u",{"type":2,"data":["x"]},{"flags":[]}]`, `["u",{"type":2,"data":["x"]},{"flags":{"volatile":[]}}]`,
	} {
		packed, err := appendPacked(nil, []byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := DecodeBroadcast(string(packed)); !errors.Is(err, ErrShape) {
			t.Errorf("%s: %+v, %v", text, b, err)
		}
	}
	rooms := `["u",{"type":2,"data":["x"]},{"rooms":[0` + strings.Repeat(",0", MaxRooms) + `]}]`
	packed, _ := appendPacked(nil, []byte(rooms), nil)
	if _, err := DecodeBroadcast(string(packed)); !errors.Is(err, ErrShape) {
		t.Errorf("too many rooms: %v", err)
	}
}

// TestRequestsAndResponses writes what captures do not hold, and reads it.
func TestRequestsAndResponses(t *testing.T) {
	blob := [][]byte{{1, 2}, {3}}
	for name, r := range map[string]*Request{
		"event with binary":   {Type: ServerSide, UID: "u", ID: "i", Namespace: "/", Data: []byte(`["e",{"_placeholder":true,"num":0}]`), Attachments: blob[:1]},
		"ours":                {Type: Ours, UID: "u", Namespace: "/", Selection: Selection{Rooms: []string{"a", `b"`}, Except: []string{"c"}}, Note: []byte(`{"op":"reconnect"}`)},
		"join with a note":    {Type: Join, UID: "u", Namespace: "/", Names: []string{"n"}, Note: []byte(`{}`)},
		"acks with a note":    {Type: Acks, UID: "u", ID: "i", Namespace: "/n", Data: []byte(`["e"]`), Flags: Flags{Timeout: 5}, Note: []byte(`{"meta":{}}`)},
		"members of one room": {Type: Sockets, UID: "u", ID: "i", Namespace: "/", Selection: Selection{Rooms: []string{"r"}}},
	} {
		text, err := AppendRequest([]byte("before"), r)
		if err != nil {
			t.Fatal(name, err)
		}
		got, err := DecodeRequest(strings.TrimPrefix(string(text), "before"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(r, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name, r := range map[string]*Response{
		"result with binary": {ID: "i", Type: ServerSide, Data: []byte(`{"_placeholder":true,"num":0}`), Attachments: blob[:1]},
		"ack with a note":    {ID: "i", Type: Ack, Data: []byte(`{"_placeholder":true,"num":0}`), Attachments: blob, Note: []byte(`{"more":[{"_placeholder":true,"num":1}]}`)},
		"count with a note":  {ID: "i", Type: ClientCount, ClientCount: 3, Note: []byte(`{"node":"n"}`)},
		"ids":                {ID: "i", IDs: &[]string{"a", "b"}},
		"sockets": {ID: "i", Sockets: &[]Socket{{
			ID: "s", Rooms: []string{"s", "r"}, Data: []byte(`"text"`), Note: []byte(`{"user":"u"}`),
			Handshake: Handshake{Headers: []byte(`{}`), Time: "now", Address: "::1", Secure: true, Issued: 5, URL: "/", Query: []byte(`{}`), Auth: []byte(`{}`)},
		}}},
	} {
		text, err := AppendResponse([]byte("before"), r)
		if err != nil {
			t.Fatal(name, err)
		}
		got, err := DecodeResponse(strings.TrimPrefix(string(text), "before"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(r, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRequestsRefused(t *testing.T) {
	for _, text := range []string{
		``, `{`, `{}`, `{bad`, `[]`, `"x"`, `{"type":"5"}`, `{"type":-1}`, `{"type":5.5}`, `{"type":5,"uid":5}`, `{"type":5,"requestId":{}}`, `{"type":5,"opts":[]}`,
		`{"type":5,"opts":{"rooms":"r"}}`, `{"type":5,"opts":{"rooms":[{}]}}`, `{"type":2,"rooms":{}}`, `{"type":6}`, `{"type":6,"data":{}}`, `{"type":7,"packet":{}}`,
		`{"type":7,"packet":{"type":3,"data":["x"]}}`, `{"type":7,"packet":{"type":2,"data":["x"],"nsp":1}}`, `{"type":7,"packet":{"data":["x"]},"opts":{"flags":{"timeout":"x"}}}`,
		`{"type":5} x`, `{"type":5,"x":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`,
	} {
		if r, err := DecodeRequest(text); err == nil {
			t.Errorf("%.60s: %+v", text, r)
		}
	}
	for _, text := range []string{
		``, `{}`, `{"requestId":""}`, `{"requestId":5}`, `{"requestId":"i","sockets":{}}`, `{"requestId":"i","sockets":[{"id":5}]}`, `{"requestId":"i","sockets":[{"handshake":5}]}`,
		`{"requestId":"i","sockets":[[]]}`, `{"requestId":"i","rooms":5}`, `{"requestId":"i","clientCount":-1}`, `{"requestId":"i","clientCount":1e99}`,
	} {
		if r, err := DecodeResponse(text); err == nil {
			t.Errorf("%.60s: %+v", text, r)
		}
	}
	if _, err := AppendRequest(nil, &Request{Type: ServerSide, Data: []byte(`["x"`)}); err == nil {
		t.Error("broken JSON is written")
	}
	if _, err := AppendResponse(nil, &Response{ID: "i", Type: ServerSide, Data: []byte(`1 2`)}); err == nil {
		t.Error("broken JSON is written")
	}
}

func TestFirst(t *testing.T) {
	for _, c := range []struct{ array, first, rest string }{
		{`[]`, ``, ``}, {`[ ]`, ``, ``}, {`[1]`, `1`, ``}, {` [ "a" , [2] ,3 ] `, `"a"`, `[ [2] ,3 ]`}, {`[[1,2],{"a":1}]`, `[1,2]`, `[{"a":1}]`},
	} {
		first, rest, err := First([]byte(c.array))
		if err != nil || string(first) != c.first || string(rest) != c.rest {
			t.Errorf("%s: %s and %s, %v", c.array, first, rest, err)
		}
	}
	for _, text := range []string{``, `{}`, `[`, `1`, `[1]]`} {
		if _, _, err := First([]byte(text)); err == nil {
			t.Errorf("%s is an array", text)
		}
	}
}

// TestChannels: names that hold the pattern language do not reach into other
// namespaces (R73).
func TestChannels(t *testing.T) {
	c := NamesOf("key", `/a*?[b]\`)
	if got, want := c.Pattern(), `key#/a\*\?\[b\]\\#*`; got != want {
		t.Errorf("pattern %q, want %q", got, want)
	}
	for _, room := range []string{"", "r", "#", "a#b", "*", "é", "##"} {
		rooms := []string{room}
		if got := c.Room(c.Broadcast(rooms)); got != room && room != "" {
			t.Errorf("room %q comes back as %q", room, got)
		}
	}
	if got := c.Broadcast([]string{"a", "b"}); got != c.Broadcast(nil) || c.Room(got) != "" {
		t.Errorf("several rooms go to %q", got)
	}
	if got, want := c.ResponsesTo(""), `key-response#/a*?[b]\#undefined#`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestEchoes: what a node has published is known without being read.
func TestEchoes(t *testing.T) {
	mine, others := EchoOf("me"), EchoOf("men")
	messages := map[string][]byte{}
	var err error
	if messages["broadcast"], err = AppendBroadcast(nil, &Broadcast{UID: "me", Namespace: "/", Data: []byte(`["x"]`)}); err != nil {
		t.Fatal(err)
	}
	if messages["broadcast with a note"], err = AppendBroadcast(nil, &Broadcast{UID: "me", Namespace: "/", Data: []byte(`["x"]`), Note: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*Request{
		"request": {UID: "me", Type: Join}, "question": {UID: "me", ID: "i", Type: Fetch}, "acks": {UID: "me", ID: "i", Type: Acks, Data: []byte(`["x"]`)},
		"binary": {UID: "me", Type: ServerSide, Data: []byte(`[{"_placeholder":true,"num":0}]`), Attachments: [][]byte{{1}}},
	} {
		if messages[name], err = AppendRequest(nil, r); err != nil {
			t.Fatal(err)
		}
	}
	for name, m := range messages {
		if !mine.Is(string(m)) || others.Is(string(m)) {
			t.Errorf("%s: mine %t, another's %t", name, mine.Is(string(m)), others.Is(string(m)))
		}
	}
	for _, m := range []string{"", "x", "{", `{"uid":"`, "\x93", "\x83\xa3uid"} {
		if mine.Is(m) {
			t.Errorf("%q is mine", m)
		}
	}
}
