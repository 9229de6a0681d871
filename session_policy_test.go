package realtime_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

const elsewhere = `connected elsewhere {"code":"too_many_connections"}`

// as connects a user, with further parts of the auth payload.
func as(f *fixture, user string, more ...string) (*realtimetest.Client, error) {
	auth := token(user)
	for i := 0; i+1 < len(more); i += 2 {
		auth[more[i]] = more[i+1]
	}
	return f.host.TryConnect(realtimetest.Options{Auth: auth})
}

// alive says which clients are connected.
func alive(clients ...*realtimetest.Client) (list []bool) {
	synctest.Wait()
	for _, c := range clients {
		list = append(list, c.Reason() == "")
	}
	return list
}

// The newest connections win; the loser gets a DISCONNECT packet, so that it stays away (feature 22).
func TestOldestConnectionLoses(t *testing.T) {
	bubble(t, realtime.Config{Auth: userByToken{}, Sessions: realtime.SessionPolicy{Max: 2}}, func(f *fixture) {
		causes := make(chan realtime.Cause, 3)
		f.OnDisconnect(func(_ context.Context, _ *realtime.Conn, why realtime.Disconnected) { causes <- why.Cause })
		first, _ := as(f, "ann")
		second, _ := as(f, "ann")
		bob, _ := as(f, "bob")
		if diff := cmp.Diff([]bool{true, true, true}, alive(first, second, bob)); diff != "" {
			f.Fatal(diff)
		}
		third, err := as(f, "ann")
		if err != nil {
			f.Fatal(err)
		}
		if diff := cmp.Diff([]bool{false, true, true, true}, alive(first, second, bob, third)); diff != "" {
			f.Fatal(diff)
		}
		if reason, cause := first.Reason(), <-causes; reason != realtimetest.ReasonServer || cause != realtime.CauseReplaced {
			f.Errorf("reason %q, cause %v", reason, cause)
		}
		if n := f.Stats().Disconnects["replaced"]; n != 1 {
			f.Errorf("%d counted", n)
		}
	})
}

func TestNewConnectionIsRefused(t *testing.T) {
	bubble(t, realtime.Config{Auth: userByToken{}, Sessions: realtime.SessionPolicy{Max: 1, RefuseNew: true}}, func(f *fixture) {
		first, _ := as(f, "ann")
		if got := refusalText(as(f, "ann")); got != elsewhere {
			f.Errorf("refused with %s", got)
		}
		if diff := cmp.Diff([]bool{true}, alive(first)); diff != "" {
			f.Fatal(diff)
		}
		first.Close()
		synctest.Wait()
		if _, err := as(f, "ann"); err != nil {
			f.Errorf("after the first has gone: %v", err)
		}
	})
}

// A connection that cannot be heard any more does not lock its user out, and neither does one of the same login.
func TestGhostsGiveWay(t *testing.T) {
	cfg := realtime.Config{Auth: userBySession{}, Sessions: realtime.SessionPolicy{Max: 1, RefuseNew: true}}
	bubble(t, cfg, func(f *fixture) {
		ghost, _ := as(f, "ann", "sid", "phone")
		ghost.Stall() // its network is gone, and nobody was told
		pass(20 * time.Second)
		if got := refusalText(as(f, "ann", "sid", "desk")); got != elsewhere {
			f.Errorf("before the ping: %s", got)
		}
		pass(9 * time.Second) // a ping was due after at most 25 s
		if _, err := as(f, "ann", "sid", "desk"); err != nil {
			f.Errorf("a ghost locks its user out: %v", err)
		}
		ghost.Resume()

		page, _ := as(f, "bob", "sid", "one login")
		reloaded, err := as(f, "bob", "sid", "one login")
		if err != nil {
			f.Fatal(err)
		}
		if diff := cmp.Diff([]bool{false, true}, alive(page, reloaded)); diff != "" {
			f.Error(diff)
		}
	})
}

// userBySession authenticates {"token":USER,"sid":SESSION}.
type userBySession struct{}

func (userBySession) Authenticate(_ context.Context, h *realtime.Handshake) (*realtime.Identity, error) {
	var auth struct{ Token, Sid string }
	if err := h.BindAuth(&auth); err != nil {
		return nil, err
	}
	return &realtime.Identity{UserID: auth.Token, SessionID: auth.Sid}, nil
}

// The limit holds for each class; a class that panics refuses.
func TestClassesOfConnections(t *testing.T) {
	device := realtime.NewKey[string]("device")
	cfg := realtime.Config{Auth: userByToken{}, Sessions: realtime.SessionPolicy{Max: 1, Class: func(c *realtime.Conn) string {
		kind, _ := device.Get(c)
		if kind == "toaster" {
			panic("no such class")
		}
		return kind
	}}}
	bubble(t, cfg, func(f *fixture) {
		f.Use(func(_ context.Context, c *realtime.Conn) error {
			var auth struct{ Device string }
			err := c.Handshake().BindAuth(&auth)
			device.Set(c, auth.Device)
			return err
		})
		phone, _ := as(f, "ann", "device", "phone")
		desk, _ := as(f, "ann", "device", "desktop")
		if got := refusalText(as(f, "ann", "device", "toaster")); got[:14] != "internal error" {
			f.Errorf("a panic: %s", got)
		}
		if diff := cmp.Diff([]bool{true, true}, alive(phone, desk)); diff != "" {
			f.Fatal(diff)
		}
		other, _ := as(f, "ann", "device", "phone")
		if diff := cmp.Diff([]bool{false, true, true}, alive(phone, desk, other)); diff != "" {
			f.Error(diff)
		}
	})
}

