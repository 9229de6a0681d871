package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/realtime-go/realtime"
)

// askRules are about questions, seen from the adapters.
var askRules = []rule{
	{name: "AskCountsTheNodes", nodes: 1, run: askCounts},
	{name: "AskCollectsWhatIsAnnounced", nodes: 1, run: askCollects},
	{name: "AskWaitsForEveryAnswer", nodes: 2, run: askWaits},
	{name: "AskEndsWithItsContext", nodes: 2, run: askEnds},
	{name: "AskTakesNoLateAnswers", nodes: 2, run: askLate},
	{name: "AskKeepsQuestionsApart", nodes: 1, run: askApart},
	{name: "QuestionsAndAnswersCrossWhole", nodes: 2, run: askWhole},
}

// ask asks and fails the test unless every other node answers in full.
func (p *peer) ask(m *realtime.Message, reply func(*realtime.Message)) (expected int) {
	p.c.Helper()
	ctx, cancel := p.c.deadline()
	defer cancel()
	expected, err := p.adapter.Ask(ctx, m, reply)
	if err != nil {
		p.c.Fatalf("Ask of %s: %d nodes expected, %v", p.self.Name, expected, err)
	}
	return expected
}

// askedBy reports whether every other node has been asked n questions. c.mu is held.
func askedBy(p *peer, all []*peer, n int) bool {
	for _, other := range all {
		if other != p && len(other.asked) < n {
			return false
		}
	}
	return true
}

func askCounts(c *cluster) {
	all := c.peers(c.size, nil)
	for _, p := range all {
		for _, op := range []realtime.Op{realtime.OpFetch, realtime.OpServerSideAck} {
			m := p.message(op)
			if op == realtime.OpServerSideAck {
				m.Data = array("who")
			}
			answers := map[string]int{}
			var running, over atomic.Bool
			expected := p.ask(m, func(r *realtime.Message) {
				if !running.CompareAndSwap(false, true) || over.Load() {
					c.Error("two calls of reply at a time, or one after Ask has returned")
				}
				answers[answerOf(r)]++
				running.Store(false)
			})
			over.Store(true)
			if expected != c.size-1 || len(answers) != c.size-1 {
				c.Errorf("%d nodes expected, answers %v; want %d", expected, answers, c.size-1)
			}
			for answer, n := range answers {
				if n != 1 {
					c.Errorf("answer %s came %d times", answer, n)
				}
			}
		}
	}
}

// announcing answers with as many answers as the name of the node is long, from a goroutine of their own, after
// their number.
func announcing(p *peer, m *realtime.Message, reply func(*realtime.Message)) {
	n := p.answers()
	reply(p.count(m, n))
	for i := range n {
		time.AfterFunc(0, func() { // runs once, on its own goroutine
			r := p.reply(m, i)
			r.Conn = fmt.Sprintf("%s/%d", p.self.ID, i)
			reply(r)
		})
	}
}

// answers is how many answers announcing gives; some nodes have none.
func (p *peer) answers() int { return int(p.self.Name[len(p.self.Name)-1]-'0') - 1 }

func askCollects(c *cluster) {
	all := c.peers(c.size, announcing)
	for _, p := range all {
		m := p.message(realtime.OpBroadcastAck)
		m.Data, m.Timeout = array("who"), c.factory.Watchdog
		want, counts, answers := 0, 0, 0
		for _, other := range all {
			if other != p {
				want += other.answers()
			}
		}
		expected := p.ask(m, func(r *realtime.Message) {
			switch r.Op {
			case realtime.OpCount:
				counts++
			case realtime.OpAnswer:
				answers++
			default:
				c.Errorf("reply of operation %d", r.Op)
			}
		})
		if expected != c.size-1 || counts != c.size-1 || answers != want {
			c.Errorf("%d nodes expected, %d have announced, %d answers; want %d, %d, %d", expected, counts, answers, c.size-1, c.size-1, want)
		}
	}
}

// endAsk asks, cancels with a cause once ready, which runs under c.mu, is true, and fails the test unless Ask
// returns that cause.
func (p *peer) endAsk(m *realtime.Message, others int, ready func() bool, reply func(*realtime.Message)) {
	c := p.c
	c.Helper()
	cause := errors.New("the rule has seen enough")
	ctx, cancel := context.WithCancelCause(c.Context())
	defer cancel(nil)
	var expected int
	var err error
	wait := c.during("Ask after its context has ended", func() { expected, err = p.adapter.Ask(ctx, m, reply) })
	c.await("the other nodes are asked, and give the answers that they give", ready)
	cancel(cause)
	wait()
	if !errors.Is(err, cause) || expected != others {
		c.Errorf("Ask without all answers: %d nodes, %v; want %d and the cause of the context", expected, err, others)
	}
}

