package game

import (
	"errors"
	"maps"
	"slices"
)

// ErrRecord means that something is not the record of a game.
var ErrRecord = errors.New("game: not the record of a game")

// Record is a whole game as plain data that encoding/json and its like can write and read again, for whoever keeps games. It holds every
// secret: what a player may know is a [View].
type Record struct {
	State State        // without Acted and Revealed, which follow from the rest
	Roles []Role       // by seat
	Cast  map[int]bool // by seat: open votes while voting, open cards while questing
}

// Record returns the game as it is now. It must not be written to.
func (g *Game) Record() Record {
	return Record{State: g.state, Roles: g.roles, Cast: cloneCast(g.cast)}
}

// Restore returns the game that a record was made of, or ErrRecord. It takes the record over.
func Restore(r Record) (*Game, error) {
	if r.State.Validate() != nil || !r.State.fits() || !sameCards(r.Roles, r.State.deck()) {
		return nil, ErrRecord
	}
	for seat := range r.Cast {
		if !r.State.seats([]int{seat}) {
			return nil, ErrRecord
		}
	}
	r.State.Acted, r.State.Revealed = nil, nil
	return &Game{state: r.State, roles: r.Roles, cast: cloneCast(r.Cast)}, nil
}

// fits reports whether a state is one of a game with its setup, as far as that keeps the rules from going astray.
func (s *State) fits() bool {
	phases := []Phase{Proposal, Voting, Questing, Assassination, Over}
	if !slices.Contains(phases, s.Phase) || !s.seats([]int{s.Leader}) || !s.seats(s.Team) || s.Quest < 0 || s.Quest >= QuestCount {
		return false
	}
	for i := range s.Quests {
		if q := &s.Quests[i]; q.Size != s.TeamSize(i) || q.FailsNeeded != s.FailsNeeded(i) || !s.seats(q.Team) {
			return false
		}
	}
	return !slices.ContainsFunc(s.Ballots, func(b Ballot) bool { return len(b.Approve) != s.Size || !s.seats(b.Team) })
}

// seats reports whether all of them are at the table.
func (s *State) seats(list []int) bool {
	return !slices.ContainsFunc(list, func(seat int) bool { return seat < 0 || seat >= s.Size })
}

// sameCards compares two decks without their order.
func sameCards(one, other []Role) bool {
	return slices.Equal(slices.Sorted(slices.Values(one)), slices.Sorted(slices.Values(other)))
}

// cloneCast copies the one part of a game that is written in place. Without anything in it, it is nil.
func cloneCast(cast map[int]bool) map[int]bool {
	if len(cast) == 0 {
		return nil
	}
	return maps.Clone(cast)
}
