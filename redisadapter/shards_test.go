package redisadapter

import (
	"fmt"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter/internal/nativewire"
)

// TestShardsLinger opens and closes a room: its shard is wanted for a while longer.
func TestShardsLinger(t *testing.T) {
	layout, err := nativewire.NewLayout("p", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := newShards(layout)
	wanted := func() int {
		names, _ := s.want([]string{"/"})
		return len(names)
	}
	if n := wanted(); n != layout.Shards() {
		t.Errorf("%d shards before a room was told of", n)
	}
	s.set("/", "a", true)
	s.set("/closed", "a", true) // a namespace that is not open
	if n := wanted(); n != 1 {
		t.Errorf("%d shards for a room", n)
	}
	s.set("/", "a", false)
	closed := time.Now()
	for after, want := range map[time.Duration]int{0: 1, linger / 2: 1} {
		s.look(closed.Add(after))
		if n := wanted(); n != want {
			t.Errorf("%d shards %v after its room was closed, want %d", n, after, want)
		}
	}
	s.look(closed.Add(linger))
	if n := wanted(); n != 0 {
		t.Errorf("%d shards after the linger", n)
	}
	s.set("/", "a", true)
	if n := wanted(); n != 1 {
		t.Errorf("%d shards for a room that is open again", n)
	}
}

// TestShardsAreTunedAgain fails to do what is wanted.
func TestShardsAreTunedAgain(t *testing.T) {
	layout, _ := nativewire.NewLayout("p", 0, 0)
	s := newShards(layout)
	s.set("/", "a", true)
	<-s.wake
	_, since := s.want([]string{"/"})
	if since.IsZero() {
		t.Error("it is not known since when a shard is wanted")
	}
	s.undone(since)
	s.look(time.Now())
	<-s.wake
	if _, again := s.want([]string{"/"}); !again.Equal(since) {
		t.Errorf("wanted since %v, want %v", again, since)
	}
	if _, again := s.want([]string{"/"}); !again.IsZero() {
		t.Error("wanted although it is done")
	}
}

// TestJoinsAreBounded: beyond the bound everything goes to every node.
func TestJoinsAreBounded(t *testing.T) {
	cfg := Config{Wire: Native}.withDefaults()
	layout, err := newLayout(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	var s sender
	if err := s.init(&cfg, layout, nil, nativewire.Origin{Node: "n", Epoch: 1}); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	route := func(room string, at time.Time) nativewire.ChannelKind {
		out := &saying{m: &realtime.Message{Op: realtime.OpBroadcast, Namespace: "/", Rooms: []string{room}}}
		s.address(out, at)
		return out.route[0].Kind
	}
	join := &realtime.Message{Op: realtime.OpJoin, Namespace: "/", Rooms: []string{"crowd"}}
	for i := range maxJoins {
		join.Names = append(join.Names, fmt.Sprint(i))
	}
	s.joined(join, now)
	for room, want := range map[string]nativewire.ChannelKind{
		"7": nativewire.KindBroadcast, "other": nativewire.KindShard, "abcdefghijklmnopqrst": nativewire.KindBroadcast, // a connection's own
	} {
		if kind := route(room, now); kind != want {
			t.Errorf("room %s goes out on kind %d, want %d", room, kind, want)
		}
	}
	join.Names = []string{"one more"}
	s.joined(join, now)
	if kind := route("other", now); kind != nativewire.KindBroadcast || len(s.joins) > maxJoins {
		t.Errorf("kind %d, %d rooms remembered", kind, len(s.joins))
	}
	later := now.Add(joinTime)
	for _, room := range []string{"7", "one more", "other"} {
		if kind := route(room, later); kind != nativewire.KindShard {
			t.Errorf("room %s still goes to everyone", room)
		}
	}
	s.joined(join, later.Add(1))
	if len(s.joins) != 1 {
		t.Errorf("%d rooms remembered, want 1", len(s.joins))
	}
}
