package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/realtime-go/realtime/examples/avalon/game"
)

// unsteady is a store that can be out of reach.
type unsteady struct {
	store
	out   atomic.Bool // nothing arrives
	half  atomic.Bool // everything arrives, and no answer comes back
	mu    sync.Mutex
	saves map[uint64]int // by revision, of those that changed the table
}

var errOutOfReach = errors.New("out of reach")

func (u *unsteady) load(ctx context.Context, id string) ([]byte, error) {
	if u.out.Load() {
		return nil, errOutOfReach
	}
	return u.store.load(ctx, id)
}

func (u *unsteady) number(ctx context.Context) (uint64, error) {
	if u.out.Load() {
		return 0, errOutOfReach
	}
	return u.store.number(ctx)
}

func (u *unsteady) rows(ctx context.Context) ([]row, error) {
	if u.out.Load() {
		return nil, errOutOfReach
	}
	return u.store.rows(ctx)
}

func (u *unsteady) save(ctx context.Context, r row, table []byte) (bool, error) {
	if u.out.Load() {
		return false, errOutOfReach
	}
	saved, err := u.store.save(ctx, r, table)
	if saved {
		u.mu.Lock()
		if u.saves == nil {
			u.saves = make(map[uint64]int)
		}
		u.saves[r.Rev]++
		u.mu.Unlock()
	}
	if u.half.Load() {
		return false, errOutOfReach
	}
	return saved, err
}

// However many do what is due at the same time, it is done once.
func TestWhatIsDueIsDoneOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() store) {
		s, err := readSettings([]string{"-secret", secretOfTests, "-tempo", "100"}, environment(nil), t.Output()) // nothing is due by itself
		if err != nil {
			t.Fatal(err)
		}
		var lobbies []*lobby
		for range 3 {
			a, err := newApp(s, open(), nil, slog.New(slog.NewTextHandler(&logged{}, nil)))
			if err != nil {
				t.Fatal(err)
			}
			lobbies = append(lobbies, a.lobby)
			t.Cleanup(func() {
				if err := a.Shutdown(context.Background()); err != nil {
					t.Errorf("shutdown: %v", err)
				}
			})
		}
		made, err := lobbies[0].open(t.Context(), game.Setup{Size: 7}, "Ann", "Ann")
		if err != nil {
			t.Fatal(err)
		}
		err = lobbies[1].change(t.Context(), made.ID, func(t *table) error {
			t.seatBots(6)
			return errors.Join(t.attend("somewhere", []string{"Ann"}, time.Now()), t.start("Ann", time.Now()))
		})
		if err != nil {
			t.Fatal(err)
		}
		for {
			before, err := lobbies[0].load(t.Context(), made.ID)
			if err != nil {
				t.Fatal(err)
			}
			if !before.playing() {
				break
			}
			var all sync.WaitGroup
			for i := range 6 {
				all.Go(func() { lobbies[i%3].act(made.ID, before.due()) }) // ends by itself, awaited below
			}
			all.Wait()
			after, err := lobbies[0].load(t.Context(), made.ID)
			if err != nil {
				t.Fatal(err)
			}
			check(t, "revisions", after.Rev, before.Rev+1)
		}
	})
}

// A store that is out of reach is an answer with a code. Everything else goes on when it is back, without anybody doing anything.
func TestAStoreOutOfReach(t *testing.T) {
	inTwoProcesses(t, func(t *testing.T, p *pair) {
		at, _ := p.started()
		here := At{at[0].at}
		at[0].seesPhase(game.Proposal)
		p.store.out.Store(true)
		at[0].refused("try_again", "chat:say", Say{here, "?"})
		at[0].refused("try_again", "table:join", here)
		p.a.guest("Fay").refused("try_again", "table:create", Create{Size: 5})
		at[3].Close()
		time.Sleep(2 * time.Minute) // synctest: the proposal is overdue
		p.store.out.Store(false)
		at[0].sees("seat 3 away", func(now Table) bool { return !online(now, 3) })
		now := at[1].seesPhase(game.Voting)
		check(t, "time for a vote", now.Left, 45)
		for _, w := range []*world{p.a, p.b} {
			text := w.log.String()
			for _, line := range []string{"the tables are out of reach", "the tables are within reach again"} {
				if n := strings.Count(text, line); n != 1 {
					t.Errorf("%d lines %q in\n%s", n, line, text)
				}
			}
			if strings.Contains(text, "msg=refused") {
				t.Errorf("somebody was blamed in\n%s", text)
			}
		}
	})
}

// If nobody knows whether something was saved, the client is told so, and everybody sees soon whether it was.
func TestASaveOfUnknownResult(t *testing.T) {
	inTwoProcesses(t, func(t *testing.T, p *pair) {
		at, _ := p.started()
		here := At{at[0].at}
		leader := at[0].seesPhase(game.Proposal).Leader
		at[leader].does("team:propose", Propose{here, []int{0, 1}})
		p.store.half.Store(true)
		at[0].refused("try_again", "team:vote", Vote{here, ptr(false)})
		p.store.half.Store(false)
		s := at[0].learns(func(s Secret) bool { return s.Vote != nil })
		check(t, "the own vote", *s.Vote, false)
		for _, g := range at {
			g.sees("the vote", func(now Table) bool { return slices.Equal(now.Acted, []int{0}) })
		}
		at[0].refused("already_voted", "team:vote", Vote{here, ptr(false)})
	})
}
