package game

import "slices"

// Move is something that a player does: [Propose], [Vote], [Play] or [Guess].
type Move interface {
	// check returns the rule that the move breaks, or nil.
	check(g *Game, seat int) error
	// do changes the game. The move was checked.
	do(g *Game, seat int)
}

// Propose names the team for the quest. It is the leader's.
type Propose struct{ Team []int }

// Vote approves or rejects the team. Everybody votes once.
type Vote struct{ Approve bool }

// Play puts down a card on the quest. Members of the team play once, and the good play success.
type Play struct{ Success bool }

// Guess names the player whom the Assassin takes for Merlin.
type Guess struct{ Seat int }

// Do makes a move for a seat. Its error is one of the package's *Error values, and then nothing has changed.
func (g *Game) Do(seat int, m Move) error {
	if seat < 0 || seat >= g.state.Size {
		return ErrUnknownSeat
	}
	if err := m.check(g, seat); err != nil {
		return err
	}
	m.do(g, seat)
	return nil
}

func (m Propose) check(g *Game, seat int) error {
	switch {
	case g.state.Phase != Proposal:
		return ErrWrongPhase
	case seat != g.state.Leader:
		return ErrNotLeader
	case len(m.Team) != g.state.Quests[g.state.Quest].Size:
		return ErrTeamSize
	}
	for i, member := range m.Team {
		if member < 0 || member >= g.state.Size {
			return ErrUnknownSeat
		}
		if slices.Contains(m.Team[:i], member) {
			return ErrRepeatedSeat
		}
	}
	return nil
}

func (m Propose) do(g *Game, _ int) {
	g.state.Team = slices.Sorted(slices.Values(m.Team))
	g.begin(Voting)
}

func (m Vote) check(g *Game, seat int) error {
	if g.state.Phase != Voting {
		return ErrWrongPhase
	}
	if _, voted := g.cast[seat]; voted {
		return ErrVoted
	}
	return nil
}

func (m Vote) do(g *Game, seat int) {
	if g.put(seat, m.Approve) == g.state.Size {
		g.closeVote()
	}
}

func (m Play) check(g *Game, seat int) error {
	switch {
	case g.state.Phase != Questing:
		return ErrWrongPhase
	case !slices.Contains(g.state.Team, seat):
		return ErrNotOnTeam
	case !m.Success && g.roles[seat].Side() == Good:
		return ErrGoodCannot
	}
	if _, played := g.cast[seat]; played {
		return ErrPlayed
	}
	return nil
}

func (m Play) do(g *Game, seat int) {
	if g.put(seat, m.Success) == len(g.state.Team) {
		g.closeQuest()
	}
}

func (m Guess) check(g *Game, seat int) error {
	switch {
	case g.state.Phase != Assassination:
		return ErrWrongPhase
	case g.roles[seat] != Assassin:
		return ErrNotAssassin
	case m.Seat < 0 || m.Seat >= g.state.Size:
		return ErrUnknownSeat
	case m.Seat == seat:
		return ErrGuessYourself
	}
	return nil
}

func (m Guess) do(g *Game, _ int) {
	if g.roles[m.Seat] == Merlin {
		g.end(Evil, MerlinFound)
	} else {
		g.end(Good, MerlinSafe)
	}
}

// put notes a vote or a card, and returns how many there are now.
func (g *Game) put(seat int, choice bool) int {
	if g.cast == nil {
		g.cast = make(map[int]bool)
	}
	g.cast[seat] = choice
	return len(g.cast)
}
