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

// clock holds what is due at a table. It is a part of the table, and rings nowhere: each process sets an alarm by it.
type clock struct {
	Tempo float64           `json:"tempo"`
	Limit time.Time         `json:"limit,omitzero"` // end of the stage; zero: none
	Bots  map[int]time.Time `json:"bots"`           // by seat: when a bot has thought enough
}

// begin starts the time of a stage.
func (c *clock) begin(now time.Time, p game.Phase) {
	c.Limit, c.Bots = time.Time{}, make(map[int]time.Time)
	if d, ok := limits[p]; ok {
		c.Limit = now.Add(c.scaled(d))
	}
}

// think lets a bot think for a time between the least and the most.
func (c *clock) think(now time.Time, seat int, part float64) {
	c.Bots[seat] = now.Add(c.scaled(minThought + time.Duration(part*float64(maxThought-minThought))))
}

// thought reports once that a bot has thought enough.
func (c *clock) thought(now time.Time, seat int) bool {
	due, thinking := c.Bots[seat]
	if !thinking || due.After(now) {
		return false
	}
	delete(c.Bots, seat)
	return true
}

func (c *clock) scaled(d time.Duration) time.Duration { return time.Duration(c.Tempo * float64(d)) }

// expired reports whether the time of the stage is over.
func (c *clock) expired(now time.Time) bool { return !c.Limit.IsZero() && !now.Before(c.Limit) }

// due returns when a bot has thought enough, or the stage ends; zero: nothing is due.
func (c *clock) due() time.Time {
	due := c.Limit
	for _, thought := range c.Bots {
		due = earlier(due, thought)
	}
	return due
}

// secondsTo returns the seconds until the end of a stage, rounded up; 0 without one.
func secondsTo(limit, now time.Time) int {
	if limit.IsZero() {
		return 0
	}
	return max(0, int((limit.Sub(now)+time.Second-1)/time.Second))
}

// earlier returns the earlier of two times; zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
