package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/realtime-go/realtime"
)

// moved counts a connection that came to a room (1) or went from it (−1). If the room is a table, the table is told who is here.
func (l *lobby) moved(c *realtime.Conn, room string, by int) {
	id, ok := strings.CutPrefix(room, tableRooms)
	if !ok {
		return
	}
	l.mu.Lock()
	users := l.here[id]
	if users == nil {
		users = make(map[string]int)
		l.here[id] = users
		if d := l.desks[id]; d != nil {
			d.shown = secondsTo(d.row.Limit, time.Now())
		}
	}
	if users[c.UserID()] += by; users[c.UserID()] <= 0 {
		delete(users, c.UserID())
	}
	if len(users) == 0 {
		delete(l.here, id)
	}
	if d := l.desks[id]; d != nil {
		l.setAlarm(d)
	}
	l.mu.Unlock()
	l.attend(context.Background(), id)
}

// attend makes the table know who is here, now or at a later look.
func (l *lobby) attend(ctx context.Context, id string) {
	err := l.change(ctx, id, func(t *table) error { return t.attend(l.process, l.usersAt(id), time.Now()) })
	l.mu.Lock()
	if delete(l.late, id); err != nil && !errors.Is(err, errNoTable) {
		l.late[id] = true
	}
	d := l.desks[id]
	l.mu.Unlock()
	if d != nil {
		d.announcer.announce(func() { l.tellTable(d) }) // from now on there is somebody here to tell, or nobody
	}
}

// usersAt returns who is here at a table, in a certain order.
func (l *lobby) usersAt(id string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.here[id]))
}
