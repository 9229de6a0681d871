package nativewire

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestFrameRefuses(t *testing.T) {
	frame := frameOf(t, Header{Origin: origin, Channel: lobby, Stream: 1, Seq: 2}, nil, broadcast)
	head := int(frame[3])
	change := func(at int, with string) string { return frame[:at] + with + frame[at+len(with):] }
	behind := 4 + 8 + 1 + len("node-a") // where the channel begins
	for name, c := range map[string]struct {
		s    string
		want error
	}{
		"nothing":               {"", ErrFormat},
		"three bytes":           {"R\x10\x01", ErrFormat},
		"JSON":                  {`{"op":1}`, ErrFormat},
		"msgpack":               {"\x93\xa6abcdef", ErrFormat},
		"major 2":               {change(1, "\x20"), ErrVersion},
		"major 0":               {change(1, "\x00"), ErrVersion},
		"heartbeat":             {change(2, "\x02"), ErrKind},
		"kind 3":                {change(2, "\x03"), ErrKind},
		"head too long":         {change(3, "\xff\x7f"), ErrTruncated},
		"head too short":        {change(3, string(rune(head-1))), ErrTruncated},
		"head longer than told": {change(3, string(rune(head+1))), ErrTrailing},
		"no messages":           {frame[:4+head], ErrTruncated},
		"message cut":           {frame[:len(frame)-1], ErrTruncated},
		"bytes behind":          {frame + "x", ErrTrailing},
		"two messages told":     {change(4+head-1, "\x02"), ErrTruncated},
		"no message told":       {change(4+head-1, "\x00"), ErrValue},
		"epoch 0":               {change(4, "\x00\x00\x00\x00\x00\x00\x00\x00"), ErrValue},
		"channel kind 0":        {change(behind, "\x00"), ErrKind},
		"channel kind 9":        {change(behind, "\x09"), ErrKind},
		"other shard":           {change(behind+1, "\x12"), ErrChannel},
		"other namespace":       {change(behind+4, "b"), ErrChannel},
		"stream 0":              {change(4+head-4, "\x00"), ErrValue},
		"seq 0":                 {change(4+head-3, "\x00"), ErrValue},
		"first with an age":     {change(4+head-3, "\x01\x01"), ErrValue},
		"too large":             {frame + strings.Repeat("x", MaxSize), ErrSize},
	} {
		var f Frame
		err := f.Decode(c.s, lobby, nil)
		var e *Error
		if !errors.Is(err, c.want) || !errors.As(err, &e) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	var f Frame
	if err := f.Decode(frame[:behind]+"\x04"+frame[behind+1:], Nodes(), nil); !errors.Is(err, ErrKind) {
		t.Errorf("frame for the nodes: %v", err)
	}
	long := Header{Origin: Origin{Node: strings.Repeat("n", MaxNode), Epoch: 1}, Channel: lobby, Stream: 1, Seq: 1}
	frame = frameOf(t, long, nil, broadcast)
	at := strings.Index(frame, "\xff\x01n")
	if err := f.Decode(frame[:at]+"\x80\x02"+frame[at+2:], lobby, nil); !errors.Is(err, ErrSize) {
		t.Errorf("node: %v", err)
	}
}

// TestErrorText: an error says what is unknown and where, and quotes nothing.
func TestErrorText(t *testing.T) {
	for want, err := range map[string]error{
		"nativewire: unknown version 2.5 at byte 1":  &Error{Reason: ErrVersion, Offset: 1, Value: 0x25},
		"nativewire: unknown operation 99 at byte 7": &Error{Reason: ErrOp, Offset: 7, Value: 99},
		"nativewire: unknown kind 9":                 &Error{Reason: ErrKind, Offset: -1, Value: 9},
		"nativewire: forged or damaged":              fault(ErrForged),
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err.Error(), want)
		}
	}
}

