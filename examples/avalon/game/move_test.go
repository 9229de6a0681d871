package game

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// newTestGame is a game of five: Merlin in seat 0, servants in 1 and 2, the Assassin in 3, a minion in 4; seat 0 leads.
func newTestGame() *Game {
	return deal(Setup{Size: 5}, []Role{Merlin, Servant, Servant, Assassin, Minion}, 0)
}

func do(t *testing.T, g *Game, seat int, m Move) {
	t.Helper()
	if err := g.Do(seat, m); err != nil {
		t.Fatalf("seat %d, %#v in phase %s: %v", seat, m, g.state.Phase, err)
	}
}

// propose lets the leader name a team, and vote lets the first so many approve of it.
func propose(t *testing.T, g *Game, team ...int) {
	t.Helper()
	do(t, g, g.state.Leader, Propose{team})
}

func vote(t *testing.T, g *Game, approvals int) {
	t.Helper()
	for seat := range g.state.Size {
		do(t, g, seat, Vote{seat < approvals})
	}
}

// quest sends the first seats on the next quest, among them the last seats as often as it shall have fails.
func quest(t *testing.T, g *Game, fails int) {
	t.Helper()
	team := []int{}
	for i := range g.state.Quests[g.state.Quest].Size {
		if i < fails {
			team = append(team, g.state.Size-1-i)
		} else {
			team = append(team, i-fails)
		}
	}
	propose(t, g, team...)
	vote(t, g, g.state.Size)
	for i, seat := range team {
		do(t, g, seat, Play{i >= fails})
	}
}

// at brings a game into a phase.
func at(t *testing.T, p Phase) *Game {
	t.Helper()
	g := newTestGame()
	switch p {
	case Proposal:
	case Voting:
		propose(t, g, 0, 4)
	case Questing:
		propose(t, g, 0, 4)
		vote(t, g, 3)
	case Assassination, Over:
		for range QuestsToWin {
			quest(t, g, 0)
		}
		if p == Over {
			do(t, g, 3, Guess{0})
		}
	}
	if g.state.Phase != p {
		t.Fatalf("phase %s, want %s", g.state.Phase, p)
	}
	return g
}

var phases = []Phase{Proposal, Voting, Questing, Assassination, Over}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		phase Phase
		seat  int
		move  Move
		want  error
	}{
		{Proposal, -1, Propose{[]int{0, 1}}, ErrUnknownSeat},
		{Proposal, 5, Propose{[]int{0, 1}}, ErrUnknownSeat},
		{Proposal, 1, Propose{[]int{0, 1}}, ErrNotLeader},
		{Proposal, 0, Propose{nil}, ErrTeamSize},
		{Proposal, 0, Propose{[]int{1}}, ErrTeamSize},
		{Proposal, 0, Propose{[]int{0, 1, 2}}, ErrTeamSize},
		{Proposal, 0, Propose{[]int{0, 5}}, ErrUnknownSeat},
		{Proposal, 0, Propose{[]int{-1, 0}}, ErrUnknownSeat},
		{Proposal, 0, Propose{[]int{2, 2}}, ErrRepeatedSeat},
		{Voting, 5, Vote{true}, ErrUnknownSeat},
		{Questing, 1, Play{true}, ErrNotOnTeam},
		{Questing, 1, Play{false}, ErrNotOnTeam},
		{Questing, 0, Play{false}, ErrGoodCannot},
		{Assassination, 0, Guess{1}, ErrNotAssassin},
		{Assassination, 4, Guess{0}, ErrNotAssassin},
		{Assassination, 3, Guess{5}, ErrUnknownSeat},
		{Assassination, 3, Guess{-1}, ErrUnknownSeat},
		{Assassination, 3, Guess{3}, ErrGuessYourself},
	} {
		refused(t, at(t, tc.phase), tc.seat, tc.move, tc.want)
	}
}

