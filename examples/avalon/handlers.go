package main

import (
	"context"
	"errors"
	"slices"
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
	ns.OnJoin(func(_ context.Context, c *realtime.Conn, room string) { l.moved(c, room, 1) })
	ns.OnLeave(func(_ context.Context, c *realtime.Conn, room string) { l.moved(c, room, -1) })
	ns.OnServerSide(rowEvent, l.onRow)

	user, seldom := realtime.Authenticated(), realtime.RateLimit(10, 10*time.Second)
	realtime.Handle(ns, "tables", l.onTables, user, seldom)
	realtime.Handle(ns, "table:create", l.onCreate, user, seldom)
	realtime.Handle(ns, "table:join", l.onJoin, user, seldom)

	handleAt(l, "table:leave", l.onLeave)
	handleAt(l, "table:bots", changing(l, func(t *table, user string, _ At) error { return t.fillWithBots(user) }))
	handleAt(l, "table:start", changing(l, func(t *table, user string, _ At) error { return t.start(user, time.Now()) }))
	handleAt(l, "team:propose", changing(l, moving[Propose]))
	handleAt(l, "team:vote", changing(l, moving[Vote]))
	handleAt(l, "quest:play", changing(l, moving[Play]))
	handleAt(l, "merlin:guess", changing(l, moving[Guess]))
	handleAt(l, "chat:say", l.onSay)
}

// atTable is a payload that names a table.
type atTable interface{ table() string }

// handleAt registers an event that only those may send who have a seat at the table that it names. Whose turn it is, and what else the
// rules say, the table decides.
func handleAt[In atTable, Out any](l *lobby, event string, fn func(ctx context.Context, c *realtime.Conn, in In) (Out, error)) {
	player := realtime.Authorize(func(ctx context.Context, c *realtime.Conn, in In) error {
		t, err := l.load(ctx, in.table())
		if err == nil && t.seatOf(c.UserID()) < 0 {
			return errNotSeated
		}
		return err
	})
	realtime.Handle(l.everyone, event, fn, realtime.Authenticated(), player, realtime.RateLimit(20, 10*time.Second))
}

// changing is the handler of an event that changes the table for a user, and has no other answer.
func changing[In atTable](l *lobby, fn func(t *table, user string, in In) error) func(context.Context, *realtime.Conn, In) (Done, error) {
	return func(ctx context.Context, c *realtime.Conn, in In) (Done, error) {
		return Done{}, l.change(ctx, in.table(), func(t *table) error { return fn(t, c.UserID(), in) })
	}
}

// moving hands what a player does to the rules.
func moving[In interface{ move() game.Move }](t *table, user string, in In) error {
	return t.play(user, in.move(), time.Now())
}

func (l *lobby) onTables(context.Context, *realtime.Conn, struct{}) (Tables, error) {
	return l.list(), nil
}

func (l *lobby) onCreate(ctx context.Context, c *realtime.Conn, in Create) (Entered, error) {
	t, err := l.open(ctx, in.setup(), c.UserID(), nameOf(c))
	if err != nil {
		return Entered{}, err
	}
	return l.enter(ctx, c, t.ID)
}

func (l *lobby) onJoin(ctx context.Context, c *realtime.Conn, in At) (Entered, error) {
	sit := func(t *table) error { return t.sit(c.UserID(), nameOf(c), time.Now()) }
	if err := l.change(ctx, in.Table, sit); err != nil {
		return Entered{}, err
	}
	return l.enter(ctx, c, in.Table)
}

// enter brings a connection to a table, and away from wherever it was: it is at one at a time.
func (l *lobby) enter(ctx context.Context, c *realtime.Conn, id string) (Entered, error) {
	for _, room := range c.Rooms() {
		if room == tableRooms+id {
			continue
		}
		if err := c.Leave(ctx, room); err != nil {
			return Entered{}, err
		}
	}
	if err := c.Join(ctx, tableRooms+id); err != nil {
		return Entered{}, err
	}
	// In this order: what changes between the two reaches the page as an event too, and it keeps the newer state.
	t, err := l.load(ctx, id)
	if err != nil {
		return Entered{}, err
	}
	return t.entered(c.UserID(), time.Now())
}

// onLeave brings a connection back to the lobby. If the seat is free by that, so are the user's other devices, wherever they are connected.
func (l *lobby) onLeave(ctx context.Context, c *realtime.Conn, in At) (Done, error) {
	freed := false
	err := l.change(ctx, in.Table, func(t *table) (err error) {
		freed, err = t.leave(c.UserID())
		return err
	})
	if err != nil {
		return Done{}, err
	}
	room := tableRooms + in.Table
	if freed {
		l.clear(ctx, room, c)
	}
	return Done{}, errors.Join(c.Leave(ctx, room), c.Join(ctx, lobbyRoom))
}

// clear brings the other connections of a user from a room to the lobby.
func (l *lobby) clear(ctx context.Context, room string, c *realtime.Conn) {
	ctx, cancel := storeTime(ctx)
	defer cancel()
	var devices []string
	var errs []error
	for device, err := range l.everyone.User(c.UserID()).Conns(ctx) {
		switch {
		case err != nil:
			errs = append(errs, err) // some process does not answer
		case device.ID != c.ID() && slices.Contains(device.Rooms, room):
			devices = append(devices, device.ID)
		}
	}
	if len(devices) > 0 {
		others := l.everyone.ToConn(devices...)
		errs = append(errs, others.LeaveAll(ctx, room), others.JoinAll(ctx, lobbyRoom))
	}
	if err := errors.Join(errs...); err != nil {
		l.log.Warn("some devices may have stayed", "user", c.UserID(), "room", room, "err", err)
	}
}

func (l *lobby) onSay(ctx context.Context, c *realtime.Conn, in Say) (ChatLine, error) {
	var line ChatLine
	err := l.change(ctx, in.Table, func(t *table) (err error) {
		line, err = t.say(c.UserID(), in.Text, time.Now())
		return err
	})
	return line, err
}
