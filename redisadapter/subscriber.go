package redisadapter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/internal/workq"
)

// subscriber keeps the node subscribed. Its connection is its own and is made anew
// whenever it breaks; each break is a gap, since Redis keeps nothing for those who are away
// (requirements R61, R67). One goroutine lives from start to stop. All methods may be
// called concurrently.
type subscriber struct {
	client  *client
	notices *notices
	pulse   pulse
	base    subscription // of the node itself

	deliver func(incoming) // called on rueidis' reader
	tick    func()         // called at every heartbeat while subscribed
	joined  func()         // called each time that everything has been subscribed

	// confirmed, if set, is called on rueidis' reader when Redis has confirmed a subscription,
	// before what it brings; dropped before a subscription is ended. Both are quick.
	confirmed, dropped func(channel string)

	heartbeat time.Duration
	group     *workq.Group
	turn      chan struct{} // one slot: its holder changes what is subscribed
	looking   atomic.Bool   // at roles

	mu         sync.Mutex // guards what follows
	namespaces map[string]subscription
	more       map[string]struct{} // channels beside those of base and namespaces
	left       bool                // nothing is to be subscribed any more
	link       *link               // nil: not subscribed
	changed    chan struct{}       // closed and replaced when link or namespaces change
	breaks     uint64
}

func newSubscriber(c *client, cfg *Config, n *notices, base subscription, own string) *subscriber {
	return &subscriber{
		client: c, notices: n, base: base, heartbeat: cfg.Heartbeat,
		pulse: pulse{channel: own, alone: !c.cluster}, turn: make(chan struct{}, 1),
		namespaces: make(map[string]subscription), more: make(map[string]struct{}), changed: make(chan struct{}),
	}
}

// start subscribes, trying again until ctx ends, and stays subscribed until life ends.
func (s *subscriber) start(ctx, life context.Context, group *workq.Group) error {
	b := newBackoff(firstRetry, lastRetry)
	l, err := s.connect(ctx)
	for err != nil {
		if !b.wait(ctx, nil) {
			return fmt.Errorf("%w: %w", err, context.Cause(ctx))
		}
		l, err = s.connect(ctx)
	}
	s.notices.hearing(nil)
	s.group = group
	group.Go(func() { s.run(life, l) }) // owned by the subscriber; ends with life
	return nil
}

// run watches one link after the other.
func (s *subscriber) run(life context.Context, l *link) {
	for {
		s.joined()
		why := s.watch(life, l)
		since := s.pulse.alive()
		s.install(nil)
		l.conn.Close()
		if life.Err() != nil {
			return
		}
		s.lost()
		s.notices.hearing(why)
		if l = s.reconnect(life); l == nil {
			return
		}
		s.notices.hearing(nil)
		s.notices.gap(realtime.Gap{Count: -1, From: since, To: time.Now()})
	}
}

// reconnect tries until it succeeds, or returns nil when life ends.
func (s *subscriber) reconnect(life context.Context) *link {
	b := newBackoff(firstRetry, lastRetry)
	for b.wait(life, nil) {
		l, err := s.connect(life)
		if err == nil {
			return l
		}
	}
	return nil
}

// watch returns why the link is of no use any more, or nil when life ends.
func (s *subscriber) watch(life context.Context, l *link) error {
	const looks = 4 // at the pulse, for each beat
	ticker := time.NewTicker(max(s.heartbeat/looks, time.Millisecond))
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case err := <-l.broken:
			return unavailable(errors.Join(errDropped, err))
		case <-l.ended:
			return unavailable(l.fault)
		case <-life.Done():
			return nil
		case <-ticker.C:
		}
		if err := s.pulse.check(); err != nil {
			return unavailable(err)
		}
		if n%looks == 0 {
			s.tick()
		}
		if n%(looks*roleEvery) == 0 {
			s.lookRole(life, s.group, l)
		}
	}
}

// connect makes a link that is subscribed to everything.
func (s *subscriber) connect(ctx context.Context) (*link, error) {
	if err := s.take(ctx); err != nil {
		return nil, err
	}
	defer s.release()
	ctx, cancel := context.WithTimeout(ctx, s.client.timeout)
	defer cancel()
	conn, err := s.client.pinned(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	l := &link{conn: conn, ended: make(chan struct{})}
	l.broken = conn.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: s.onMessage, OnSubscription: func(sub rueidis.PubSubSubscription) {
		if strings.HasSuffix(sub.Kind, "unsubscribe") && s.wants(sub.Channel) {
			l.fail(errDropped) // not by us
		}
		if sub.Kind == "subscribe" && s.confirmed != nil {
			s.confirmed(sub.Channel)
		}
	}})
	if err := l.subscribe(ctx, s.everything()); err != nil {
		conn.Close()
		return nil, err
	}
	s.pulse.restart(time.Now())
	if s.client.cluster {
		l.id = l.nodeID(ctx)
	}
	s.install(l)
	return l, nil
}

// onMessage runs on rueidis' reader.
func (s *subscriber) onMessage(m rueidis.PubSubMessage) {
	if m.Channel == s.pulse.channel && s.pulse.saw(m.Message) {
		return
	}
	s.deliver(incoming{pattern: m.Pattern, channel: m.Channel, payload: m.Message, at: time.Now()})
}

// take waits for the turn to change what is subscribed.
func (s *subscriber) take(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *subscriber) release() { <-s.turn }

// everything is what a new link subscribes.
func (s *subscriber) everything() subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := subscription{channels: append([]string(nil), s.base.channels...), patterns: append([]string(nil), s.base.patterns...)}
	for _, sub := range s.namespaces {
		all.channels = append(all.channels, sub.channels...)
		all.patterns = append(all.patterns, sub.patterns...)
	}
	for channel := range s.more {
		all.channels = append(all.channels, channel)
	}
	return all
}

// wants reports whether a channel or pattern should be subscribed.
func (s *subscriber) wants(name string) bool {
	all := s.everything()
	for _, list := range [][]string{all.channels, all.patterns} {
		for _, have := range list {
			if have == name {
				return true
			}
		}
	}
	return false
}

func (s *subscriber) install(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link = l
	s.change()
}

// change wakes those who wait. The lock is held.
func (s *subscriber) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *subscriber) lost() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.breaks++
}

// broken returns how many links were lost.
func (s *subscriber) broken() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.breaks
}
