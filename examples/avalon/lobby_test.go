package main

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/realtime-go/realtime/examples/avalon/game"
	"github.com/realtime-go/realtime/realtimetest"
)

// inBubble runs a test in fake time.
func inBubble(t *testing.T, flags []string, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, begin(t, flags...)) })
}

func TestTablesAreListedForThoseWhoSitAtNone(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		eve := w.guest("Eve")
		lists := func(what string, want ...TableInfo) {
			t.Helper()
			if want == nil {
				want = []TableInfo{}
			}
			check(t, what, realtimetest.Expect[Tables](eve.Client, "tables").Tables, want)
		}
		check(t, "on asking", realtimetest.Call[Tables](eve.Client, "tables").Tables, []TableInfo{})

		ann := w.table(5, nil, "Ann")[0]
		row := TableInfo{ID: ann.at, Host: "Ann", Players: 1, Size: 5, Phase: "lobby"}
		lists("opened", row)
		bob := w.guest("Bob")
		bob.enter("table:join", At{ann.at})
		row.Players = 2
		lists("joined", row)
		ann.does("table:bots", At{ann.at})
		before := listed(ann, bob)
		row.Players = 5
		lists("filled", row)
		ann.does("table:start", At{ann.at})
		row.Phase = "proposal"
		lists("begun", row)
		check(t, "on asking again", realtimetest.Call[Tables](eve.Client, "tables").Tables, []TableInfo{row})

		synctest.Wait()
		check(t, "lists for those who sit at a table", listed(ann, bob), before)
	})
}

// listed counts the lists that guests got and did not look at.
func listed(guests ...*guest) int {
	n := 0
	for _, g := range guests {
		for _, pending := range g.Pending() {
			if pending == "tables" {
				n++
			}
		}
	}
	return n
}

func TestANewTable(t *testing.T) {
	onEachStore(t, nil, func(t *testing.T, w *world) {
		in := w.guest("Ann").enter("table:create", Create{Size: 7, Roles: []game.Role{game.Percival, game.Mordred}})
		want := Table{
			ID: in.Table.ID, Rev: in.Table.Rev, Size: 7, Phase: "lobby",
			Roles:   []game.Role{game.Merlin, game.Percival, game.Servant, game.Assassin, game.Mordred, game.Minion},
			Players: []Player{{Seat: 0, Name: "Ann", Online: true}},
			Quests: []Quest{
				{Size: 2, FailsNeeded: 1, Team: []int{}},
				{Size: 3, FailsNeeded: 1, Team: []int{}},
				{Size: 3, FailsNeeded: 1, Team: []int{}},
				{Size: 4, FailsNeeded: 2, Team: []int{}},
				{Size: 4, FailsNeeded: 1, Team: []int{}},
			},
			Team: []int{}, Acted: []int{}, Votes: []Ballot{}, Revealed: []Revealed{},
		}
		check(t, "table", in.Table, want)
		check(t, "secret", in.Secret, Secret{Table: in.Table.ID, Rev: in.Table.Rev, Knows: []Sighting{}})
		check(t, "chat", in.Chat, []ChatLine{})
	})
}

func TestTablesThatCannotBe(t *testing.T) {
	onEachStore(t, nil, func(t *testing.T, w *world) {
		ann := w.guest("Ann")
		ann.refused("bad_size", "table:create", Create{Size: 4})
		ann.refused("bad_size", "table:create", map[string]any{})
		ann.refused("too_many_evil", "table:create", Create{Size: 5, Roles: []game.Role{game.Morgana, game.Oberon}})
		ann.refused("bad_role", "table:create", Create{Size: 5, Roles: []game.Role{game.Merlin}})
		ann.refused("invalid_payload", "table:create", map[string]any{"size": "five"})
		check(t, "tables", w.app.lobby.list().Tables, []TableInfo{})
	})
}

