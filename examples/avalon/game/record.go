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
	s := &r.State
	if s.Validate() != nil || !sameCards(r.Roles, s.deck()) || s.Leader < 0 || s.Leader >= s.Size || s.Quest < 0 || s.Quest >= QuestCount {
		return nil, ErrRecord
	}
	if !slices.Contains([]Phase{Proposal, Voting, Questing, Assassination, Over}, s.Phase) || !s.seats(s.Team) {
		return nil, ErrRecord
	}
	for i := range s.Quests {
		q := &s.Quests[i]
		if q.Size != s.TeamSize(i) || q.FailsNeeded != s.FailsNeeded(i) || !s.seats(q.Team) {
			return nil, ErrRecord
		}
	}
	for i := range s.Ballots {
		if b := &s.Ballots[i]; len(b.Approve) != s.Size || !s.seats(b.Team) {
			return nil, ErrRecord
		}
	}
	for seat := range r.Cast {
		if !s.seats([]int{seat}) {
			return nil, ErrRecord
		}
	}
	s.Acted, s.Revealed = nil, nil
	return &Game{state: *s, roles: r.Roles, cast: cloneCast(r.Cast)}, nil
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
