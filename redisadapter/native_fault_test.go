//go:build unix

package redisadapter_test

import (
	"fmt"
	"testing"

	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// TestNativeLossIsCounted keeps five messages back on their way to one node, which learns of
// it by the next message, or where there is none by a heartbeat.
func TestNativeLossIsCounted(t *testing.T) {
	server := redistest.Start(t)
	for name, after := range map[string]bool{"a message follows": true, "nothing follows": false} {
		t.Run(name, func(t *testing.T) {
			cfg := native(server.Addr)
			a, c := startPeer(t, cfg), startPeer(t, cfg)
			way := newMute(t, server.Addr)
			cfg.Redis.InitAddress = []string{way.addr}
			b := startPeer(t, cfg)
			connected(t, a, b, c)
			channel := ":b:/" // the end of its name
			way.skip.Store(&channel)
			const sent = 5
			for i := range sent {
				if err := a.emit(fmt.Sprintf("lost%d", i)); err != nil {
					t.Fatal(err)
				}
				c.await("what the other one misses", func() bool { return c.hears(fmt.Sprintf("lost%d", i)) })
			}
			redistest.Await(t, "five lost frames", func() bool { return way.lost.Load() == sent })
			way.skip.Store(nil)
			if after {
				connected(t, a, b)
			}
			// A heartbeat that comes in between tells of what is lost so far.
			b.await("gaps of all that was lost", func() bool { return gapTotal(b) >= sent })
			total := 0
			for _, g := range b.gaps() {
				total += g.Count
				if g.Count < 1 || g.Node != a.self.ID || g.Namespace != "/" || !g.From.Before(g.To) {
					t.Errorf("gap %+v, want some messages of %s", g, a.self.ID)
				}
			}
			if total != sent {
				t.Errorf("gaps of %d messages, want %d", total, sent)
			}
			if gaps := append(c.gaps(), a.gaps()...); len(gaps) != 0 {
				t.Errorf("gaps where nothing was lost: %+v", gaps)
			}
			b.note(func() {
				if b.hears("lost0") {
					t.Error("nothing was lost")
				}
			})
		})
	}
}

// TestNativeDeadNodeIsAGap: what a node said last before it died, nobody knows. One that takes
// its leave has said all.
func TestNativeDeadNodeIsAGap(t *testing.T) {
	cfg := native(redistest.Start(t).Addr)
	a, left := startPeer(t, cfg), startPeer(t, cfg)
	cable := &redistest.Cable{}
	own := cfg
	own.Redis.DialCtxFn = cable.Dial
	died := startPeer(t, own)
	connected(t, a, left, died)
	if err := left.end(); err != nil {
		t.Fatal(err)
	}
	cable.Cut()
	a.await("a gap", func() bool { return gapCount(a) > 0 })
	if g := a.gaps()[0]; g.Node != died.self.ID || g.Count != -1 {
		t.Errorf("gap %+v, want one of unknown size of %s, not of %s", g, died.self.ID, left.self.ID)
	}
}

// TestNativeOverflowIsCounted blocks the handler: what finds no room is told, and by the numbers it
// is known how much that was (R63).
func TestNativeOverflowIsCounted(t *testing.T) {
	cfg := native(redistest.Start(t).Addr)
	cfg.Limits.InboundMessages = 20
	a, b := startPeer(t, cfg), startPeer(t, cfg)
	connected(t, a, b)
	hold := make(chan struct{})
	b.note(func() { b.hold = hold })
	const sent = 100
	for i := range sent {
		before := a.Stats().Sent
		if err := a.emit(fmt.Sprintf("n%d", i)); err != nil {
			t.Fatal(err)
		}
		redistest.Await(t, "a frame that has gone out", func() bool { return a.Stats().Sent > before })
	}
	redistest.Await(t, "an overflow", func() bool { return b.Stats().Overflow > 0 })
	b.note(func() { b.hold = nil })
	close(hold)
	connected(t, a, b)
	heard, counted, unknown := 0, 0, 0
	redistest.Await(t, "gaps of all that was dropped", func() bool {
		counted, unknown, heard = 0, 0, 0
		for _, g := range b.gaps() {
			if g.Count < 0 {
				unknown++
			} else if g.Node == a.self.ID {
				counted += g.Count
			}
		}
		b.note(func() {
			for i := range sent {
				if b.hears(fmt.Sprintf("n%d", i)) {
					heard++
				}
			}
		})
		return unknown > 0 && counted+heard >= sent
	})
	if heard == sent || counted < sent-heard {
		t.Errorf("%d of %d heard, gaps hold %d", heard, sent, counted)
	}
}
