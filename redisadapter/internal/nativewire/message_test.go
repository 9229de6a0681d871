package nativewire

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
)

// TestLibraryMessage: whatever the library's message can say has a place here, and the
// operations have the same numbers.
func TestLibraryMessage(t *testing.T) {
	elsewhere := map[string]string{
		"Node":   "stands in the frame",
		"UserID": "User", // the name here
	}
	for _, pair := range []struct{ library, wire reflect.Type }{
		{reflect.TypeFor[realtime.Message](), reflect.TypeFor[Message]()},
		{reflect.TypeFor[realtime.ConnInfo](), reflect.TypeFor[Conn]()},
	} {
		for i := range pair.library.NumField() {
			name := pair.library.Field(i).Name
			if _, ok := pair.wire.FieldByName(name); !ok && elsewhere[name] == "" {
				t.Errorf("%v.%s has no place in %v", pair.library, name, pair.wire)
			}
		}
	}
	for wire, library := range map[Op]realtime.Op{
		OpBroadcast: realtime.OpBroadcast, OpBroadcastAck: realtime.OpBroadcastAck, OpJoin: realtime.OpJoin, OpLeave: realtime.OpLeave,
		OpDisconnect: realtime.OpDisconnect, OpReconnect: realtime.OpReconnect, OpFetch: realtime.OpFetch,
		OpCountMembers: realtime.OpCountMembers, OpServerSide: realtime.OpServerSide, OpServerSideAck: realtime.OpServerSideAck,
		OpAnswer: realtime.OpAnswer, OpCount: realtime.OpCount, OpReplace: realtime.OpReplace, OpRevoke: realtime.OpRevoke,
	} {
		if int(wire) != int(library) {
			t.Errorf("operation %d of the library is %d here", library, wire)
		}
	}
}

// TestEncodeRefuses: what the decoder would not take is refused before it is sent, and
// leaves nothing behind.
func TestEncodeRefuses(t *testing.T) {
	base := func(change func(*Message)) Message {
		m := Message{Op: OpBroadcast, Namespace: "/chat"}
		change(&m)
		return m
	}
	conn := func(c Conn) Message { return base(func(m *Message) { m.Conns = []Conn{c} }) }
	for name, c := range map[string]struct {
		m    Message
		want error
	}{
		"no operation":      {base(func(m *Message) { m.Op = 0 }), ErrOp},
		"unknown operation": {base(func(m *Message) { m.Op = lastOp + 1 }), ErrOp},
		"other namespace":   {base(func(m *Message) { m.Namespace = "/other" }), ErrChannel},
		"compress":          {base(func(m *Message) { m.Compress = On + 1 }), ErrValue},
		"negative count":    {base(func(m *Message) { m.Count = -1 }), ErrValue},
		"ask":               {base(func(m *Message) { m.Ask = MaxNumber + 1 }), ErrValue},
		"copy":              {base(func(m *Message) { m.Copy = MaxNumber + 1 }), ErrValue},
		"year 10000":        {base(func(m *Message) { m.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }), ErrValue},
		"year 0":            {base(func(m *Message) { m.Time = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC) }), ErrValue},
		"rooms":             {base(func(m *Message) { m.Rooms = make([]string, MaxRooms+1) }), ErrCount},
		"except":            {base(func(m *Message) { m.Except = make([]string, MaxRooms+1) }), ErrCount},
		"names":             {base(func(m *Message) { m.Names = make([]string, MaxRooms+1) }), ErrCount},
		"attachments":       {base(func(m *Message) { m.Attachments = make([][]byte, MaxAttachments+1) }), ErrCount},
		"conns":             {base(func(m *Message) { m.Conns = make([]Conn, MaxConns+1) }), ErrCount},
		"meta":              {base(func(m *Message) { m.Meta = manyMeta(MaxMeta + 1) }), ErrCount},
		"data size":         {base(func(m *Message) { m.Data = make([]byte, MaxMessage+1) }), ErrSize},
		"size together":     {base(func(m *Message) { m.Data, m.Names = make([]byte, MaxMessage-100), []string{strings.Repeat("x", 200)} }), ErrSize},
		"data text":         {base(func(m *Message) { m.Data = []byte("[\"\xff\"]") }), ErrText},
		"reason text":       {base(func(m *Message) { m.Reason = "\xff" }), ErrText},
		"meta key text":     {base(func(m *Message) { m.Meta = map[string]string{"\xff": ""} }), ErrText},
		"meta value text":   {base(func(m *Message) { m.Meta = map[string]string{"": "\xff"} }), ErrText},
		"conn without id":   {conn(Conn{User: "7"}), ErrValue},
		"conn time":         {conn(Conn{ID: "c", Connected: time.Unix(math.MaxInt64/2, 0)}), ErrValue},
		"conn rooms":        {conn(Conn{ID: "c", Rooms: make([]string, MaxRooms+1)}), ErrCount},
		"conn address":      {conn(Conn{ID: "c", Address: "\xff"}), ErrText},
		"conn transport":    {conn(Conn{ID: "c", Transport: "\xff"}), ErrText},
		"public text":       {conn(Conn{ID: "c", Public: []byte("\"\xff\"")}), ErrText},
		"public no json":    {conn(Conn{ID: "c", Public: []byte(`{"a":}`)}), ErrJSON},
		"public depth":      {conn(Conn{ID: "c", Public: deep(MaxDepth + 1)}), ErrJSON},
	} {
		out, err := AppendMessage([]byte("before"), &c.m, lobby)
		if !errors.Is(err, c.want) || string(out) != "before" {
			t.Errorf("%s: %d bytes, %v, want %v", name, len(out), err, c.want)
		}
	}
	m := Message{Op: OpFetch, Namespace: strings.Repeat("n", MaxNamespace+1)}
	if _, err := AppendMessage(nil, &m, Reply("n")); !errors.Is(err, ErrSize) {
		t.Errorf("namespace: %v", err)
	}
}

