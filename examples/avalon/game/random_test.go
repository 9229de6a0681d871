package game

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func randomSetup(rng *rand.Rand) Setup {
	setup := Setup{Size: MinSize + rng.IntN(MaxSize-MinSize+1)}
	return withRandomRoles(setup, rng)
}

func withRandomRoles(setup Setup, rng *rand.Rand) Setup {
	optional := []Role{Percival, Morgana, Mordred, Oberon}
	rng.Shuffle(len(optional), func(i, j int) { optional[i], optional[j] = optional[j], optional[i] })
	setup.Roles = optional[:rng.IntN(len(optional)+1)]
	for setup.Validate() != nil {
		setup.Roles = setup.Roles[1:]
	}
	return setup
}

// randomMove is any legal move of any player that the game waits for, or nil.
func randomMove(g *Game, rng *rand.Rand) (seat int, m Move) {
	for _, seat := range rng.Perm(g.state.Size) {
		v := g.View(seat)
		if !v.ToMove() {
			continue
		}
		switch v.Phase {
		case Proposal:
			return seat, Propose{rng.Perm(v.Size)[:v.Quests[v.Quest].Size]}
		case Voting:
			return seat, Vote{rng.IntN(2) == 0}
		case Questing:
			return seat, Play{v.Role.Side() == Good || rng.IntN(2) == 0}
		case Assassination:
			return seat, Guess{(seat + 1 + rng.IntN(v.Size-1)) % v.Size}
		case Over:
		}
	}
	return 0, nil
}

// maxMoves is more than any game can have: 25 teams and votes, 5 quests, one strike.
const maxMoves = 25*(1+MaxSize) + 5*5 + 1

// play plays a game to its end with moves from next, looks at every step, and returns the end.
func play(t *testing.T, setup Setup, rng *rand.Rand, next func(*Game) (int, Move)) State {
	t.Helper()
	g, err := New(setup, rng)
	if err != nil {
		t.Fatal(err)
	}
	checkStep(t, g, nil)
	for range maxMoves {
		before := g.State()
		seat, move := next(g)
		if move == nil {
			break
		}
		do(t, g, seat, move)
		checkStep(t, g, &before)
	}
	if g.state.Phase != Over {
		t.Fatalf("the game stands still: %+v", g.State())
	}
	return g.State()
}

func TestRandomGames(t *testing.T) {
	ends := make(map[Reason]int)
	for size := MinSize; size <= MaxSize; size++ {
		for seed := range uint64(1000) {
			rng := rand.New(rand.NewPCG(seed, uint64(size)))
			end := play(t, withRandomRoles(Setup{Size: size}, rng), rng, func(g *Game) (int, Move) { return randomMove(g, rng) })
			ends[end.Reason]++
		}
	}
	for _, reason := range []Reason{ThreeQuests, FiveRejections, MerlinFound, MerlinSafe} {
		if ends[reason] < 100 {
			t.Errorf("only %d games ended by %s", ends[reason], reason)
		}
	}
}

// checkStep fails the test if a game is in a state in which no game can be. before is the state one move ago.
func checkStep(t *testing.T, g *Game, before *State) {
	t.Helper()
	s := g.State()
	for _, wrong := range slices.Concat(wrongCounts(&s, g.roles), wrongEnd(&s, g.roles), wrongViews(g)) {
		t.Fatalf("%s: %+v, roles %v", wrong, s, g.roles)
	}
	if before != nil && before.Phase == Over {
		t.Fatalf("a move was made after the end: %+v", s)
	}
	if before != nil && (len(s.Ballots) < len(before.Ballots) || s.Quest < before.Quest) {
		t.Fatalf("history was changed: %+v, then %+v", before, s)
	}
}

func wrongCounts(s *State, roles []Role) (wrong []string) {
	evil := 0
	for _, r := range roles {
		if r.Side() == Evil {
			evil++
		}
	}
	must := func(ok bool, what string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Sprintf(what, args...))
		}
	}
	must(len(roles) == s.Size && evil == s.EvilCount(), "number of roles")
	must(s.Leader >= 0 && s.Leader < s.Size, "leader")
	must(len(s.Ballots) <= QuestCount*MaxRejections, "number of votes")
	must(slices.Contains(phases, s.Phase), "phase")
	busy := s.Phase == Voting || s.Phase == Questing
	must((len(s.Team) > 0) == busy, "team")
	must(!busy || len(s.Team) == s.Quests[s.Quest].Size && slices.IsSorted(s.Team), "size of the team")
	must(s.Phase != Questing || slices.Equal(s.Team, s.Quests[s.Quest].Team), "team of the quest")
	must(len(s.Acted) == 0 || busy, "who has acted")
	must(s.Rejected < MaxRejections || s.Reason == FiveRejections, "rejected teams")
	rejected := 0
	for _, b := range s.Ballots {
		rejected++
		if b.Passed {
			rejected = 0
		}
	}
	must(s.Rejected == rejected, "rejected teams in the history")
	for i, q := range s.Quests {
		done := q.Result != ""
		must(done == (i < s.Quest || i == s.Quest && (s.count(Success) == 3 || s.count(Fail) == 3)), "result of quest %d", i)
		must((len(q.Team) > 0) == (done || i == s.Quest && s.Phase == Questing), "team of quest %d", i)
		must(q.Fails <= s.EvilCount() && (!done || (q.Result == Fail) == (q.Fails >= q.FailsNeeded)), "fails of quest %d", i)
	}
	return wrong
}

