package realtime_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/memadapter"
	"github.com/realtime-go/realtime/realtimetest"
)

const revoked = `token was revoked {"code":"token_revoked"}`

// A revoked user loses every connection, in every namespace of the same authenticator, and its older tokens are
// worth nothing; a token that is issued later is.
func TestRevokeUser(t *testing.T) {
	bubble(t, realtime.Config{Auth: newJWT(t, hmacConfig())}, func(f *fixture) {
		causes := make(chan string, 9)
		f.Of("/own").SetAuth(userByToken{})
		for _, ns := range []realtime.Namespace{f, f.Of("/chat"), f.Of("/own")} {
			ns.OnDisconnect(func(_ context.Context, c *realtime.Conn, why realtime.Disconnected) {
				causes <- c.Namespace().Name() + " " + why.Cause.String() + " " + why.Detail
			})
		}
		old := lasting(time.Hour, nil)
		phone := f.host.Connect(realtimetest.Options{Auth: old})
		desk := f.host.Connect(realtimetest.Options{Auth: old, Transport: realtimetest.Polling})
		chat := phone.Join(realtimetest.Options{Namespace: "/chat", Auth: old})
		own := f.host.Connect(realtimetest.Options{Namespace: "/own", Auth: token("ann")}) // another ann
		bob := f.host.Connect(realtimetest.Options{Auth: lasting(time.Hour, map[string]any{"sub": "bob"})})
		pass(time.Minute)
		if err := f.User("ann").Revoke(f.T.Context(), "password changed"); err != nil {
			f.Fatal(err)
		}
		for _, c := range []*realtimetest.Client{phone, desk, chat} {
			if reason := c.WaitClosed(); reason != realtimetest.ReasonServer { // an official client stays away
				f.Errorf("reason %q", reason)
			}
		}
		synctest.Wait()
		close(causes)
		got := map[string]int{}
		for cause := range causes {
			got[cause]++
		}
		if diff := cmp.Diff(map[string]int{"/ auth_revoked password changed": 2, "/chat auth_revoked password changed": 1}, got); diff != "" {
			f.Error(diff)
		}
		if own.Reason() != "" || bob.Reason() != "" {
			f.Error("others were disconnected too")
		}
		for _, ns := range []string{"/", "/chat"} {
			if got := refusalText(f.host.TryConnect(realtimetest.Options{Namespace: ns, Auth: old})); got != revoked {
				f.Errorf("%s: the old token: %s", ns, got)
			}
		}
		if _, err := f.host.TryConnect(realtimetest.Options{Auth: lasting(time.Hour, map[string]any{"iat": nil})}); err == nil {
			f.Error("a token that does not say when it was issued was accepted")
		}
		pass(time.Second)
		again := f.host.Connect(realtimetest.Options{Auth: lasting(time.Hour, nil)})
		if _, err := refreshWith(again, old); code(nil, err) != realtime.CodeTokenRevoked {
			f.Errorf("refreshed with a revoked token: %v", err)
		}
		f.host.Connect(realtimetest.Options{Namespace: "/own", Auth: token("ann")})
	})
}

// A connection that is being admitted while its user is revoked does not slip through.
func TestRevokeWhileConnecting(t *testing.T) {
	bubble(t, realtime.Config{Auth: newJWT(t, hmacConfig())}, func(f *fixture) {
		f.Use(func(ctx context.Context, c *realtime.Conn) error { return f.User(c.UserID()).Revoke(ctx, "just now") })
		joined := make(chan struct{}, 1)
		f.OnDisconnect(func(context.Context, *realtime.Conn, realtime.Disconnected) { joined <- struct{}{} })
		c, err := f.host.TryConnect(realtimetest.Options{Auth: lasting(time.Hour, nil)})
		if err != nil {
			f.Fatal(err)
		}
		if reason := c.WaitClosed(); reason != realtimetest.ReasonServer {
			f.Errorf("reason %q", reason)
		}
		<-joined
	})
}

// The list forgets when no token can be alive any more, and never before.
func TestRevocationsAreRemembered(t *testing.T) {
	cfg := realtime.Config{Auth: newJWT(t, hmacConfig()), Expiry: realtime.ExpiryPolicy{Remember: 24 * time.Hour}}
	bubble(t, cfg, func(f *fixture) {
		old := lasting(48*time.Hour, nil)
		if err := f.User("ann").Revoke(f.T.Context(), ""); err != nil {
			f.Fatal(err)
		}
		pass(24*time.Hour - time.Nanosecond)
		if got := refusalText(f.host.TryConnect(realtimetest.Options{Auth: old})); got != revoked {
			f.Errorf("within the time: %s", got)
		}
		pass(time.Nanosecond)
		f.host.Connect(realtimetest.Options{Auth: old})
	})
}

