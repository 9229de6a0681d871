package main

import (
	"slices"
	"time"
)

// patience is how long a seat is kept for somebody who went away before the start, and a finished table for its players.
const patience = 2 * time.Minute

// seat is a place at the table: free, or a user's, or a bot's.
type seat struct {
	User string    `json:"user,omitempty"` // id
	Name string    `json:"name,omitempty"`
	Bot  bool      `json:"bot,omitempty"`
	Gone time.Time `json:"gone,omitzero"` // since when the user has no connection at the table; zero for others
}

func (s *seat) free() bool { return s.User == "" && !s.Bot }

// botNames are at least as many as bots can be at a table.
var botNames = []string{"Gawain", "Bors", "Elaine", "Kay", "Lynette", "Tristan", "Enid", "Ector", "Isolde", "Gareth"}

// seatOf returns the seat of a user, or −1.
func (t *table) seatOf(user string) int {
	return slices.IndexFunc(t.Seats, func(s seat) bool { return user != "" && s.User == user })
}

// sit gives a user a seat. Whoever has one keeps it.
func (t *table) sit(user, name string, now time.Time) error {
	if t.seatOf(user) >= 0 {
		return errUnchanged
	}
	if t.game != nil {
		return errStarted
	}
	i := slices.IndexFunc(t.Seats, func(s seat) bool { return s.free() })
	if i < 0 {
		return errFull
	}
	t.Seats[i] = seat{User: user, Name: name, Gone: now} // until the connection joins the room
	return nil
}

// leave frees the seat of a user, and reports whether it did: once the game has begun, a seat waits for its player.
func (t *table) leave(user string) (freed bool, err error) {
	i := t.seatOf(user)
	if i < 0 {
		return false, errNotSeated
	}
	if t.game != nil {
		return false, errUnchanged
	}
	t.freeSeat(i)
	return true, nil
}

// freeSeat lets a person go. Another one becomes host; a table without people closes.
func (t *table) freeSeat(i int) {
	t.Seats[i] = seat{}
	if t.Seats[t.Host].User != "" {
		return
	}
	t.Host = max(0, slices.IndexFunc(t.Seats, func(s seat) bool { return s.User != "" }))
	t.closed = t.Seats[t.Host].User == ""
}

// fillWithBots lets bots take the free seats. Only the host may ask for it.
func (t *table) fillWithBots(user string) error {
	if err := t.hosted(user); err != nil {
		return err
	}
	t.seatBots(len(t.Seats))
	return nil
}

// seatBots lets up to n bots sit down.
func (t *table) seatBots(n int) {
	for i := range t.Seats {
		if n > 0 && t.Seats[i].free() {
			t.Seats[i] = seat{Bot: true, Name: botNames[i]}
			n--
		}
	}
}

// hosted returns an error unless a user is the host of a table that has not begun.
func (t *table) hosted(user string) error {
	switch {
	case t.seatOf(user) != t.Host:
		return errNotHost
	case t.game != nil:
		return errStarted
	}
	return nil
}

// attend notes which users have a connection at the table in one process. A player is there with one connection anywhere: two devices
// are one player. It returns errUnchanged for what is known already.
func (t *table) attend(process string, users []string, now time.Time) error {
	if slices.Equal(t.Here[process], users) {
		return errUnchanged
	}
	if t.Here[process] = users; len(users) == 0 {
		delete(t.Here, process)
	}
	for i := range t.Seats {
		s := &t.Seats[i]
		switch there := t.isHere(s.User); {
		case s.User == "" || there:
			s.Gone = time.Time{}
		case s.Gone.IsZero():
			s.Gone = now
		}
	}
	return nil
}

func (t *table) isHere(user string) bool {
	for _, users := range t.Here {
		if slices.Contains(users, user) {
			return true
		}
	}
	return false
}

// patienceEnds returns when somebody's patience with people who went away ends, zero for never: before the start with each of them,
// after the end with the last. A game that is on goes on without them.
func (t *table) patienceEnds() time.Time {
	var first, last time.Time
	present := false
	for _, s := range t.Seats {
		switch end := s.Gone.Add(patience); {
		case s.User == "":
		case s.Gone.IsZero():
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

// sweep frees the seats of those who stayed away too long, or closes a finished table, and reports whether there was a reason.
func (t *table) sweep(now time.Time) bool {
	end := t.patienceEnds()
	if end.IsZero() || now.Before(end) {
		return false
	}
	if t.game != nil {
		t.closed = true
		return true
	}
	for i, s := range t.Seats {
		if !s.Gone.IsZero() && now.Sub(s.Gone) >= patience {
			t.freeSeat(i)
		}
	}
	return true
}
