package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/examples/avalon/game"
)

// What the tables refuse, beside the rules of the game.
var (
	errNoTable       = realtime.Errorf("no_table", "there is no such table")
	errNotSeated     = realtime.Errorf("not_seated", "you have no seat at this table")
	errFull          = realtime.Errorf("table_full", "all seats are taken")
	errStarted       = realtime.Errorf("already_started", "the game has begun")
	errNotHost       = realtime.Errorf("not_host", "only the host does that")
	errFreeSeats     = realtime.Errorf("seats_free", "there are free seats")
	errTooManyTables = realtime.Errorf("too_many_tables", "there are too many tables, join one of them")
	errTryAgain      = realtime.Errorf("try_again", "the tables are out of reach, try again")
)

// public makes a broken rule of the game something that the client may see: code and message go into the acknowledgement.
func public(err error) error {
	var rule *game.Error
	if errors.As(err, &rule) {
		return realtime.Errorf(rule.Code, "%s", rule.Message)
	}
	return err
}

// logRefusals names everyone who tries what is not allowed: a page of ours offers none of that. Events above a rate limit are left out, or
// whoever sends them would fill the log, and so is what is not the client's fault.
func logRefusals(log *slog.Logger) func(next realtime.HandlerFunc) realtime.HandlerFunc {
	return func(next realtime.HandlerFunc) realtime.HandlerFunc {
		return func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
			err := next(ctx, c, ev)
			var refused *realtime.Error
			if errors.As(err, &refused) && refused.Code != realtime.CodeRateLimited && refused.Code != errTryAgain.Code {
				log.Warn("refused", "user", c.UserID(), "event", ev.Name, "code", refused.Code)
			}
			return err
		}
	}
}
