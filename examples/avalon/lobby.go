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
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/examples/avalon/game"
)

// The bounds on tables. Each process keeps them by what it knows, so that several at once can go beyond by a few.
const (
	maxTables = 200 // in all
	maxHosted = 3   // opened by one user, and not played to the end
)

// lobby is what one process knows of all tables: it changes them in the store, tells its own connections how they are, and looks after
// what is due. Its methods may be called concurrently.
type lobby struct {
	everyone  realtime.Namespace
	process   string // name of this one among those that share the store
	nodes     func(context.Context) ([]realtime.Node, error)
	settings  settings
	store     store
	log       *slog.Logger
	announcer announcer
	running   sync.WaitGroup // alarms and the watch
	missed    map[string]int // by process: looks in a row that did not find it; the watch's

	mu      sync.Mutex // nothing is sent, stored or logged while it is held
	desks   map[string]*desk
	here    map[string]map[string]int // connections of this process, by table and user
	late    map[string]bool           // tables that could not be told who is here
	gone    map[string]bool           // tables that went away since the last look began
	opening map[string]int            // tables that are being opened, by user
	rev     uint64                    // of the list of tables
	trouble bool                      // the store did not answer
	stop    context.CancelFunc        // of the watch
	closed  bool
}

// desk is what this process knows of one table.
type desk struct {
	row       row
	table     *table // as this process saved it last, and perhaps older than the row; nil if it did not
	shown     int    // seconds of the stage that the players here were told last
	alarm     *time.Timer
	notBefore time.Time // after what is due was tried in vain

	announcer announcer
	told      told // belongs to whoever announces
}

func newLobby(srv realtime.Server, process string, s settings, kept store, log *slog.Logger) *lobby {
	return &lobby{
		everyone: srv.Of("/game"), process: process, nodes: srv.Nodes, settings: s, store: kept, log: log, missed: make(map[string]int),
		desks: make(map[string]*desk), here: make(map[string]map[string]int), late: make(map[string]bool), gone: make(map[string]bool),
		opening: make(map[string]int),
	}
}

// open makes a table. Its founder has the first seat.
func (l *lobby) open(ctx context.Context, setup game.Setup, founder, name string) (*table, error) {
	if !l.reserve(founder) {
		return nil, errTooManyTables
	}
	defer l.release(founder)
	ctx, cancel := storeTime(ctx)
	defer cancel()
	number, err := l.store.number(ctx)
	if l.reached(err) != nil {
		return nil, errTryAgain
	}
	t := newTable(strings.ToLower(rand.Text()[:8]), number, setup, founder, &l.settings)
	if err := t.sit(founder, name, time.Now()); err != nil {
		return nil, err
	}
	t.seatBots(l.settings.bots)
	if saved, err := l.save(ctx, t); err != nil || !saved {
		return nil, cmp.Or(err, error(errTryAgain))
	}
	l.log.Info("table opened", "table", t.ID, "size", setup.Size, "user", founder)
	return t, nil
}

// reserve reports whether a user may open one more table. If so, release has to follow.
func (l *lobby) reserve(founder string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	hosted, all := l.opening[founder], len(l.desks)
	for _, n := range l.opening {
		all += n
	}
	for _, d := range l.desks {
		if d.row.Founder == founder && d.row.Phase != string(game.Over) {
			hosted++
		}
	}
	if l.closed || hosted >= maxHosted || all >= maxTables {
		return false
	}
	l.opening[founder]++
	return true
}

func (l *lobby) release(founder string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opening[founder]--; l.opening[founder] == 0 {
		delete(l.opening, founder)
	}
}

// list returns what the event "tables" says, oldest table first.
func (l *lobby) list() Tables {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := Tables{Rev: l.rev, Tables: []TableInfo{}}
	byAge := func(a, b *desk) int {
		return cmp.Or(cmp.Compare(a.row.Number, b.row.Number), cmp.Compare(a.row.ID, b.row.ID))
	}
	for _, d := range slices.SortedFunc(maps.Values(l.desks), byAge) {
		out.Tables = append(out.Tables, d.row.TableInfo)
	}
	return out
}

// listChanged follows every change of the list. Its revisions grow from one process to the next too. The caller holds mu.
func (l *lobby) listChanged() { l.rev = max(l.rev+1, uint64(time.Now().UnixMilli())) } //nolint:gosec // after 1970

// learn takes note of how a table is. A table of which this process does not know is believed in if it is new, or stands in the list of a
// look: otherwise it may have closed meanwhile. t is the table of the row, or nil.
func (l *lobby) learn(r row, t *table, listed bool) {
	if r.Closed {
		l.drop(r.ID)
		return
	}
	l.mu.Lock()
	d := l.desks[r.ID]
	if d == nil {
		if l.closed || l.gone[r.ID] || !listed && r.Rev > 1 {
			l.mu.Unlock()
			return
		}
		d = &desk{}
		l.desks[r.ID] = d
	}
	if t != nil && (d.table == nil || t.Rev > d.table.Rev) {
		d.table = t
	}
	changed := false
	if r.Rev > d.row.Rev {
		if !r.Limit.Equal(d.row.Limit) {
			d.shown = secondsTo(r.Limit, time.Now())
		}
		if changed = r.TableInfo != d.row.TableInfo; changed {
			l.listChanged()
		}
		d.row, d.notBefore = r, time.Time{}
		l.setAlarm(d)
	}
	l.mu.Unlock()
	d.announcer.announce(func() { l.tellTable(d) })
	if changed {
		l.announcer.announce(l.tellList)
	}
}

// drop forgets a table that is not there any more.
func (l *lobby) drop(id string) {
	l.mu.Lock()
	d := l.desks[id]
	l.gone[id] = true
	delete(l.late, id)
	if d != nil {
		if d.alarm != nil {
			d.alarm.Stop()
		}
		delete(l.desks, id)
		l.listChanged()
	}
	l.mu.Unlock()
	if d != nil {
		l.announcer.announce(l.tellList)
	}
}

// close ends what the process does by itself. Tables stay in the store, and other processes go on with them.
func (l *lobby) close() {
	l.mu.Lock()
	l.closed = true
	if l.stop != nil {
		l.stop()
	}
	for _, d := range l.desks {
		if d.alarm != nil {
			d.alarm.Stop()
		}
	}
	l.mu.Unlock()
	l.running.Wait()
	l.store.close()
}

// send emits an event to connections of this process. It needs no answer to a failure: the next event of its kind has everything again.
func (l *lobby) send(to realtime.Broadcaster, event string, payload any) {
	err := to.Local().Emit(context.Background(), event, payload)
	if err != nil && !errors.Is(err, realtime.ErrServerClosed) {
		l.log.Warn("event not sent", "event", event, "err", err)
	}
}

// chance is where the cards of a table and the whims of its bots come from: the system, or a seed, which makes the same of the
// same table again.
func chance(seed, number uint64) *mathrand.ChaCha8 {
	var key [sha256.Size]byte
	if seed == 0 {
		_, _ = rand.Read(key[:]) // never fails
	} else {
		key = sha256.Sum256(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, seed), number))
	}
	return mathrand.NewChaCha8(key)
}
