package game

import "slices"

// View is all that one player knows: what everybody sees, the own role, and whom it lets the player know.
type View struct {
	State
	Seat  int
	Role  Role
	Knows []Sighting // in the order of the seats; the player itself is not among them
	Vote  *bool      // the own one, while voting
	Card  *bool      // the own one, while questing
}

// Sighting is what a player knows of another one.
type Sighting struct {
	Seat int
	As   Mark
}

// View returns what a seat, which must be one of the game, may know. Nothing else of a game may reach a player.
func (g *Game) View(seat int) View {
	v := View{State: g.State(), Seat: seat, Role: g.roles[seat]}
	for other, role := range g.roles {
		if mark := v.Role.marks(role); mark != "" && other != seat {
			v.Knows = append(v.Knows, Sighting{other, mark})
		}
	}
	if choice, acted := g.cast[seat]; acted {
		switch v.Phase {
		case Voting:
			v.Vote = &choice
		case Questing:
			v.Card = &choice
		case Proposal, Assassination, Over: // nobody has a choice open
		}
	}
	return v
}

// ToMove reports whether the game waits for this player.
func (v *View) ToMove() bool {
	switch v.Phase {
	case Proposal:
		return v.Seat == v.Leader
	case Voting:
		return v.Vote == nil
	case Questing:
		return v.Card == nil && slices.Contains(v.Team, v.Seat)
	case Assassination:
		return v.Role == Assassin
	case Over:
	}
	return false
}
