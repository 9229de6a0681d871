package main

import (
	"math/rand/v2"
	"reflect"
	"sync"

	"github.com/realtime-go/realtime/examples/avalon/game"
)

// tableRooms, and the table's id, is the room of those who are at a table; lobbyRoom is the room of all others.
const (
	tableRooms = "table:"
	lobbyRoom  = "lobby"
)

// table is one table: its seats, its game, its chat and its clock. It has no goroutine: handlers change it, and a timer, which
// ends with the table. All of its methods may be called concurrently but those that say that the caller holds mu.
type table struct {
	id      string
	number  uint64 // of all tables of the program
	founder string // user
	setup   game.Setup
	lobby   *lobby
	source  rand.Source

	announcer announcer
	told      told // belongs to whoever announces

	mu     sync.Mutex // nothing is sent or logged while it is held
	rev    uint64
	seats  []seat         // as many as players
	conns  map[string]int // connections at the table, by user
	host   int            // seat
	game   *game.Game     // nil before the start
	rng    *rand.Rand     // on source
	chat   chat
	clock  clock
	fault  error // of a move that the server made; there should be none
	closed bool
}

// told is what the clients know already.
type told struct {
	rev     uint64
	phase   string
	secrets map[string]Secret // by user
}

func newTable(l *lobby, id string, number uint64, setup game.Setup, founder string) *table {
	t := &table{id: id, number: number, founder: founder, setup: setup, lobby: l, source: chance(l.settings.seed, number)}
	t.rng = rand.New(t.source)
	t.seats, t.conns = make([]seat, setup.Size), make(map[string]int)
	t.clock.tempo = l.settings.tempo
	return t
}

func (t *table) room() string { return tableRooms + t.id }

// change lets fn change the table and tells everybody. An error means that nothing has changed; it may be shown to the client.
func (t *table) change(fn func() error) error {
	t.mu.Lock()
	err := error(errNoTable)
	if !t.closed {
		err = fn()
	}
	if err == nil {
		t.changed()
	}
	t.mu.Unlock()
	if err == nil {
		t.announce()
	}
	return public(err)
}

// changed follows every change. The caller holds mu.
func (t *table) changed() {
	t.rev++
	t.setAlarm()
}

func (t *table) announce() { t.announcer.announce(t.tell) }

// tell sends what the clients do not know yet. A secret goes before the state that belongs to it, so that no page shows a phase
// without it.
func (t *table) tell() {
	t.mu.Lock()
	closed, now := t.closed, t.public()
	row := t.row()
	secrets := make(map[string]Secret)
	for i, s := range t.seats {
		if s.user != "" {
			secrets[s.user] = t.secret(i)
		}
	}
	t.mu.Unlock()

	if closed {
		t.lobby.drop(t.id)
		return
	}
	for user, secret := range secrets {
		known := t.told.secrets[user]
		known.Rev = secret.Rev
		if !reflect.DeepEqual(known, secret) {
			t.lobby.send(t.lobby.everyone.User(user), "secret", secret)
		}
	}
	if now.Rev != t.told.rev {
		t.lobby.send(t.lobby.everyone.To(t.room()), "table", now)
	}
	if now.Phase != t.told.phase && now.Phase == string(game.Over) {
		t.lobby.log.Info("game over", "table", t.id, "winner", now.Winner, "reason", now.Reason)
	}
	t.told = told{now.Rev, now.Phase, secrets}
	t.lobby.show(row)
}

// close ends the table.
func (t *table) close() {
	_ = t.change(func() error { // it may be closed already
		t.closed = true
		return nil
	})
}
