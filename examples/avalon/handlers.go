package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/examples/avalon/game"
)

// register puts the events of the game on the lobby's namespace.
func (l *lobby) register() {
	ns := l.everyone
	ns.UseEvent(logRefusals(l.log))
	ns.OnConnect(func(ctx context.Context, c *realtime.Conn) error { return c.Join(ctx, lobbyRoom) })
	// The hooks see every way to a table and away from it: handlers, a lost link, a shutdown.
	ns.OnJoin(func(_ context.Context, c *realtime.Conn, room string) { l.moved(c, room, (*table).came) })
	ns.OnLeave(func(_ context.Context, c *realtime.Conn, room string) { l.moved(c, room, (*table).went) })

	user, seldom := realtime.Authenticated(), realtime.RateLimit(10, 10*time.Second)
	realtime.Handle(ns, "tables", l.onTables, user, seldom)
	realtime.Handle(ns, "table:create", l.onCreate, user, seldom)
	realtime.Handle(ns, "table:join", l.onJoin, user, seldom)

	handleAt(l, "table:leave", l.onLeave)
	handleAt(l, "table:bots", onBots)
	handleAt(l, "table:start", onStart)
	handleAt(l, "team:propose", onMove[Propose])
	handleAt(l, "team:vote", onMove[Vote])
	handleAt(l, "quest:play", onMove[Play])
	handleAt(l, "merlin:guess", onMove[Guess])
	handleAt(l, "chat:say", onSay)
}

// handleAt registers an event that only those may send who have a seat at the table that it names. Whose turn it is, and what else the
// rules say, the table decides.
func handleAt[In interface{ table() string }, Out any](
	l *lobby, event string, fn func(ctx context.Context, c *realtime.Conn, t *table, in In) (Out, error),
) {
	player := realtime.Authorize(func(_ context.Context, c *realtime.Conn, in In) error {
		t, err := l.find(in.table())
		if err != nil {
			return err
		}
		return t.seated(c.UserID())
	})
	realtime.Handle(l.everyone, event, func(ctx context.Context, c *realtime.Conn, in In) (Out, error) {
		t, err := l.find(in.table())
		if err != nil {
			var none Out
			return none, err
		}
		return fn(ctx, c, t, in)
	}, realtime.Authenticated(), player, realtime.RateLimit(20, 10*time.Second))
}

// moved tells a table that a connection came or went.
func (l *lobby) moved(c *realtime.Conn, room string, tell func(t *table, user string)) {
	id, ok := strings.CutPrefix(room, tableRooms)
	if !ok {
		return
	}
	if t, err := l.find(id); err == nil { // else it has closed, and nobody is there to know
		tell(t, c.UserID())
	}
}

func (l *lobby) onTables(context.Context, *realtime.Conn, struct{}) (Tables, error) {
	return l.list(), nil
}

func (l *lobby) onCreate(ctx context.Context, c *realtime.Conn, in Create) (Entered, error) {
	t, err := l.open(in.setup(), c.UserID(), nameOf(c))
	if err != nil {
		return Entered{}, err
	}
	return enter(ctx, c, t)
}

func (l *lobby) onJoin(ctx context.Context, c *realtime.Conn, in At) (Entered, error) {
	t, err := l.find(in.Table)
	if err != nil {
		return Entered{}, err
	}
	if err := t.sit(c.UserID(), nameOf(c)); err != nil {
		return Entered{}, err
	}
	return enter(ctx, c, t)
}

// enter brings a connection to a table, and away from wherever it was: it is at one at a time.
func enter(ctx context.Context, c *realtime.Conn, t *table) (Entered, error) {
	for _, room := range c.Rooms() {
		if room == t.room() {
			continue
		}
		if err := c.Leave(ctx, room); err != nil {
			return Entered{}, err
		}
	}
	if err := c.Join(ctx, t.room()); err != nil {
		return Entered{}, err
	}
	// In this order: what changes between the two reaches the page as an event too, and it keeps the newer state.
	return t.entered(c.UserID())
}

// onLeave brings a connection back to the lobby. If the seat is free by that, so are the user's other devices.
func (l *lobby) onLeave(ctx context.Context, c *realtime.Conn, t *table, _ At) (Done, error) {
	freed, err := t.leave(c.UserID())
	if err != nil {
		return Done{}, err
	}
	if !freed {
		return Done{}, exit(ctx, c, t)
	}
	for info, err := range l.everyone.User(c.UserID()).Conns(ctx) {
		if err != nil {
			return Done{}, err
		}
		if other, ok := l.everyone.Conn(info.ID); ok && other.In(t.room()) && other != c {
			_ = exit(ctx, other, t) // it has ended meanwhile
		}
	}
	return Done{}, exit(ctx, c, t)
}

func exit(ctx context.Context, c *realtime.Conn, t *table) error {
	return errors.Join(c.Leave(ctx, t.room()), c.Join(ctx, lobbyRoom))
}

func onBots(_ context.Context, c *realtime.Conn, t *table, _ At) (Done, error) {
	return Done{}, t.fillWithBots(c.UserID())
}

func onStart(_ context.Context, c *realtime.Conn, t *table, _ At) (Done, error) {
	return Done{}, t.start(c.UserID())
}

// onMove hands what a player does to the rules.
func onMove[In interface{ move() game.Move }](_ context.Context, c *realtime.Conn, t *table, in In) (Done, error) {
	return Done{}, t.play(c.UserID(), in.move())
}

func onSay(_ context.Context, c *realtime.Conn, t *table, in Say) (ChatLine, error) {
	return t.say(c.UserID(), in.Text)
}
