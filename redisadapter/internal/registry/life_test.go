//go:build unix

package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// scan returns all keys of a Redis with the milliseconds that they live on.
func scan(t testing.TB, servers ...*redistest.Server) map[string]int64 {
	t.Helper()
	found := map[string]int64{}
	for _, s := range servers {
		names, err := s.Do("KEYS", "*").AsStrSlice()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			ttl, err := s.Do("PTTL", name).AsInt64()
			if err != nil {
				t.Fatal(err)
			}
			found[name] = ttl
		}
	}
	return found
}

// Requirement R85: no key lives for ever, and none is left after the shutdown of all nodes.
func TestNothingIsLeft(t *testing.T) {
	f, s := single(t)
	a, b := f.node(), f.node()
	for i := range 100 {
		for _, n := range []*testNode{a, b} {
			e := n.entry(fmt.Sprint("u", i), "c"+n.id)
			e.Grace, e.Remember = time.Minute, 0
			if i%2 == 0 { // on both nodes, and the rest on one
				e.Grace = 0
			}
			if i%2 == 0 || n == a {
				n.PresenceEnter(e)
			}
		}
	}
	f.await("all", func() bool { return len(a.everyone("/")) == 100 && len(a.conns("u98")) == 2 })
	if ok, err := a.PresenceSet(t.Context(), "/", "u1", []byte(`1`)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	for name, ttl := range scan(t, s) {
		if ttl <= 0 || !strings.HasPrefix(name, "test:{") {
			t.Errorf("%s lives for %d ms", name, ttl)
		}
	}
	a.close()
	f.await("the graces", func() bool { return b.count() == 100 })
	if n := len(scan(t, s)); n < 50 {
		t.Errorf("only %d keys", n)
	}
	for i := range 100 { // the other node takes them over
		if i%2 == 1 {
			e := b.entry(fmt.Sprint("u", i), "d")
			e.Grace, e.Remember = 0, 0
			b.PresenceEnter(e)
		}
	}
	f.await("all again", func() bool { return complete(b, 100, 1) })
	b.close()
	if left := scan(t, s); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if d := count(b, " offline"); d != 100 {
		t.Errorf("%d users were told to be offline", d)
	}
}

// What a closed cluster leaves is what has to outlive it, the graces and when users were seen, and it expires.
func TestGracesAreLeftForTheNextNode(t *testing.T) {
	f, s := single(t)
	a := f.node()
	for i := range 20 {
		a.enter(fmt.Sprint("u", i), "c")
	}
	f.await("all", func() bool { return complete(a, 20, 1) })
	a.close()
	for name, ttl := range scan(t, s) {
		limit := 2 * (a.cfg.Keep + time.Second)
		if strings.Contains(name, ":seen:") {
			limit = time.Hour
		}
		if ttl <= 0 || ttl > limit.Milliseconds() {
			t.Errorf("%s lives for %d ms", name, ttl)
		}
	}
	b := f.node()
	f.await("the ends", func() bool { return count(b, " offline") == 20 && b.decisions() == 20 })
	if u := b.user("u7"); u.Online || u.Seen.IsZero() {
		t.Errorf("%+v", u)
	}
	b.close()
	for name := range scan(t, s) {
		if !strings.Contains(name, ":seen:") {
			t.Errorf("left: %s", name)
		}
	}
}

// Requirement R92: with a dead Redis Close returns in time, and says what was not cleaned.
func TestCloseWithoutRedis(t *testing.T) {
	for name, stop := range map[string]func(*redistest.Server){"killed": (*redistest.Server).Kill, "stopped": (*redistest.Server).Pause} {
		t.Run(name, func(t *testing.T) {
			f, s := single(t)
			a := f.node()
			for i := range 1000 {
				a.enter(fmt.Sprint("u", i), "c")
			}
			f.await("all", func() bool { return a.ledger.idle() && a.count() == 1000 })
			stop(s)
			ctx, cancel := context.WithTimeout(t.Context(), watchdog)
			defer cancel()
			var unclean *UncleanError
			err := a.Close(ctx)
			if !errors.As(err, &unclean) || unclean.Users != 1000 || !unclean.Lease || !errors.Is(err, ErrUnavailable) {
				t.Errorf("%v", err)
			}
			if ctx.Err() != nil {
				t.Error("not in time")
			}
			if err := a.Close(t.Context()); !errors.Is(err, ErrClosed) {
				t.Errorf("the second time: %v", err)
			}
		})
	}
}

func TestCloseWithoutTime(t *testing.T) {
	f, s := single(t)
	a, b := f.node(), f.node()
	for i := range 1000 {
		a.enter(fmt.Sprint("u", i), "c")
	}
	f.await("all", func() bool { return b.count() == 1000 })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var unclean *UncleanError
	if err := a.Close(ctx); !errors.As(err, &unclean) || unclean.Users == 0 {
		t.Errorf("%v", err)
	}
	f.await("the other node", func() bool { return b.count() == 0 && count(b, " offline") == 1000 })
	for name := range scan(t, s) {
		if strings.Contains(name, a.id) {
			t.Errorf("left: %s", name)
		}
	}
}

func TestLifecycle(t *testing.T) {
	f, s := single(t)
	a := f.idle()
	a.enter("ann", "1") // before the start: it waits
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.await("ann", func() bool { return len(a.heard()) == 1 })
	if err := a.Start(t.Context()); !errors.Is(err, ErrStarted) {
		t.Errorf("the second start: %v", err)
	}
	a.close()
	a.enter("bob", "2")
	a.exit("ann", "1")
	for name, err := range map[string]error{
		"count": second(a.PresenceCount(t.Context(), "/")), "user": second(a.PresenceUser(t.Context(), "/", "ann")),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after the end: %v", name, err)
		}
	}
	b, c := f.idle(), f.idle()
	s.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := b.Start(ctx); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("start without Redis: %v", err)
	}
	if n := b.group.Len(); n != 0 {
		t.Errorf("%d goroutines are left", n)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Errorf("close before the start: %v", err)
	}
	if err := c.Start(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("start after the end: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestConfigIsChecked(t *testing.T) {
	_, err := New(Config{Prefix: "a{b}", Beat: 1, Dead: time.Second, Keep: -1, Questions: -1})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, word := range []string{"Client", "Prefix", "Beat", "Keep", "Questions"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q says nothing of %s", err, word)
		}
	}
	if _, err := New(Config{Beat: time.Second, Dead: 2 * time.Second}); err == nil || !strings.Contains(err.Error(), "Dead") {
		t.Errorf("%v", err)
	}
}
