package game

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// knowledge says, apart from the code, what a role knows of another one: e is evil, m is Merlin or Morgana. Rows know columns.
const knowledge = `
         merlin percival servant assassin morgana mordred oberon minion
merlin   .      .        .       e        e       .       e      e
percival m      .        .       .        m       .       .      .
servant  .      .        .       .        .       .       .      .
assassin .      .        .       e        e       e       .      e
morgana  .      .        .       e        e       e       .      e
mordred  .      .        .       e        e       e       .      e
oberon   .      .        .       .        .       .       .      .
minion   .      .        .       e        e       e       .      e
`

// sights is the table above: knower, known.
var sights = func() map[[2]Role]Mark {
	words := strings.Fields(knowledge)
	columns, words := words[:len(allRoles)], words[len(allRoles):]
	table := make(map[[2]Role]Mark)
	for row := range slices.Chunk(words, 1+len(columns)) {
		for i, cell := range row[1:] {
			table[[2]Role{Role(row[0]), Role(columns[i])}] = map[string]Mark{"e": MarkEvil, "m": MarkMerlinOrMorgana}[cell]
		}
	}
	return table
}()

func TestWhoKnowsWhom(t *testing.T) {
	if len(sights) != len(allRoles)*len(allRoles) {
		t.Fatalf("the table has %d cells", len(sights))
	}
	for pair, want := range sights {
		if got := pair[0].marks(pair[1]); got != want {
			t.Errorf("%s knows %s as %q, want %q", pair[0], pair[1], got, want)
		}
	}
}

func TestAViewHoldsWhatTheRoleKnows(t *testing.T) {
	setup := Setup{Size: 10, Roles: []Role{Percival, Morgana, Mordred, Oberon}}
	g := deal(setup, []Role{Servant, Oberon, Merlin, Mordred, Percival, Servant, Assassin, Servant, Morgana, Servant}, 0)
	want := map[int]string{
		0: "[]",
		1: "[]",
		2: "[{1 evil} {6 evil} {8 evil}]",
		3: "[{6 evil} {8 evil}]",
		4: "[{2 merlin_or_morgana} {8 merlin_or_morgana}]",
		5: "[]",
		6: "[{3 evil} {8 evil}]",
		7: "[]",
		8: "[{3 evil} {6 evil}]",
		9: "[]",
	}
	for seat, knows := range want {
		v := g.View(seat)
		if got := fmt.Sprint(v.Knows); got != knows || v.Role != g.roles[seat] || v.Seat != seat {
			t.Errorf("seat %d is %s in seat %d and knows %s, want %s and %s", seat, v.Role, v.Seat, got, g.roles[seat], knows)
		}
	}
}

// A view must not depend on anything that its player cannot know: roles that look alike to a player change places, the same
// things happen, and the player sees no difference.
func TestRolesThatLookAlikeCanChangePlaces(t *testing.T) {
	swaps := 0
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 0))
		setup := randomSetup(rng)
		g, err := New(setup, rng)
		if err != nil {
			t.Fatal(err)
		}
		for seat := range setup.Size {
			roles := slices.Clone(g.roles)
			a, b := rng.IntN(setup.Size), rng.IntN(setup.Size)
			if a == seat || b == seat || roles[a] == roles[b] || sights[[2]Role{roles[seat], roles[a]}] != sights[[2]Role{roles[seat], roles[b]}] {
				continue
			}
			swaps++
			roles[a], roles[b] = roles[b], roles[a]
			one, other := deal(setup, g.roles, g.state.Leader), deal(setup, roles, g.state.Leader)
			for range 60 {
				v, w := one.View(seat), other.View(seat)
				if !reflect.DeepEqual(v, w) {
					t.Fatalf("%s can tell %s from %s by its view:\n%s", v.Role, g.roles[a], g.roles[b], cmp.Diff(v, w))
				}
				mover, move := openMove(one, rng) // what everybody does alike, whatever the role
				if move == nil {
					break
				}
				if err := one.Do(mover, move); err != nil {
					t.Fatal(err)
				}
				if err := other.Do(mover, move); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if swaps < 200 {
		t.Errorf("only %d pairs changed places", swaps)
	}
}

// openMove is a move that needs no role: it ends when the Assassin has to strike.
func openMove(g *Game, rng *rand.Rand) (seat int, m Move) {
	for _, seat := range rng.Perm(g.state.Size) {
		v := g.View(seat)
		if !v.ToMove() {
			continue
		}
		switch v.Phase {
		case Proposal:
			return seat, Propose{rng.Perm(v.Size)[:v.Quests[v.Quest].Size]}
		case Voting:
			return seat, Vote{rng.IntN(3) > 0}
		case Questing:
			return seat, Play{true}
		case Assassination, Over:
		}
	}
	return 0, nil
}