func TestSeats(t *testing.T) {
	onEachStore(t, nil, func(t *testing.T, w *world) {
		at := w.table(5, nil, "Ann", "Bob", "Cid", "Dan", "Eve")
		ann := at[0]
		for i, g := range at {
			check(t, "seat of "+g.session.Name, g.seat, i)
		}
		w.guest("Fay").refused("table_full", "table:join", At{ann.at})

		at[2].does("table:leave", At{ann.at})
		fay := w.guest("Fay")
		check(t, "the seat that became free", fay.enter("table:join", At{ann.at}).Secret.Seat, 2)
		check(t, "a seat is kept", w.device(at[3].session).enter("table:join", At{ann.at}).Secret.Seat, 3)

		ann.does("table:start", At{ann.at})
		at[2].refused("already_started", "table:join", At{ann.at})
		check(t, "a seat is kept in the game", w.device(at[3].session).enter("table:join", At{ann.at}).Secret.Seat, 3)
	})
}

func TestTheHostRules(t *testing.T) {
	onEachStore(t, nil, func(t *testing.T, w *world) {
		at := w.table(6, nil, "Ann", "Bob", "Cid")
		ann, bob := at[0], at[1]
		bob.refused("not_host", "table:bots", At{ann.at})
		bob.refused("not_host", "table:start", At{ann.at})
		ann.refused("seats_free", "table:start", At{ann.at})

		ann.does("table:leave", At{ann.at}) // the next becomes host
		now := at[2].sees("Ann gone", func(now Table) bool { return len(now.Players) == 2 && now.Host == 1 })
		check(t, "who is left", now.Players, []Player{{Seat: 1, Name: "Bob", Online: true}, {Seat: 2, Name: "Cid", Online: true}})
		ann.refused("not_seated", "table:start", At{ann.at})

		bob.does("table:bots", At{ann.at})
		now = at[2].sees("a full table", func(now Table) bool { return len(now.Players) == 6 })
		check(t, "bots", []bool{now.Players[0].Bot, now.Players[1].Bot, now.Players[5].Bot}, []bool{true, false, true})
		bob.does("table:start", At{ann.at})
		bob.refused("already_started", "table:start", At{ann.at})
		bob.refused("already_started", "table:bots", At{ann.at})
		at[2].seesPhase(game.Proposal)
	})
}

func TestBotsComeToNewTables(t *testing.T) {
	onEachStore(t, []string{"-bots", "4"}, func(t *testing.T, w *world) {
		ann := w.guest("Ann")
		in := ann.enter("table:create", Create{Size: 6})
		check(t, "players", len(in.Table.Players), 5)
		check(t, "own seat", in.Secret.Seat, 0)
		bob := w.guest("Bob")
		check(t, "the last seat", bob.enter("table:join", At{in.Table.ID}).Secret.Seat, 5)
	})
}

// Whoever leaves before the start leaves with all devices; whoever leaves later keeps the seat, and the other device.
func TestLeavingWithTwoDevices(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		at := w.table(5, nil, "Ann", "Bob")
		ann, bob := at[0], at[1]
		phone := w.device(bob.session)
		phone.enter("table:join", At{ann.at})
		bob.does("table:leave", At{ann.at})
		synctest.Wait()
		if n, err := w.app.lobby.everyone.Room(tableRooms + ann.at).Len(t.Context()); n != 1 || err != nil {
			t.Errorf("%d connections at the table (%v), want Ann's", n, err)
		}
		if n, err := w.app.lobby.everyone.Room(lobbyRoom).Len(t.Context()); n != 2 || err != nil {
			t.Errorf("%d connections in the lobby (%v), want both of Bob's", n, err)
		}

		phone.enter("table:join", At{ann.at})
		bob.enter("table:join", At{ann.at})
		ann.does("table:bots", At{ann.at})
		ann.does("table:start", At{ann.at})
		phone.does("table:leave", At{ann.at})
		now := ann.seesPhase(game.Proposal)
		check(t, "Bob in the game", now.Players[1], Player{Seat: 1, Name: "Bob", Online: true})
		synctest.Wait()
		if n, err := w.app.lobby.everyone.Room(tableRooms + ann.at).Len(t.Context()); n != 2 || err != nil {
			t.Errorf("%d connections at the table (%v), want Ann's and one of Bob's", n, err)
		}
	})
}

func TestAConnectionIsAtOneTable(t *testing.T) {
	onEachStore(t, nil, func(t *testing.T, w *world) {
		ann := w.guest("Ann")
		first := ann.enter("table:create", Create{Size: 5}).Table.ID
		second := ann.enter("table:create", Create{Size: 5}).Table.ID
		bob := w.guest("Bob")
		bob.enter("table:join", At{first})
		check(t, "Ann at the first", bob.enter("table:join", At{first}).Table.Players[0].Online, false)
		check(t, "Ann at the second", bob.enter("table:join", At{second}).Table.Players[0].Online, true)
	})
}

