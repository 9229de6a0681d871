package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/realtime-go/realtime/examples/avalon/game"
)

// tableRooms, and the table's id, is the room of those who are at a table; lobbyRoom is the room of all others.
const (
	tableRooms = "table:"
	lobbyRoom  = "lobby"
)

// table is one table: its seats, its game, its chat, and what is due when. It is a value that a store keeps. Whoever changes one has
// loaded a copy, and saves it if nobody was faster (see lobby.change); one that was saved is never changed again. Nothing in it waits,
// sends or asks for the time.
type table struct {
	ID      string              `json:"id"`
	Rev     uint64              `json:"rev"`     // of the last save; grows by one
	Number  uint64              `json:"number"`  // of all tables ever opened
	Founder string              `json:"founder"` // user
	Setup   game.Setup          `json:"setup"`
	Seats   []seat              `json:"seats"` // as many as players
	Host    int                 `json:"host"`  // seat
	Here    map[string][]string `json:"here"`  // by process: users who have a connection at the table there
	Chat    chat                `json:"chat"`
	Clock   clock               `json:"clock"`

	game   *game.Game    // nil before the start
	chance *rand.ChaCha8 // of the cards, and of the whims of bots
	rng    *rand.Rand    // on chance
	absent string        // the stage in which the server has just moved for the absent
	fault  error         // of a move that the server made; there should be none
	closed bool          // and so no longer kept
}

func newTable(id string, number uint64, setup game.Setup, founder string, s *settings) *table {
	t := &table{ID: id, Number: number, Founder: founder, Setup: setup, chance: chance(s.seed, number)}
	t.rng = rand.New(t.chance)
	t.Seats, t.Here = make([]seat, setup.Size), make(map[string][]string)
	t.Clock.Tempo = s.tempo
	return t
}

// kept is a table as a store has it. It holds every secret of the game.
type kept struct {
	*table
	Game   *game.Record `json:"game,omitempty"`
	Chance []byte       `json:"chance"`
}

func (t *table) encode() ([]byte, error) {
	state, err := t.chance.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.ID, err)
	}
	k := kept{table: t, Chance: state}
	if t.game != nil {
		record := t.game.Record()
		k.Game = &record
	}
	return json.Marshal(k)
}

func decodeTable(saved []byte) (*table, error) {
	t := &table{chance: new(rand.ChaCha8)}
	k := kept{table: t}
	if err := json.Unmarshal(saved, &k); err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	if err := t.chance.UnmarshalBinary(k.Chance); err != nil {
		return nil, fmt.Errorf("table %s: %w", t.ID, err)
	}
	if len(t.Seats) != t.Setup.Size || t.Host < 0 || t.Host >= len(t.Seats) {
		return nil, fmt.Errorf("table %s: %d seats for %d players, host %d", t.ID, len(t.Seats), t.Setup.Size, t.Host)
	}
	t.rng = rand.New(t.chance)
	if k.Game == nil {
		return t, nil
	}
	g, err := game.Restore(*k.Game)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.ID, err)
	}
	t.game = g
	return t, nil
}

// row is what every process knows of every table: what the list says of it, and when somebody has to look after it.
type row struct {
	TableInfo
	Rev       uint64    `json:"rev"`
	Number    uint64    `json:"number"`
	Founder   string    `json:"founder"`
	Limit     time.Time `json:"limit,omitzero"` // end of the stage
	Due       time.Time `json:"due,omitzero"`   // when the server has to do something
	Processes []string  `json:"processes"`      // that have connections at the table
	By        string    `json:"by"`             // the process that saved it
	Closed    bool      `json:"closed,omitempty"`
}

// row returns what a process says that saves the table.
func (t *table) row(by string) row {
	r := row{
		TableInfo: t.info(), Rev: t.Rev, Number: t.Number, Founder: t.Founder, Limit: t.Clock.Limit, Due: t.due(), By: by, Closed: t.closed,
	}
	for process := range t.Here {
		r.Processes = append(r.Processes, process)
	}
	slices.Sort(r.Processes)
	return r
}

// due returns when the server has to do something, if nobody else does anything; zero for never.
func (t *table) due() time.Time { return earlier(t.Clock.due(), t.patienceEnds()) }

// act does what is due, or returns errUnchanged.
func (t *table) act(now time.Time) error {
	bots, absent, swept := t.moveBots(now), t.moveAbsent(now), t.sweep(now)
	if !bots && !absent && !swept {
		return errUnchanged
	}
	t.closed = t.closed || t.fault != nil // else it would wait for ever
	return nil
}
