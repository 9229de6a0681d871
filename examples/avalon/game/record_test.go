package game

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// again is what comes back of a game that was written as JSON.
func again(t *testing.T, g *Game) *Game {
	t.Helper()
	text, err := json.Marshal(g.Record())
	if err != nil {
		t.Fatal(err)
	}
	var r Record
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	back, err := Restore(r)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return back
}

// A game that is written and read again before every move is the same game to everybody, up to its end.
func TestRecordedGamesGoOn(t *testing.T) {
	for size := MinSize; size <= MaxSize; size++ {
		for seed := range uint64(10) {
			rng := rand.New(rand.NewPCG(seed, uint64(size)))
			g, err := New(withRandomRoles(Setup{Size: size}, rng), rng)
			if err != nil {
				t.Fatal(err)
			}
			for g.state.Phase != Over {
				back := again(t, g)
				for seat := range size {
					if before, after := g.View(seat), back.View(seat); !reflect.DeepEqual(before, after) {
						t.Fatalf("seat %d knew %+v, and then %+v", seat, before, after)
					}
				}
				g = back
				seat, move := randomMove(g, rng)
				do(t, g, seat, move)
				checkStep(t, g, nil)
			}
			if diff := cmp.Diff(g.State(), again(t, g).State()); diff != "" {
				t.Fatalf("the end (-before +after):\n%s", diff)
			}
		}
	}
}

func TestARecordIsACopy(t *testing.T) {
	g := deal(Setup{Size: 5}, []Role{Merlin, Assassin, Servant, Servant, Minion}, 0)
	do(t, g, 0, Propose{[]int{0, 1}})
	do(t, g, 3, Vote{true})
	r := g.Record()
	do(t, g, 4, Vote{true})
	if len(r.Cast) != 1 {
		t.Errorf("a record changed with its game: %v", r.Cast)
	}
}

func TestWhatIsNoRecord(t *testing.T) {
	for what, spoil := range map[string]func(r *Record){
		"nothing":               func(r *Record) { *r = Record{} },
		"another size":          func(r *Record) { r.State.Size = 6 },
		"too few roles":         func(r *Record) { r.Roles = r.Roles[1:] },
		"two Merlins":           func(r *Record) { r.Roles[2] = Merlin },
		"an unknown phase":      func(r *Record) { r.State.Phase = "lunch" },
		"a leader from outside": func(r *Record) { r.State.Leader = 5 },
		"a sixth quest":         func(r *Record) { r.State.Quest = 5 },
		"a negative quest":      func(r *Record) { r.State.Quest = -1 },
		"other quests":          func(r *Record) { r.State.Quests[1].Size = 2 },
		"a stranger in a team":  func(r *Record) { r.State.Team = []int{0, 7} },
		"a stranger on a quest": func(r *Record) { r.State.Quests[0].Team = []int{-1, 0} },
		"a short ballot":        func(r *Record) { r.State.Ballots = []Ballot{{Team: []int{0, 1}, Approve: []bool{true}}} },
		"a stranger's vote":     func(r *Record) { r.Cast = map[int]bool{9: true} },
	} {
		r := deal(Setup{Size: 5}, []Role{Merlin, Assassin, Servant, Servant, Minion}, 0).Record()
		spoil(&r)
		if _, err := Restore(r); !errors.Is(err, ErrRecord) {
			t.Errorf("%s: error %v", what, err)
		}
	}
}
