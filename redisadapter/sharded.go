package redisadapter

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/internal/workq"
)

// sharded keeps shard channels subscribed by sharded pub/sub, each where its slot is (Config.ShardedPubSub).
// A channel has a goroutine, which subscribes anew whenever the subscription ends without having been
// ended by this node: the connection broke, or the slot has moved (requirement R62). All methods may be
// called concurrently.
type sharded struct {
	client  *client
	notices *notices
	group   *workq.Group
	life    context.Context
	end     context.CancelCauseFunc

	deliver            func(incoming)       // called on rueidis' readers
	confirmed, dropped func(channel string) // as those of the subscriber
	breaks             atomic.Uint64
	turn               chan struct{} // one slot: its holder changes what is subscribed

	mu       sync.Mutex // guards what follows
	channels map[string]*shardSub
}

// shardSub is one channel that is listened to.
type shardSub struct {
	name  string
	stop  context.CancelFunc
	ended context.Context // by stop
	ready chan struct{}   // closed when Redis has confirmed it for the first time
	once  sync.Once
	alive atomic.Int64 // when it brought something last, in nanoseconds since 1970
	away  atomic.Int64 // since when it has been broken, 0 if it has not
}

func newSharded(life context.Context, c *client, n *notices, group *workq.Group) *sharded {
	s := &sharded{client: c, notices: n, group: group, turn: make(chan struct{}, 1), channels: make(map[string]*shardSub)}
	s.life, s.end = context.WithCancelCause(life)
	return s
}

// adjust makes the channels be those of want, and returns when Redis has confirmed it.
func (s *sharded) adjust(ctx context.Context, want func() map[string]struct{}) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, s.client.timeout)
	defer cancel()
	added, gone := s.change(want())
	var errs []error
	for _, sub := range gone {
		errs = append(errs, s.quit(ctx, sub))
	}
	for _, sub := range added {
		select {
		case <-sub.ready:
		case <-s.life.Done():
			return nil
		case <-ctx.Done():
			return errors.Join(append(errs, unavailable(context.Cause(ctx)))...)
		}
	}
	return errors.Join(errs...)
}

// change starts what is new and forgets what is not wanted. What was started before and is not confirmed
// yet counts as added.
func (s *sharded) change(want map[string]struct{}) (added, gone []*shardSub) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, sub := range s.channels {
		if _, wanted := want[name]; !wanted {
			delete(s.channels, name)
			gone = append(gone, sub)
		}
	}
	for name := range want {
		sub := s.channels[name]
		if sub == nil {
			sub = &shardSub{name: name, ready: make(chan struct{})}
			sub.ended, sub.stop = context.WithCancel(s.life)
			s.channels[name] = sub
			s.group.Go(func() { s.listen(sub) }) // owned by sharded; ends with the subscription's context
		}
		added = append(added, sub)
	}
	return added, gone
}

// quit ends a subscription.
func (s *sharded) quit(ctx context.Context, sub *shardSub) error {
	s.dropped(sub.name)
	sub.stop()
	if err := s.client.Do(ctx, s.client.B().Sunsubscribe().Channel(sub.name).Build()).NonRedisError(); err != nil {
		return unavailable(err)
	}
	return nil
}

// listen subscribes until it is not wanted any more.
func (s *sharded) listen(sub *shardSub) {
	b := newBackoff(firstRetry, lastRetry)
	for sub.ended.Err() == nil {
		ctx := rueidis.WithOnSubscriptionHook(sub.ended, func(p rueidis.PubSubSubscription) {
			if p.Kind == "ssubscribe" && sub.ended.Err() == nil {
				s.subscribed(sub)
			}
		})
		began := time.Now()
		_ = s.client.Receive(ctx, s.client.B().Ssubscribe().Channel(sub.name).Build(), func(m rueidis.PubSubMessage) {
			now := time.Now()
			sub.alive.Store(now.UnixNano())
			s.deliver(incoming{channel: m.Channel, payload: m.Message, at: now})
		})
		// Whether it is an error or none: it has ended, and not by us.
		if sub.ended.Err() != nil {
			return
		}
		if sub.alive.Load() != 0 && sub.away.CompareAndSwap(0, time.Now().UnixNano()) {
			s.breaks.Add(1)
		}
		if time.Since(began) > lastRetry {
			b = newBackoff(firstRetry, lastRetry)
		}
		if !b.wait(sub.ended, nil) {
			return
		}
	}
}

// subscribed runs on rueidis' reader when Redis has confirmed a subscription. After a break something may
// have been missed.
func (s *sharded) subscribed(sub *shardSub) {
	now := time.Now()
	s.confirmed(sub.name)
	since := sub.alive.Swap(now.UnixNano())
	if sub.away.Swap(0) != 0 {
		s.notices.gap(realtime.Gap{Count: -1, From: time.Unix(0, since), To: now})
	}
	sub.once.Do(func() { close(sub.ready) })
}

// close ends all subscriptions; the connections are the client's.
func (s *sharded) close() {
	s.end(ErrClosed)
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.channels)
}
