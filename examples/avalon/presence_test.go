package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/realtime-go/realtime/examples/avalon/game"
)

func online(now Table, seat int) bool { return now.Players[seat].Online }

func TestTwoDevicesAreOnePlayer(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		at := w.table(5, nil, "Ann", "Bob")
		ann, bob := at[0], at[1]
		phone := w.device(bob.session)
		in := phone.enter("table:join", At{ann.at})
		check(t, "players", len(in.Table.Players), 2)
		check(t, "seat", phone.seat, bob.seat)

		rev := in.Table.Rev
		bob.Close()
		synctest.Wait()
		check(t, "with one device left", ann.enter("table:join", At{ann.at}).Table.Players[1].Online, true)
		phone.Cut()             // nobody is told: the heartbeat finds out
		time.Sleep(time.Minute) // synctest: interval and timeout of the heartbeat pass
		now := ann.sees("Bob away", func(now Table) bool { return now.Rev > rev && !online(now, 1) })
		check(t, "a seat that is kept", now.Players[1], Player{Seat: 1, Name: "Bob"})
		w.device(bob.session).enter("table:join", At{ann.at})
		ann.sees("Bob back", func(now Table) bool { return now.Rev > rev && online(now, 1) })
	})
}

// Whoever closes the page and returns finds the same seat, the same role and the open vote; both devices get what is the player's.
func TestReturning(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		at, secrets := w.started()
		here := At{at[0].at}
		leader := at[0].seesPhase(game.Proposal).Leader
		at[leader].does("team:propose", Propose{here, []int{0, 1}})
		at[3].Close()
		at[0].sees("seat 3 away", func(now Table) bool { return now.Phase == "vote" && !online(now, 3) })

		again, phone := w.device(at[3].session), w.device(at[3].session)
		in := again.enter("table:join", here)
		phone.enter("table:join", here)
		check(t, "phase", in.Table.Phase, "vote")
		check(t, "seat and role", []any{in.Secret.Seat, in.Secret.Role}, []any{3, secrets[3].Role})
		check(t, "vote", in.Secret.Vote, (*bool)(nil))

		again.does("team:vote", Vote{here, ptr(false)})
		for _, device := range []*guest{again, phone} {
			s := device.learns(func(s Secret) bool { return s.Vote != nil })
			check(t, "what a device is told", []any{s.Seat, s.Role, *s.Vote}, []any{3, secrets[3].Role, false})
		}
		phone.refused("already_voted", "team:vote", Vote{here, ptr(true)})
	})
}

func TestAReplacedTokenIsTheSamePlayer(t *testing.T) {
	inBubble(t, []string{"-session", "10m"}, func(t *testing.T, w *world) {
		ann := w.table(5, nil, "Ann")[0]
		time.Sleep(9*time.Minute + 30*time.Second) // synctest: the token is about to end
		fresh, err := w.app.logins.issue(ann.session.User, ann.session.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tryRefresh(ann, fresh.Token); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute) // synctest: the first token has ended
		synctest.Wait()
		check(t, "why the connection ended", ann.Reason(), "")
		check(t, "players", len(ann.enter("table:join", At{ann.at}).Table.Players), 1)
		_, err = tryRefresh(ann, w.guest("Bob").session.Token)
		if err == nil {
			t.Error("a token of somebody else was accepted")
		}
	})
}
