package redisadapter

import (
	"context"
	"slices"
	"sync"

	"github.com/redis/rueidis"
)

// maxNames is how many channels one command names.
const maxNames = 512

// link is one connection that subscribes. It belongs to the subscriber, and is never
// mended: after a break there is another one.
type link struct {
	conn   rueidis.DedicatedClient
	broken <-chan error // closed when nothing is delivered any more
	id     string       // of the node of a Redis Cluster, "" if unknown

	once  sync.Once
	fault error
	ended chan struct{} // closed by fail, after fault is set
}

// fail ends the link for a reason that rueidis does not see. It does not wait.
func (l *link) fail(why error) {
	l.once.Do(func() {
		l.fault = why
		close(l.ended)
	})
}

// subscribe returns when Redis has confirmed everything.
func (l *link) subscribe(ctx context.Context, s subscription) error {
	return l.do(ctx, s, func(names []string) rueidis.Completed {
		return l.conn.B().Psubscribe().Pattern(names...).Build()
	}, func(names []string) rueidis.Completed {
		return l.conn.B().Subscribe().Channel(names...).Build()
	})
}

func (l *link) unsubscribe(ctx context.Context, s subscription) error {
	return l.do(ctx, s, func(names []string) rueidis.Completed {
		return l.conn.B().Punsubscribe().Pattern(names...).Build()
	}, func(names []string) rueidis.Completed {
		return l.conn.B().Unsubscribe().Channel(names...).Build()
	})
}

// do makes commands of the names, patterns first as the Node.js adapter does.
func (l *link) do(ctx context.Context, s subscription, pattern, channel func([]string) rueidis.Completed) error {
	var cmds rueidis.Commands
	for names := range slices.Chunk(s.patterns, maxNames) {
		cmds = append(cmds, pattern(names))
	}
	for names := range slices.Chunk(s.channels, maxNames) {
		cmds = append(cmds, channel(names))
	}
	if len(cmds) == 0 {
		return nil
	}
	for _, r := range l.conn.DoMulti(ctx, cmds...) {
		if err := r.Error(); err != nil {
			return unavailable(err)
		}
	}
	return nil
}
