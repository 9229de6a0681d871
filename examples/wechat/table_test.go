package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

var testSecret = []byte("a secret of at least thirty-two bytes")

const testGrace = 5 * time.Minute

// host is the program with its clients, inside a synctest bubble.
type host struct {
	*realtimetest.Server
	t *testing.T
}

func serve(t *testing.T) *host {
	t.Helper()
	a, err := newApp(settings{secret: string(testSecret), lifetime: time.Hour, grace: testGrace}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	h := &host{realtimetest.Serve(t, a.server), t}
	t.Cleanup(a.table.close)
	return h
}

// phone connects as a player.
func (h *host) phone(player string) *realtimetest.Client {
	h.t.Helper()
	token, err := sign(testSecret, player, time.Now(), 24*time.Hour)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.Connect(realtimetest.Options{Namespace: "/table", Auth: map[string]string{"token": token}})
}

func sit(c *realtimetest.Client) Seated { return realtimetest.Call[Seated](c, "sit", Nothing{}) }

// state is the table as a client asks for it, when all that was going on has been done.
func state(c *realtimetest.Client) [seatCount]Seat {
	synctest.Wait()
	return realtimetest.Call[State](c, "state", Nothing{}).Seats
}

func wait(d time.Duration) {
	time.Sleep(d) // synctest: as long as a player is away
	synctest.Wait()
}

func check(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func codeOf(t *testing.T, c *realtimetest.Client, event string) string {
	t.Helper()
	_, err := realtimetest.TryCall[any](c, event, Nothing{})
	var e *realtime.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: error %v, want one with a code", event, err)
	}
	return e.Code
}

func TestASeatWaitsForItsPlayer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t)
		ann, bob := h.phone("ann"), h.phone("bob")
		sit(ann)
		sit(bob)
		points := realtimetest.Call[Roll](ann, "roll", Nothing{}).Value
		ann.Close() // the platform cuts the connection
		check(t, "away", state(bob)[0], Seat{Taken: true, Points: points})
		wait(testGrace - time.Second)
		again := sit(h.phone("ann"))
		check(t, "the seat", again.Seat, 0)
		check(t, "back", again.State.Seats[0], Seat{Taken: true, Online: true, Points: points})
		wait(2 * testGrace) // the time that began with the cut has been stopped
		check(t, "still there", state(bob)[0], Seat{Taken: true, Online: true, Points: points})
	})
}

func TestASeatIsFreeAfterTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t)
		ann, bob := h.phone("ann"), h.phone("bob")
		sit(ann)
		sit(bob)
		ann.Close()
		wait(testGrace - time.Second)
		check(t, "before", state(bob)[0].Taken, true)
		wait(time.Second)
		check(t, "after", state(bob)[0], Seat{})
		check(t, "another player's", sit(h.phone("cid")).Seat, 0)
	})
}

// A phone that vanished without a word is found by the heartbeat. Its player comes back earlier than that, on a second connection.
func TestTheOldConnectionDoesNotTakeTheSeatAwayWhenItIsFoundDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t)
		ann, bob := h.phone("ann"), h.phone("bob")
		sit(ann)
		sit(bob)
		ann.Cut()
		back := h.phone("ann")
		check(t, "the seat", sit(back).Seat, 0)
		wait(time.Minute) // the heartbeat of the first has been missed
		check(t, "with the second alone", state(bob)[0].Online, true)
		back.Close()
		check(t, "with none", state(bob)[0].Online, false)
	})
}

func TestSittingTwiceIsSittingOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t)
		ann, bob := h.phone("ann"), h.phone("bob")
		sit(ann)
		sit(ann)
		sit(bob)
		ann.Close()
		check(t, "away", state(bob)[0].Online, false)
	})
}

func TestEveryChangeIsToldWithAHigherRevision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t)
		bob := h.phone("bob")
		rev := sit(bob).State.Rev
		ann := h.phone("ann")
		sit(ann)
		realtimetest.Call[Roll](ann, "roll", Nothing{})
		ann.Close()
		synctest.Wait()
		realtimetest.Expect[State](bob, "state") // of bob's own coming
		for _, what := range []string{"came", "rolled", "left"} {
			st := realtimetest.Expect[State](bob, "state")
			if st.Rev <= rev {
				t.Errorf("ann %s: revision %d after %d", what, st.Rev, rev)
			}
			rev = st.Rev
		}
	})
}

func TestWhoHasNoSeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t)
		ann := h.phone("ann")
		check(t, "rolling", codeOf(t, ann, "roll"), "not_seated")
		for _, player := range []string{"bob", "cid", "dot", "eve"} {
			sit(h.phone(player))
		}
		check(t, "a fifth", codeOf(t, ann, "sit"), "table_full")
		check(t, "what they see", ann.Pending(), []string{}) // who does not sit is told nothing
		check(t, "what they ask for", state(ann)[3].Taken, true)
	})
}

func TestNobodyConnectsWithoutAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t)
		expired, err := sign(testSecret, "ann", time.Now().Add(-2*time.Hour), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		for token, code := range map[string]string{"": "unauthorized", "x": "unauthorized", expired: "token_expired"} {
			_, err := h.TryConnect(realtimetest.Options{Namespace: "/table", Auth: map[string]string{"token": token}})
			var refused *realtime.ConnectError
			if !errors.As(err, &refused) {
				t.Fatalf("token %q: error %v, want a refusal", token, err)
			}
			check(t, "code for "+token, string(refused.Data.(json.RawMessage)), `{"code":"`+code+`"}`)
		}
	})
}
