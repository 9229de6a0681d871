package main

import (
	"context"
	"errors"
	"time"

	"github.com/realtime-go/realtime/examples/avalon/game"
)

const (
	patienceWithStore = 2 * time.Second // for everything that one event asks of the store
	maxAttempts       = 100             // to be the fastest who changes a table
)

// errUnchanged is the error of a change that there is no need for. Nobody is told of it.
var errUnchanged = errors.New("nothing to change")

// change lets fn change a table, saves it and tells everybody. If somebody else was faster, fn is called again with the table as it is
// then. An error of fn means that nothing has changed, and may be shown to the client; errTryAgain means that nobody knows, and that
// what is true will be seen.
func (l *lobby) change(ctx context.Context, id string, fn func(t *table) error) error {
	ctx, cancel := storeTime(ctx)
	defer cancel()
	for range maxAttempts {
		t, err := l.fetch(ctx, id)
		if err != nil {
			return err
		}
		before := t.phase()
		if err := fn(t); errors.Is(err, errUnchanged) {
			return nil
		} else if err != nil {
			return public(err)
		}
		if saved, err := l.save(ctx, t); err != nil {
			return err
		} else if saved {
			l.report(t, before)
			return nil
		}
	}
	return errTryAgain
}

// load returns a table as it is, or errNoTable, or errTryAgain.
func (l *lobby) load(ctx context.Context, id string) (*table, error) {
	ctx, cancel := storeTime(ctx)
	defer cancel()
	return l.fetch(ctx, id)
}

func (l *lobby) fetch(ctx context.Context, id string) (*table, error) {
	saved, err := l.store.load(ctx, id)
	if err := l.reached(err); err != nil {
		return nil, err
	}
	return decodeTable(saved)
}

// save puts the next revision of a table into the store, and lets all processes know. It is false if somebody was faster.
func (l *lobby) save(ctx context.Context, t *table) (bool, error) {
	t.Rev++
	r := t.row(l.process)
	encoded, err := t.encode()
	if err != nil {
		return false, err
	}
	saved, err := l.store.save(ctx, r, encoded)
	if err := l.reached(err); err != nil || !saved {
		return false, err
	}
	l.learn(r, t, false)
	if err := l.everyone.ServerSideEmit(ctx, rowEvent, r); err != nil {
		l.log.Debug("other processes have to see for themselves", "table", t.ID, "err", err)
	}
	return true, nil
}

// report notes what an operator may want to know of a change.
func (l *lobby) report(t *table, before string) {
	if t.fault != nil {
		l.log.Error("a move of the server broke a rule", "table", t.ID, "err", t.fault)
	}
	if t.absent != "" {
		l.log.Info("moved for the absent", "table", t.ID, "stage", t.absent)
	}
	if now := t.phase(); now != before && now == string(game.Over) {
		s := t.game.State()
		l.log.Info("game over", "table", t.ID, "winner", s.Winner, "reason", s.Reason)
	}
	if t.closed {
		l.log.Info("table closed", "table", t.ID)
	}
}

// reached notes whether the store answers, with a line in the log when that changes, and makes an error for the client of its own.
func (l *lobby) reached(err error) error {
	lost := err != nil && !errors.Is(err, errNoTable)
	l.mu.Lock()
	changed := lost != l.trouble
	l.trouble = lost
	l.mu.Unlock()
	switch {
	case changed && lost:
		l.log.Error("the tables are out of reach", "err", err)
	case changed:
		l.log.Info("the tables are within reach again")
	}
	if lost {
		return errTryAgain
	}
	return err
}

// storeTime bounds what an event asks of the store. A client that goes away does not end what was begun.
func storeTime(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), patienceWithStore)
}