func deep(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }

func manyMeta(n int) map[string]string {
	meta := map[string]string{}
	for i := range n {
		meta[strings.Repeat("k", i)] = "v"
	}
	return meta
}

// TestBounds: exactly as much as allowed goes through.
func TestBounds(t *testing.T) {
	m := Message{
		Op: OpAnswer, Rooms: make([]string, MaxRooms), Except: make([]string, MaxRooms), Names: make([]string, MaxRooms),
		Attachments: make([][]byte, MaxAttachments), Meta: manyMeta(MaxMeta), Conns: make([]Conn, MaxConns), Ask: MaxNumber, Copy: MaxNumber,
		Namespace: strings.Repeat("n", MaxNamespace), Timeout: math.MinInt64, Time: time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC),
	}
	for i := range m.Conns {
		m.Conns[i] = Conn{ID: "c"}
	}
	for i := range m.Attachments {
		m.Attachments[i] = []byte{}
	}
	m.Conns[0] = Conn{ID: "c", Public: []byte(`"[\"[[` + strings.Repeat("[", MaxDepth) + `"`), Rooms: make([]string, MaxRooms)}
	m.Conns[1] = Conn{ID: "c", Public: deep(MaxDepth)}
	h := Header{Origin: Origin{Node: strings.Repeat("n", MaxNode), Epoch: math.MaxUint64}, Channel: Reply(strings.Repeat("m", MaxNode)), Stream: MaxNumber, Seq: 1}
	for range 2 {
		_, messages, err := read(frameOf(t, h, nil, m), h.Channel, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual([]Message{m}, messages) {
			t.Error("something has changed")
		}
		m.Timeout = math.MaxInt64
	}

	// The largest message fits into the largest frame.
	h.Channel = Shard(strings.Repeat("\xff", MaxNamespace), MaxShards-1)
	h.Seq, h.Age = MaxNumber, maxAge*time.Millisecond
	large := Message{Op: OpBroadcast, Namespace: h.Channel.Name, Data: []byte(strings.Repeat("x", MaxMessage-6))}
	wire := frameOf(t, h, testKeys(t, "k"), large)
	_, messages, err := read(wire, h.Channel, testKeys(t, "k"))
	if err != nil || len(messages) != 1 || len(messages[0].Data) != MaxMessage-6 {
		t.Errorf("%d messages, %v", len(messages), err)
	}
}

// body makes a frame of hand-made messages, each a string of bytes.
func body(t *testing.T, minor byte, messages ...string) string {
	t.Helper()
	var records []byte
	for _, m := range messages {
		records = AppendRecord(records, []byte(m))
	}
	h := Header{Origin: origin, Channel: Reply("node-b"), Stream: 1, Seq: 1}
	out, err := AppendFrame(nil, &h, len(messages), records, nil)
	if err != nil {
		t.Fatal(err)
	}
	out[1] = Major<<4 | minor
	return string(out)
}

