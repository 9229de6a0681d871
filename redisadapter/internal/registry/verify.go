package registry

import (
	"context"
	"log/slog"
	"strings"

	"github.com/redis/rueidis"
)

// verifyPage is how many rows one script looks at.
const verifyPage = 128

// compare looks whether Redis has what the ledger says: by the number of writes, which shows that data was lost or
// that a write came late, and where that differs or has not been done for a while, row by row.
func (h *house) compare(ctx context.Context) {
	r := h.r
	lease, _ := r.lease.get()
	list := r.ledger.expect()
	if lease == "" || len(list) == 0 {
		return
	}
	c := r.cfg.Client
	cmds := make([]rueidis.Completed, len(list))
	for i, e := range list {
		cmds[i] = c.B().Hget().Key(r.keys.index(e.shard, lease)).Field("").Build()
	}
	for i, result := range r.do(ctx, cmds...) {
		e := list[i]
		writes, err := result.AsInt64()
		if err != nil && !rueidis.IsRedisNil(err) {
			continue
		}
		due := r.cfg.Now().Sub(e.checked) >= r.cfg.Reconcile
		if (due || !e.counted || writes != e.writes) && r.ledger.settled(e) {
			if err := h.verify(ctx, e, lease); err != nil {
				r.cfg.Logger.Debug("shard not verified", slog.Int("shard", e.shard), slog.Any("err", err))
			}
		}
	}
	if !r.ledger.idle() {
		r.writer.ask()
	}
}

// verify compares a shard row by row, and has the ledger say again what differs.
func (h *house) verify(ctx context.Context, e expected, lease string) error {
	r := h.r
	index := r.keys.index(e.shard, lease)
	counts, err := r.do(ctx, r.cfg.Client.B().Hgetall().Key(index).Build())[0].AsIntMap()
	if err != nil {
		return err
	}
	items := r.ledger.present(e.shard)
	for len(items) > 0 {
		page := items[:min(len(items), verifyPage)]
		items = items[len(page):]
		if err := h.missing(ctx, e.shard, lease, page); err != nil {
			return err
		}
	}
	writes := counts[""]
	delete(counts, "")
	truth := r.ledger.counts(e.shard)
	for text, n := range counts {
		w := who(text)
		if w.shard() != e.shard || int(n) == truth[w] {
			continue
		}
		if err := h.strays(ctx, w, lease); err != nil {
			return err
		}
	}
	r.ledger.verified(e, writes)
	return nil
}

// missing finds rows that Redis should have and has not.
func (h *house) missing(ctx context.Context, shard int, lease string, page []itemKey) error {
	r := h.r
	k := call{verifyScript, []string{r.keys.index(shard, lease), r.keys.leases(shard)}, []string{lease, ms(r.cfg.Keep)}}
	for _, key := range page {
		namespace, user, _ := key.who.names()
		k.keys = append(k.keys, r.keys.user(key.who), r.keys.online(shard, namespace))
		k.args = append(k.args, user, string(key.who), key.conn)
	}
	numbers, err := r.one(ctx, k).AsIntSlice()
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if n < 1 || n > int64(len(page)) {
			return errReply
		}
		r.ledger.missing(page[n-1])
	}
	return nil
}

// strays finds connections of a user that Redis should not have under this lease.
func (h *house) strays(ctx context.Context, w who, lease string) error {
	r := h.r
	fields, err := r.do(ctx, r.cfg.Client.B().Hkeys().Key(r.keys.user(w)).Build())[0].AsStrSlice()
	if err != nil {
		return err
	}
	for _, field := range fields {
		if conn, own := strings.CutPrefix(field, lease+" "); own && !r.ledger.has(itemKey{w, conn}) {
			r.ledger.stray(itemKey{w, conn})
		}
	}
	return nil
}
