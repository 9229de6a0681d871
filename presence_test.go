package realtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/memadapter"
	"github.com/realtime-go/realtime/realtimetest"
)

// callLog collects the calls of hooks.
type callLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *callLog) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *callLog) take() []string {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}

func presenceHooks(l *callLog) realtime.Hooks {
	return realtime.Hooks{
		UserOnline:  func(ns, user string) { l.add(ns + " " + user + " online") },
		UserOffline: func(ns, user string) { l.add(ns + " " + user + " offline") },
	}
}

func expectCalls(t testing.TB, l *callLog, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, l.take()); diff != "" {
		t.Error(diff)
	}
}

// Features 4 and 10: a user with two devices is online until the last one has gone, and a page that is reloaded was never away.
func TestPresenceOfAUser(t *testing.T) {
	calls := &callLog{}
	bubble(t, realtime.Config{Auth: userByToken{}, Hooks: presenceHooks(calls), NodeName: "n"}, func(f *fixture) {
		p, ctx := f.Presence(), f.T.Context()
		start := time.Now()
		phone, _ := as(f, "ann")
		desk := f.host.Connect(realtimetest.Options{Auth: token("ann"), Address: "203.0.113.9", Header: map[string][]string{
			"User-Agent": {"agent/" + strings.Repeat("x", 300)}, "Cookie": {"secret"},
		}})
		expectCalls(t, calls, "/ ann online")
		u, err := p.User(ctx, "ann")
		if err != nil || !u.Online || len(u.Conns) != 2 || u.Since != start || !u.Seen.IsZero() {
			f.Fatalf("%+v, %v", u, err)
		}
		if c := u.Conns[1]; c.ID != desk.ID() || c.Address != "203.0.113.9" || len(c.Agent) != 256 || c.Connected.IsZero() || c.Node == "" {
			f.Errorf("connection %+v", c)
		}
		phone.Close()
		pass(time.Hour)
		expectCalls(t, calls)
		desk.Close()
		pass(9 * time.Second)
		if online, err := f.User("ann").Online(ctx); !online || err != nil {
			f.Errorf("during the grace: %v, %v", online, err)
		}
		again, _ := as(f, "ann")
		pass(time.Minute)
		expectCalls(t, calls)
		again.Close()
		left := time.Now()
		pass(10 * time.Second)
		expectCalls(t, calls, "/ ann offline")
		if u, err := p.User(ctx, "ann"); err != nil || u.Online || u.Seen.Sub(left).Abs() > time.Second || len(u.Conns) != 0 {
			f.Errorf("%+v, %v", u, err)
		}
		pass(24 * time.Hour)
		if u, _ := p.User(ctx, "ann"); !u.Seen.IsZero() {
			f.Errorf("still remembered: %+v", u)
		}
	})
}

func TestPresenceAnswers(t *testing.T) {
	bubble(t, realtime.Config{Auth: userByToken{}}, func(f *fixture) {
		p, ctx := f.Presence(), f.T.Context()
		for _, user := range []string{"ann", "bob", "bob", "__proto__"} {
			if _, err := as(f, user); err != nil {
				f.Fatal(err)
			}
		}
		f.host.Connect(realtimetest.Options{Namespace: f.Of("/chat").Name(), Auth: token("cid")})
		if n, err := p.Count(ctx); n != 3 || err != nil {
			f.Errorf("%d online, %v", n, err)
		}
		online, err := p.Online(ctx, "cid", "bob", "nobody", "ann")
		if diff := cmp.Diff([]string{"bob", "ann"}, online); diff != "" || err != nil {
			f.Error(diff, err)
		}
		if err := p.Set(ctx, "bob", map[string]string{"at": "table 7"}); err != nil {
			f.Error(err)
		}
		if err := p.Set(ctx, "cid", 1); !errors.Is(err, realtime.ErrOffline) {
			f.Errorf("a user of another namespace: %v", err)
		}
		if err := p.Set(ctx, "bob", strings.Repeat("x", 5000)); !errors.Is(err, realtime.ErrPublicData) {
			f.Errorf("too much: %v", err)
		}
		if err := p.Set(ctx, "bob", make(chan int)); err == nil {
			f.Error("a channel was encoded")
		}
		var got []string
		for u, err := range p.Members(ctx) {
			if err != nil {
				f.Fatal(err)
			}
			got = append(got, fmt.Sprint(u.UserID, len(u.Conns), string(u.Meta)))
		}
		slices.Sort(got)
		if diff := cmp.Diff([]string{"__proto__1", "ann1", `bob2{"at":"table 7"}`}, got); diff != "" {
			f.Error(diff)
		}
		for range p.Members(ctx) { //nolint:errcheck // breaking off is what is tested
			break
		}
		if data, err := json.Marshal(realtime.UserPresence{UserID: "__proto__"}); err != nil || string(data) != `{"user":"__proto__","online":false}` {
			f.Errorf("R84: %s, %v", data, err)
		}
	})
}