// timeField is a message with a time of whole seconds.
func timeField(seconds int64) string {
	value := appendNumber(appendNumber(nil, zigzag(seconds)), 0)
	return string(AppendRecord([]byte{byte(OpRevoke), tagTime}, value))
}

// TestDecodeRefuses: bytes that no encoder makes are refused, by the rule that they break.
func TestDecodeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		message string
		want    error
	}{
		"nothing":                   {"", ErrTruncated},
		"operation 0":               {"\x00", ErrOp},
		"operation 15":              {"\x0f", ErrOp},
		"operation 255":             {"\xff", ErrOp},
		"field without length":      {"\x01\x03", ErrTruncated},
		"field without value":       {"\x01\x03\x05ab", ErrTruncated},
		"empty field":               {"\x01\x0e\x00", ErrField},
		"tag 0":                     {"\x01\x00\x01a", ErrField},
		"tag twice":                 {"\x01\x0b\x01a\x0b\x01a", ErrField},
		"tags descend":              {"\x01\x0e\x01a\x0b\x01a", ErrField},
		"unknown field":             {"\x01\x11\x01a", ErrField},
		"free tag":                  {"\x01\x07\x01\x01", ErrField},
		"behind the last tag":       {"\x01\x40\x01\x01\x41\x01a", ErrField},
		"long tag":                  {"\x01\x8b\x00\x01a", ErrNumber},
		"long length":               {"\x01\x0b\x81\x00a", ErrNumber},
		"huge length":               {"\x01\x0b\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a", ErrTruncated},
		"number of 65 bits":         {"\x01\x06\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", ErrNumber},
		"number of 11 bytes":        {"\x01\x06\x0b\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", ErrNumber},
		"ask 0":                     {"\x01\x06\x01\x00", ErrValue},
		"ask too large":             {"\x01\x06\x09\x81\x80\x80\x80\x80\x80\x80\x80\x40", ErrValue},
		"bytes behind ask":          {"\x01\x06\x02\x01\x01", ErrTrailing},
		"count above 2^31":          {"\x01\x0c\x05\x80\x80\x80\x80\x08", ErrValue},
		"no flag":                   {"\x01\x01\x01\x00", ErrValue},
		"unknown flag":              {"\x01\x01\x01\x10", ErrValue},
		"on without set":            {"\x01\x01\x01\x08", ErrValue},
		"room without length":       {"\x01\x03\x02\x02a", ErrTruncated},
		"timeout 0":                 {"\x01\x08\x01\x00", ErrValue},
		"zero time":                 {timeField(leastSecond), ErrValue}, // has a form of its own: no field
		"year 0":                    {timeField(leastSecond - 1), ErrValue},
		"year 10000":                {timeField(mostSecond + 1), ErrValue},
		"nanoseconds":               {"\x01\x09\x06\x00\x80\x94\xeb\xdc\x03", ErrValue},
		"half a time":               {"\x01\x09\x01\x00", ErrTruncated},
		"reason not UTF-8":          {"\x01\x0a\x01\xff", ErrText},
		"data not UTF-8":            {"\x01\x0e\x02\"\xff", ErrText},
		"meta key alone":            {"\x01\x10\x01\x00", ErrTruncated},
		"meta descends":             {"\x01\x10\x06\x01b\x00\x01a\x00", ErrField},
		"meta twice":                {"\x01\x10\x06\x01b\x00\x01b\x00", ErrField},
		"meta not UTF-8":            {"\x01\x10\x03\x01\xff\x00", ErrText},
		"meta value not UTF-8":      {"\x01\x10\x04\x01k\x01\xff", ErrText},
		"empty conn":                {"\x01\x0d\x01\x00", ErrValue},
		"two short conns":           {"\x01\x0d\x05\x03\x01\x01c\x00", ErrValue},
		"conn without id":           {"\x01\x0d\x04\x03\x02\x01u", ErrValue},
		"conn with unknown field":   {"\x01\x0d\x07\x06\x01\x01c\x0a\x01x", ErrField},
		"conn secure 2":             {"\x01\x0d\x07\x06\x01\x01c\x08\x01\x02", ErrValue},
		"conn public":               {"\x01\x0d\x07\x06\x01\x01c\x05\x01{", ErrJSON},
		"conn public not UTF-8":     {"\x01\x0d\x09\x08\x01\x01c\x05\x03\"\xff\"", ErrText},
		"attachment without length": {"\x01\x0f\x02\x05a", ErrTruncated},
		"namespace too long":        {"\x01\x02\x81\x08" + strings.Repeat("n", MaxNamespace+1), ErrSize},
		"too many rooms":            {"\x01\x03\x81\x80\x04" + strings.Repeat("\x00", MaxRooms+1), ErrCount},
		"too many attachments":      {"\x01\x0f\x81\x08" + strings.Repeat("\x00", MaxAttachments+1), ErrCount},
		"too much meta":             {"\x01\x10\x82\x01" + strings.Repeat("\x00", 2*MaxMeta+2), ErrCount},
	} {
		_, messages, err := read(body(t, Minor, c.message), Reply("node-b"), nil)
		var e *Error
		if !errors.Is(err, c.want) || !errors.As(err, &e) || len(messages) != 0 || e.Offset < 0 {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	raw := "\x01\x02\x01n"
	h := Header{Origin: origin, Channel: lobby, Stream: 1, Seq: 1}
	out, err := AppendFrame(nil, &h, 1, AppendRecord(nil, []byte(raw)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := read(string(out), lobby, nil); !errors.Is(err, ErrField) {
		t.Errorf("namespace on a channel that has one: %v", err)
	}
}

// TestUnknownOpNamesItself, and costs nothing but its own message.
func TestUnknownOpNamesItself(t *testing.T) {
	var f Frame
	if err := f.Decode(body(t, Minor, "\x01", "\x63\x0b\x01a", "\x03"), Reply("node-b"), nil); err != nil {
		t.Fatal(err)
	}
	var ops []Op
	for {
		var m Message
		more, err := f.Next(&m)
		if !more {
			break
		}
		var e *Error
		if errors.As(err, &e) && (!errors.Is(err, ErrOp) || e.Value != 99 || m.Op != 0) {
			t.Errorf("%v, %+v", err, m)
		}
		ops = append(ops, m.Op)
	}
	same(t, []Op{OpBroadcast, 0, OpJoin}, ops)
}

// TestNewerMinorVersion: what a newer release adds at the end of records is skipped, and
// what it adds in our own version is an error.
func TestNewerMinorVersion(t *testing.T) {
	message := "\x01\x01\x01\x41\x0b\x01c\x0d\x08\x07\x01\x01c\x0a\x02xy\x11\x03new\x50\x01z"
	_, messages, err := read(body(t, Minor+1, message), Reply("node-b"), nil)
	if err != nil {
		t.Fatal(err)
	}
	same(t, []Message{{Op: OpBroadcast, Volatile: true, Conn: "c", Conns: []Conn{{ID: "c"}}}}, messages)
	if _, _, err := read(body(t, Minor, message), Reply("node-b"), nil); err == nil {
		t.Error("accepted in our own version")
	}

	frame := frameOf(t, Header{Origin: origin, Channel: lobby, Stream: 1, Seq: 1}, nil, broadcast)
	grown := string([]byte{frame[0], Major<<4 | (Minor + 1), frame[2], frame[3] + 3}) + frame[4:4+frame[3]] + "new" + frame[4+frame[3]:]
	if _, messages, err = read(grown, lobby, nil); err != nil {
		t.Fatal(err)
	}
	same(t, []Message{broadcast}, messages)
	if _, _, err := read("R\x10"+grown[2:], lobby, nil); !errors.Is(err, ErrTrailing) {
		t.Errorf("%v", err)
	}

	beat := samples(t)[4]
	wire := beat.wire(t)
	grown = string([]byte{wire[0], Major<<4 | 0xf, wire[2], wire[3] + 1}) + wire[4:4+wire[3]] + "+" + wire[4+wire[3]:] +
		"\x03\x05xy" + "\x08\x02\x02/x\x01\x01\x00+"
	var h Heartbeat
	if err := h.Decode(grown, nil); err != nil {
		t.Fatal(err)
	}
	want := *beat.beat
	want.Minor = 0xf
	want.Positions = append(want.Positions[:3:3], Position{Channel: Broadcast("/x"), Stream: 1, Last: 1})
	same(t, want, h)
}
