package redisadapter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/internal/workq"
)

func TestBreaker(t *testing.T) {
	var b breaker
	for i := range maxFailures {
		if err := b.allow(); err != nil {
			t.Fatalf("open after %d failures", i)
		}
		if opened := b.failed(io.EOF); opened != (i == maxFailures-1) {
			t.Fatalf("failure %d: opened %t", i+1, opened)
		}
	}
	if err := b.allow(); !errors.Is(err, ErrUnavailable) || !errors.Is(err, io.EOF) {
		t.Errorf("refuses with %v", err)
	}
	if b.failed(io.EOF) {
		t.Error("opened twice")
	}
	b.succeeded()
	if err := b.allow(); err != nil {
		t.Errorf("after a success: %v", err)
	}
	for range maxFailures - 1 {
		b.failed(io.EOF)
	}
	b.succeeded()
	if b.failed(io.EOF) {
		t.Error("failures that are not in a row have opened it")
	}
}

func TestBackoff(t *testing.T) {
	b := newBackoff(firstRetry, lastRetry)
	for _, step := range []time.Duration{50, 100, 200, 400, 800, 1000, 1000, 1000} {
		step *= time.Millisecond
		if d := b.delay(); d < step/2 || d > step {
			t.Errorf("waits %v, want %v to %v", d, step/2, step)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		if !newBackoff(time.Hour, time.Hour).wait(ctx, nil) {
			t.Error("the wait ended early")
		}
		start, hurry := time.Now(), make(chan struct{}, 1)
		hurry <- struct{}{}
		if !newBackoff(time.Hour, time.Hour).wait(ctx, hurry) || time.Since(start) != 0 {
			t.Errorf("hurried, it waited %v", time.Since(start))
		}
		cancel()
		if newBackoff(time.Hour, time.Hour).wait(ctx, nil) {
			t.Error("waited for a context that has ended")
		}
	})
}

func TestPulse(t *testing.T) {
	start := time.Now()
	p := pulse{channel: "own", alone: true}
	p.restart(start)
	at := func(i int) time.Time { return start.Add(time.Duration(i) * time.Second) }
	for i := 1; i <= 20; i++ {
		out := p.beat(at(i))
		out.done(1, nil)
		if !p.saw(string(out.payload)) || p.check() != nil || !p.alive().Equal(at(i)) {
			t.Fatalf("beat %d: %v, alive at %v", i, p.check(), p.alive())
		}
	}
	for i := range maxUnseen {
		if err := p.check(); err != nil {
			t.Fatalf("%d beats unseen: %v", i, err)
		}
		out := p.beat(at(21 + i))
		out.done(0, errors.New("not sent")) // is not missed
		out = p.beat(at(21 + i))
		out.done(1, nil)
	}
	if err := p.check(); err == nil {
		t.Error("three beats unseen, and no error")
	}
	if !p.alive().Equal(at(20)) {
		t.Errorf("alive at %v, want %v", p.alive(), at(20))
	}
	p.restart(at(40))
	if err := p.check(); err != nil || !p.alive().Equal(at(40)) {
		t.Errorf("after a restart: %v, alive at %v", err, p.alive())
	}
	out := p.beat(at(41))
	out.done(0, nil)
	if err := p.check(); !errors.Is(err, errNoReceiver) {
		t.Errorf("nobody has heard a beat: %v", err)
	}
	p = pulse{channel: "own"} // of a cluster, whose counts are those of one server
	p.restart(start)
	out = p.beat(at(1))
	out.done(0, nil)
	if err := p.check(); err != nil {
		t.Errorf("in a cluster: %v", err)
	}
	for _, forged := range []string{"", "beat", "beat x", "beat 99", "hello"} {
		p.saw(forged)
	}
	if !p.alive().Equal(start) {
		t.Error("a forged beat is believed")
	}
}

func TestInterest(t *testing.T) {
	var i interest
	if !i.has("/", "x") {
		t.Error("before anybody has told of a room nothing is of interest")
	}
	i.set("/", "x", true)
	i.set("/", "y", true)
	i.set("/a", "x", true)
	i.set("/a", "x", false)
	i.set("/b", "never opened", false)
	for _, c := range []struct {
		namespace, room string
		want            bool
	}{{"/", "x", true}, {"/", "z", false}, {"/a", "x", false}, {"/", "abcdefghijklmnopqrst", true}, {"/", "abcdefghijklmnopqrs#", false}} {
		if i.has(c.namespace, c.room) != c.want {
			t.Errorf("%s %s: %t", c.namespace, c.room, !c.want)
		}
	}
	if diff := cmp.Diff([]string{"x", "y"}, i.list("/")); diff != "" || len(i.list("/a")) != 0 || len(i.rooms) != 1 {
		t.Errorf("%v, %v", i.rooms, diff)
	}
}

func TestConfig(t *testing.T) {
	address := rueidis.ClientOption{InitAddress: []string{"x:1"}}
	for want, cfg := range map[string]Config{
		"InitAddress":     {},
		"Wire 9":          {Redis: address, Wire: 9},
		"Prefix":          {Redis: address, Prefix: "a#b"},
		"RequestsTimeout": {Redis: address, RequestsTimeout: -1},
		"PublishTimeout":  {Redis: address, PublishTimeout: -1},
		"Heartbeat":       {Redis: address, Heartbeat: -1},
		"ShardedPubSub":   {Redis: address, ShardedPubSub: true},
		"Limits":          {Redis: address, Limits: Limits{InboundBytes: -1}},
	} {
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: New accepts it", want)
		}
	}
	cfg := Config{Redis: address}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
	cfg = cfg.withDefaults()
	if !cfg.Redis.DisableRetry || !cfg.Redis.DisableCache || cfg.Redis.Dialer.Timeout != time.Second || cfg.Prefix != "socket.io" || cfg.Limits.InboundMessages != 4096 {
		t.Errorf("defaults %+v", cfg)
	}
}

