package registry

import (
	"context"
	"errors"
	"log/slog"
)

// bury takes out all rows that an ended lease has in a shard, as gone at a time, 0: now. It is false when Redis did not
// do so.
func (h *house) bury(ctx context.Context, shard int, lease string, left int64) bool {
	r := h.r
	var cursor uint64
	for ctx.Err() == nil {
		c := r.cfg.Client
		key := r.keys.index(shard, lease)
		page, err := r.do(ctx, c.B().Hscan().Key(key).Cursor(cursor).Count(lookPage).Build())[0].AsScanEntry()
		if err != nil {
			r.cfg.Logger.Debug("rows of a dead node not read", slog.Any("err", err))
			return false
		}
		var users []who
		var calls []call
		for i := 0; i+1 < len(page.Elements); i += 2 {
			w := who(page.Elements[i])
			namespace, user, ok := w.names()
			if !ok || w.shard() != shard { // the count of writes, or broken
				continue
			}
			users = append(users, w)
			calls = append(calls, call{exitScript, r.keys.ofUser(w, namespace, lease), []string{
				r.cfg.Self.ID, namespace, user, string(w), ms(r.cfg.Keep), ms(2 * r.cfg.Dead),
				lease, "", decimal(left), "0", "0", "", "", "", "0",
			}})
		}
		if len(calls) > 0 && !h.conclude(ctx, users, calls) {
			return false
		}
		if cursor = page.Cursor; cursor == 0 {
			for _, result := range r.do(ctx,
				c.B().Del().Key(key).Build(), c.B().Srem().Key(r.keys.leases(shard)).Member(lease).Build()) {
				err = errors.Join(err, result.Error())
			}
			return err == nil
		}
	}
	return false
}

// tidy takes out what earlier leases of this node have left, once everything stands under the one of now.
func (h *house) tidy(ctx context.Context) {
	r := h.r
	if name, _ := r.lease.get(); name == "" || !r.ledger.idle() {
		return
	}
	for _, old := range r.lease.lost() {
		clean := true
		for shard := range shards {
			clean = h.bury(ctx, shard, old, 0) && clean
		}
		if clean {
			r.lease.forget(old)
		}
	}
}
