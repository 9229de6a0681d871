package nativewire

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestInterestAgainstModel opens and closes rooms at random. A shard with rooms is always
// subscribed to; one without is given up after the linger and not before, so a subscription
// lasts at least that long.
func TestInterestAgainstModel(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 4))
		l := layout(t, "p", 1+r.IntN(8))
		linger := time.Duration(r.IntN(3)) * 10 * time.Second
		in := NewInterest(l, "/chat", linger)
		if linger == 0 {
			in = NewInterest(l, "/chat", -1)
		}
		now := start
		open := map[string]bool{}
		on := map[Channel]time.Time{}    // subscribed since
		empty := map[Channel]time.Time{} // without rooms since
		for range 3000 {
			now = now.Add(time.Duration(r.IntN(3000)) * time.Millisecond)
			room := fmt.Sprintf("room:%d", r.IntN(10))
			switch c := l.Room("/chat", room); {
			case r.IntN(200) == 0:
				clear(on)
				for _, c := range in.Again(nil) {
					on[c] = now
					if !empty[c].IsZero() {
						t.Fatalf("seed %d: %v is taken up again without rooms", seed, c)
					}
				}
				clear(empty)
			case open[room]:
				in.Close(room, now)
				delete(open, room)
				if rooms(l, open, c) == 0 {
					empty[c] = now
				}
			default:
				got, subscribe := in.Open(room)
				open[room] = true
				if _, is := on[c]; got != c || subscribe == is {
					t.Fatalf("seed %d: %v, %v, subscribed before: %v", seed, got, subscribe, is)
				}
				if subscribe {
					on[c] = now
				}
				delete(empty, c)
			}
			checkDue(t, in, now, linger, on, empty)
			for shard := range l.Shards() {
				c := Shard("/chat", shard)
				n := rooms(l, open, c)
				if _, is := on[c]; in.Rooms(shard) != n || n > 0 && !is || n == 0 && is && empty[c].IsZero() {
					t.Fatalf("seed %d: %d rooms, counted %d, subscribed %v", seed, n, in.Rooms(shard), is)
				}
			}
		}
	}
}

func rooms(l Layout, open map[string]bool, c Channel) (n int) {
	for room := range open {
		if l.Room("/chat", room) == c {
			n++
		}
	}
	return n
}

// checkDue compares Next and Due with the model, and does what Due says.
func checkDue(t *testing.T, in *Interest, now time.Time, linger time.Duration, on, empty map[Channel]time.Time) {
	t.Helper()
	var first time.Time
	for _, at := range empty {
		if at = at.Add(linger); first.IsZero() || at.Before(first) {
			first = at
		}
	}
	if at, ok := in.Next(); ok == first.IsZero() || !at.Equal(first) {
		t.Fatalf("Next() = %v, %v, want %v", at, ok, first)
	}
	due := in.Due(nil, now)
	for _, c := range due {
		if at, is := empty[c]; !is || now.Sub(at) < linger || now.Sub(on[c]) < linger {
			t.Fatalf("%v is given up: %v, empty for %v, subscribed for %v", c, is, now.Sub(at), now.Sub(on[c]))
		}
		delete(on, c)
		delete(empty, c)
	}
	for c, at := range empty {
		if now.Sub(at) >= linger {
			t.Fatalf("%v is not given up", c)
		}
	}
	if in.lingering != len(empty) {
		t.Fatalf("%d shards linger, counted %d", len(empty), in.lingering)
	}
}

// TestFlappingRoom: a room that opens and closes every second is one subscription.
func TestFlappingRoom(t *testing.T) {
	in := NewInterest(layout(t, "p", 64), "/", 0)
	now, subscribed := start, 0
	var due []Channel
	for range 1000 {
		if _, yes := in.Open("room:a"); yes {
			subscribed++
		}
		in.Close("room:a", now)
		in.Close("room:a", now) // one too many
		now = now.Add(time.Second)
		due = in.Due(due, now)
	}
	if subscribed != 1 || len(due) != 0 {
		t.Errorf("%d subscriptions, %d ends", subscribed, len(due))
	}
	if due = in.Due(due, now.Add(DefaultLinger)); len(due) != 1 {
		t.Errorf("%d ends after the linger", len(due))
	}
}
