package registry

import (
	"context"
	"log/slog"
	"strings"

	"github.com/redis/rueidis"
)

// lookPage is how many users one look at a shard deals with at a time.
const lookPage = 256

// look ends the graces of a shard that are over, and takes out the rows of leases that have ended. score is the
// shard's in the plan if the look was planned, else 0: then only graces are looked at.
func (h *house) look(ctx context.Context, shard int, score int64) {
	r := h.r
	for ctx.Err() == nil {
		k := r.keys
		v := valuesOf(r.one(ctx, call{
			lookScript,
			[]string{k.grace(shard), k.leases(shard), k.log(shard), k.birth(shard)},
			[]string{decimal(lookPage), ms(r.cfg.Keep)},
		}), 4)
		now, next, over, leases := v.int(0), v.int(1), v.texts(2), v.texts(3)
		if v.err != nil {
			r.cfg.Logger.Debug("shard not looked at", slog.Int("shard", shard), slog.Any("err", v.err))
			return // it stays in the plan
		}
		if next > 0 {
			r.house.due(shard, next, now)
		}
		if !h.expire(ctx, over) {
			return
		}
		if len(over) >= lookPage {
			continue
		}
		if score > 0 {
			h.clear(ctx, shard, leases)
			h.replan(ctx, shard, score, now, next)
		}
		return
	}
}

// replan says when the next look is due.
func (h *house) replan(ctx context.Context, shard int, score, now, next int64) {
	r := h.r
	later := now + r.cfg.Reconcile.Milliseconds()
	if next > 0 {
		later = min(later, next)
	}
	args := []string{decimal(shard), decimal(later), decimal(score)}
	if err := r.one(ctx, call{planScript, []string{r.keys.plan()}, args}).Error(); err != nil {
		r.cfg.Logger.Debug("shard not planned", slog.Any("err", err)) // it is looked at again soon
	}
}

// expire ends graces. It is false when Redis did not do so.
func (h *house) expire(ctx context.Context, over []string) bool {
	if len(over) == 0 {
		return true
	}
	r := h.r
	var users []who
	var calls []call
	for _, text := range over {
		w := who(text)
		namespace, user, ok := w.names()
		if !ok {
			continue
		}
		users = append(users, w)
		calls = append(calls, call{
			expireScript, r.keys.ofUser(w, namespace, ""),
			[]string{r.cfg.Self.ID, namespace, user, text, ms(r.cfg.Keep), ms(2 * r.cfg.Dead)},
		})
	}
	return h.conclude(ctx, users, calls)
}

// conclude makes calls that may end users, and settles what they bring about.
func (h *house) conclude(ctx context.Context, users []who, calls []call) bool {
	if len(calls) == 0 {
		return false
	}
	r := h.r
	out := newOutcome()
	fine := true
	for i, result := range r.run(ctx, calls...) {
		namespace, user, _ := users[i].names()
		if v := r.readEnd(users[i], namespace, user, result, out); v.err != nil {
			fine = false
			r.cfg.Logger.Debug("user not ended", slog.Any("err", v.err))
		}
	}
	r.settle(ctx, out)
	return fine
}

// clear takes out the rows of leases that have ended.
func (h *house) clear(ctx context.Context, shard int, leases []string) {
	r := h.r
	own, _ := r.lease.get()
	var ask []string
	for _, lease := range leases {
		if lease != own && !r.roster.knows(lease) && lease != "" && !strings.ContainsAny(lease, " {}") {
			ask = append(ask, lease)
		}
	}
	if len(ask) == 0 {
		return
	}
	c := r.cfg.Client
	var cmds []rueidis.Completed
	for _, lease := range ask {
		cmds = append(cmds, c.B().Zscore().Key(r.keys.nodes()).Member(lease).Build(), c.B().Zscore().Key(r.keys.dead()).Member(lease).Build())
	}
	results := r.do(ctx, cmds...)
	for i, lease := range ask {
		_, err := results[2*i].AsFloat64()
		if !rueidis.IsRedisNil(err) { // alive, or nobody knows
			continue
		}
		last, err := results[2*i+1].AsFloat64()
		switch {
		case err == nil:
			delete(h.strangers, lease)
			h.bury(ctx, shard, lease, int64(last))
		case rueidis.IsRedisNil(err) && h.strange(lease):
			h.bury(ctx, shard, lease, 0)
		}
	}
}

// strange reports whether a lease has been unknown for so long that its node must have another one, or be dead.
func (h *house) strange(lease string) bool {
	now := h.r.cfg.Now()
	since, known := h.strangers[lease]
	if !known {
		if len(h.strangers) < maxNodes {
			h.strangers[lease] = now
		}
		return false
	}
	return now.Sub(since) >= h.r.cfg.Dead
}
