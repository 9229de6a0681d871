package main

import (
	"slices"
	"time"

	"github.com/realtime-go/realtime/examples/avalon/game"
)

// What the clients are told of a table. Everything secret is made from a game.View, which holds no more than its seat may know.

// phaseLobby is the phase before the game has one.
const phaseLobby = "lobby"

// phase returns the phase of the table.
func (t *table) phase() string {
	if t.game == nil {
		return phaseLobby
	}
	return string(t.game.State().Phase)
}

// entered returns all that a user needs to show the table.
func (t *table) entered(user string, now time.Time) (Entered, error) {
	i := t.seatOf(user)
	if i < 0 {
		return Entered{}, errNotSeated
	}
	return Entered{Table: t.public(now), Secret: t.secret(i), Chat: t.Chat.since(0)}, nil
}

// public returns what everybody at the table can see.
func (t *table) public(now time.Time) Table {
	s := game.State{Setup: t.Setup, Quests: t.Setup.Quests()}
	if t.game != nil {
		s = t.game.State()
	}
	out := Table{
		ID: t.ID, Rev: t.Rev, Size: t.Setup.Size, Roles: t.Setup.InPlay(), Host: t.Host, Players: t.players(), Phase: t.phase(),
		Left: secondsTo(t.Clock.Limit, now), Quest: s.Quest, Leader: s.Leader, Rejected: s.Rejected, Team: list(s.Team), Acted: list(s.Acted),
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
	for i, s := range t.Seats {
		if !s.free() {
			out = append(out, Player{Seat: i, Name: s.Name, Bot: s.Bot, Online: s.Gone.IsZero()})
		}
	}
	return out
}

// secret returns what the player of a seat alone may know.
func (t *table) secret(seat int) Secret {
	out := Secret{Table: t.ID, Rev: t.Rev, Seat: seat, Knows: []Sighting{}}
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

// info returns what the list of tables says.
func (t *table) info() TableInfo {
	taken := len(t.Seats)
	for i := range t.Seats {
		if t.Seats[i].free() {
			taken--
		}
	}
	return TableInfo{ID: t.ID, Host: t.Seats[t.Host].Name, Players: taken, Size: len(t.Seats), Phase: t.phase()}
}

// list is a list that is never null in JSON.
func list(seats []int) []int {
	if seats == nil {
		return []int{}
	}
	return slices.Clip(seats)
}
