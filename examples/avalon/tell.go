package main

import (
	"context"
	"reflect"
	"time"
)

// Each process tells its own connections how a table is, and nobody else's. It knows that something has changed because it made the change,
// because another process said so (rowEvent), or because it looks. So whoever changes a table may die before anybody was told, and what
// is lost between processes is made up for a second later.

// told is what the clients of this process know of a table.
type told struct {
	rev     uint64
	table   Table
	secrets map[string]Secret // by user
	said    uint64            // id of the last line of the chat
}

// tellTable sends what the connections here do not know yet. A secret goes before the state that belongs to it, so that no page shows a
// phase without it. One goroutine at a time is here for one desk.
func (l *lobby) tellTable(d *desk) {
	l.mu.Lock()
	r, t := d.row, d.table
	anybody := len(l.here[r.ID]) > 0
	l.mu.Unlock()
	if !anybody {
		d.told = told{}
		return
	}
	if d.told.rev >= r.Rev {
		return
	}
	if t == nil || t.Rev < r.Rev {
		fresh, err := l.load(context.Background(), r.ID)
		if err != nil {
			return // the next look tries again
		}
		t = fresh
	}
	now := told{rev: t.Rev, table: t.public(time.Now()), secrets: make(map[string]Secret), said: t.Chat.Last}
	for i, s := range t.Seats {
		if s.User == "" {
			continue
		}
		secret := t.secret(i)
		now.secrets[s.User] = secret
		known := d.told.secrets[s.User]
		known.Rev = secret.Rev
		if !reflect.DeepEqual(known, secret) {
			l.send(l.everyone.User(s.User), "secret", secret)
		}
	}
	if !sameTable(d.told.table, now.table) {
		l.send(l.everyone.Room(tableRooms+t.ID), "table", now.table)
	}
	if d.told.rev > 0 { // else those here have just got the history
		for _, line := range t.Chat.since(d.told.said) {
			l.send(l.everyone.Room(tableRooms+t.ID), "chat", line)
		}
	}
	d.told = now
}

// sameTable compares what everybody sees, but for the time that goes by.
func sameTable(a, b Table) bool {
	a.Rev, a.Left = b.Rev, b.Left
	return reflect.DeepEqual(a, b)
}

func (l *lobby) tellList() { l.send(l.everyone.Room(lobbyRoom), "tables", l.list()) }