func TestAppendFrameRefuses(t *testing.T) {
	good := Header{Origin: origin, Channel: lobby, Stream: 1, Seq: 2}
	record := AppendRecord(nil, []byte{1})
	for name, c := range map[string]struct {
		change func(*Header)
		n      int
		body   []byte
		want   error
	}{
		"no node":         {func(h *Header) { h.Node = "" }, 1, record, ErrValue},
		"long node":       {func(h *Header) { h.Node = strings.Repeat("n", MaxNode+1) }, 1, record, ErrValue},
		"no epoch":        {func(h *Header) { h.Epoch = 0 }, 1, record, ErrValue},
		"no channel":      {func(h *Header) { h.Channel = Channel{} }, 1, record, ErrValue},
		"nodes":           {func(h *Header) { h.Channel = Nodes() }, 1, record, ErrValue},
		"shard":           {func(h *Header) { h.Channel = Shard("/", MaxShards) }, 1, record, ErrValue},
		"negative shard":  {func(h *Header) { h.Channel = Shard("/", -1) }, 1, record, ErrValue},
		"namespace":       {func(h *Header) { h.Channel = Broadcast(strings.Repeat("n", MaxNamespace+1)) }, 1, record, ErrValue},
		"nobody's reply":  {func(h *Header) { h.Channel = Reply("") }, 1, record, ErrValue},
		"no stream":       {func(h *Header) { h.Stream = 0 }, 1, record, ErrValue},
		"no number":       {func(h *Header) { h.Seq = 0 }, 1, record, ErrValue},
		"large number":    {func(h *Header) { h.Seq = MaxNumber + 1 }, 1, record, ErrValue},
		"age of a first":  {func(h *Header) { h.Seq, h.Age = 1, 1 }, 1, record, ErrValue},
		"no messages":     {func(*Header) {}, 0, nil, ErrCount},
		"many messages":   {func(*Header) {}, MaxMessages + 1, record, ErrCount},
		"too many bytes":  {func(*Header) {}, 1, make([]byte, MaxSize), ErrSize},
		"only just right": {func(*Header) {}, 1, record, nil},
	} {
		h := good
		c.change(&h)
		out, err := AppendFrame([]byte("before"), &h, c.n, c.body, nil)
		if !errors.Is(err, c.want) || err != nil && string(out) != "before" {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestAge: ages are rounded up, since they serve to tell what was certainly sent later.
func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]uint64{
		-time.Second: 0, 0: 0, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2, math.MaxInt64: maxAge,
	} {
		if got := age(d); got != want {
			t.Errorf("age(%v) = %d, want %d", d, got, want)
		}
	}
}

func TestDiscard(t *testing.T) {
	var f Frame
	if err := f.Decode(body(t, Minor, "\x01", "\x02", "\x03"), Reply("node-b"), nil); err != nil {
		t.Fatal(err)
	}
	f.Discard(2)
	var m Message
	if more, err := f.Next(&m); !more || err != nil || m.Op != OpJoin {
		t.Errorf("%+v, %v, %v", m, more, err)
	}
	f.Discard(5)
	if more, err := f.Next(&m); more || err != nil || m.Op != 0 {
		t.Errorf("%+v, %v, %v", m, more, err)
	}
}

// TestBytesAreApart: appending to what was decoded does not reach what stands behind it.
func TestBytesAreApart(t *testing.T) {
	m := everything
	_, messages, err := read(frameOf(t, Header{Origin: origin, Channel: Reply("b"), Stream: 1, Seq: 1}, nil, m), Reply("b"), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(messages[0].Data, "overwritten?"...)
	_ = append(messages[0].Attachments[0], "overwritten?"...)
	same(t, []Message{m}, messages)
}

func TestHeartbeatRefuses(t *testing.T) {
	good := samples(t)[4]
	wire := good.wire(t)
	head := int(wire[3])
	change := func(at int, with string) string { return wire[:at] + with + wire[at+len(with):] }
	behind := 4 + 8 + 1 + len("node-a")
	for name, c := range map[string]struct {
		s    string
		want error
	}{
		"frame":               {change(2, "\x01"), ErrKind},
		"beat 0":              {change(behind, "\x00"), ErrValue},
		"unknown flag":        {change(behind+1, "\x02"), ErrValue},
		"shards 0":            {change(behind+2, "\x00"), ErrValue},
		"cycle 0":             {change(behind+7, "\x00"), ErrValue},
		"empty position":      {wire + "\x00", ErrTruncated},
		"position of nothing": {wire + "\x04\x07\x01\x01\x00", ErrKind},
		"position of nodes":   {wire + "\x04\x04\x01\x01\x00", ErrKind},
		"position 0":          {wire + "\x06\x02\x01x\x01\x00\x00", ErrValue},
		"position too long":   {wire + "\x07\x02\x01x\x01\x01\x00+", ErrTrailing},
		"position cut":        {wire[:len(wire)-1], ErrTruncated},
		"too many":            {wire[:4+head] + strings.Repeat("\x06\x02\x01x\x01\x01\x00", MaxPositions+1), ErrCount},
	} {
		var h Heartbeat
		var e *Error
		if err := h.Decode(c.s, nil); !errors.Is(err, c.want) || !errors.As(err, &e) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for name, change := range map[string]func(*Heartbeat){
		"node":      func(h *Heartbeat) { h.Node = "" },
		"beat":      func(h *Heartbeat) { h.Beat = 0 },
		"shards":    func(h *Heartbeat) { h.Shards = 0 },
		"cycle":     func(h *Heartbeat) { h.Cycle = MaxPositions + 1 },
		"streams":   func(h *Heartbeat) { h.Streams = MaxNumber + 1 },
		"positions": func(h *Heartbeat) { h.Positions = make([]Position, MaxPositions+1) },
		"stream":    func(h *Heartbeat) { h.Positions = []Position{{Channel: lobby, Last: 1}} },
		"last":      func(h *Heartbeat) { h.Positions = []Position{{Channel: lobby, Stream: 1}} },
		"channel":   func(h *Heartbeat) { h.Positions = []Position{{Channel: Nodes(), Stream: 1, Last: 1}} },
	} {
		h := *good.beat
		change(&h)
		if out, err := AppendHeartbeat([]byte("before"), &h, nil); err == nil || string(out) != "before" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
