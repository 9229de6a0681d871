package nativewire

import (
	"testing"
	"time"
)

// TestAllocsSteady: once the channels and nodes are known, sending and receiving allocate
// nothing but what decoding does.
func TestAllocsSteady(t *testing.T) {
	l := layout(t, "p", 64)
	out, err := NewOutbox(OutboxConfig{Origin: origin, Layout: l, Keys: testKeys(t, "k")})
	if err != nil {
		t.Fatal(err)
	}
	tracker := NewTracker(TrackerConfig{Self: "node-b"})
	now := time.Unix(1795380910, 0)
	rooms := []string{"room:a", "room:b"}
	two := l.Route(nil, "/chat", rooms, nil)
	one, everyone := []Channel{l.Room("/chat", "room:a")}, []Channel{Broadcast("/chat")}
	for _, c := range append(two, everyone...) {
		tracker.Subscribed(c, now)
	}
	message, err := AppendMessage(nil, &broadcast, one[0])
	if err != nil {
		t.Fatal(err)
	}
	var sealed []Sealed
	var beat Heartbeat
	gaps := make([]Gap, 0, 4)
	round := func() {
		now = now.Add(time.Second)
		for range 3 {
			for _, channels := range [][]Channel{one, two, everyone} {
				if err := out.Add(message, channels...); err != nil {
					t.Fatal(err)
				}
			}
		}
		sealed = out.Seal(sealed[:0], now)
		for i, s := range sealed {
			h := Header{Origin: origin, Channel: s.Channel, Stream: out.streams.byChannel[s.Channel].number, Seq: 1}
			h.Seq = out.frames[i].seq
			_, gaps = tracker.Frame(&h, s.Messages, now, gaps[:0])
			_, gaps = tracker.Copy(&h, out.copies, now, gaps)
		}
		out.Heartbeat(&beat, now, false)
		gaps = tracker.Heartbeat(&beat, now, gaps)
		gaps = tracker.Tick(now, gaps)
		if len(gaps) > 0 {
			t.Fatalf("%+v", gaps)
		}
	}
	round()
	if got := testing.AllocsPerRun(100, round); got > raceAllocs {
		t.Errorf("%v allocations", got)
	}
}
