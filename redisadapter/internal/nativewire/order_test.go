package nativewire

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestOrderOnOneRedis plays random messages to a node that listens to some of the shards,
// frame by frame in the order of Seal: of each room it gets what was published about it,
// once, in order, whatever else the messages were for.
func TestOrderOnOneRedis(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 3))
		l, err := NewLayout("p", 1+r.IntN(6), 1+r.IntN(4))
		if err != nil {
			t.Fatal(err)
		}
		o := outbox(t, OutboxConfig{Layout: l})
		tracker := NewTracker(TrackerConfig{})
		tracker.Subscribed(Broadcast("/"), start)
		listens := map[Channel]bool{Broadcast("/"): true}
		for shard := range l.Shards() {
			if c := Shard("/", shard); r.IntN(3) > 0 {
				listens[c] = true
				tracker.Subscribed(c, start)
			}
		}
		var published []*Message
		var delivered []Message
		for range 40 {
			for range r.IntN(12) {
				m := text(len(published))
				for range r.IntN(4) {
					m.Rooms = append(m.Rooms, fmt.Sprintf("room:%d", r.IntN(12)))
				}
				if r.IntN(10) == 0 {
					m.Data = fmt.Appendf(nil, "[%q]", strings.Repeat("x", fillBytes/3)+string(m.Data))
				}
				add(t, o, m, l.Route(nil, "/", m.Rooms, nil)...)
				published = append(published, m)
			}
			for _, s := range o.Seal(nil, start) {
				if listens[s.Channel] {
					delivered = append(delivered, receive(t, tracker, s)...)
				}
			}
		}
		for i := range 12 {
			room := fmt.Sprintf("room:%d", i)
			if !listens[l.Room("/", room)] {
				continue
			}
			about := func(m *Message) bool { return len(m.Rooms) == 0 || slices.Contains(m.Rooms, room) }
			var want, got []string
			for _, m := range published {
				if about(m) {
					want = append(want, string(m.Data))
				}
			}
			for i := range delivered {
				if about(&delivered[i]) {
					got = append(got, string(delivered[i].Data))
				}
			}
			if !slices.Equal(want, got) {
				t.Fatalf("seed %d, %s: published %d, delivered %d", seed, room, len(want), len(got))
			}
		}
	}
}

// receive does what a node does with a frame, and wants no gap.
func receive(t *testing.T, tracker *Tracker, s Sealed) (delivered []Message) {
	t.Helper()
	var f Frame
	if err := f.Decode(string(s.Frame), s.Channel, nil); err != nil {
		t.Fatal(err)
	}
	v, gaps := tracker.Frame(&f.Header, f.Messages, start, nil)
	if v.Outcome != Fresh {
		t.Fatalf("%+v", v)
	}
	f.Discard(v.Skip)
	for {
		var m Message
		more, err := f.Next(&m)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
		deliver := true
		if m.Copy > 0 {
			deliver, gaps = tracker.Copy(&f.Header, m.Copy, start, gaps)
		}
		if deliver {
			delivered = append(delivered, m)
		}
	}
	if len(gaps) > 0 {
		t.Fatalf("%+v", gaps)
	}
	return delivered
}
