package nativewire

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzFrame: what is taken is what an encoder makes, byte for byte, unless a newer version
// made it; then it says the same once it is written again.
func FuzzFrame(f *testing.F) {
	for _, s := range samples(f) {
		if s.beat == nil {
			f.Add(s.wire(f))
		}
	}
	f.Add("R\x11\x01\x17\x00\x00\x00\x00\x00\x00\x00\x01\x01a\x03\x01b\x01\x01\x00\x01new!\x06\x01\x01\x01\x41\x7f\x01x")
	f.Fuzz(func(t *testing.T, s string) {
		on := channelOf(s)
		var frame Frame
		if err := frame.Decode(s, on, nil); err != nil {
			return
		}
		if frame.Channel != on || frame.Messages < 1 || frame.Messages > MaxMessages || !frame.good() {
			t.Fatalf("%+v", frame)
		}
		var messages []Message
		broken := 0
		for {
			var m Message
			more, err := frame.Next(&m)
			if !more {
				break
			}
			if err != nil {
				broken++
				continue
			}
			checkMessage(t, &m)
			messages = append(messages, m)
		}
		if len(messages)+broken != frame.Messages {
			t.Fatalf("%d messages, %d broken ones, %d told", len(messages), broken, frame.Messages)
		}
		if broken > 0 {
			return
		}
		again := frameOf(t, frame.Header, nil, messages...)
		want := s
		if s[2]&signedMark != 0 {
			want = s[:2] + string(s[2]&^signedMark) + s[3:len(s)-LeastKey]
		}
		if frame.Minor == Minor && again != want {
			t.Fatalf("%q becomes %q", want, again)
		}
		h, same, err := read(again, on, nil)
		if err != nil || h != frame.Header || !reflect.DeepEqual(same, messages) {
			t.Fatalf("%v: %+v becomes %+v", err, messages, same)
		}
	})
}

// channelOf reads the channel of a frame, whatever else it is.
func channelOf(s string) Channel {
	o, err := open(s, kindFrame, nil)
	if err != nil {
		return Channel{}
	}
	o.head.origin()
	return o.head.channel()
}

// checkMessage checks what a decoded message promises.
func checkMessage(t *testing.T, m *Message) {
	t.Helper()
	if m.Op == 0 || m.Op > lastOp || m.Count < 0 || m.Compress > On || !utf8.Valid(m.Data) || !utf8.ValidString(m.Reason) {
		t.Fatalf("%+v", m)
	}
	if len(m.Conns) > MaxConns || len(m.Meta) > MaxMeta || len(m.Attachments) > MaxAttachments || cap(m.Data) != len(m.Data) {
		t.Fatalf("%+v", m)
	}
	for _, c := range m.Conns {
		if c.ID == "" {
			t.Fatalf("%+v", c)
		}
	}
	if _, err := m.Time.MarshalJSON(); err != nil {
		t.Fatal(err)
	}
}

// FuzzHeartbeat does the same for heartbeats.
func FuzzHeartbeat(f *testing.F) {
	for _, s := range samples(f) {
		if s.beat != nil {
			f.Add(s.wire(f))
		}
	}
	f.Add("R\x15\x02\x14\x00\x00\x00\x00\x00\x00\x00\x01\x01a\x01\x03\x40\x00\x00\x01\x00\x00++\x05\x04\x01\x01\x00\x00\x02\x09x")
	f.Fuzz(func(t *testing.T, s string) {
		var h Heartbeat
		if err := h.Decode(s, nil); err != nil {
			return
		}
		out, err := AppendHeartbeat(nil, &h, nil)
		if err != nil {
			t.Fatalf("%+v: %v", h, err)
		}
		if s[2]&signedMark != 0 {
			s = s[:2] + string(s[2]&^signedMark) + s[3:len(s)-LeastKey]
		}
		if h.Minor == Minor && string(out) != s {
			t.Fatalf("%q becomes %q", s, out)
		}
		var again Heartbeat
		if err := again.Decode(string(out), nil); err != nil {
			t.Fatal(err)
		}
		again.Minor = h.Minor
		if !reflect.DeepEqual(h, again) && len(h.Positions)+len(again.Positions) > 0 {
			t.Fatalf("%+v becomes %+v", h, again)
		}
	})
}

