package adaptertest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
)

// bare is a bus without faults.
type bare struct{ bus *tamperedBus }

func (b bare) Node() realtime.Adapter { return b.bus.Node() }

// poor lacks everything that an adapter may lack.
func poor(a *tampered) realtime.Adapter {
	strip := func(m *realtime.Message) *realtime.Message {
		c := *m
		c.Node, c.Conn, c.Reason, c.Compress, c.Meta = "some node", "", "", nil, nil
		c.Conns = slices.Clone(m.Conns)
		for i, conn := range c.Conns {
			c.Conns[i] = realtime.ConnInfo{ID: conn.ID, Rooms: conn.Rooms, Public: conn.Public}
		}
		if m.Op == realtime.OpDisconnect {
			c.Close = false
		}
		if m.Op == realtime.OpServerSide || m.Op == realtime.OpServerSideAck {
			c.Attachments = nil
		}
		return &c
	}
	a.message = func(h realtime.AdapterHandler, m *realtime.Message) {
		switch m = strip(m); {
		case slices.Contains([]realtime.Op{realtime.OpReconnect, realtime.OpReplace, realtime.OpRevoke}, m.Op):
		case m.Op == realtime.OpJoin:
			time.AfterFunc(0, func() { h.OnMessage(m) }) // in no order with what follows
		default:
			h.OnMessage(m)
		}
	}
	a.ask = func(next askFunc, ctx context.Context, m *realtime.Message, reply replyFunc) (int, error) {
		fetch := *m
		if m.Op == realtime.OpCountMembers {
			fetch.Op = realtime.OpFetch
		}
		return next(ctx, strip(&fetch), func(r *realtime.Message) {
			r = strip(r)
			if m.Op == realtime.OpCountMembers {
				r.Count = len(r.Conns)
			}
			reply(r)
		})
	}
	a.nodes = func(next nodesFunc, ctx context.Context) ([]realtime.Node, error) {
		_, err := next(ctx)
		return []realtime.Node{a.self}, err
	}
	a.news = func(realtime.AdapterHandler, realtime.Node, bool) {}
	return contractOnly{a}
}

// contractOnly has none of the optional abilities of the contract.
type contractOnly struct{ realtime.Adapter }

// An adapter that lacks all that it may lack passes what is left, if it says so.
func TestLacksAreLookedPast(t *testing.T) {
	lacks := map[Ability]string{}
	for _, a := range abilities {
		lacks[a] = "to see that the rules look past it"
	}
	Run(t, Factory{
		NewBus: func(t testing.TB) Bus { return bare{newTamperedBus(t, poor)} },
		Lacks:  lacks, Watchdog: time.Minute, Sizes: []int{1, 3},
	})
}

// And it does not pass if it keeps quiet about one of them.
func TestLacksHaveToBeDeclared(t *testing.T) {
	for hidden, rules := range map[Ability]string{
		NodeList: "NodesAreListed", AnswerConn: "AcksAreCounted", NodeNames: "ServerSideEmitWithAck", ConnDetails: "ConnsOfAllNodes",
		CountMembers: "QuestionsAndAnswersCrossWhole", CloseAll: "CloseAll", ReconnectAll: "ReconnectAll", Revoke: "RevokeOnAllNodes",
		Replace: "MessagesCrossWhole", Compress: "MessagesCrossWhole",
		Meta: "MessagesCrossWhole", Reason: "MessagesCrossWhole", ServerSideBinary: "ServerSideEmitBinary",
	} {
		lacks := map[Ability]string{}
		for _, a := range abilities {
			if a != hidden {
				lacks[a] = "declared"
			}
		}
		f := Factory{NewBus: func(t testing.TB) Bus { return newTamperedBus(t, poor) }, Lacks: lacks, Watchdog: time.Second}
		if got := record(t, f, byRule(t, rules), 3); got == "" {
			t.Errorf("%s is lacking and not declared, and %s does not notice", hidden, rules)
		}
	}
}

func TestListOfLacks(t *testing.T) {
	with := func(t testing.TB) Bus { return newTamperedBus(t, nil) }
	without := func(t testing.TB) Bus { return bare{newTamperedBus(t, nil)} }
	for name, tc := range map[string]struct {
		f    Factory
		want string
	}{
		"fits":             {Factory{NewBus: without, Lacks: map[Ability]string{Crash: "no", Sever: "no"}}, ""},
		"nothing":          {Factory{NewBus: with}, ""},
		"not declared":     {Factory{NewBus: without, Lacks: map[Ability]string{Sever: "no"}}, "Crash: the bus implements it: false; Lacks names it: false"},
		"declared and had": {Factory{NewBus: with, Lacks: map[Ability]string{Sever: "no"}}, "Sever: the bus implements it: true; Lacks names it: true"},
		"no reason":        {Factory{NewBus: with, Lacks: map[Ability]string{Meta: ""}}, "Lacks[Meta] has no reason"},
		"unknown":          {Factory{NewBus: with, Lacks: map[Ability]string{"Flight": "no wings"}}, `Lacks names "Flight", which is no ability`},
	} {
		got := record(t, tc.f.withDefaults(), rule{run: func(c *cluster) { c.factory.checkLacks(c.TB) }}, 1)
		if got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// What is left out is printed with the reason and the rules.
func TestLacksArePrinted(t *testing.T) {
	f := Factory{NewBus: func(t testing.TB) Bus { return bare{newTamperedBus(t, nil)} }, Lacks: map[Ability]string{
		Crash: "the process is the test's", Sever: "there is no link",
	}}
	p := &printer{TB: t}
	f.checkLacks(p)
	for _, text := range []string{"lacks Crash (the process is the test's); not run: NodeThatDiesIsGone, DeadNodeIsNotWaitedFor", "lacks Sever (there is no link)"} {
		if !strings.Contains(p.printed, text) {
			t.Errorf("not printed: %q in %q", text, p.printed)
		}
	}
}
