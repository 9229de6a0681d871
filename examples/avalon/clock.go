package main

import (
	"time"

	"github.com/realtime-go/realtime/examples/avalon/game"
)

// limits are how long a phase may last before the server moves for those who did not, at tempo 1.
var limits = map[game.Phase]time.Duration{
	game.Proposal:      90 * time.Second,
	game.Voting:        45 * time.Second,
	game.Questing:      45 * time.Second,
	game.Assassination: 90 * time.Second,
}

// How long a bot thinks, at tempo 1: nothing of its cards can be read from that.
const (
	minThought = 1 * time.Second
	maxThought = 4 * time.Second
)

// clock holds what is due at a table, and the one timer that wakes it for that. It belongs to the table, under the table's lock.
type clock struct {
	tempo float64
	limit time.Time         // end of the stage; zero: none
	shown int               // seconds that the players were told last
	bots  map[int]time.Time // by seat: when a bot has thought enough
	timer *time.Timer
}

// begin starts the time of a stage.
func (c *clock) begin(now time.Time, p game.Phase) {
	c.limit, c.bots = time.Time{}, make(map[int]time.Time)
	if d, ok := limits[p]; ok {
		c.limit = now.Add(c.scaled(d))
	}
	c.shown = c.left(now)
}

// think lets a bot think for a time between the least and the most.
func (c *clock) think(now time.Time, seat int, part float64) {
	c.bots[seat] = now.Add(c.scaled(minThought + time.Duration(part*float64(maxThought-minThought))))
}

// thought reports once that a bot has thought enough.
func (c *clock) thought(now time.Time, seat int) bool {
	due, thinking := c.bots[seat]
	if !thinking || due.After(now) {
		return false
	}
	delete(c.bots, seat)
	return true
}

func (c *clock) scaled(d time.Duration) time.Duration { return time.Duration(c.tempo * float64(d)) }

// left returns the seconds of the stage, rounded up; 0 without a limit.
func (c *clock) left(now time.Time) int {
	if c.limit.IsZero() {
		return 0
	}
	return max(0, int((c.limit.Sub(now)+time.Second-1)/time.Second))
}

// expired reports whether the time of the stage is over.
func (c *clock) expired(now time.Time) bool { return !c.limit.IsZero() && !now.Before(c.limit) }

// next returns when something is due: the end of the running second, or a bot. Zero: nothing.
func (c *clock) next(now time.Time) time.Time {
	var next time.Time
	if !c.limit.IsZero() {
		next = c.limit.Add(-time.Second * time.Duration(max(0, c.left(now)-1)))
	}
	for _, due := range c.bots {
		next = earlier(next, due)
	}
	return next
}

// earlier returns the earlier of two times; zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// setAlarm sets the timer to what is due next at the table; a closed one wakes no more. The caller holds mu.
func (t *table) setAlarm() {
	now := time.Now()
	next := earlier(t.clock.next(now), t.patienceEnds())
	switch {
	case t.closed || next.IsZero():
		if t.clock.timer != nil {
			t.clock.timer.Stop()
		}
	case t.clock.timer == nil:
		t.clock.timer = time.AfterFunc(next.Sub(now), t.wake)
	default:
		t.clock.timer.Reset(next.Sub(now))
	}
}

// wake does what is due. It runs on the timer's goroutine.
func (t *table) wake() {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return
	}
	now := time.Now()
	bots, absent, swept := t.moveBots(now), t.moveAbsent(now), t.sweep(now)
	fault := t.fault
	if fault != nil {
		t.closed = true // it would wait for ever
	}
	changed := bots || absent || swept
	if changed {
		t.rev++
	}
	left := t.clock.left(now)
	ticked := left != t.clock.shown
	t.clock.shown = left
	tick := Clock{Table: t.id, Phase: t.phase(), Left: left}
	t.setAlarm()
	t.mu.Unlock()

	if fault != nil {
		t.lobby.log.Error("a move of the server broke a rule", "table", t.id, "err", fault)
	}
	if changed {
		t.announce()
	}
	if ticked {
		t.lobby.send(t.lobby.everyone.To(t.room()).Volatile(), "clock", tick)
	}
}
