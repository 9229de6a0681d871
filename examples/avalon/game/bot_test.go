package game

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// by lets everyone play by the same function.
func by(player func(View, *rand.Rand) Move, rng *rand.Rand) func(*Game) (int, Move) {
	return func(g *Game) (int, Move) {
		for _, seat := range rng.Perm(g.state.Size) {
			if m := player(g.View(seat), rng); m != nil {
				return seat, m
			}
		}
		return 0, nil
	}
}

// Bots play by the rules to the end, and neither side knows it beforehand.
func TestBotsPlayWholeGames(t *testing.T) {
	const games = 150
	for size := MinSize; size <= MaxSize; size++ {
		ends := make(map[Reason]int)
		for seed := range uint64(games) {
			rng := rand.New(rand.NewPCG(seed, uint64(size)))
			ends[play(t, withRandomRoles(Setup{Size: size}, rng), rng, by(Bot, rng)).Reason]++
		}
		for _, reason := range []Reason{ThreeQuests, MerlinFound, MerlinSafe} {
			if ends[reason] < games/20 {
				t.Errorf("%d players: only %d of %d games ended by %s", size, ends[reason], games, reason)
			}
		}
	}
}

func TestAGameOfTheAbsentEnds(t *testing.T) {
	for size := MinSize; size <= MaxSize; size++ {
		for seed := range uint64(100) {
			rng := rand.New(rand.NewPCG(seed, uint64(size)))
			end := play(t, withRandomRoles(Setup{Size: size}, rng), rng, by(Absent, rng))
			if slices.ContainsFunc(end.Ballots, func(b Ballot) bool { return slices.Contains(b.Approve, false) }) {
				t.Fatalf("somebody absent rejected a team: %+v", end)
			}
		}
	}
}

func TestNobodyMovesOutOfTurn(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for phase, movers := range map[Phase][]int{Proposal: {0}, Voting: {0, 1, 2, 3, 4}, Questing: {0, 4}, Assassination: {3}, Over: nil} {
		g := at(t, phase)
		for seat := range 5 {
			bot, absent := Bot(g.View(seat), rng), Absent(g.View(seat), rng)
			if moves := slices.Contains(movers, seat); (bot != nil) != moves || (absent != nil) != moves {
				t.Errorf("%s: seat %d moves %#v and %#v", phase, seat, bot, absent)
			}
		}
	}
}

// The same view and the same chance make the same decision.
func TestBotsDependOnTheirViewAlone(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 0))
		play(t, randomSetup(rng), rng, func(g *Game) (int, Move) {
			for seat := range g.state.Size {
				one, other := Bot(g.View(seat), rand.New(rand.NewPCG(seed, 9))), Bot(g.View(seat), rand.New(rand.NewPCG(seed, 9)))
				if !reflect.DeepEqual(one, other) {
					t.Fatalf("%#v, then %#v", one, other)
				}
			}
			return randomMove(g, rng)
		})
	}
}

func TestSuspicion(t *testing.T) {
	g := newTestGame()
	quest(t, g, 1) // seats 4 and 0 were on it
	for _, seat := range []int{0, 3, 4} {
		v := g.View(seat)
		if got := suspicion(&v); !slices.Equal(got, []float64{0, 0, 0, 1, 1}) {
			t.Errorf("%s knows, and suspects %v", v.Role, got)
		}
	}
	v := g.View(1)
	got := suspicion(&v)
	if sum := got[0] + got[2] + got[3] + got[4]; got[1] != 0 || sum < 1.999 || sum > 2.001 {
		t.Errorf("two of the others are evil, suspected is %v", got)
	}
	if got[0] != got[4] || got[2] != got[3] || got[0] <= got[2] {
		t.Errorf("those on the failed quest are suspected more than the others: %v", got)
	}
}

func TestPercivalKnowsThatOneOfTwoIsGood(t *testing.T) {
	for _, tc := range []struct {
		roles []Role
		want  []float64
	}{
		{[]Role{Percival, Merlin, Morgana, Assassin, Servant}, []float64{0, .5, .5, .5, .5}},
		{[]Role{Percival, Merlin, Minion, Assassin, Servant}, []float64{0, 0, 2. / 3, 2. / 3, 2. / 3}},
	} {
		optional := []Role{Percival}
		if slices.Contains(tc.roles, Morgana) {
			optional = append(optional, Morgana)
		}
		v := deal(Setup{Size: 5, Roles: optional}, tc.roles, 0).View(0)
		for seat, p := range suspicion(&v) {
			if diff := p - tc.want[seat]; diff < -0.001 || diff > 0.001 {
				t.Errorf("%v: seat %d is suspected with %f, want %f", tc.roles, seat, p, tc.want[seat])
			}
		}
	}
}

// Evil players who know each other do not all fail a quest that one can fail; on the fourth of seven two of them do.
func TestEvilSharesTheWork(t *testing.T) {
	roles := []Role{Merlin, Servant, Servant, Servant, Assassin, Minion, Minion}
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 0))
		g := deal(Setup{Size: 7}, roles, 0)
		for quests, fails := range []int{1, 1, 0} { // one more decides
			if g.state.Quest != quests {
				t.Fatal("the game did not get on")
			}
			quest(t, g, fails)
		}
		propose(t, g, 3, 4, 5, 6)
		vote(t, g, 7)
		for _, seat := range []int{3, 4, 5, 6} {
			do(t, g, seat, Bot(g.View(seat), rng))
		}
		if q := g.State().Quests[3]; q.Fails != 2 {
			t.Fatalf("%+v", q)
		}
	}
}
