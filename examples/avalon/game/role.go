package game

// Role is the character that a player holds for the whole game.
type Role string

// The roles. Merlin and the Assassin are in every game; Percival, Morgana, Mordred and Oberon when the table wants them;
// servants and minions fill the rest of their side.
const (
	Merlin   Role = "merlin"
	Percival Role = "percival"
	Servant  Role = "servant"
	Assassin Role = "assassin"
	Morgana  Role = "morgana"
	Mordred  Role = "mordred"
	Oberon   Role = "oberon"
	Minion   Role = "minion"
)

// allRoles is every role in the order in which they are listed: an order that tells nothing of the seats.
var allRoles = []Role{Merlin, Percival, Servant, Assassin, Morgana, Mordred, Oberon, Minion}

// Side is what a role fights for.
type Side string

// The sides. The zero value means neither.
const (
	Good Side = "good"
	Evil Side = "evil"
)

// Side returns the side of a role.
func (r Role) Side() Side {
	switch r {
	case Merlin, Percival, Servant:
		return Good
	default:
		return Evil
	}
}

// Mark is what a player knows of another one from the start.
type Mark string

// The marks. The zero value is a player of whom nothing is known.
const (
	MarkEvil            Mark = "evil"
	MarkMerlinOrMorgana Mark = "merlin_or_morgana" // one of the two, and not which
)

// marks returns what a player of this role knows of a player of another one. It is the only place that says so.
func (r Role) marks(other Role) Mark {
	switch r {
	case Merlin:
		if other.Side() == Evil && other != Mordred {
			return MarkEvil
		}
	case Percival:
		if other == Merlin || other == Morgana {
			return MarkMerlinOrMorgana
		}
	case Assassin, Morgana, Mordred, Minion:
		if other.Side() == Evil && other != Oberon {
			return MarkEvil
		}
	case Servant, Oberon: // they know nobody
	}
	return ""
}