// Anonymous connections are nobody's, namespaces count for themselves, and a user who arrives by refresh counts too.
func TestWhoIsCounted(t *testing.T) {
	cfg := realtime.Config{Auth: ticketOrNobody{}, Sessions: realtime.SessionPolicy{Max: 1}, Expiry: realtime.ExpiryPolicy{AllowOtherUser: true}}
	bubble(t, cfg, func(f *fixture) {
		f.Of("/chat")
		for range 3 {
			f.connect()
		}
		ann := f.host.Connect(realtimetest.Options{Auth: map[string]string{"ticket": "ann 60"}})
		chat := ann.Join(realtimetest.Options{Namespace: "/chat", Auth: map[string]string{"ticket": "ann 60"}})
		bob := f.host.Connect(realtimetest.Options{Auth: map[string]string{"ticket": "bob 60"}})
		if diff := cmp.Diff([]bool{true, true, true}, alive(ann, chat, bob)); diff != "" {
			f.Fatal(diff)
		}
		if _, err := refreshWith(bob, map[string]string{"ticket": "ann 60"}); err != nil {
			f.Fatal(err)
		}
		if diff := cmp.Diff([]bool{false, true, true}, alive(ann, chat, bob)); diff != "" {
			f.Error(diff)
		}
	})
}

type ticketOrNobody struct{ ticket }

func (a ticketOrNobody) Authenticate(ctx context.Context, h *realtime.Handshake) (*realtime.Identity, error) {
	if len(h.Auth) == 0 {
		return nil, nil
	}
	return a.ticket.Authenticate(ctx, h)
}

// count returns how many connections a user has.
func count(f *fixture, user string) (n int) {
	for _, err := range f.User(user).Conns(f.T.Context()) {
		if err != nil {
			f.Error(err)
		}
		n++
	}
	return n
}

// However many come at once, no more than Max stay, and each of the others is told.
func TestManyConnectionsOfOneUserAtOnce(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		t.Run(fmt.Sprint("refuse ", refuse), func(t *testing.T) {
			cfg := realtime.Config{Auth: userByToken{}, Sessions: realtime.SessionPolicy{Max: 3, RefuseNew: refuse}}
			bubble(t, cfg, func(f *fixture) {
				const many = 60
				var most, refusals atomic.Int32
				f.OnConnect(func(context.Context, *realtime.Conn) error {
					most.Store(max(most.Load(), int32(count(f, "ann"))))
					return nil
				})
				var all sync.WaitGroup
				for range many {
					all.Go(func() {
						if _, err := as(f, "ann"); err != nil {
							refusals.Add(1)
						}
					})
				}
				all.Wait()
				synctest.Wait()
				left := count(f, "ann")
				told := int(refusals.Load()) + int(f.Stats().Disconnects["replaced"])
				if left != 3 || told != many-3 {
					f.Errorf("%d are left and %d were told, of %d", left, told, many)
				}
				if refuse && most.Load() > 3 {
					f.Errorf("%d at one time", most.Load())
				}
			})
		})
	}
}

// SessionPolicy holds over nodes: the oldest loses wherever it is, or the new one is refused.
func TestSessionsOverNodes(t *testing.T) {
	cfg := realtime.Config{Auth: userBySession{}, Sessions: realtime.SessionPolicy{Max: 2}}
	twoNodes(t, cfg, func(a, b *fixture, _, _ *busNode) {
		causes := make(chan realtime.Cause, 3)
		a.OnDisconnect(func(_ context.Context, _ *realtime.Conn, why realtime.Disconnected) { causes <- why.Cause })
		first, _ := as(a, "ann", "sid", "1")
		second, _ := as(b, "ann", "sid", "2")
		third, _ := as(b, "ann", "sid", "3")
		bob, _ := as(b, "bob")
		if diff := cmp.Diff([]bool{false, true, true, true}, alive(first, second, third, bob)); diff != "" {
			t.Fatal(diff)
		}
		if reason, cause := first.Reason(), <-causes; reason != realtimetest.ReasonServer || cause != realtime.CauseReplaced {
			t.Errorf("reason %q, cause %v", reason, cause)
		}
	})
	cfg.Sessions = realtime.SessionPolicy{Max: 1, RefuseNew: true}
	twoNodes(t, cfg, func(a, b *fixture, _, _ *busNode) {
		first, _ := as(a, "ann", "sid", "1")
		synctest.Wait()
		if got := refusalText(as(b, "ann", "sid", "2")); got != elsewhere {
			t.Errorf("refused with %s", got)
		}
		if diff := cmp.Diff([]bool{true}, alive(first)); diff != "" {
			t.Error(diff)
		}
	})
}