func TestEveryMoveHasItsTime(t *testing.T) {
	legal := map[Phase]Move{Proposal: Propose{[]int{0, 1}}, Voting: Vote{true}, Questing: Play{true}, Assassination: Guess{0}}
	for _, now := range phases {
		for when, move := range legal {
			if when == now {
				continue
			}
			for seat := range 5 {
				refused(t, at(t, now), seat, move, ErrWrongPhase)
			}
		}
	}
}

func TestNobodyActsTwice(t *testing.T) {
	g := at(t, Voting)
	do(t, g, 2, Vote{true})
	refused(t, g, 2, Vote{false}, ErrVoted)
	g = at(t, Questing)
	do(t, g, 4, Play{true})
	refused(t, g, 4, Play{false}, ErrPlayed)
}

// refused makes a move that the rules forbid, and looks whether it changed anything.
func refused(t *testing.T, g *Game, seat int, m Move, want error) {
	t.Helper()
	before := everyView(g)
	if err := g.Do(seat, m); !errors.Is(err, want) {
		t.Errorf("seat %d, %#v in phase %s: %v, want %v", seat, m, g.state.Phase, err, want)
	}
	if diff := cmp.Diff(before, everyView(g)); diff != "" {
		t.Errorf("seat %d, %#v in phase %s was refused and changed the game:\n%s", seat, m, g.state.Phase, diff)
	}
}

func everyView(g *Game) []View {
	views := make([]View, g.state.Size)
	for seat := range views {
		views[seat] = g.View(seat)
	}
	return views
}

func TestATeamNeedsMoreThanHalfOfTheVotes(t *testing.T) {
	for size := MinSize; size <= MaxSize; size++ {
		for approvals := range size + 1 {
			g := deal(Setup{Size: size}, Setup{Size: size}.deck(), 0)
			propose(t, g, firstSeats(g.state.Quests[0].Size)...)
			vote(t, g, approvals)
			want := Proposal
			if approvals > size-approvals {
				want = Questing
			}
			b := g.State().Ballots[0]
			if g.state.Phase != want || b.Passed != (want == Questing) || !slices.Equal(b.Team, firstSeats(g.state.Quests[0].Size)) {
				t.Errorf("%d of %d: phase %s, %+v", approvals, size, g.state.Phase, b)
			}
		}
	}
}

func TestTheLeadGoesRound(t *testing.T) {
	g := newTestGame()
	for i := range 3 * MaxRejections {
		if g.state.Leader != i%5 {
			t.Fatalf("team %d is named by %d", i, g.state.Leader)
		}
		if i%2 == 0 { // a team that was rejected and a quest that was made both pass it on
			propose(t, g, firstSeats(g.state.Quests[g.state.Quest].Size)...)
			vote(t, g, 0)
		} else if g.state.count(Success) < 2 {
			quest(t, g, 0)
		} else {
			return
		}
	}
	t.Error("the game did not get on")
}

func TestFiveRejectedTeamsInARowLoseTheGame(t *testing.T) {
	g := newTestGame()
	for i := range MaxRejections - 1 {
		propose(t, g, 0, 1)
		vote(t, g, 2)
		if s := g.State(); s.Rejected != i+1 || s.Phase != Proposal {
			t.Fatalf("after %d: %+v", i+1, s)
		}
	}
	quest(t, g, 0) // the fifth is accepted, and counting begins again
	for i := range MaxRejections {
		if g.state.Rejected != i || g.state.Phase == Over {
			t.Fatalf("rejected %d, phase %s, want %d", g.state.Rejected, g.state.Phase, i)
		}
		propose(t, g, 0, 1, 2)
		vote(t, g, 1)
	}
	if s := g.State(); s.Winner != Evil || s.Reason != FiveRejections || s.Rejected != MaxRejections || len(s.Ballots) != 10 {
		t.Errorf("%+v", s)
	}
}

func TestThreeFailedQuestsLoseTheGame(t *testing.T) {
	g := newTestGame()
	for _, fails := range []int{1, 0, 2, 0, 1} {
		quest(t, g, fails)
	}
	if s := g.State(); s.Winner != Evil || s.Reason != ThreeQuests || s.Quest != 4 || s.Quests[2].Fails != 2 {
		t.Errorf("%+v", s)
	}
}

