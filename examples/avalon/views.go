package main

import (
	"slices"
	"time"

	"github.com/realtime-go/realtime/examples/avalon/game"
)

// What the clients are told of a table. Everything secret is made from a game.View, which holds no more than its seat may know.

// phaseLobby is the phase before the game has one.
const phaseLobby = "lobby"

// phase returns the phase of the table. The caller holds mu, as of all functions here but entered.
func (t *table) phase() string {
	if t.game == nil {
		return phaseLobby
	}
	return string(t.game.State().Phase)
}

// entered returns all that a user needs to show the table.
func (t *table) entered(user string) (Entered, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.seatOf(user)
	if i < 0 {
		return Entered{}, errNotSeated
	}
	return Entered{Table: t.public(), Secret: t.secret(i), Chat: t.chat.history()}, nil
}

// public returns what everybody at the table can see.
func (t *table) public() Table {
	s := game.State{Setup: t.setup, Quests: t.setup.Quests()}
	if t.game != nil {
		s = t.game.State()
	}
	out := Table{
		ID: t.id, Rev: t.rev, Size: t.setup.Size, Roles: t.setup.InPlay(), Host: t.host, Players: t.players(), Phase: t.phase(),
		Left: t.clock.left(time.Now()), Quest: s.Quest, Leader: s.Leader, Rejected: s.Rejected, Team: list(s.Team), Acted: list(s.Acted),
		Votes: []Ballot{}, Winner: s.Winner, Reason: s.Reason, Revealed: []Revealed{},
	}
	for _, q := range s.Quests {
		out.Quests = append(out.Quests, Quest{q.Size, q.FailsNeeded, list(q.Team), q.Fails, q.Result})
	}
	for _, b := range s.Ballots {
		out.Votes = append(out.Votes, Ballot{b.Quest, b.Leader, b.Team, b.Approve, b.Passed})
	}
	for seat, role := range s.Revealed {
		out.Revealed = append(out.Revealed, Revealed{seat, role})
	}
	return out
}

func (t *table) players() []Player {
	out := []Player{}
	for i, s := range t.seats {
		if !s.free() {
			out = append(out, Player{Seat: i, Name: s.name, Bot: s.bot, Online: s.bot || t.conns[s.user] > 0})
		}
	}
	return out
}

// secret returns what the player of a seat alone may know.
func (t *table) secret(seat int) Secret {
	out := Secret{Table: t.id, Rev: t.rev, Seat: seat, Knows: []Sighting{}}
	if t.game == nil {
		return out
	}
	v := t.game.View(seat)
	out.Role, out.Side, out.Vote, out.Card = v.Role, v.Role.Side(), v.Vote, v.Card
	for _, s := range v.Knows {
		out.Knows = append(out.Knows, Sighting{s.Seat, s.As})
	}
	return out
}

// row returns what the list of tables says.
func (t *table) row() TableInfo {
	taken := len(t.seats)
	for i := range t.seats {
		if t.seats[i].free() {
			taken--
		}
	}
	return TableInfo{ID: t.id, Host: t.seats[t.host].name, Players: taken, Size: len(t.seats), Phase: t.phase()}
}

// list is a list that is never null in JSON.
func list(seats []int) []int {
	if seats == nil {
		return []int{}
	}
	return slices.Clip(seats)
}
