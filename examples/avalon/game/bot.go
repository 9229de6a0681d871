package game

import (
	"math/rand/v2"
	"slices"
)

// How a bot plays. Numbers between 0 and 1 are probabilities.
const (
	tolerance = 0.6  // how much more suspicion than in the best team a good bot approves of
	whim      = 0.08 // a vote against the own judgement
	bluff     = 0.4  // evil approves of a team without evil
	early     = 0.5  // evil lets one of the first quests fail
	late      = 0.85 // and one of the later
	blunder   = 0.25 // the Assassin does not follow the votes
)

// Bot returns the move of a player who thinks a little, or nil if the game does not wait for this player. It depends on the
// view and on chance alone.
func Bot(v View, rng *rand.Rand) Move {
	if !v.ToMove() {
		return nil
	}
	b := bot{&v, rng}
	switch v.Phase {
	case Proposal:
		return Propose{b.team()}
	case Voting:
		return Vote{b.approves()}
	case Questing:
		return Play{b.succeeds()}
	case Assassination:
		return Guess{b.merlin()}
	case Over:
	}
	return nil
}

// Absent returns the move that is made for a player who did not move in time, or nil if the game does not wait for this
// player: any team, approval, success by the good and a bot's card by the evil, any guess.
func Absent(v View, rng *rand.Rand) Move {
	if !v.ToMove() {
		return nil
	}
	switch v.Phase {
	case Proposal:
		return Propose{rng.Perm(v.Size)[:v.Quests[v.Quest].Size]}
	case Voting:
		return Vote{true}
	case Assassination:
		return Guess{(v.Seat + 1 + rng.IntN(v.Size-1)) % v.Size}
	case Questing, Over:
	}
	return Bot(v, rng)
}

// bot is a player for the time of one decision.
type bot struct {
	*View
	rng *rand.Rand
}

func (b bot) flip(p float64) bool { return b.rng.Float64() < p }

func (b bot) evil() bool { return b.Role.Side() == Evil }

// friend reports whether a seat is the bot itself or, to an evil bot, known as evil.
func (b bot) friend(seat int) bool {
	return seat == b.Seat || b.evil() && slices.Contains(b.Knows, Sighting{seat, MarkEvil})
}

func (b bot) friends(seats []int) int {
	n := 0
	for _, seat := range seats {
		if b.friend(seat) {
			n++
		}
	}
	return n
}

// team names the bot itself and those least suspected. Evil takes only as many of its own as it needs.
func (b bot) team() []int {
	odds := suspicion(b.View)
	if b.evil() {
		for seat := range odds {
			odds[seat] = 0
			if b.friend(seat) {
				odds[seat] = 1
			}
		}
	}
	odds[b.Seat] = -1
	seats := b.rng.Perm(b.Size)
	slices.SortStableFunc(seats, func(x, y int) int {
		if odds[x] < odds[y] {
			return -1
		}
		if odds[x] > odds[y] {
			return 1
		}
		return 0
	})
	quest := &b.Quests[b.Quest]
	team := seats[:quest.Size]
	if missing := quest.FailsNeeded - b.friends(team); b.evil() && missing > 0 {
		helpers := slices.DeleteFunc(seats[quest.Size:], func(seat int) bool { return !b.friend(seat) })
		for i := range min(missing, len(helpers)) {
			team[len(team)-1-i] = helpers[i]
		}
	}
	return team
}

// approves judges the team that is voted on.
func (b bot) approves() bool {
	last := b.Rejected == MaxRejections-1
	if b.evil() {
		useful := b.friends(b.Team) >= b.Quests[b.Quest].FailsNeeded
		return useful || !last && b.flip(bluff)
	}
	if last {
		return true // another rejection would lose the game
	}
	odds := suspicion(b.View)
	risk := 0.0
	for _, seat := range b.Team {
		risk += odds[seat]
	}
	slices.Sort(odds)
	best := 0.0
	for _, p := range odds[:len(b.Team)] {
		best += p
	}
	return (risk <= best+tolerance) != b.flip(whim)
}

// succeeds chooses the card. Of several evil players on a team who know each other only as many fail it as must.
func (b bot) succeeds() bool {
	if !b.evil() {
		return true
	}
	quest := &b.Quests[b.Quest]
	before := 0 // friends whose turn to fail it is rather than ours
	for _, seat := range b.Team {
		if b.friend(seat) && seat < b.Seat {
			before++
		}
	}
	switch {
	case before >= quest.FailsNeeded:
		return true
	case b.count(Success) == QuestsToWin-1 || b.count(Fail) == QuestsToWin-1:
		return false // now it counts
	case b.Quest < 2:
		return !b.flip(early)
	default:
		return !b.flip(late)
	}
}

// merlin guesses: who voted as if the evil were known?
func (b bot) merlin() int {
	best, top := []int{}, 0.0
	for seat := range b.Size {
		if b.friend(seat) {
			continue
		}
		insight := 0.0
		for i := range b.Ballots {
			ballot := &b.Ballots[i]
			if wrong := b.friends(ballot.Team) > 0; ballot.Approve[seat] != wrong {
				insight++
			}
		}
		if b.flip(blunder) {
			insight = b.rng.Float64() * float64(len(b.Ballots))
		}
		if len(best) == 0 || insight > top {
			best, top = best[:0], insight
		}
		if insight == top {
			best = append(best, seat)
		}
	}
	return best[b.rng.IntN(len(best))]
}
