package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

const (
	maxShardsTaken = shards
	holdShards     = 5 * time.Second // nobody else looks at a shard meanwhile
)

// heart renews the lease, and learns with it who else is alive and what there is to do. What it holds belongs to its
// goroutine, but for wake.
type heart struct {
	r       *Registry
	wake    chan struct{} // holds a token while somebody is in a hurry
	last    time.Time     // of the last beat that Redis took; zero before the first
	redis   int64         // its time by the clock of Redis
	regular time.Time     // since when beats came as they should
	retry   backoff
	self    string // the node as JSON
}

func newHeart(r *Registry) (*heart, error) {
	self, err := json.Marshal(r.cfg.Self)
	if err != nil {
		return nil, fmt.Errorf("registry: encode node: %w", err)
	}
	return &heart{r: r, wake: make(chan struct{}, 1), self: string(self)}, nil
}

// hurry has the next beat come soon. It does not block.
func (h *heart) hurry() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// loop beats until ctx ends.
func (h *heart) loop(ctx context.Context) {
	for {
		pause := h.r.cfg.Beat
		if err := h.beat(ctx); err != nil {
			pause = min(h.retry.next(), pause)
			h.r.cfg.Logger.Debug("no heartbeat", slog.Any("err", err))
		} else {
			h.retry.reset()
		}
		if !h.pause(ctx, pause) {
			return
		}
	}
}

// pause waits for the next beat. However many are in a hurry, there is some time between two.
func (h *heart) pause(ctx context.Context, d time.Duration) bool {
	least := min(d, h.r.cfg.Beat/20)
	for _, wait := range []struct {
		d    time.Duration
		wake <-chan struct{}
	}{{least, nil}, {d - least, h.wake}} {
		timer := time.NewTimer(wait.d)
		select {
		case <-timer.C:
		case <-wait.wake:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return false
		}
	}
	return true
}

// beat renews the lease, or gets one.
func (h *heart) beat(ctx context.Context) error {
	r := h.r
	name, _ := r.lease.get()
	sent := r.cfg.Now()
	v := h.call(ctx, name, sent)
	status := v.text(0)
	if status == "lost" {
		r.lease.lose()
		r.ledger.renew()
		r.cfg.Logger.Warn("presence lease lost", slog.String("node", r.cfg.Self.ID))
		v = h.call(ctx, "", sent)
		status = v.text(0)
	}
	now, name, all, taken, hold, steady := v.int(1), v.text(2), v.texts(3), v.texts(4), v.int(5), v.int(6)
	if v.err != nil {
		return unavailable(ctx, v.err)
	}
	lost := status != "ok" // the data as a whole, or this node's
	if lost || steady == 0 || sent.Sub(h.last) > 3*r.cfg.Beat {
		h.regular = sent
	}
	first := h.last.IsZero()
	h.last, h.redis = sent, now
	r.lease.renew(name, now+r.cfg.Dead.Milliseconds())
	if first {
		r.teller.begin(now)
		close(r.joined)
	}
	if status == "back" {
		r.ledger.doubt()
	}
	if lost {
		r.announce(nil, true)
	}
	r.roster.update(ctx, all, !lost)
	r.house.beat(taken, hold)
	r.writer.ask()
	r.teller.poll()
	return nil
}

// call runs the script.
func (h *heart) call(ctx context.Context, name string, sent time.Time) values {
	cfg := &h.r.cfg
	var elapsed time.Duration
	mayEnd := "0"
	if !h.last.IsZero() {
		elapsed = sent.Sub(h.last)
		// After a pause of Redis, or of the network, every node needs time to come back.
		if elapsed <= 3*cfg.Beat && sent.Sub(h.regular) >= cfg.Dead/2 {
			mayEnd = "1"
		}
	}
	k := h.r.keys
	v := valuesOf(h.r.one(ctx, call{
		beatScript,
		[]string{k.nodes(), k.meta(), k.dead(), k.plan()},
		[]string{
			name, leaseStart(cfg.Self.ID), h.self, ms(cfg.Dead), ms(elapsed), decimal(h.redis), ms(cfg.Keep),
			decimal(maxShardsTaken), ms(holdShards), decimal(shards), mayEnd,
		},
	}), 2)
	if v.err == nil && len(v.list) < 7 && v.text(0) != "lost" {
		v.err = fmt.Errorf("%w: a heartbeat of %d values", errReply, len(v.list))
	}
	return v
}