func TestEmptyTablesGoAway(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		eve := w.guest("Eve")
		tables := func() int { return len(realtimetest.Call[Tables](eve.Client, "tables").Tables) }

		ann := w.table(5, nil, "Ann")[0]
		ann.does("table:leave", At{ann.at})
		check(t, "after the last one left", tables(), 0)
		ann.refused("no_table", "table:join", At{ann.at})

		at := w.table(5, nil, "Ann", "Bob")
		at[0].Close()
		synctest.Wait()
		at[1].sees("Ann away", func(now Table) bool { return !now.Players[0].Online })
		time.Sleep(patience - time.Second) // synctest: not quite too long
		check(t, "while a seat is kept", tables(), 1)
		time.Sleep(2 * time.Second) // synctest: too long
		now := at[1].sees("the seat of Ann free", func(now Table) bool { return len(now.Players) == 1 })
		check(t, "host", now.Host, 1)
		at[1].Close()
		time.Sleep(patience + time.Second) // synctest: too long
		check(t, "after all went away", tables(), 0)
	})
}

func TestAFinishedTableGoesAwayWithItsPlayers(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		at := w.table(5, nil, "Ann", "Bob")
		eve := w.guest("Eve")
		at[0].does("table:bots", At{at[0].at})
		at[0].does("table:start", At{at[0].at})
		at[0].Close()
		at[1].seesPhase(game.Over)
		time.Sleep(time.Hour) // synctest: longer than anybody's patience
		tables := realtimetest.Call[Tables](eve.Client, "tables").Tables
		check(t, "while Bob looks at the end", len(tables), 1)
		at[1].Close()
		time.Sleep(patience + time.Second) // synctest: too long
		check(t, "after all went away", realtimetest.Call[Tables](eve.Client, "tables").Tables, []TableInfo{})
	})
}

func TestTheNumberOfTablesIsBounded(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		eager := w.guest("Eager")
		for range maxHosted {
			eager.enter("table:create", Create{Size: 5})
		}
		eager.refused("too_many_tables", "table:create", Create{Size: 5})
		for i := maxHosted; i < maxTables; i++ {
			if _, err := w.app.lobby.open(t.Context(), game.Setup{Size: 5}, fmt.Sprint("user ", i), "N"); err != nil {
				t.Fatal(err)
			}
		}
		w.guest("Late").refused("too_many_tables", "table:create", Create{Size: 5})
		time.Sleep(2 * patience) // synctest: nobody ever came to those tables
		w.guest("Later").enter("table:create", Create{Size: 5})
	})
}

// Whoever plays again and again is not kept from it by the tables that are over, at which others still look at the end.
func TestFinishedTablesDoNotCount(t *testing.T) {
	inBubble(t, []string{"-bots", "4"}, func(t *testing.T, w *world) {
		ann := w.guest("Ann")
		for range maxHosted + 2 {
			id := ann.enter("table:create", Create{Size: 5}).Table.ID
			ann.does("table:start", At{id})
			ann.seesPhase(game.Over) // the server plays for who does nothing
			w.device(ann.session).enter("table:join", At{id})
		}
	})
}

func TestASeedDealsTheSameCards(t *testing.T) {
	deal := func(seed string) (roles []game.Role, leader int) {
		inBubble(t, []string{"-seed", seed}, func(t *testing.T, w *world) {
			at := w.table(7, nil, "Ann", "Bob", "Cid", "Dan", "Eve", "Fay", "Gil")
			at[0].does("table:start", At{at[0].at})
			for _, g := range at {
				roles = append(roles, g.learns(func(s Secret) bool { return s.Role != "" }).Role)
			}
			leader = at[0].seesPhase(game.Proposal).Leader
		})
		return roles, leader
	}
	one, first := deal("7")
	two, second := deal("7")
	check(t, "the same seed", two, one)
	check(t, "the same seed's leader", second, first)
	other, _ := deal("8")
	if fmt.Sprint(one) == fmt.Sprint(other) {
		t.Errorf("two seeds deal %v", one)
	}
}