// FuzzMessage: whatever can be encoded comes out as it went in, and is all that Message
// can say.
func FuzzMessage(f *testing.F) {
	f.Add(uint8(1), uint8(0), "/chat", "room:a,room:b", "", uint64(0), int64(0), int64(0), "", `["x"]`, "")
	f.Add(uint8(11), uint8(0x2f), "", ",,", "a", uint64(1<<40), int64(-1), int64(1795380910), "why", "\xff", "k=v,a=b")
	f.Add(uint8(14), uint8(1), "/", "", "u", uint64(3), int64(1<<62), int64(1<<62), "\xff", "", "=")
	f.Fuzz(func(t *testing.T, op, bits uint8, namespace, rooms, conn string, number uint64, nanos, seconds int64, reason, data, meta string) {
		ch := Reply("node-b")
		if bits&0x80 != 0 {
			ch = Broadcast(namespace)
		}
		m := Message{
			Op: Op(op), Volatile: bits&1 != 0, Close: bits&2 != 0, Compress: Choice(bits >> 2 & 3), Namespace: namespace,
			Ask: number, Copy: number >> 1, Timeout: time.Duration(nanos), Reason: reason, Conn: conn, Count: int(int32(number)),
		}
		if seconds != 0 {
			m.Time = time.Unix(seconds, nanos&0xfffffff).UTC()
		}
		if rooms != "" {
			m.Rooms = strings.Split(rooms, ",")
			m.Except, m.Names = m.Rooms[1:], m.Rooms[:len(m.Rooms)/2]
			for _, r := range m.Rooms {
				m.Attachments = append(m.Attachments, []byte(r))
				m.Conns = append(m.Conns, Conn{
					ID: r, User: conn, Node: reason, Rooms: m.Rooms, Public: []byte(data), Address: reason, Secure: bits&1 != 0, Connected: m.Time,
				})
			}
		}
		if data != "" {
			m.Data = []byte(data)
		}
		for pair := range strings.SplitSeq(meta, ",") {
			if key, value, ok := strings.Cut(pair, "="); ok {
				if m.Meta == nil {
					m.Meta = map[string]string{}
				}
				m.Meta[key] = value
			}
		}
		body, err := AppendMessage(nil, &m, ch)
		if err != nil {
			return
		}
		h := Header{Origin: origin, Channel: ch, Stream: 1, Seq: 1}
		frame, err := AppendFrame(nil, &h, 1, AppendRecord(nil, body), nil)
		if err != nil { // the namespace of the channel is too long
			return
		}
		_, messages, err := read(string(frame), ch, nil)
		if err != nil || len(messages) != 1 {
			t.Fatalf("%+v: %d messages, %v", m, len(messages), err)
		}
		got := messages[0]
		if !equalMessages(&m, &got) {
			t.Fatalf("%+v becomes %+v", m, got)
		}
	})
}

// equalMessages compares by what is said: nil and empty are the same.
func equalMessages(a, b *Message) bool {
	x, y := *a, *b
	if !slices.Equal(x.Rooms, y.Rooms) || !slices.Equal(x.Except, y.Except) || !slices.Equal(x.Names, y.Names) ||
		!maps.Equal(x.Meta, y.Meta) || len(x.Conns) != len(y.Conns) || len(x.Attachments) != len(y.Attachments) {
		return false
	}
	for i := range x.Attachments {
		if string(x.Attachments[i]) != string(y.Attachments[i]) {
			return false
		}
	}
	for i := range x.Conns {
		c, d := x.Conns[i], y.Conns[i]
		if !slices.Equal(c.Rooms, d.Rooms) || string(c.Public) != string(d.Public) {
			return false
		}
		c.Rooms, d.Rooms, c.Public, d.Public = nil, nil, nil, nil
		if !reflect.DeepEqual(c, d) {
			return false
		}
	}
	x.Rooms, x.Except, x.Names, x.Meta, x.Conns, x.Attachments = nil, nil, nil, nil, nil, nil
	y.Rooms, y.Except, y.Names, y.Meta, y.Conns, y.Attachments = nil, nil, nil, nil, nil, nil
	return string(x.Data) == string(y.Data) && reflect.DeepEqual(zeroData(x), zeroData(y))
}

func zeroData(m Message) Message {
	m.Data = nil
	return m
}

// FuzzChannelName: a name that is read is the one that its channel has, and each channel
// has a name that is read and holds nothing special.
func FuzzChannelName(f *testing.F) {
	for _, name := range odd {
		f.Add("realtime", "{realtime:17}:s:"+name, name, uint8(17))
		f.Add(name, "{"+name+":1}:b:/", "/", uint8(1))
	}
	f.Fuzz(func(t *testing.T, prefix, name, namespace string, kind uint8) {
		l, err := NewLayout(prefix, 64, 0)
		if err != nil {
			t.Fatal(err)
		}
		if c, ok := l.Parse(name); ok && l.Name(c) != name {
			t.Fatalf("%q is read as %+v, which is called %q", name, c, l.Name(c))
		}
		c := Channel{Kind: ChannelKind(kind&3) + 1, Shard: int(kind >> 2), Name: namespace}
		if !c.good() {
			return
		}
		got := l.Name(c)
		if back, ok := l.Parse(got); !ok || back != c {
			t.Fatalf("%+v is called %q, which is read as %+v", c, got, back)
		}
		if strings.ContainsAny(got, "*?[]\\#^") || strings.Count(got, "{") != 1 || strings.IndexByte(got, '}') != strings.LastIndexByte(got, '}') {
			t.Fatalf("%q", got)
		}
		if rest := got[strings.IndexByte(got, '}'):]; l.Name(Shard("other", c.Shard)) == got || strings.Contains(rest, "{") {
			t.Fatalf("%q", got)
		}
	})
}
