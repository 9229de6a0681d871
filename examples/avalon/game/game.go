// Package game holds the rules of Avalon and nothing else: moves go in, views come out. It knows no network, no clock and no
// encoding, draws its chance from a source that the caller gives, and so plays the same game again from the same seed. A [Record] is
// a game for whoever keeps it.
//
// A [Game] belongs to its caller and is not safe for concurrent use. What it returned never changes afterwards, so that it
// can be read anywhere at any time; it must not be written to.
package game

import (
	"math/rand/v2"
	"slices"
)

// Phase says what the game waits for.
type Phase string

// The phases.
const (
	Proposal      Phase = "proposal"      // the leader names a team
	Voting        Phase = "vote"          // everybody approves or rejects it
	Questing      Phase = "quest"         // its members play their cards
	Assassination Phase = "assassination" // good has won three quests, the Assassin may still find Merlin
	Over          Phase = "over"
)

// Reason says how a game was won.
type Reason string

// The ways to win. The first three are evil's.
const (
	ThreeQuests    Reason = "three_quests"
	FiveRejections Reason = "five_rejections"
	MerlinFound    Reason = "merlin_found"
	MerlinSafe     Reason = "merlin_safe"
)

// Result is how a quest ended. The zero value is a quest that did not.
type Result string

// The results.
const (
	Success Result = "success"
	Fail    Result = "fail"
)

// State is what everybody at the table can see. Seats count from 0.
type State struct {
	Setup
	Phase    Phase
	Leader   int
	Quest    int // the current one, or the last one that was begun
	Quests   [QuestCount]Quest
	Rejected int      // teams in a row
	Team     []int    // as proposed, while it is voted on and while it is on the quest
	Acted    []int    // who has voted, or played a card, in this phase: not how
	Ballots  []Ballot // every vote that was closed, newest last
	Winner   Side
	Reason   Reason
	Revealed []Role // by seat; nil until the game is over
}

// Quest is one of the five.
type Quest struct {
	Size        int // of the team
	FailsNeeded int
	Team        []int // nil before the quest
	Fails       int   // cards; who played them stays unknown for ever
	Result      Result
}

// Ballot is a vote on a team.
type Ballot struct {
	Quest   int
	Leader  int
	Team    []int
	Approve []bool // by seat
	Passed  bool
}

// Game is one game from the deal to its end.
type Game struct {
	state State        // without Acted and Revealed, which State adds
	roles []Role       // by seat
	cast  map[int]bool // by seat: votes while voting, cards while questing
}

// New deals the roles and draws the first leader. It returns the error of Setup.Validate.
func New(setup Setup, chance rand.Source) (*Game, error) {
	if err := setup.Validate(); err != nil {
		return nil, err
	}
	setup.Roles = slices.Clone(setup.Roles)
	rng := rand.New(chance)
	roles := setup.deck()
	rng.Shuffle(len(roles), func(i, j int) { roles[i], roles[j] = roles[j], roles[i] })
	return deal(setup, roles, rng.IntN(setup.Size)), nil
}

// deal begins a game with known roles.
func deal(setup Setup, roles []Role, leader int) *Game {
	return &Game{state: State{Setup: setup, Phase: Proposal, Leader: leader, Quests: setup.Quests()}, roles: roles}
}

// State returns what everybody can see.
func (g *Game) State() State {
	s := g.state // its slices are replaced and appended to, but their elements are never written again
	s.Ballots = slices.Clip(s.Ballots)
	for seat := range s.Size { // in the order of the seats, which does not tell who was first
		if _, acted := g.cast[seat]; acted {
			s.Acted = append(s.Acted, seat)
		}
	}
	if s.Phase == Over {
		s.Revealed = g.roles
	}
	return s
}

// begin starts a phase in which nobody has acted.
func (g *Game) begin(p Phase) {
	g.state.Phase = p
	g.cast = nil
}

// propose starts the search for the next team.
func (g *Game) propose() {
	g.state.Leader = (g.state.Leader + 1) % g.state.Size
	g.state.Team = nil
	g.begin(Proposal)
}

// end closes the game.
func (g *Game) end(winner Side, why Reason) {
	g.state.Winner, g.state.Reason = winner, why
	g.state.Team = nil
	g.begin(Over)
}

// closeVote counts the votes.
func (g *Game) closeVote() {
	s := &g.state
	b := Ballot{Quest: s.Quest, Leader: s.Leader, Team: s.Team, Approve: make([]bool, s.Size)}
	approvals := 0
	for seat, approve := range g.cast {
		b.Approve[seat] = approve
		if approve {
			approvals++
		}
	}
	b.Passed = 2*approvals > s.Size // a tie rejects
	s.Ballots = append(s.Ballots, b)
	switch {
	case b.Passed:
		s.Rejected = 0
		s.Quests[s.Quest].Team = s.Team
		g.begin(Questing)
	case s.Rejected+1 == MaxRejections:
		s.Rejected = MaxRejections
		g.end(Evil, FiveRejections)
	default:
		s.Rejected++
		g.propose()
	}
}

// closeQuest counts the cards.
func (g *Game) closeQuest() {
	s := &g.state
	q := &s.Quests[s.Quest]
	for _, success := range g.cast {
		if !success {
			q.Fails++
		}
	}
	q.Result = Success
	if q.Fails >= q.FailsNeeded {
		q.Result = Fail
	}
	switch {
	case s.count(Success) == QuestsToWin:
		s.Team = nil
		g.begin(Assassination)
	case s.count(Fail) == QuestsToWin:
		g.end(Evil, ThreeQuests)
	default:
		s.Quest++
		g.propose()
	}
}

// count returns how many quests have ended in a way.
func (s *State) count(r Result) int {
	n := 0
	for i := range s.Quests {
		if s.Quests[i].Result == r {
			n++
		}
	}
	return n
}