func askWaits(c *cluster) {
	all := c.peers(c.size, func(p *peer, m *realtime.Message, reply func(*realtime.Message)) {
		reply(p.count(m, 2)) // and gives one
		reply(p.reply(m, "first"))
	})
	p := all[0]
	answers := 0
	m := p.message(realtime.OpBroadcastAck)
	m.Data, m.Timeout = array("who"), c.factory.Watchdog
	p.endAsk(m, c.size-1, func() bool { return answers == c.size-1 }, func(r *realtime.Message) {
		c.note(func() {
			if r.Op == realtime.OpAnswer {
				answers++
			}
		})
	})
}

func askEnds(c *cluster) {
	all := c.peers(c.size, func(*peer, *realtime.Message, func(*realtime.Message)) {}) // silent
	p := all[0]
	p.endAsk(p.message(realtime.OpFetch), c.size-1, func() bool { return askedBy(p, all, 1) }, func(r *realtime.Message) {
		c.Errorf("nobody has answered this: %s", encoded(r))
	})
}

func askLate(c *cluster) {
	var late []func()
	all := c.peers(c.size, func(p *peer, m *realtime.Message, reply func(*realtime.Message)) {
		if name, _ := event(m.Data); name == "first" {
			c.note(func() { late = append(late, func() { reply(p.reply(m, "late")) }) })
			return
		}
		p.answer(m, reply)
	})
	p := all[0]
	first := p.message(realtime.OpServerSideAck)
	first.Data = array("first")
	p.endAsk(first, c.size-1, func() bool { return len(late) == c.size-1 }, func(*realtime.Message) {
		c.Error("reply was called, although nobody has answered in time")
	})
	for _, answer := range late {
		answer()
	}
	second := p.message(realtime.OpServerSideAck)
	second.Data = array("second")
	p.ask(second, func(r *realtime.Message) {
		if name, _ := event(r.Data); name == "late" {
			c.Error("an answer came to another question")
		}
	})
}

func askApart(c *cluster) {
	all := c.peers(c.size, func(p *peer, m *realtime.Message, reply func(*realtime.Message)) {
		r := p.reply(m)
		_, args := event(m.Data)
		r.Data = encoded(args)
		time.AfterFunc(0, func() { reply(r) }) // runs once, on its own goroutine
	})
	var waits []func()
	for _, p := range all {
		for i := range 20 {
			waits = append(waits, c.during("Ask among others", func() {
				m, mine, got := p.message(realtime.OpServerSideAck), fmt.Sprintf("%s/%d", p.self.Name, i), 0
				m.Data = array("echo", mine)
				ctx, cancel := c.deadline()
				defer cancel()
				expected, err := p.adapter.Ask(ctx, m, func(r *realtime.Message) {
					got++
					if answer, _ := event(r.Data); answer != mine {
						c.Errorf("question %s got an answer to %s", mine, answer)
					}
				})
				if err != nil || expected != c.size-1 || got != c.size-1 {
					c.Errorf("question %s: %d nodes, %d answers, %v; want %d", mine, expected, got, err, c.size-1)
				}
			}))
		}
	}
	for _, wait := range waits {
		wait()
	}
}

// exchange is a question and the answers that each node gives.
type exchange struct {
	question *realtime.Message
	answers  func(p *peer) []*realtime.Message
}

func askWhole(c *cluster) {
	var current exchange // guarded by c.mu
	all := c.peers(c.size, func(p *peer, _ *realtime.Message, reply func(*realtime.Message)) {
		var answers func(*peer) []*realtime.Message
		c.look(func() { answers = current.answers })
		for _, r := range answers(p) {
			reply(r)
		}
	})
	c.joins(all, "x")
	from := all[0]
	for _, x := range from.exchanges() {
		c.look(func() {
			current = x
			for _, p := range all {
				p.asked = nil
			}
		})
		answers := map[string]int{}
		from.ask(x.question, func(r *realtime.Message) { answers[string(encoded(c.reduced(r)))]++ })
		for _, p := range all[1:] {
			c.look(func() { c.asked(p.asked[0], x.question) })
			for _, want := range x.answers(p) {
				key := string(encoded(c.reduced(want)))
				if answers[key] == 0 {
					c.Errorf("an answer differs, or is missing\n got %v\nwant %s", answers, key)
				}
				answers[key]--
			}
		}
	}
}

// asked compares a question. How long the asking node waits may be rounded.
func (c *cluster) asked(got, want *realtime.Message) {
	c.Helper()
	g := *got
	if want.Op == realtime.OpBroadcastAck && (g.Timeout <= 0 || g.Timeout > want.Timeout) {
		c.Errorf("timeout %v, want %v or a little less", g.Timeout, want.Timeout)
	}
	g.Timeout = want.Timeout
	c.same(&g, want)
}
