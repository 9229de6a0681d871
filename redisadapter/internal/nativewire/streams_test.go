package nativewire

import (
	"fmt"
	"testing"
	"time"
)

// TestHeartbeatWindow: each heartbeat has what was published in the window, a part of the
// rest, and in a cycle all of it. What is quiet for long is forgotten.
func TestHeartbeatWindow(t *testing.T) {
	o := outbox(t, OutboxConfig{Quiet: 10})
	for shard := range 35 {
		add(t, o, text(0), Shard("/", shard))
	}
	o.Seal(nil, start)
	var h Heartbeat
	o.Heartbeat(&h, start.Add(DefaultWindow), false)
	if len(h.Positions) != 35 || h.Cycle != 4 || h.Streams != 35 || h.Messages != 35 || h.Beat != 1 || h.Last || h.Shards != 64 {
		t.Errorf("%d positions, %+v", len(h.Positions), h)
	}
	now := start.Add(time.Minute)
	add(t, o, text(0), Shard("/", 3))
	o.Seal(nil, now)
	seen := map[Channel]int{}
	for beat := range h.Cycle {
		o.Heartbeat(&h, now, beat == 3)
		if len(h.Positions) != 11 || h.Last != (beat == 3) {
			t.Errorf("%d positions", len(h.Positions))
		}
		for _, p := range h.Positions {
			seen[p.Channel]++
		}
	}
	if len(seen) != 35 || seen[Shard("/", 3)] != 4 {
		t.Errorf("%v", seen)
	}
	o.Heartbeat(&h, start.Add(DefaultRetain), false)
	same(t, []Position{{Channel: Shard("/", 3), Stream: 4, Last: 2, Age: DefaultRetain - time.Minute}}, h.Positions)
	add(t, o, text(0), Shard("/", 0))
	if s := o.Seal(nil, now)[0]; s.Channel != Shard("/", 0) {
		t.Errorf("%+v", s)
	}
	if st := o.streams.byChannel[Shard("/", 0)]; st.number != 36 || st.last != 1 {
		t.Errorf("a forgotten channel goes on as stream %d at %d", st.number, st.last)
	}
}

// TestHeartbeatTurns: forgetting a stream takes no other's turn away.
func TestHeartbeatTurns(t *testing.T) {
	o := outbox(t, OutboxConfig{Quiet: 1})
	for shard := range 7 {
		add(t, o, text(0), Shard("/", shard))
		o.Seal(nil, start.Add(time.Duration(min(shard/2, 1))*time.Minute)) // the first two are forgotten first
	}
	var got []int
	var h Heartbeat
	for _, at := range []time.Duration{time.Minute, time.Minute, time.Minute, time.Minute, 0, 0} {
		o.Heartbeat(&h, start.Add(DefaultRetain-at), false)
		for _, p := range h.Positions {
			got = append(got, p.Channel.Shard)
		}
	}
	same(t, []int{0, 1, 2, 3, 4, 5}, got)
}

// TestHeartbeatTooMany: with more streams than one heartbeat can name, all take turns.
func TestHeartbeatTooMany(t *testing.T) {
	o := outbox(t, OutboxConfig{})
	const spaces = 150
	for i := range spaces {
		for shard := range 64 {
			c := Shard(fmt.Sprintf("/%d", i), shard)
			m := Message{Op: OpBroadcast, Namespace: c.Name}
			add(t, o, &m, c)
		}
	}
	o.Seal(nil, start)
	seen := map[Channel]bool{}
	var h Heartbeat
	for range 3 {
		o.Heartbeat(&h, start.Add(time.Second), false)
		if h.Window != 0 || h.Cycle != 3 || len(h.Positions) != MaxPositions {
			t.Fatalf("%v, %d, %d positions", h.Window, h.Cycle, len(h.Positions))
		}
		if wire, err := AppendHeartbeat(nil, &h, nil); err != nil || len(wire) > 1<<20 {
			t.Fatalf("%d bytes, %v", len(wire), err)
		}
		for _, p := range h.Positions {
			seen[p.Channel] = true
		}
	}
	if len(seen) != spaces*64 {
		t.Errorf("%d of %d streams in a cycle", len(seen), spaces*64)
	}
}

func TestNewEpoch(t *testing.T) {
	a, b := NewEpoch(start, 5), NewEpoch(start.Add(time.Millisecond), 1)
	if a >= b || a == NewEpoch(start, 6) || NewEpoch(time.Time{}, 0) == 0 {
		t.Errorf("%x, %x", a, b)
	}
}

// TestRestart: a new epoch begins with new streams and drops what was not sealed.
func TestRestart(t *testing.T) {
	o := outbox(t, OutboxConfig{})
	add(t, o, text(0), Shard("/", 1), Shard("/", 2))
	o.Seal(nil, start)
	add(t, o, text(1), lobbyRoot)
	o.Restart(origin.Epoch + 1)
	add(t, o, text(2), Shard("/", 2))
	sealed := o.Seal(nil, start)
	h, messages, err := read(string(sealed[0].Frame), sealed[0].Channel, nil)
	if err != nil || len(sealed) != 1 {
		t.Fatal(len(sealed), err)
	}
	same(t, Header{Origin: Origin{Node: origin.Node, Epoch: origin.Epoch + 1}, Channel: Shard("/", 2), Stream: 1, Seq: 1}, h)
	same(t, []Message{*text(2)}, messages)
	var b Heartbeat
	o.Heartbeat(&b, start, false)
	if b.Beat != 1 || b.Epoch != origin.Epoch+1 {
		t.Errorf("%+v", b)
	}
}
