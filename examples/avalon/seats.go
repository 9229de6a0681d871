package main

import (
	"slices"
	"time"
)

// patience is how long a seat is kept for somebody who went away before the start, and a finished table for its players.
const patience = 2 * time.Minute

// seat is a place at the table: free, or a user's, or a bot's.
type seat struct {
	user string // id
	name string
	bot  bool
	gone time.Time // since when the user has no connection at the table; zero for others
}

func (s *seat) free() bool { return s.user == "" && !s.bot }

// botNames are at least as many as bots can be at a table.
var botNames = []string{"Gawain", "Bors", "Elaine", "Kay", "Lynette", "Tristan", "Enid", "Ector", "Isolde", "Gareth"}

// seatOf returns the seat of a user, or −1. The caller holds mu.
func (t *table) seatOf(user string) int {
	return slices.IndexFunc(t.seats, func(s seat) bool { return user != "" && s.user == user })
}

// seated returns errNotSeated unless a user has a seat.
func (t *table) seated(user string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seatOf(user) < 0 {
		return errNotSeated
	}
	return nil
}

// sit gives a user a seat. Whoever has one keeps it.
func (t *table) sit(user, name string) error {
	return t.change(func() error {
		if t.seatOf(user) >= 0 {
			return nil
		}
		if t.game != nil {
			return errStarted
		}
		i := slices.IndexFunc(t.seats, func(s seat) bool { return s.free() })
		if i < 0 {
			return errFull
		}
		t.seats[i] = seat{user: user, name: name, gone: time.Now()} // until the connection joins the room
		if user == t.founder && t.rev == 0 {
			t.seatBots(t.lobby.settings.bots)
		}
		return nil
	})
}

// leave frees the seat of a user, and reports whether it did: once the game has begun, a seat waits for its player.
func (t *table) leave(user string) (freed bool, err error) {
	err = t.change(func() error {
		i := t.seatOf(user)
		if i < 0 {
			return errNotSeated
		}
		if freed = t.game == nil; freed {
			t.freeSeat(i)
		}
		return nil
	})
	return freed, err
}

// freeSeat lets a person go. Another one becomes host; a table without people closes. The caller holds mu.
func (t *table) freeSeat(i int) {
	t.seats[i] = seat{}
	if t.seats[t.host].user != "" {
		return
	}
	t.host = max(0, slices.IndexFunc(t.seats, func(s seat) bool { return s.user != "" }))
	t.closed = t.seats[t.host].user == ""
}

// fillWithBots lets bots take the free seats. Only the host may ask for it.
func (t *table) fillWithBots(user string) error {
	return t.change(func() error {
		if err := t.hosted(user); err != nil {
			return err
		}
		t.seatBots(len(t.seats))
		return nil
	})
}

// seatBots lets up to n bots sit down. The caller holds mu.
func (t *table) seatBots(n int) {
	for i := range t.seats {
		if n > 0 && t.seats[i].free() {
			t.seats[i] = seat{bot: true, name: botNames[i]}
			n--
		}
	}
}

// hosted returns an error unless a user is the host of a table that has not begun. The caller holds mu.
func (t *table) hosted(user string) error {
	switch {
	case t.seatOf(user) != t.host:
		return errNotHost
	case t.game != nil:
		return errStarted
	}
	return nil
}

// came and went count the connections at the table: a user with two devices is one player.

func (t *table) came(user string) {
	_ = t.change(func() error { // a closed table has nobody to tell
		t.conns[user]++
		if i := t.seatOf(user); i >= 0 {
			t.seats[i].gone = time.Time{}
		}
		return nil
	})
}

func (t *table) went(user string) {
	_ = t.change(func() error {
		if t.conns[user]--; t.conns[user] > 0 {
			return nil
		}
		delete(t.conns, user)
		if i := t.seatOf(user); i >= 0 {
			t.seats[i].gone = time.Now()
		}
		return nil
	})
}

// patienceEnds returns when somebody's patience with people who went away ends, zero for never: before the start with each of them,
// after the end with the last. A game that is on goes on without them. The caller holds mu.
func (t *table) patienceEnds() time.Time {
	var first, last time.Time
	present := false
	for _, s := range t.seats {
		switch end := s.gone.Add(patience); {
		case s.user == "":
		case s.gone.IsZero():
			present = true
		default:
			first = earlier(first, end)
			if end.After(last) {
				last = end
			}
		}
	}
	switch {
	case t.game == nil:
		return first
	case t.playing() || present:
		return time.Time{}
	default:
		return last
	}
}

// sweep frees the seats of those who stayed away too long, or closes a finished table, and reports whether there was a reason. The
// caller holds mu.
func (t *table) sweep(now time.Time) bool {
	end := t.patienceEnds()
	if end.IsZero() || now.Before(end) {
		return false
	}
	if t.game != nil {
		t.closed = true
		return true
	}
	for i, s := range t.seats {
		if !s.gone.IsZero() && now.Sub(s.gone) >= patience {
			t.freeSeat(i)
		}
	}
	return true
}