// A full list refuses to revoke rather than let somebody in whom it has forgotten; what is over makes room.
func TestRevocationsAreBounded(t *testing.T) {
	const limit = 100_000
	cfg := realtime.Config{Auth: newJWT(t, hmacConfig()), Expiry: realtime.ExpiryPolicy{Remember: time.Hour}}
	bubble(t, cfg, func(f *fixture) {
		for i := range limit {
			if err := f.User(fmt.Sprint(i)).Revoke(f.T.Context(), ""); err != nil {
				f.Fatal(err)
			}
		}
		if err := f.User("one more").Revoke(f.T.Context(), ""); !errors.Is(err, realtime.ErrTooManyRevocations) {
			f.Errorf("error %v", err)
		}
		if err := f.User("7").Revoke(f.T.Context(), "again"); err != nil {
			f.Errorf("a user that is on the list: %v", err)
		}
		pass(time.Hour + time.Nanosecond)
		if err := f.User("one more").Revoke(f.T.Context(), ""); err != nil {
			f.Errorf("after the time: %v", err)
		}
		if err := f.User("").Revoke(f.T.Context(), ""); err == nil {
			f.Error("nobody was revoked")
		}
	})
}

// The other nodes hear of it, those too that do not serve the namespace, and believe no time in the future.
func TestRevokeCrossesNodes(t *testing.T) {
	twoNodes(t, realtime.Config{Auth: newJWT(t, hmacConfig())}, func(a, b *fixture, busA, _ *busNode) {
		old := lasting(time.Hour, nil)
		there := b.host.Connect(realtimetest.Options{Auth: old})
		pass(time.Minute)
		if err := a.Of("/only-a").User("ann").Revoke(a.Context(), "lost phone"); err != nil {
			a.Fatal(err)
		}
		if reason := there.WaitClosed(); reason != realtimetest.ReasonServer {
			a.Errorf("reason %q", reason)
		}
		if got := refusalText(b.host.TryConnect(realtimetest.Options{Auth: old})); got != revoked {
			a.Errorf("the other node: %s", got)
		}
		if err := busA.Publish(a.Context(), &realtime.Message{
			Op: realtime.OpRevoke, Node: busA.self.ID, Namespace: "/", Names: []string{"ann"}, Time: time.Now().Add(time.Hour),
		}); err != nil {
			a.Fatal(err)
		}
		pass(time.Second)
		b.host.Connect(realtimetest.Options{Auth: lasting(time.Hour, nil)})

		busA.fail = errors.New("bus is down")
		if err := a.User("bob").Revoke(a.Context(), ""); !errors.Is(err, busA.fail) || !strings.Contains(err.Error(), "publish") {
			a.Errorf("error %v", err)
		}
		if got := refusalText(a.host.TryConnect(realtimetest.Options{Auth: lasting(time.Hour, map[string]any{"sub": "bob"})})); got != revoked {
			a.Errorf("this node has not revoked: %s", got)
		}
	})
}

// A node that starts later knows of revocations, and one that was cut off learns of them when it is back.
func TestRevocationsOfTheCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memadapter.NewBus()
		node := func(start bool) (*fixture, *memadapter.Adapter) {
			adapter := bus.Node()
			f := newFixture(t, realtime.Config{Auth: newJWT(t, hmacConfig()), Adapter: adapter})
			if start {
				if err := f.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			return f, adapter
		}
		a, _ := node(true)
		cut, cutOff := node(true)
		late, _ := node(false)
		old := lasting(time.Hour, nil)
		early := late.host.Connect(realtimetest.Options{Auth: old}) // before its node knows anything
		there := cut.host.Connect(realtimetest.Options{Auth: old})
		synctest.Wait() // the first request has started it
		bus.Partition(cutOff)
		pass(time.Minute)
		if err := a.User("ann").Revoke(a.Context(), "gone"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if reason := early.WaitClosed(); reason != realtimetest.ReasonServer {
			t.Errorf("reason %q", reason)
		}
		if there.Reason() != "" {
			t.Fatal("the partition does not cut anything off")
		}
		bus.Heal()
		if reason := there.WaitClosed(); reason != realtimetest.ReasonServer {
			t.Errorf("reason %q", reason)
		}
		last, _ := node(true)
		for _, f := range []*fixture{a, cut, late, last} {
			if got := refusalText(f.host.TryConnect(realtimetest.Options{Auth: old})); got != revoked {
				t.Errorf("the old token: %s", got)
			}
		}
	})
}
