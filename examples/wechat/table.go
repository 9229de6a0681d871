package main

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/realtime-go/realtime"
)

// seatCount is how many can play.
const seatCount = 4

// room is where everyone at the table is.
const room = "table"

// seatOf is the slot in which a connection keeps the number of its seat, from the event "sit" on.
var seatOf = realtime.NewKey[int]("seat")

// Seat is a seat as everyone sees it. Who sits there stays on the server: an openid is nobody else's business.
type Seat struct {
	Taken  bool `json:"taken"`
	Online bool `json:"online"` // false while all phones of the player are away
	Points int  `json:"points"`
}

// Roll is the acknowledgement of the event "roll".
type Roll struct {
	Seat  int `json:"seat"` // from 0
	Value int `json:"value"`
}

// State is the event "state", sent after every change, and the acknowledgement of the event of the same name: all that a phone
// needs to show the table, however much it has missed. Rev grows with every change, so that a phone keeps the newer of two states.
type State struct {
	Rev   uint64          `json:"rev"`
	Seats [seatCount]Seat `json:"seats"`
	Last  *Roll           `json:"last"` // null before the first
}

// Seated is the acknowledgement of the event "sit".
type Seated struct {
	Seat  int   `json:"seat"`
	State State `json:"state"`
}

// Nothing is the payload of events that need none: its JSON is {}.
type Nothing struct{}

// table is the state of the one table. Its methods are called by the handlers of many connections at once.
type table struct {
	everyone realtime.Namespace
	grace    time.Duration // that a seat waits for a player who is away

	mu    sync.Mutex
	rev   uint64
	seats [seatCount]seat
	last  *Roll
}

// seat belongs to a user, not to a connection: phones come and go, and the one that comes back is a new connection.
type seat struct {
	user   string // "" is free
	conns  int    // connections of the user that sit here
	points int
	away   *time.Timer // frees the seat; runs while conns is 0
}

// newTable registers the table's handlers on a namespace. A seat is kept for grace after its player's last connection has ended:
// minutes, because the phone cuts the connection a few seconds after the player looked away.
func newTable(ns realtime.Namespace, grace time.Duration) *table {
	t := &table{everyone: ns, grace: grace}
	realtime.Handle(ns, "sit", t.sit, realtime.Authenticated())
	realtime.Handle(ns, "state", t.state, realtime.Authenticated())
	realtime.Handle(ns, "roll", t.roll, realtime.Authenticated(), realtime.RateLimit(5, time.Second))
	ns.OnDisconnect(t.left)
	return t
}

// sit gives the caller's user a seat: the one that is theirs already, or a free one.
func (t *table) sit(ctx context.Context, c *realtime.Conn, _ Nothing) (Seated, error) {
	if err := c.Join(ctx, room); err != nil { // first, so that no later state is missed
		return Seated{}, err
	}
	_, again := seatOf.Get(c)
	n, ok := t.take(c.UserID(), !again)
	if !ok {
		if err := c.Leave(ctx, room); err != nil {
			return Seated{}, err
		}
		return Seated{}, realtime.Errorf("table_full", "all seats are taken")
	}
	seatOf.Set(c, n)
	t.announce(ctx)
	return Seated{n, t.snapshot()}, nil
}

// state answers with the table as it is. A phone that was away asks for it instead of being told what it missed.
func (t *table) state(context.Context, *realtime.Conn, Nothing) (State, error) {
	return t.snapshot(), nil
}

// roll throws a die for the caller. The die is the server's: what a phone says about it would be a wish.
func (t *table) roll(ctx context.Context, c *realtime.Conn, _ Nothing) (Roll, error) {
	n, ok := seatOf.Get(c)
	if !ok {
		return Roll{}, realtime.Errorf("not_seated", "take a seat first")
	}
	r := t.record(n, 1+rand.IntN(6))
	t.announce(ctx)
	return r, nil
}

// left lets the seat wait for its player.
func (t *table) left(ctx context.Context, c *realtime.Conn, _ realtime.Disconnected) {
	if n, ok := seatOf.Get(c); ok {
		t.release(n)
		t.announce(ctx)
	}
}

// announce tells everyone at the table. Two announcements may overtake each other, hence State.Rev.
func (t *table) announce(ctx context.Context) {
	err := t.everyone.To(room).Emit(ctx, "state", t.snapshot())
	if err != nil && !errors.Is(err, realtime.ErrServerClosed) {
		slog.Warn("state not sent", "err", err)
	}
}

// take finds the seat of a user, and counts the connection if it is a new one.
func (t *table) take(user string, newConn bool) (n int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	free := -1
	for i := range t.seats {
		switch t.seats[i].user {
		case user:
			t.occupy(i, newConn)
			return i, true
		case "":
			if free < 0 {
				free = i
			}
		}
	}
	if free < 0 {
		return 0, false
	}
	t.seats[free].user = user
	t.occupy(free, newConn)
	return free, true
}

// occupy is called with mu held.
func (t *table) occupy(n int, newConn bool) {
	s := &t.seats[n]
	if newConn {
		s.conns++
	}
	if s.away != nil {
		s.away.Stop()
		s.away = nil
	}
	t.rev++
}

// release counts a connection out. The last one starts the time after which the seat is free.
func (t *table) release(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rev++
	s := &t.seats[n]
	if s.conns--; s.conns > 0 {
		return
	}
	var timer *time.Timer
	// The timer is the table's: it ends when it fires, when the player comes back, or in close. It is set under the lock that
	// its function takes, so the function sees it.
	timer = time.AfterFunc(t.grace, func() { t.free(n, timer) })
	s.away = timer
}

// free empties a seat, unless its player has come back while the timer fired.
func (t *table) free(n int, timer *time.Timer) {
	t.mu.Lock()
	mine := t.seats[n].away == timer
	if mine {
		t.seats[n] = seat{}
		t.rev++
	}
	t.mu.Unlock()
	if mine {
		t.announce(context.Background())
	}
}

// record adds a roll to its seat.
func (t *table) record(n, value int) Roll {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := Roll{n, value}
	t.seats[n].points += value
	t.last = &r
	t.rev++
	return r
}

func (t *table) snapshot() State {
	t.mu.Lock()
	defer t.mu.Unlock()
	st := State{Rev: t.rev, Last: t.last}
	for i, s := range t.seats {
		st.Seats[i] = Seat{s.user != "", s.conns > 0, s.points}
	}
	return st
}

// close stops the timers. It is called when the connections have ended.
func (t *table) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.seats {
		if timer := t.seats[i].away; timer != nil {
			timer.Stop()
			t.seats[i].away = nil // one that fires now frees nothing
		}
	}
}