func TestWatchPresence(t *testing.T) {
	bubble(t, realtime.Config{Auth: userByToken{}, Presence: realtime.PresenceConfig{Grace: -1}}, func(f *fixture) {
		ctx, cancel := context.WithCancel(f.T.Context())
		seen, ended := &callLog{}, make(chan struct{})
		go func() { // ends with ctx
			defer close(ended)
			for change := range f.Presence().Watch(ctx) {
				seen.add(fmt.Sprint(change.User, " ", change.Online, " ", change.Gap))
				if change.User == "slow" {
					time.Sleep(time.Hour) // synctest: the queue runs over
				}
			}
		}()
		synctest.Wait()
		ann, _ := as(f, "ann")
		other := f.host.Connect(realtimetest.Options{Namespace: f.Of("/chat").Name(), Auth: token("ann")})
		ann.Close()
		other.Close()
		expectCalls(t, seen, "ann true false", "ann false false")
		_, _ = as(f, "slow")
		for range 600 {
			c, _ := as(f, "bob")
			c.Close()
			synctest.Wait() // gone before the next one comes
		}
		pass(2 * time.Hour)
		lines := seen.take()
		if len(lines) > 1025 || !slices.Contains(lines, "bob true true") || lines[len(lines)-1] != "bob false false" {
			f.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
		}
		cancel()
		<-ended
	})
}

// Shutdown ends a watch that nobody else ends.
func TestShutdownEndsWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, realtime.Config{})
		ended := make(chan struct{})
		go func() { // ends with the server
			defer close(ended)
			for range f.Presence().Watch(context.Background()) {
				t.Error("a change")
			}
		}()
		synctest.Wait()
		if err := f.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		<-ended
	})
}

func TestPresenceOff(t *testing.T) {
	calls := &callLog{}
	cfg := realtime.Config{Auth: userByToken{}, Hooks: presenceHooks(calls), Presence: realtime.PresenceConfig{Off: true}}
	bubble(t, cfg, func(f *fixture) {
		_, _ = as(f, "ann")
		if n, err := f.Presence().Count(f.T.Context()); n != 0 || err != nil {
			f.Errorf("%d, %v", n, err)
		}
		if online, err := f.User("ann").Online(f.T.Context()); !online || err != nil {
			f.Errorf("asked: %v, %v", online, err)
		}
		expectCalls(t, calls)
	})
}

// With an adapter that keeps no presence every answer says that it covers this node alone.
func TestPresenceOfANodeAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memadapter.NewBus()
		a := newFixture(t, realtime.Config{Auth: userByToken{}, Adapter: plainAdapter{bus.Node()}})
		b := newFixture(t, realtime.Config{Auth: userByToken{}, Adapter: plainAdapter{bus.Node()}})
		if err := errors.Join(a.Start(t.Context()), b.Start(t.Context())); err != nil {
			t.Fatal(err)
		}
		_, _ = as(a, "ann")
		_, _ = as(b, "bob")
		n, err := a.Presence().Count(a.Context())
		if n != 1 || !errors.Is(err, realtime.ErrPartial) {
			a.Errorf("%d, %v", n, err)
		}
		for u, err := range a.Presence().Members(a.Context()) {
			if (err == nil) != (u.UserID == "ann") {
				a.Errorf("%+v, %v", u, err)
			}
		}
		if online, err := a.User("bob").Online(a.Context()); !online || err != nil { // asked over the bus
			a.Errorf("%v, %v", online, err)
		}
	})
}

// plainAdapter hides all abilities of an adapter that are optional.
type plainAdapter struct{ realtime.Adapter }

// In a cluster each change is decided once and seen everywhere, two devices on two nodes are one user, and a node that dies takes
// its connections along.
func TestPresenceOverNodes(t *testing.T) {
	calls := &callLog{}
	cfg := realtime.Config{Auth: userByToken{}, Hooks: presenceHooks(calls)}
	twoNodes(t, cfg, func(a, b *fixture, _, busB *busNode) {
		ctx, cancel := context.WithCancel(a.Context())
		defer cancel()
		seen := &callLog{}
		for _, f := range []*fixture{a, b} {
			go func() { // ends with ctx
				for change := range f.Presence().Watch(ctx) {
					seen.add(fmt.Sprint(change.User, " ", change.Online))
				}
			}()
		}
		synctest.Wait()
		phone, _ := as(a, "ann")
		_, _ = as(b, "ann")
		_, _ = as(b, "bob")
		expectCalls(t, calls, "/ ann online", "/ bob online")
		if lines := seen.take(); len(lines) != 4 {
			t.Errorf("seen by two nodes: %v", lines)
		}
		for _, f := range []*fixture{a, b} {
			n, err := f.Presence().Count(ctx)
			u, userErr := f.Presence().User(ctx, "ann")
			if n != 2 || len(u.Conns) != 2 || u.Conns[0].Node == u.Conns[1].Node || errors.Join(err, userErr) != nil {
				t.Errorf("%d online, ann %+v, %v %v", n, u, err, userErr)
			}
		}
		if err := a.Presence().Set(ctx, "bob", "at the table"); err != nil {
			t.Error(err)
		}
		if u, err := b.Presence().User(ctx, "bob"); string(u.Meta) != `"at the table"` || err != nil {
			t.Errorf("%+v, %v", u, err)
		}
		busB.bus.Crash(busB.Adapter)
		pass(10 * time.Second)
		expectCalls(t, calls, "/ bob offline")
		phone.Close()
		pass(10 * time.Second)
		expectCalls(t, calls, "/ ann offline")
		if _, err := b.Presence().Count(ctx); err == nil {
			t.Error("a node that is gone answers")
		}
	})
}
