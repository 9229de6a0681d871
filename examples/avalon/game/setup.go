package game

import "slices"

// The bounds of a game.
const (
	MinSize       = 5  // players
	MaxSize       = 10 // players
	QuestCount    = 5
	QuestsToWin   = 3
	MaxRejections = 5 // rejected teams in a row, then evil has won
)

// A row of this table is what the rules fix for a number of players.
var sizes = map[int]struct {
	evil  int
	teams [QuestCount]int
}{
	5:  {2, [...]int{2, 3, 2, 3, 3}},
	6:  {2, [...]int{2, 3, 4, 3, 4}},
	7:  {3, [...]int{2, 3, 3, 4, 4}},
	8:  {3, [...]int{3, 4, 4, 5, 5}},
	9:  {3, [...]int{3, 4, 4, 5, 5}},
	10: {4, [...]int{3, 4, 4, 5, 5}},
}

// Setup is what the players agree on before the roles are dealt.
type Setup struct {
	Size  int    // players
	Roles []Role // those wanted beside Merlin and the Assassin: Percival, Morgana, Mordred, Oberon
}

// Validate returns ErrSize, ErrOptionalRole or ErrTooManyEvil if no game can be dealt.
func (s Setup) Validate() error {
	row, ok := sizes[s.Size]
	if !ok {
		return ErrSize
	}
	evil := 1 // the Assassin
	for i, r := range s.Roles {
		switch r {
		case Morgana, Mordred, Oberon:
			evil++
		case Percival:
		default:
			return ErrOptionalRole
		}
		if slices.Contains(s.Roles[:i], r) {
			return ErrOptionalRole
		}
	}
	if evil > row.evil {
		return ErrTooManyEvil
	}
	return nil
}

// EvilCount returns how many of the players are evil. The setup must be valid, here and in the methods below.
func (s Setup) EvilCount() int { return sizes[s.Size].evil }

// TeamSize returns how many players go on a quest, which counts from 0.
func (s Setup) TeamSize(quest int) int { return sizes[s.Size].teams[quest] }

// FailsNeeded returns how many fail cards let a quest, which counts from 0, fail: two on the fourth one of seven players or
// more, else one.
func (s Setup) FailsNeeded(quest int) int {
	if quest == 3 && s.Size >= 7 {
		return 2
	}
	return 1
}

// Quests returns the five quests as they are before the first.
func (s Setup) Quests() (quests [QuestCount]Quest) {
	for i := range quests {
		quests[i] = Quest{Size: s.TeamSize(i), FailsNeeded: s.FailsNeeded(i)}
	}
	return quests
}

// InPlay returns each role that somebody holds once, in an order that tells nothing of the seats.
func (s Setup) InPlay() []Role {
	deck := s.deck()
	return slices.DeleteFunc(slices.Clone(allRoles), func(r Role) bool { return !slices.Contains(deck, r) })
}

// deck returns one role for each player.
func (s Setup) deck() []Role {
	deck := append([]Role{Merlin, Assassin}, s.Roles...)
	evil := 0
	for _, r := range deck {
		if r.Side() == Evil {
			evil++
		}
	}
	for ; evil < s.EvilCount(); evil++ {
		deck = append(deck, Minion)
	}
	for len(deck) < s.Size {
		deck = append(deck, Servant)
	}
	return deck
}
