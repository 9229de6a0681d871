package main

import (
	"strings"
	"unicode/utf8"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/examples/avalon/game"
)

// Everything here is JSON between the page and the server: README.md has the table of events. Seats count from 0. Lists are never null.

// Tables is the event "tables", for those who sit at none. Rev grows with every change.
type Tables struct {
	Rev    uint64      `json:"rev"`
	Tables []TableInfo `json:"tables"`
}

// TableInfo is one table among others.
type TableInfo struct {
	ID      string `json:"id"`
	Host    string `json:"host"` // name
	Players int    `json:"players"`
	Size    int    `json:"size"`
	Phase   string `json:"phase"`
}

// Entered is what a page needs to show a table.
type Entered struct {
	Table  Table      `json:"table"`
	Secret Secret     `json:"secret"`
	Chat   []ChatLine `json:"chat"`
}

// Table is the event "table": all that everybody at it can see. Rev grows with every change: a page keeps the newer of two.
type Table struct {
	ID       string      `json:"id"`
	Rev      uint64      `json:"rev"`
	Size     int         `json:"size"`
	Roles    []game.Role `json:"roles"` // in play, each once
	Host     int         `json:"host"`
	Players  []Player    `json:"players"`
	Phase    string      `json:"phase"` // "lobby", or one of the game's
	Left     int         `json:"left"`  // seconds of the phase, rounded up; 0: no limit
	Quest    int         `json:"quest"`
	Quests   []Quest     `json:"quests"`
	Leader   int         `json:"leader"`
	Rejected int         `json:"rejected"` // teams in a row
	Team     []int       `json:"team"`
	Acted    []int       `json:"acted"` // who has voted or played, not how
	Votes    []Ballot    `json:"votes"` // newest last
	Winner   game.Side   `json:"winner"`
	Reason   game.Reason `json:"reason"`
	Revealed []Revealed  `json:"revealed"` // empty until the game is over
}

// Player is who sits in a seat.
type Player struct {
	Seat   int    `json:"seat"`
	Name   string `json:"name"`
	Bot    bool   `json:"bot"`
	Online bool   `json:"online"` // has at least one connection at the table
}

// Quest is one of the five.
type Quest struct {
	Size        int         `json:"size"`
	FailsNeeded int         `json:"fails_needed"`
	Team        []int       `json:"team"`
	Fails       int         `json:"fails"`
	Result      game.Result `json:"result"`
}

// Ballot is a vote that was closed.
type Ballot struct {
	Quest   int    `json:"quest"`
	Leader  int    `json:"leader"`
	Team    []int  `json:"team"`
	Approve []bool `json:"approve"` // by seat
	Passed  bool   `json:"passed"`
}

// Revealed is a role that nobody needs to hide any more.
type Revealed struct {
	Seat int       `json:"seat"`
	Role game.Role `json:"role"`
}

// Secret is the event "secret": what one player alone knows. Rev is that of the table.
type Secret struct {
	Table string     `json:"table"`
	Rev   uint64     `json:"rev"`
	Seat  int        `json:"seat"`
	Role  game.Role  `json:"role"` // "" before the game
	Side  game.Side  `json:"side"`
	Knows []Sighting `json:"knows"`
	Vote  *bool      `json:"vote"` // the own one in the open vote
	Card  *bool      `json:"card"` // the own one on the open quest
}

// Sighting is what a player knows of another one.
type Sighting struct {
	Seat int       `json:"seat"`
	As   game.Mark `json:"as"`
}

// Clock is the event "clock", each second while a phase has a limit.
type Clock struct {
	Table string `json:"table"`
	Phase string `json:"phase"`
	Left  int    `json:"left"`
}

// ChatLine is the event "chat". Ids grow within a table.
type ChatLine struct {
	ID   uint64 `json:"id"`
	Seat int    `json:"seat"`
	Name string `json:"name"`
	Text string `json:"text"`
	At   int64  `json:"at"` // Unix time in milliseconds
}

// Create is the payload of "table:create".
type Create struct {
	Size  int         `json:"size"`
	Roles []game.Role `json:"roles"`
}

// Validate is called before the handler. Its error reaches the page as {"error":{"code":…,"message":…}}.
func (c Create) Validate() error { return public(c.setup().Validate()) }

func (c Create) setup() game.Setup { return game.Setup{Size: c.Size, Roles: c.Roles} }

// At is the payload of every event that means a table and nothing else, and a part of the others.
type At struct {
	Table string `json:"table"`
}

func (a At) table() string { return a.Table }

// Propose is the payload of "team:propose".
type Propose struct {
	At
	Team []int `json:"team"`
}

func (p Propose) move() game.Move { return game.Propose{Team: p.Team} }

// Vote is the payload of "team:vote".
type Vote struct {
	At
	Approve *bool `json:"approve"`
}

// Validate refuses a vote that says nothing, which is none against the team.
func (v Vote) Validate() error {
	if v.Approve == nil {
		return realtime.Errorf(realtime.CodeInvalid, "approve is true or false")
	}
	return nil
}

func (v Vote) move() game.Move { return game.Vote{Approve: *v.Approve} }

// Play is the payload of "quest:play".
type Play struct {
	At
	Success *bool `json:"success"`
}

// Validate refuses a card that shows nothing.
func (p Play) Validate() error {
	if p.Success == nil {
		return realtime.Errorf(realtime.CodeInvalid, "success is true or false")
	}
	return nil
}

func (p Play) move() game.Move { return game.Play{Success: *p.Success} }

// Guess is the payload of "merlin:guess".
type Guess struct {
	At
	Seat *int `json:"seat"`
}

// Validate refuses a guess that names nobody.
func (g Guess) Validate() error {
	if g.Seat == nil {
		return realtime.Errorf(realtime.CodeInvalid, "seat is a number")
	}
	return nil
}

func (g Guess) move() game.Move { return game.Guess{Seat: *g.Seat} }

// Say is the payload of "chat:say".
type Say struct {
	At
	Text string `json:"text"`
}

// Validate refuses an empty or an endless text.
func (s Say) Validate() error {
	if strings.TrimSpace(s.Text) == "" {
		return realtime.Errorf(realtime.CodeInvalid, "there is nothing to say")
	}
	if utf8.RuneCountInString(s.Text) > maxText {
		return realtime.Errorf(realtime.CodeInvalid, "a message has at most %d characters", maxText)
	}
	return nil
}

// Done is the acknowledgement of an event whose effect everybody sees.
type Done struct{}
