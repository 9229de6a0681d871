package main

import (
	"context"
	"errors"
	"time"
)

const (
	// late is how much later than the process that saved a table last the others do what is due: they need to only if that one has died. Should
	// two do the same, the store takes one of them.
	late = time.Second
	// again is when something is tried again that could not be done.
	again = time.Second
)

// dueAt returns when this process does what is due at a table; zero for never.
func (l *lobby) dueAt(d *desk) time.Time {
	due := d.row.Due
	switch {
	case due.IsZero():
		return due
	case d.row.By != l.process:
		due = due.Add(late)
	}
	if due.Before(d.notBefore) {
		return d.notBefore
	}
	return due
}

// tickAt returns when the next second of the stage ends for the players here; zero for never. The caller holds mu.
func (l *lobby) tickAt(d *desk, now time.Time) time.Time {
	left := secondsTo(d.row.Limit, now)
	if left == 0 || len(l.here[d.row.ID]) == 0 {
		return time.Time{}
	}
	return d.row.Limit.Add(-time.Second * time.Duration(left-1))
}

// setAlarm sets the timer to what comes next at a table. The caller holds mu.
func (l *lobby) setAlarm(d *desk) {
	now, id := time.Now(), d.row.ID
	next := earlier(l.dueAt(d), l.tickAt(d, now))
	switch {
	case l.closed || next.IsZero():
		if d.alarm != nil {
			d.alarm.Stop()
		}
	case d.alarm == nil:
		d.alarm = time.AfterFunc(next.Sub(now), func() { l.wake(id) })
	default:
		d.alarm.Reset(next.Sub(now))
	}
}

// wake does what is due, and tells the players here how many seconds are left. It runs on the timer's goroutine, for which close waits.
func (l *lobby) wake(id string) {
	now := time.Now()
	l.mu.Lock()
	d := l.desks[id]
	if d == nil || l.closed {
		l.mu.Unlock()
		return
	}
	l.running.Add(1)
	defer l.running.Done()
	due := l.dueAt(d)
	overdue := !due.IsZero() && !now.Before(due)
	if overdue {
		d.notBefore = now.Add(again) // unless it changes the table
	}
	l.mu.Unlock()
	if overdue {
		l.act(id, now)
	}
	l.tick(id)
}

// act does what is due at a table.
func (l *lobby) act(id string, now time.Time) {
	err := l.change(context.Background(), id, func(t *table) error { return t.act(now) })
	switch {
	case errors.Is(err, errNoTable):
		l.drop(id)
	case err != nil && !errors.Is(err, errTryAgain):
		l.log.Error("a table is not looked after", "table", id, "err", err)
	}
}

// tick tells the seconds that are left, and sets the alarm anew.
func (l *lobby) tick(id string) {
	l.mu.Lock()
	d := l.desks[id]
	if d == nil {
		l.mu.Unlock()
		return
	}
	left := secondsTo(d.row.Limit, time.Now())
	ticked := left != d.shown && len(l.here[id]) > 0
	d.shown = left
	phase := d.row.Phase
	l.setAlarm(d)
	l.mu.Unlock()
	if ticked {
		l.send(l.everyone.Room(tableRooms+id).Volatile(), "clock", Clock{Table: id, Phase: phase, Left: left})
	}
}
