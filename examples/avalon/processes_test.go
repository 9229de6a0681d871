package main

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/examples/avalon/game"
	"github.com/realtime-go/realtime/memadapter"
	"github.com/realtime-go/realtime/realtimetest"
)

// pair is two processes with the same tables, in fake time: a bus and a store in memory stand for Redis.
type pair struct {
	a, b  *world
	bus   *memadapter.Bus
	buses [2]*memadapter.Adapter
	store *unsteady
	blind atomic.Bool // process b sees no other
}

func inTwoProcesses(t *testing.T, test func(t *testing.T, p *pair)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &pair{bus: memadapter.NewBus(), store: &unsteady{store: newMemory()}}
		s, err := readSettings([]string{"-secret", secretOfTests}, environment(nil), t.Output())
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range []**world{&p.a, &p.b} {
			p.buses[i] = p.bus.Node()
			log := &logged{}
			a, err := newApp(s, p.store, p.buses[i], slog.New(slog.NewTextHandler(log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			if i == 1 {
				a.lobby.nodes = p.seenBy(a)
			}
			*w = serving(t, a, log)
		}
		test(t, p)
	})
}

// seenBy is how a process sees the others.
func (p *pair) seenBy(a *app) func(ctx context.Context) ([]realtime.Node, error) {
	return func(ctx context.Context) ([]realtime.Node, error) {
		if p.blind.Load() {
			return []realtime.Node{{Name: a.lobby.process}}, nil
		}
		return a.srv.Nodes(ctx)
	}
}

// crash ends process a without a goodbye.
func (p *pair) crash() {
	p.bus.Crash(p.buses[0])
	p.a.app.lobby.close()
}

// started is a game of five people: seats 0, 2 and 4 are connected to process a, the others to b.
func (p *pair) started() (at []*guest, secrets []Secret) {
	at = p.a.table(5, nil, "Ann")
	for i, name := range everybody[1:] {
		at = append(at, []*world{p.b, p.a}[i%2].guest(name))
		at[i+1].enter("table:join", At{at[0].at})
	}
	at[0].does("table:start", At{at[0].at})
	for _, g := range at {
		secrets = append(secrets, g.learns(func(s Secret) bool { return s.Role != "" }))
	}
	return at, secrets
}

func TestTwoProcessesServeOneTable(t *testing.T) {
	inTwoProcesses(t, func(t *testing.T, p *pair) {
		fay := p.b.guest("Fay")
		at, secrets := p.started()
		here := At{at[0].at}
		begun := time.Now()
		want := []TableInfo{{ID: here.Table, Host: "Ann", Players: 5, Size: 5, Phase: "proposal"}}
		for !slices.Equal(realtimetest.Expect[Tables](fay.Client, "tables").Tables, want) {
			continue // of before; some may be left out
		}

		said := realtimetest.Call[ChatLine](at[1].Client, "chat:say", Say{here, "good evening"})
		for _, g := range at {
			check(t, "chat", realtimetest.Expect[ChatLine](g.Client, "chat"), said)
		}
		leader := at[0].seesPhase(game.Proposal).Leader
		at[leader].does("team:propose", Propose{here, []int{0, 1}})
		for i, g := range at {
			g.seesPhase(game.Voting)
			g.does("team:vote", Vote{here, ptr(i > 0)})
		}
		for _, g := range at {
			now := g.seesPhase(game.Questing)
			check(t, "votes", now.Votes[0].Approve, []bool{false, true, true, true, true})
		}
		check(t, "time that went by", time.Since(begun), 0*time.Second) // synctest: fake; nobody has waited for a look
		for i, g := range at {                                          // each on another process than before
			w := []*world{p.b, p.a}[i%2]
			in := w.device(g.session).enter("table:join", here)
			check(t, "the same seat and role", []any{in.Secret.Seat, in.Secret.Role}, []any{i, secrets[i].Role})
			check(t, "the same chat", in.Chat, []ChatLine{said})
		}
		synctest.Wait()
		for _, event := range fay.Pending() {
			if event != "tables" {
				t.Errorf("somebody at no table got %q", event)
			}
		}
	})
}

// Two devices are one player also if they are connected to two processes.
func TestDevicesOnTwoProcesses(t *testing.T) {
	inTwoProcesses(t, func(t *testing.T, p *pair) {
		ann := p.a.table(5, nil, "Ann")[0]
		here := At{ann.at}
		bob := p.a.guest("Bob")
		bob.enter("table:join", here)
		phone := p.b.device(bob.session)
		in := phone.enter("table:join", here)
		check(t, "players", len(in.Table.Players), 2)
		bob.Close()
		synctest.Wait()
		check(t, "with one device left", ann.enter("table:join", here).Table.Players[1].Online, true)
		phone.Close()
		ann.sees("Bob away", func(now Table) bool { return len(now.Players) == 2 && !online(now, 1) })

		bob, phone = p.a.device(bob.session), p.b.device(bob.session)
		bob.enter("table:join", here)
		phone.enter("table:join", here)
		bob.does("table:leave", here)
		synctest.Wait()
		for room, want := range map[string]int{tableRooms + here.Table: 1, lobbyRoom: 2} {
			if n, err := p.a.app.lobby.everyone.Room(room).Len(t.Context()); n != want || err != nil {
				t.Errorf("%d connections in %s (%v), want %d", n, room, err, want)
			}
		}
		check(t, "who is at the table", ann.enter("table:join", here).Table.Players, []Player{{Seat: 0, Name: "Ann", Online: true}})
	})
}

// A process dies in the middle of a game. The other one sees who is away, does what is due, and gives seats and votes back.
func TestAProcessDies(t *testing.T) {
	inTwoProcesses(t, func(t *testing.T, p *pair) {
		at, secrets := p.started()
		here := At{at[0].at}
		leader := at[1].seesPhase(game.Proposal).Leader
		at[leader].does("team:propose", Propose{here, []int{0, 1}})
		at[1].seesPhase(game.Voting)
		begun := time.Now()
		at[0].does("team:vote", Vote{here, ptr(false)}) // the last that process a does
		p.crash()

		now := at[1].sees("the others away", func(now Table) bool {
			return !online(now, 0) && online(now, 1) && !online(now, 2) && online(now, 3) && !online(now, 4)
		})
		check(t, "the vote is there", now.Acted, []int{0})
		if took := time.Since(begun); took > 5*time.Second { // synctest: fake
			t.Errorf("it took %v to see who is away", took)
		}
		ann := p.b.device(at[0].session)
		in := ann.enter("table:join", here)
		check(t, "seat, role and vote", []any{in.Secret.Seat, in.Secret.Role, *in.Secret.Vote}, []any{0, secrets[0].Role, false})
		at[1].sees("Ann back", func(now Table) bool { return online(now, 0) })

		tick := realtimetest.Expect[Clock](at[1].Client, "clock")
		check(t, "phase of the clock", tick.Phase, "vote")
		now = at[1].seesPhase(game.Questing)
		check(t, "votes of the absent", now.Votes[0].Approve, []bool{false, true, true, true, true})
		took := time.Since(begun) // synctest: fake
		if limit := limits[game.Voting]; took < limit || took > limit+late {
			t.Errorf("the phase ended after %v", took)
		}
		at[1].seesPhase(game.Over) // the server plays for all
		for rev, n := range p.store.saves {
			if n != 1 {
				t.Errorf("revision %d was saved %d times", rev, n)
			}
		}
	})
}

// The process that saved a table last dies, and nobody was at the table there: nothing but the time tells the other that it has to act.
func TestAnotherProcessTakesTheClockOver(t *testing.T) {
	inTwoProcesses(t, func(t *testing.T, p *pair) {
		ann := p.a.table(5, nil, "Ann")[0]
		bob := p.b.guest("Bob")
		bob.enter("table:join", At{ann.at})
		ann.does("table:bots", At{ann.at})
		ann.does("table:start", At{ann.at})
		begun := time.Now()
		ann.Close()
		bob.sees("Ann away", func(now Table) bool { return !online(now, 0) }) // the last that process a does
		p.crash()
		now := bob.sees("a vote", func(now Table) bool { return now.Phase == string(game.Voting) || len(now.Votes) > 0 })
		if took := time.Since(begun); took > limits[game.Proposal]+late { // synctest: fake
			t.Errorf("the proposal ended after %v: %+v", took, now)
		}
		bob.seesPhase(game.Over)
	})
}

// Whoever comes back to a process that nobody was connected to gets what was said meanwhile with the table, and not once more.
func TestTheHistoryIsToldOnce(t *testing.T) {
	inTwoProcesses(t, func(t *testing.T, p *pair) {
		ann := p.a.table(5, nil, "Ann")[0]
		here := At{ann.at}
		bob := p.b.guest("Bob")
		bob.enter("table:join", here)
		ann.Close()
		synctest.Wait()
		said := realtimetest.Call[ChatLine](bob.Client, "chat:say", Say{here, "where is Ann?"})
		ann = p.a.device(ann.session)
		check(t, "history", ann.enter("table:join", here).Chat, []ChatLine{said})
		synctest.Wait()
		if slices.Contains(ann.Pending(), "chat") {
			t.Error("what was said before came as an event")
		}
		said = realtimetest.Call[ChatLine](bob.Client, "chat:say", Say{here, "there you are"})
		check(t, "what is said now", realtimetest.Expect[ChatLine](ann.Client, "chat"), said)
	})
}

// When all processes have died, the next one finds the tables, and nobody at them.
func TestAllProcessesDie(t *testing.T) {
	inTwoProcesses(t, func(t *testing.T, p *pair) {
		ann := p.a.table(5, nil, "Ann")[0]
		p.crash()
		p.b.app.lobby.close() // as if it had begun only now
		bus := memadapter.NewBus()
		s := p.b.app.lobby.settings
		log := &logged{}
		next, err := newApp(s, p.store, bus.Node(), slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		c := serving(t, next, log)
		time.Sleep(3 * pace) // synctest: some looks
		in := c.guest("Bob").enter("table:join", At{ann.at})
		check(t, "Ann", in.Table.Players[0], Player{Seat: 0, Name: "Ann"})
		time.Sleep(patience + time.Second) // synctest: too long for a seat to be kept
		in = c.device(c.guest("Cid").session).enter("table:join", At{ann.at})
		check(t, "Ann's seat", in.Secret.Seat, 0)
	})
}

// What processes say to each other may be lost. A look makes up for it.
func TestWhatIsLostBetweenProcessesIsSeenLater(t *testing.T) {
	inTwoProcesses(t, func(t *testing.T, p *pair) {
		at, _ := p.started()
		here := At{at[0].at}
		leader := at[0].seesPhase(game.Proposal).Leader
		p.bus.Partition(p.buses[0])
		at[leader].does("team:propose", Propose{here, []int{0, 1}})
		for _, g := range at {
			g.seesPhase(game.Voting)
		}
		said := realtimetest.Call[ChatLine](at[0].Client, "chat:say", Say{here, "do you hear me?"})
		check(t, "chat", realtimetest.Expect[ChatLine](at[1].Client, "chat"), said)
		at[1].does("team:vote", Vote{here, ptr(true)})
		at[0].sees("the vote of seat 1", func(now Table) bool { return slices.Equal(now.Acted, []int{1}) })
		other := p.b.guest("Fay").enter("table:create", Create{Size: 5})
		time.Sleep(2 * pace) // synctest: a look
		check(t, "tables", len(p.a.app.lobby.list().Tables), 2)
		check(t, "the other table", p.a.guest("Gil").enter("table:join", At{other.Table.ID}).Secret.Seat, 1)
	})
}

// A process that is taken for dead and is not says again who is there.
func TestAProcessThatIsTakenForDead(t *testing.T) {
	inTwoProcesses(t, func(t *testing.T, p *pair) {
		at, _ := p.started()
		p.blind.Store(true)
		at[1].sees("seat 0 away", func(now Table) bool { return !online(now, 0) })
		p.blind.Store(false)
		at[1].sees("all there", func(now Table) bool {
			return !slices.ContainsFunc(now.Players, func(p Player) bool { return !p.Online })
		})
	})
}
