package registry

import (
	"context"
	"log/slog"
)

// outcome collects what a batch of scripts has brought about.
type outcome struct {
	changes []change
	graces  map[int]int64 // by shard: when the next one ends
	now     int64         // by the clock of Redis
}

func newOutcome() *outcome { return &outcome{graces: make(map[int]int64)} }

// change notes the change that a script has logged, if it has: ids are its values from i on.
func (out *outcome) change(c change, v *values, i int) {
	prev, id := v.text(i), v.text(i+1)
	if v.err != nil || id == "" {
		return
	}
	if prev != "" {
		c.prev, v.err = parseLogID(prev)
	}
	if v.err == nil {
		c.id, v.err = parseLogID(id)
	}
	if v.err == nil {
		out.changes = append(out.changes, c)
	}
}

func (out *outcome) grace(shard int, due, now int64) {
	out.now = max(out.now, now)
	if due > 0 && (out.graces[shard] == 0 || due < out.graces[shard]) {
		out.graces[shard] = due
	}
}

// settle tells what was decided, and has graces ended in time: by this node, and should it die by another.
func (r *Registry) settle(ctx context.Context, out *outcome) {
	if len(out.changes) > 0 {
		r.tell(out.changes)
	}
	if len(out.graces) == 0 {
		return
	}
	args := make([]string, 0, 3*len(out.graces))
	for shard, due := range out.graces {
		r.house.due(shard, due, out.now)
		args = append(args, decimal(shard), decimal(due), "0")
	}
	if err := r.one(ctx, call{planScript, []string{r.keys.plan()}, args}).Error(); err != nil {
		r.cfg.Logger.Debug("graces not planned", slog.Any("err", err)) // this node ends them, or the next look at the shard
	}
}