func TestAsksAreCapped(t *testing.T) {
	a := asks{limit: 2}
	m := &realtime.Message{}
	ids := (&classic{}).newID
	q, err1 := a.add(m, ids())
	_, err2 := a.add(m, ids())
	if _, err := a.add(m, ids()); err1 != nil || err2 != nil || !errors.Is(err, ErrTooManyRequests) {
		t.Errorf("%v, %v, %v", err1, err2, err)
	}
	if a.find(q.id) != q || a.find("other") != nil || len(q.id) < 16 {
		t.Errorf("id %q", q.id)
	}
	a.remove(q)
	if _, err := a.add(m, ids()); err != nil || a.find(q.id) != nil {
		t.Errorf("after one has ended: %v", err)
	}
}

// listener notes what it is told, and may block.
type listener struct {
	realtime.AdapterHandler
	told  []string
	block chan struct{}
}

func (l *listener) OnState(s realtime.AdapterState) {
	if l.block != nil {
		<-l.block
	}
	text := s.Status.String()
	if s.Gap != nil {
		text += fmt.Sprintf(" %d of %q", s.Gap.Count, s.Gap.Node)
	}
	if s.Err != nil {
		text += " " + s.Err.Error()
	}
	l.told = append(l.told, text)
}

func (l *listener) OnNode(n realtime.Node, up bool) { l.told = append(l.told, fmt.Sprint(n.ID, up)) }

func newListener() (*listener, *notices) {
	l := &listener{}
	n := newNotices(&workq.Group{})
	n.handler = l
	return l, n
}

func TestNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, n := newListener()
		n.hearing(nil)
		n.hearing(nil) // no news
		n.sending(io.EOF)
		n.gap(realtime.Gap{Count: 2, Node: "me"})
		n.hearing(io.ErrUnexpectedEOF)
		n.sending(nil)
		n.hearing(nil)
		n.node(realtime.Node{ID: "other"}, true)
		n.gap(realtime.Gap{Count: -1})
		synctest.Wait()
		want := []string{"up", "down EOF", `gap 2 of "me"`, "down EOF", "up", "othertrue", `gap -1 of ""`}
		if diff := cmp.Diff(want, l.told); diff != "" {
			t.Error(diff)
		}
		n.close()
		n.hearing(io.EOF)
		synctest.Wait()
		if len(l.told) != len(want) {
			t.Errorf("told after the end: %v", l.told[len(want):])
		}
	})
}

// TestNoticesMergeGaps lets the handler hang: no gap may be lost, however many there are.
func TestNoticesMergeGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, n := newListener()
		l.block = make(chan struct{})
		n.hearing(nil)
		start := time.Now()
		const each = 3 * maxNotices
		for i := range each {
			n.gap(realtime.Gap{Count: 1, Node: "me", From: start.Add(time.Duration(i)), To: start.Add(time.Duration(i + 1))})
		}
		if n.merged == nil || n.merged.To != start.Add(each) {
			t.Fatalf("merged %+v", n.merged)
		}
		close(l.block)
		synctest.Wait()
		sum := 0
		for _, text := range l.told {
			var count int
			if _, err := fmt.Sscanf(text, "gap %d", &count); err == nil {
				sum += count
			}
		}
		if sum != each || n.merged != nil {
			t.Errorf("gaps of %d messages were told, want %d", sum, each)
		}
		n.close()
	})
	var n notices
	now := time.Now()
	n.merge(realtime.Gap{Node: "a", Namespace: "/", Room: "r", Count: 1, From: now, To: now.Add(2)})
	n.merge(realtime.Gap{Node: "b", Namespace: "/", Room: "r", Count: -1, From: now.Add(-1), To: now.Add(1)})
	if diff := cmp.Diff(&realtime.Gap{Namespace: "/", Room: "r", Count: -1, From: now.Add(-1), To: now.Add(2)}, n.merged); diff != "" {
		t.Error(diff)
	}
}

// TestWithLife: a call ends with the adapter, for the adapter's reason.
func TestWithLife(t *testing.T) {
	life, end := context.WithCancelCause(context.Background())
	ctx, cancel := withLife(context.Background(), life)
	defer cancel(nil)
	other, stop := withLife(context.Background(), life)
	stop(io.EOF)
	end(ErrClosed)
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), ErrClosed) || !errors.Is(context.Cause(other), io.EOF) {
		t.Errorf("%v, %v", context.Cause(ctx), context.Cause(other))
	}
}

func TestNamelessNodesAreNumbered(t *testing.T) {
	var ids []string
	for i := range 3 {
		ids = append(ids, nameless(i+1).ID)
	}
	if !slices.Equal(ids, []string{"node.js-1", "node.js-2", "node.js-3"}) {
		t.Errorf("%v", ids)
	}
}

func TestDemoted(t *testing.T) {
	const list = "aa 127.0.0.1:1@2 myself,master - 0 0 1 connected 0-99\nbb 127.0.0.1:3@4 slave aa 0 0 1 connected\n"
	if demoted(list, "aa") || !demoted(list, "bb") || demoted(list, "cc") || demoted("", "aa") {
		t.Error("a master is taken for a replica, or the other way round")
	}
}
