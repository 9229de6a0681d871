package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/realtime-go/realtime/examples/avalon/game"
)

// start deals the cards. Only the host may ask for it, and all seats must be taken.
func (t *table) start(user string, now time.Time) error {
	if err := t.hosted(user); err != nil {
		return err
	}
	if slices.ContainsFunc(t.Seats, func(s seat) bool { return s.free() }) {
		return errFreeSeats
	}
	g, err := game.New(t.Setup, t.chance)
	if err != nil {
		return err
	}
	t.game = g
	t.beginStage(now)
	return nil
}

// playing reports whether a game is on.
func (t *table) playing() bool { return t.game != nil && t.game.State().Phase != game.Over }

// play makes a move for a user.
func (t *table) play(user string, m game.Move, now time.Time) error {
	seat := t.seatOf(user)
	if seat < 0 {
		return errNotSeated
	}
	if t.game == nil {
		return game.ErrWrongPhase
	}
	return t.move(seat, m, now)
}

// stage tells one wait of the game from another.
type stage struct {
	phase   game.Phase
	ballots int
	quest   int
}

func (t *table) stage() stage {
	s := t.game.State()
	return stage{s.Phase, len(s.Ballots), s.Quest}
}

// move makes a move for a seat, and begins the stage to which it leads.
func (t *table) move(seat int, m game.Move, now time.Time) error {
	before := t.stage()
	if err := t.game.Do(seat, m); err != nil {
		return err
	}
	if t.stage() != before {
		t.beginStage(now)
	}
	return nil
}

// beginStage sets the clock for a stage, and lets the bots think for which it waits.
func (t *table) beginStage(now time.Time) {
	t.Clock.begin(now, t.game.State().Phase)
	for i, s := range t.Seats {
		if v := t.game.View(i); s.Bot && v.ToMove() {
			t.Clock.think(now, i, t.rng.Float64())
		}
	}
}

// moveBots moves those bots that have thought enough, and reports whether there were any.
func (t *table) moveBots(now time.Time) bool {
	moved := false
	for i := range t.Seats { // in their order: the same seed plays the same game
		if t.Clock.thought(now, i) {
			t.moveFor(i, game.Bot, now)
			moved = true
		}
	}
	return moved
}

// moveAbsent moves for all for whom the game waits when the time of the stage is over, and reports whether it was.
func (t *table) moveAbsent(now time.Time) bool {
	if !t.Clock.expired(now) {
		return false
	}
	over := t.stage()
	t.absent = fmt.Sprint(over)
	for i := range t.Seats {
		if t.stage() == over {
			t.moveFor(i, game.Absent, now)
		}
	}
	return true
}

// moveFor makes the move that somebody decides on who knows no more than the seat.
func (t *table) moveFor(seat int, decide func(game.View, *rand.Rand) game.Move, now time.Time) {
	if m := decide(t.game.View(seat), t.rng); m != nil {
		if err := t.move(seat, m, now); err != nil {
			t.fault = err
		}
	}
}
