package main

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/realtime-go/realtime/examples/avalon/game"
	"github.com/realtime-go/realtime/realtimetest"
)

var everybody = []string{"Ann", "Bob", "Cid", "Dan", "Eve"}

// started is a game of five people. The secrets have been taken.
func (w *world) started() (at []*guest, secrets []Secret) {
	w.t.Helper()
	at = w.table(5, nil, everybody...)
	at[0].does("table:start", At{at[0].at})
	for _, g := range at {
		secrets = append(secrets, g.learns(func(s Secret) bool { return s.Role != "" }))
	}
	return at, secrets
}

func TestAGameOfPeople(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		at, secrets := w.started()
		here := At{at[0].at}
		now := at[0].seesPhase(game.Proposal)
		check(t, "time for a proposal", now.Left, 90)
		good := slices.DeleteFunc([]int{0, 1, 2, 3, 4}, func(seat int) bool { return secrets[seat].Side == game.Evil })
		for quest := range 3 {
			if quest > 0 {
				now = at[0].sees("the next proposal", func(now Table) bool { return now.Phase == "proposal" && now.Quest == quest })
			}
			at[now.Leader].does("team:propose", Propose{here, good[:now.Quests[quest].Size]})
			now = at[0].sees("a vote", func(now Table) bool { return now.Phase == "vote" && now.Quest == quest })
			check(t, "team", now.Team, good[:now.Quests[quest].Size])
			check(t, "time for a vote", now.Left, 45)
			for _, g := range at {
				g.does("team:vote", Vote{here, ptr(true)})
			}
			at[0].sees("a quest", func(now Table) bool { return now.Phase == "quest" })
			for _, seat := range now.Team {
				at[seat].does("quest:play", Play{here, ptr(true)})
			}
		}
		now = at[0].seesPhase(game.Assassination)
		check(t, "nothing is revealed", now.Revealed, []Revealed{})
		var assassin, merlin int
		for seat, s := range secrets {
			switch s.Role {
			case game.Assassin:
				assassin = seat
			case game.Merlin:
				merlin = seat
			}
		}
		at[assassin].does("merlin:guess", Guess{here, ptr(merlin)})
		now = at[0].seesPhase(game.Over)
		check(t, "winner", now.Winner, game.Evil)
		check(t, "reason", now.Reason, game.MerlinFound)
		check(t, "time", now.Left, 0)
		check(t, "votes", len(now.Votes), 3)
		for seat, s := range secrets {
			check(t, "role", now.Revealed[seat], Revealed{seat, s.Role})
		}
	})
}

func TestOwnVotesAreToldToTheirOwnerAlone(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		at, _ := w.started()
		here := At{at[0].at}
		leader := at[0].seesPhase(game.Proposal).Leader
		at[leader].does("team:propose", Propose{here, []int{0, 1}})
		at[2].does("team:vote", Vote{here, ptr(false)})
		s := at[2].learns(func(s Secret) bool { return s.Vote != nil })
		check(t, "vote", *s.Vote, false)
		now := at[0].sees("that somebody has voted", func(now Table) bool { return len(now.Acted) > 0 })
		check(t, "who", now.Acted, []int{2})
		check(t, "votes", now.Votes, []Ballot{})
		again := w.device(at[2].session)
		check(t, "the vote on another device", *again.enter("table:join", here).Secret.Vote, false)
		synctest.Wait()
		for _, seat := range []int{0, 1, 3, 4} {
			if slices.Contains(at[seat].Pending(), "secret") {
				t.Errorf("seat %d was told a secret when seat 2 voted", seat)
			}
		}
	})
}

// Nobody does anything: the server plays the game to its end, each phase lasts as long as it may, and the clock is told each second.
func TestTheServerMovesForTheAbsent(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		at, _ := w.started()
		before := at[0].seesPhase(game.Proposal)
		for i := 1; i < 90; i++ {
			if tick := realtimetest.Expect[Clock](at[0].Client, "clock"); tick != (Clock{at[0].at, "proposal", 90 - i}) {
				t.Fatalf("tick %d is %+v", i, tick)
			}
		}
		begun := time.Now()
		for now := at[0].seesPhase(game.Voting); ; now = at[0].sees("a change", func(Table) bool { return true }) {
			if now.Phase == before.Phase && now.Quest == before.Quest && len(now.Votes) == len(before.Votes) {
				continue
			}
			if want := int(limits[game.Phase(now.Phase)] / time.Second); now.Left != want {
				t.Errorf("phase %s has %d seconds, want %d", now.Phase, now.Left, want)
			}
			took := time.Since(begun) // synctest: fake
			if want := limits[game.Phase(before.Phase)]; before.Phase != "proposal" && took != want {
				t.Errorf("phase %s took %v, want %v", before.Phase, took, want)
			}
			begun, before = time.Now(), now
			if now.Phase == string(game.Over) {
				break
			}
		}
		for _, b := range before.Votes {
			check(t, "votes of the absent", b.Approve, []bool{true, true, true, true, true})
		}
		synctest.Wait()
		ticks := len(at[0].Pending())
		time.Sleep(time.Minute) // synctest: the clock has stopped
		if n := len(at[0].Pending()); n > ticks+5 {
			t.Errorf("%d events came after the end", n-ticks)
		}
	})
}

func TestTempo(t *testing.T) {
	inBubble(t, []string{"-tempo", "0.1"}, func(t *testing.T, w *world) {
		at, _ := w.started()
		begun := time.Now()
		check(t, "time for a proposal", at[0].seesPhase(game.Proposal).Left, 9)
		check(t, "time for a vote", at[0].seesPhase(game.Voting).Left, 5) // 4.5
		check(t, "time until the vote", time.Since(begun), 9*time.Second)
		at[0].seesPhase(game.Questing)
		check(t, "time until the quest", time.Since(begun), 13500*time.Millisecond)
	})
}

// One person creates a table with bots, starts and sees a whole game without doing anything but what the person has to.
func TestAPersonAmongBots(t *testing.T) {
	ends := make(map[game.Reason]int)
	for _, seed := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
		inBubble(t, []string{"-bots", "9", "-seed", seed}, func(t *testing.T, w *world) {
			ann := w.table(7, []game.Role{game.Percival, game.Morgana}, "Ann")[0]
			begun := time.Now()
			ann.does("table:start", At{ann.at})
			now := ann.sees("the end", func(now Table) bool { return now.Phase == string(game.Over) })
			ends[now.Reason]++
			waits := len(now.Votes)*2 + 5 + 1 // of which none is longer than its limit
			if took := time.Since(begun); took > time.Duration(waits)*90*time.Second {
				t.Errorf("the game took %v", took)
			}
		})
	}
	if len(ends) < 2 {
		t.Errorf("all games end alike: %v", ends)
	}
}

// Bots that wait for nobody play without the limits: what each does comes after at most its time to think.
func TestBotsDoNotWaitForTheClock(t *testing.T) {
	inBubble(t, []string{"-bots", "4"}, func(t *testing.T, w *world) {
		ann := w.table(5, nil, "Ann")[0]
		ann.does("table:start", At{ann.at})
		leader := ann.seesPhase(game.Proposal).Leader
		if leader == 0 {
			ann.does("team:propose", Propose{At{ann.at}, []int{0, 1}})
		}
		begun := time.Now()
		ann.sees("all bots' votes", func(now Table) bool { return len(now.Acted) == 4 })
		if took := time.Since(begun); took > 2*maxThought {
			t.Errorf("a team and four votes took %v", took)
		}
	})
}
