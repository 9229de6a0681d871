package nativewire

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sample is a publish and what it says.
type sample struct {
	name     string
	header   Header
	messages []Message
	beat     *Heartbeat
	keys     *Keys
}

var (
	origin = Origin{Node: "node-a", Epoch: 0x0102030405060708}
	lobby  = Shard("/chat", 17)
)

func testKeys(t testing.TB, keys ...string) *Keys {
	t.Helper()
	var list [][]byte
	for _, k := range keys {
		list = append(list, []byte(strings.Repeat(k, LeastKey)))
	}
	k, err := NewKeys("realtime", false, list...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// broadcast is the message that performance is measured with: 130 bytes of payload.
var broadcast = Message{
	Op: OpBroadcast, Namespace: "/chat", Rooms: []string{"room:lobby"},
	Data: []byte(`["message",{"from":"u-1234567","text":"Shall we meet at the usual place at eight? bring cards","ts":1795380910387,"room":"lobby"}]`),
}

// everything has a value in each field that a message can have on a channel of a node.
var everything = Message{
	Op: OpAnswer, Volatile: true, Close: true, Compress: On, Namespace: "/chat",
	Rooms: []string{"room:a", "", "*?[]{}#\xff"}, Except: []string{"user:7"}, Names: []string{"room:b", "room:c"},
	Ask: 300, Copy: 1 << 40, Timeout: -5 * time.Second, Time: time.Date(2026, 11, 25, 22, 45, 0, 123456789, time.UTC),
	Reason: "maintenance – back soon", Conn: "abcdefghijklmnopqrst", Count: 1<<31 - 1,
	Conns: []Conn{
		{ID: "c"},
		{
			ID: "abcdefghijklmnopqrst", User: "7", Node: "node-b", Rooms: []string{"room:a"}, Public: []byte(`{"name":"Ann"}`),
			Address: "192.0.2.1", Transport: "websocket", Secure: true, Connected: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		},
	},
	Data:        []byte(`["file",{"_placeholder":true,"num":0}]`),
	Attachments: [][]byte{{0, 1, 0xff}, {}},
	Meta:        map[string]string{"traceparent": "00-1-2-01", "": "empty", "a": ""},
}

func samples(t testing.TB) []sample {
	return []sample{
		{name: "broadcast", header: Header{Origin: origin, Channel: lobby, Stream: 3, Seq: 1000, Age: 12 * time.Millisecond}, messages: []Message{broadcast}},
		{name: "everything", header: Header{Origin: origin, Channel: Reply("node-b"), Stream: 1, Seq: 1}, messages: []Message{everything}},
		{
			name: "batch", header: Header{Origin: origin, Channel: Broadcast("/"), Stream: 200, Seq: MaxNumber, Age: maxAge * time.Millisecond},
			messages: []Message{
				{Op: OpJoin, Namespace: "/", Names: []string{"room:x"}},
				{Op: OpDisconnect, Namespace: "/", Compress: Off, Close: true, Reason: "kicked"},
				{Op: OpRevoke, Namespace: "/", Names: []string{"ann"}, Time: time.Unix(0, 0).UTC()},
			},
		},
		{
			name: "signed", header: Header{Origin: origin, Channel: Shard("", MaxShards-1), Stream: 1, Seq: 2},
			messages: []Message{{Op: OpBroadcast, Volatile: true}}, keys: testKeys(t, "k"),
		},
		{name: "heartbeat", beat: &Heartbeat{
			Origin: origin, Beat: 7, Shards: 64, Every: DefaultEvery, Window: DefaultWindow, Cycle: 2, Streams: 130, Messages: 123456,
			Positions: []Position{
				{Channel: lobby, Stream: 3, Last: 1000, Age: 1500 * time.Millisecond},
				{Channel: Broadcast("/chat"), Stream: 4, Last: 1},
				{Channel: Reply("node-b"), Stream: 5, Last: MaxNumber, Age: time.Hour},
			},
		}},
		{name: "goodbye", beat: &Heartbeat{Origin: origin, Beat: 8, Last: true, Shards: 1, Cycle: 1}, keys: testKeys(t, "k")},
	}
}

// wire encodes a sample.
func (s sample) wire(t testing.TB) string {
	t.Helper()
	if s.beat != nil {
		out, err := AppendHeartbeat(nil, s.beat, s.keys)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	return frameOf(t, s.header, s.keys, s.messages...)
}

// frameOf encodes a frame.
func frameOf(t testing.TB, h Header, keys *Keys, messages ...Message) string {
	t.Helper()
	var body []byte
	for i := range messages {
		m, err := AppendMessage(nil, &messages[i], h.Channel)
		if err != nil {
			t.Fatal(err)
		}
		body = AppendRecord(body, m)
	}
	out, err := AppendFrame(nil, &h, len(messages), body, keys)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// read decodes a frame with all of its messages.
func read(s string, on Channel, keys *Keys) (h Header, messages []Message, err error) {
	var f Frame
	if err := f.Decode(s, on, keys); err != nil {
		return h, nil, err
	}
	for {
		var m Message
		more, err := f.Next(&m)
		if !more || err != nil {
			return f.Header, messages, err
		}
		messages = append(messages, m)
	}
}

func same(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