// wrongEnd looks for exactly one winner with the right reason, and for roles that are shown before.
func wrongEnd(s *State, roles []Role) (wrong []string) {
	over := s.Phase == Over
	if (s.Winner != "") != over || (s.Reason != "") != over {
		wrong = append(wrong, "winner")
	}
	if over != slices.Equal(s.Revealed, roles) || !over && s.Revealed != nil {
		wrong = append(wrong, "revealed roles")
	}
	good, bad := s.count(Success), s.count(Fail)
	possible := map[Reason]bool{
		"":             good < 3 && bad < 3 && s.Rejected < 5 || s.Phase == Assassination && good == 3 && bad < 3,
		ThreeQuests:    s.Winner == Evil && bad == 3 && good < 3,
		FiveRejections: s.Winner == Evil && s.Rejected == 5 && good < 3 && bad < 3,
		MerlinFound:    s.Winner == Evil && good == 3 && bad < 3,
		MerlinSafe:     s.Winner == Good && good == 3 && bad < 3,
	}
	if !possible[s.Reason] {
		wrong = append(wrong, "reason")
	}
	return wrong
}

// wrongViews compares what each player sees with the table of role_test.go.
func wrongViews(g *Game) (wrong []string) {
	moving := 0
	for seat, role := range g.roles {
		v := g.View(seat)
		knows := []Sighting(nil)
		for other, r := range g.roles {
			if mark := sights[[2]Role{role, r}]; mark != "" && other != seat {
				knows = append(knows, Sighting{other, mark})
			}
		}
		if v.Seat != seat || v.Role != role || !slices.Equal(v.Knows, knows) {
			wrong = append(wrong, fmt.Sprint("knowledge of ", seat, ": ", v.Knows))
		}
		if acted := slices.Contains(v.Acted, seat); (v.Vote != nil) != (acted && v.Phase == Voting) || (v.Card != nil) != (acted && v.Phase == Questing) {
			wrong = append(wrong, fmt.Sprint("own choice of ", seat))
		}
		if v.ToMove() {
			moving++
		}
	}
	if (moving == 0) != (g.state.Phase == Over) {
		wrong = append(wrong, "nobody is to move")
	}
	return wrong
}

// FuzzMoves throws moves of any seat at a game: most break a rule, none may break the game.
func FuzzMoves(f *testing.F) {
	f.Add(uint64(1), uint64(5), []byte{0, 0, 0, 1, 1, 1, 1, 2, 1, 3, 1})
	f.Add(uint64(2), uint64(10), []byte("any bytes are moves"))
	seed := uint64(3)
	for size := uint64(MinSize); size <= MaxSize; size++ {
		f.Add(seed, size, []byte{0xf0, 0xf1, 0xf2, 0xf3, 0xff, 0xfe, 0xfd, 0xfc, 0x11, 0x22, 0x33})
	}
	f.Fuzz(func(t *testing.T, seed, size uint64, moves []byte) {
		rng := rand.New(rand.NewPCG(seed, size))
		g, err := New(withRandomRoles(Setup{Size: MinSize + int(size%6)}, rng), rng)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range moves[:min(len(moves), 2*maxMoves)] {
			before := g.State()
			seat, move := fuzzMove(g, b, rng)
			var rule *Error
			switch err := g.Do(seat, move); {
			case err == nil:
				checkStep(t, g, &before)
			case !errors.As(err, &rule):
				t.Fatalf("seat %d, %#v: %v is no rule", seat, move, err)
			default:
				if diff := cmp.Diff(before, g.State()); diff != "" {
					t.Fatalf("seat %d, %#v was refused by %v and changed the game:\n%s", seat, move, err, diff)
				}
			}
		}
	})
}

// fuzzMove turns a byte into a move. From 0xc0 on it is one that the rules allow.
func fuzzMove(g *Game, b byte, rng *rand.Rand) (seat int, m Move) {
	if b >= 0xc0 {
		if seat, m := randomMove(g, rng); m != nil {
			return seat, m
		}
	}
	seat = int(b>>2)%(MaxSize+2) - 1
	switch b % 4 {
	case 0:
		team := make([]int, rng.IntN(7))
		for i := range team {
			team[i] = rng.IntN(MaxSize+2) - 1
		}
		return seat, Propose{team}
	case 1:
		return seat, Vote{b&4 == 0}
	case 2:
		return seat, Play{b&4 == 0}
	default:
		return seat, Guess{rng.IntN(MaxSize+2) - 1}
	}
}