func TestTheFourthQuestOfSevenNeedsTwoFails(t *testing.T) {
	for size := MinSize; size <= MaxSize; size++ {
		for fails := range 3 {
			roles := Setup{Size: size}.deck()
			slices.SortStableFunc(roles, func(a, b Role) int { return strings.Compare(string(b.Side()), string(a.Side())) })
			g := deal(Setup{Size: size}, roles, 0)
			for _, first := range []int{1, 0, 0} {
				quest(t, g, first)
			}
			quest(t, g, fails)
			failed := fails >= 1 && size < 7 || fails >= 2
			if q := g.State().Quests[3]; (q.Result == Fail) != failed || q.Fails != fails {
				t.Errorf("%d players, %d fails: %+v", size, fails, q)
			}
		}
	}
}

func TestTheAssassinHasTheLastWord(t *testing.T) {
	for seat, want := range map[int]struct {
		winner Side
		reason Reason
	}{
		0: {Evil, MerlinFound},
		1: {Good, MerlinSafe},
		2: {Good, MerlinSafe},
		4: {Good, MerlinSafe}, // a waste, but it is not refused: Oberon would be told from the good by that
	} {
		g := at(t, Assassination)
		if s := g.State(); s.Winner != "" || s.Revealed != nil {
			t.Errorf("before the strike: %+v", s)
		}
		do(t, g, 3, Guess{seat})
		s := g.State()
		if s.Winner != want.winner || s.Reason != want.reason || s.Phase != Over {
			t.Errorf("guess %d: %s wins by %s, want %+v", seat, s.Winner, s.Reason, want)
		}
		if !slices.Equal(s.Revealed, g.roles) {
			t.Errorf("revealed %v, want %v", s.Revealed, g.roles)
		}
	}
}

func TestVotesAndCardsAreSecretUntilAllAreIn(t *testing.T) {
	g := at(t, Voting)
	do(t, g, 4, Vote{false})
	do(t, g, 1, Vote{true})
	if s := g.State(); !slices.Equal(s.Acted, []int{1, 4}) || len(s.Ballots) != 0 {
		t.Errorf("while voting: %+v", s)
	}
	for seat, want := range map[int]*bool{0: nil, 1: ptr(true), 4: ptr(false)} {
		if diff := cmp.Diff(want, g.View(seat).Vote); diff != "" {
			t.Errorf("own vote of seat %d: %s", seat, diff)
		}
	}
	for _, seat := range []int{0, 2, 3} {
		do(t, g, seat, Vote{true})
	}
	if b := g.State().Ballots; len(b) != 1 || !slices.Equal(b[0].Approve, []bool{true, true, true, true, false}) {
		t.Errorf("ballots %+v", b)
	}
	do(t, g, 4, Play{false})
	if s, v := g.State(), g.View(4); !slices.Equal(s.Acted, []int{4}) || s.Quests[0].Fails != 0 || v.Vote != nil || v.Card == nil || *v.Card {
		t.Errorf("on the quest: %+v", v)
	}
	do(t, g, 0, Play{true})
	if q, v := g.State().Quests[0], g.View(4); q.Fails != 1 || q.Result != Fail || v.Card != nil || v.Acted != nil {
		t.Errorf("after the quest: %+v", v)
	}
}

func TestWhatWasReturnedNeverChanges(t *testing.T) {
	g := newTestGame()
	rng := rand.New(rand.NewPCG(1, 2))
	var views []View
	var prints []string
	for g.state.Phase != Over {
		v := g.View(0)
		views, prints = append(views, v), append(prints, fmt.Sprintf("%+v", v))
		seat, move := randomMove(g, rng)
		do(t, g, seat, move)
	}
	for i, v := range views {
		if now := fmt.Sprintf("%+v", v); now != prints[i] {
			t.Errorf("a view was\n%s\nand became\n%s", prints[i], now)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func firstSeats(n int) []int {
	seats := make([]int, n)
	for i := range seats {
		seats[i] = i
	}
	return seats
}
