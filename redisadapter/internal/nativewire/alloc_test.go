package nativewire

import (
	"runtime"
	"strings"
	"testing"
)

// TestAllocsEncode: into a buffer that is large enough nothing is allocated, signed or not.
func TestAllocsEncode(t *testing.T) {
	buf, out := make([]byte, 0, 4096), make([]byte, 0, 8192)
	keys := testKeys(t, "k")
	for _, s := range samples(t) {
		for _, k := range []*Keys{nil, keys} {
			if got := testing.AllocsPerRun(100, func() {
				if s.beat != nil {
					if _, err := AppendHeartbeat(out, s.beat, k); err != nil {
						t.Fatal(err)
					}
					return
				}
				for i := range s.messages {
					if _, err := AppendMessage(buf, &s.messages[i], s.header.Channel); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := AppendFrame(out, &s.header, 1, buf[:200], k); err != nil {
					t.Fatal(err)
				}
			}); got > raceAllocs {
				t.Errorf("%s: %v allocations", s.name, got)
			}
		}
	}
}

// TestAllocsDecode: a broadcast costs the copy of the frame's bytes, one for all of its
// messages, and the list of rooms.
func TestAllocsDecode(t *testing.T) {
	many := make([]Message, 10)
	for i := range many {
		many[i] = broadcast
	}
	h := Header{Origin: origin, Channel: lobby, Stream: 1, Seq: 1}
	for _, c := range []struct {
		name string
		wire string
		on   Channel
		want float64
	}{
		{"broadcast", frameOf(t, h, nil, broadcast), lobby, 2},
		{"ten broadcasts", frameOf(t, h, nil, many...), lobby, 11},
		{"to everyone", frameOf(t, h, nil, Message{Op: OpBroadcast, Namespace: "/chat", Data: broadcast.Data}), lobby, 1},
		{"reason", frameOf(t, h, nil, Message{Op: OpReconnect, Namespace: "/chat", Reason: "deploy", Timeout: 1}), lobby, 0},
		{"everything", frameOf(t, Header{Origin: origin, Channel: Reply("b"), Stream: 1, Seq: 1}, nil, everything), Reply("b"), 9},
	} {
		var f Frame
		var m Message
		if got := testing.AllocsPerRun(100, func() {
			if err := f.Decode(c.wire, c.on, nil); err != nil {
				t.Fatal(err)
			}
			for {
				if more, err := f.Next(&m); err != nil {
					t.Fatal(err)
				} else if !more {
					return
				}
			}
		}); got > c.want {
			t.Errorf("%s: %v allocations, want at most %v", c.name, got, c.want)
		}
	}
	var b Heartbeat
	wire := samples(t)[4].wire(t)
	if got := testing.AllocsPerRun(100, func() {
		if err := b.Decode(wire, nil); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("heartbeat: %v allocations", got)
	}
}

// TestAllocsLayout: routing and naming into a given buffer allocate nothing.
func TestAllocsLayout(t *testing.T) {
	l := layout(t, "p", 64)
	rooms := []string{"room:a", "room:b", "room:c", "room:d"}
	channels, name := make([]Channel, 0, 8), make([]byte, 0, 64)
	if got := testing.AllocsPerRun(100, func() {
		for _, c := range l.Route(channels, "/chat", rooms, nil) {
			l.AppendName(name, c)
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// TestHostileCost: what a message claims costs nothing (requirements R37, R74). The factor
// is that of a list of empty names, each of which becomes a Go string.
func TestHostileCost(t *testing.T) {
	huge := "\xff\xff\xff\xff\xff\xff\xff\xff\x3f"
	const megabyte = 1 << 20
	for name, message := range map[string]string{
		"rooms claimed":       "\x01\x03" + huge,
		"data claimed":        "\x01\x0e" + huge,
		"conns claimed":       "\x01\x0d" + huge,
		"attachments claimed": "\x01\x0f" + huge,
		"empty rooms":         "\x01\x03" + string(AppendRecord(nil, make([]byte, MaxRooms))),
		"too many rooms":      "\x01\x03" + string(AppendRecord(nil, make([]byte, megabyte))),
		"shortest conns":      "\x01\x0d" + string(AppendRecord(nil, []byte(strings.Repeat("\x03\x01\x01c", MaxConns)))),
		"conns of nothing":    "\x01\x0d" + string(AppendRecord(nil, make([]byte, MaxConns))),
		"too many conns":      "\x01\x0d" + string(AppendRecord(nil, []byte(strings.Repeat("\x03\x01\x01c", megabyte/4)))),
		"empty attachments":   "\x01\x0f" + string(AppendRecord(nil, make([]byte, MaxAttachments))),
		"fields":              "\x01" + strings.Repeat("\x7f\x01x", megabyte/3),
		"deep public data":    "\x01\x0d" + string(AppendRecord(nil, AppendRecord(nil, append([]byte("\x01\x01c\x05"), AppendRecord(nil, deep(megabyte/2))...)))),
	} {
		for _, minor := range []byte{Minor, Minor + 1} {
			wire := body(t, minor, message)
			cost := allocated(func() { _, _, _ = read(wire, Reply("node-b"), nil) })
			if cost > 64*uint64(len(wire))+4096 {
				t.Errorf("%s: %d bytes for a frame of %d", name, cost, len(wire))
			}
		}
	}
	wire := "R\x10\x01\x17\x00\x00\x00\x00\x00\x00\x00\x01\x01a\x03\x01b\x01\x01\x00" + huge
	if cost := allocated(func() { _, _, _ = read(wire, Reply("b"), nil) }); cost > 4096 {
		t.Errorf("messages claimed: %d bytes", cost)
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
