package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"log/slog"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/examples/avalon/game"
)

const (
	maxTables = 200 // in all
	maxHosted = 3   // opened by one user, and not played to the end
)

// lobby holds all tables, and tells those who sit at none which there are. Its methods may be called concurrently. It never calls a
// table while it holds its lock, nor does a table call it while holding its own.
type lobby struct {
	everyone  realtime.Namespace
	settings  settings
	log       *slog.Logger
	announcer announcer

	mu     sync.Mutex
	tables map[string]*table
	rows   map[string]TableInfo // what is told of those tables
	rev    uint64               // of the rows
	opened uint64               // tables ever
	closed bool
}

func newLobby(everyone realtime.Namespace, s settings, log *slog.Logger) *lobby {
	return &lobby{everyone: everyone, settings: s, log: log, tables: make(map[string]*table), rows: make(map[string]TableInfo)}
}

// open makes a table. Its founder has the first seat.
func (l *lobby) open(setup game.Setup, founder, name string) (*table, error) {
	t, err := l.add(setup, founder)
	if err != nil {
		return nil, err
	}
	l.log.Info("table opened", "table", t.id, "size", setup.Size, "user", founder)
	return t, t.sit(founder, name)
}

func (l *lobby) add(setup game.Setup, founder string) (*table, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	hosted := 0
	for _, t := range l.tables {
		if t.founder == founder && l.rows[t.id].Phase != string(game.Over) {
			hosted++
		}
	}
	if l.closed || hosted >= maxHosted || len(l.tables) >= maxTables {
		return nil, errTooManyTables
	}
	l.opened++
	t := newTable(l, strings.ToLower(rand.Text()[:8]), l.opened, setup, founder)
	l.tables[t.id] = t
	return t, nil
}

// find returns a table, or errNoTable.
func (l *lobby) find(id string) (*table, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.tables[id]; t != nil {
		return t, nil
	}
	return nil, errNoTable
}

// list returns what the event "tables" says, oldest table first.
func (l *lobby) list() Tables {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := Tables{Rev: l.rev, Tables: []TableInfo{}}
	byAge := func(a, b *table) int { return cmp.Compare(a.number, b.number) }
	for _, t := range slices.SortedFunc(maps.Values(l.tables), byAge) {
		if row, ok := l.rows[t.id]; ok {
			out.Tables = append(out.Tables, row)
		}
	}
	return out
}

// show changes the row of a table. It is called in the order in which the table changed.
func (l *lobby) show(row TableInfo) {
	l.mu.Lock()
	changed := l.tables[row.ID] != nil && l.rows[row.ID] != row
	if changed {
		l.rows[row.ID] = row
		l.rev++
	}
	l.mu.Unlock()
	if changed {
		l.announcer.announce(l.tell)
	}
}

// drop forgets a table that has closed.
func (l *lobby) drop(id string) {
	l.mu.Lock()
	_, known := l.tables[id]
	delete(l.tables, id)
	delete(l.rows, id)
	l.rev++
	l.mu.Unlock()
	if known {
		l.log.Info("table closed", "table", id)
		l.announcer.announce(l.tell)
	}
}

func (l *lobby) tell() { l.send(l.everyone.To(lobbyRoom), "tables", l.list()) }

// send emits an event. It needs no answer to a failure: the next event of its kind has everything again.
func (l *lobby) send(to realtime.Emitter, event string, payload any) {
	err := to.Emit(context.Background(), event, payload)
	if err != nil && !errors.Is(err, realtime.ErrServerClosed) {
		l.log.Warn("event not sent", "event", event, "err", err)
	}
}

// close ends all tables, and no other is opened.
func (l *lobby) close() {
	l.mu.Lock()
	l.closed = true
	tables := slices.Collect(maps.Values(l.tables))
	l.mu.Unlock()
	for _, t := range tables {
		t.close()
	}
}

// chance is where the cards of a table and the whims of its bots come from: the system, or a seed, which makes the same of the
// same table again.
func chance(seed, number uint64) mathrand.Source {
	var key [sha256.Size]byte
	if seed == 0 {
		_, _ = rand.Read(key[:]) // never fails
	} else {
		key = sha256.Sum256(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, seed), number))
	}
	return mathrand.NewChaCha8(key)
}
