package game

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// rulebook says for each number of players: the good, the evil, the teams; a star marks the quest that needs two fails.
const rulebook = `
5   3 2  2 3 2 3  3
6   4 2  2 3 4 3  4
7   4 3  2 3 3 4* 4
8   5 3  3 4 4 5* 5
9   6 3  3 4 4 5* 5
10  6 4  3 4 4 5* 5
`

func TestSizes(t *testing.T) {
	for line := range strings.Lines(strings.TrimSpace(rulebook)) {
		row := strings.Fields(line)
		setup := Setup{}
		if _, err := fmt.Sscan(row[0], &setup.Size); err != nil {
			t.Fatal(err)
		}
		g, err := New(setup, rand.NewPCG(1, 2))
		if err != nil {
			t.Fatal(err)
		}
		got := []string{row[0], fmt.Sprint(setup.Size - setup.EvilCount()), fmt.Sprint(setup.EvilCount())}
		for _, q := range g.State().Quests {
			star := map[int]string{1: "", 2: "*"}[q.FailsNeeded]
			got = append(got, fmt.Sprint(q.Size)+star)
		}
		if !slices.Equal(got, row) {
			t.Errorf("%v, want %v", got, row)
		}
	}
}

func TestSetups(t *testing.T) {
	for _, tc := range []struct {
		size  int
		roles []Role
		want  error
		play  string // each role once
	}{
		{5, nil, nil, "[merlin servant assassin minion]"},
		{5, []Role{Percival, Morgana}, nil, "[merlin percival servant assassin morgana]"},
		{6, []Role{Mordred}, nil, "[merlin servant assassin mordred]"},
		{7, []Role{Oberon, Percival, Mordred}, nil, "[merlin percival servant assassin mordred oberon]"},
		{9, []Role{Oberon}, nil, "[merlin servant assassin oberon minion]"},
		{10, []Role{Oberon, Percival, Mordred, Morgana}, nil, "[merlin percival servant assassin morgana mordred oberon]"},
		{4, nil, ErrSize, ""},
		{11, nil, ErrSize, ""},
		{0, nil, ErrSize, ""},
		{-7, nil, ErrSize, ""},
		{5, []Role{Morgana, Mordred}, ErrTooManyEvil, ""},
		{6, []Role{Morgana, Oberon}, ErrTooManyEvil, ""},
		{9, []Role{Morgana, Oberon, Mordred}, ErrTooManyEvil, ""},
		{10, []Role{Morgana, Morgana}, ErrOptionalRole, ""},
		{10, []Role{Percival, Percival}, ErrOptionalRole, ""},
		{10, []Role{Merlin}, ErrOptionalRole, ""},
		{10, []Role{Assassin}, ErrOptionalRole, ""},
		{10, []Role{Servant}, ErrOptionalRole, ""},
		{10, []Role{"lady"}, ErrOptionalRole, ""},
	} {
		setup := Setup{Size: tc.size, Roles: tc.roles}
		if _, err := New(setup, rand.NewPCG(1, 2)); !errors.Is(err, tc.want) {
			t.Errorf("%d with %v: %v, want %v", tc.size, tc.roles, err, tc.want)
		}
		if tc.want == nil && fmt.Sprint(setup.InPlay()) != tc.play {
			t.Errorf("%d with %v: %v in play, want %v", tc.size, tc.roles, setup.InPlay(), tc.play)
		}
	}
}

func TestTheSameSeedDealsTheSameGame(t *testing.T) {
	for seed := range uint64(100) {
		setup := randomSetup(rand.New(rand.NewPCG(seed, 1)))
		one, err := New(setup, rand.NewPCG(seed, 2))
		if err != nil {
			t.Fatal(err)
		}
		other, err := New(setup, rand.NewPCG(seed, 2))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(one.roles, other.roles) || one.state.Leader != other.state.Leader {
			t.Errorf("seed %d: %v led by %d, and %v led by %d", seed, one.roles, one.state.Leader, other.roles, other.state.Leader)
		}
	}
}

// Every role comes to every seat, and every seat leads first, about equally often.
func TestDealsAreFair(t *testing.T) {
	const deals = 7000
	setup := Setup{Size: 7, Roles: []Role{Percival, Morgana, Oberon}}
	count := make(map[string]int)
	for seed := range uint64(deals) {
		g, err := New(setup, rand.NewPCG(seed, 3))
		if err != nil {
			t.Fatal(err)
		}
		count[fmt.Sprint("leader ", g.state.Leader)]++
		for seat, role := range g.roles {
			if role != Servant { // there are two of them
				count[fmt.Sprint(role, " ", seat)]++
			}
		}
	}
	if want := 7 + 7*5; len(count) != want {
		t.Errorf("%d cases came up, want %d", len(count), want)
	}
	for what, n := range count {
		if n < deals/7*8/10 || n > deals/7*12/10 {
			t.Errorf("%s came up %d times in %d deals", what, n, deals)
		}
	}
}
