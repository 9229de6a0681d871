package registry

import (
	"context"
	"log/slog"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
)

// batch is how many writes go into one pipeline. Redis needs some milliseconds for it.
const batch = 256

// writer tells Redis what waits in the ledger. It is an errand: one run at a time.
type writer struct {
	r *Registry
	errand
}

func newWriter(r *Registry) *writer {
	w := &writer{r: r}
	w.errand.group, w.errand.run = &r.group, w.work
	return w
}

// work writes until nothing waits, or there is no lease to write under: the next heartbeat asks again.
func (w *writer) work() {
	ctx := w.r.ctx
	for ctx.Err() == nil {
		lease, until := w.r.lease.get()
		if lease == "" {
			return
		}
		ops, wait := w.r.ledger.take(batch)
		if len(ops) == 0 {
			if wait == 0 {
				return
			}
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
			timer.Stop()
			continue
		}
		if !w.write(ctx, lease, until, ops) {
			w.r.heart.hurry()
			return
		}
	}
}

// arrival is a connection that Redis did not have before.
type arrival struct {
	who   who
	entry realtime.PresenceEntry
	conns int64 // that the user has now
}

// write is false when the lease does not hold.
func (w *writer) write(ctx context.Context, lease string, until int64, ops []op) bool {
	calls := make([]call, len(ops))
	for i, o := range ops {
		if o.enter {
			calls[i] = w.r.enterCall(o, lease, until)
		} else {
			calls[i] = w.r.exitCall(o, lease, o.entry.Conn.ID)
		}
	}
	results := w.r.run(ctx, calls...)
	out := newOutcome()
	var came []arrival
	valid := true
	failed := make(map[int]bool) // by shard
	for i, o := range ops {
		var a answer
		var conns int64
		var err error
		if o.enter {
			a, conns, err = w.r.readEnter(o, results[i], out)
		} else {
			a, err = w.r.readExit(o, results[i], out)
		}
		if err != nil {
			w.r.cfg.Logger.Debug("presence not written", slog.Any("err", err))
		}
		valid = valid && !a.stale
		failed[o.item.shard] = failed[o.item.shard] || err != nil
		if w.r.ledger.done(o, a) && conns > 0 {
			came = append(came, arrival{o.item.key.who, o.entry, conns})
		}
	}
	for shard, is := range failed {
		w.r.ledger.pace(shard, is)
	}
	w.r.settle(ctx, out)
	w.rivals(ctx, came)
	return valid
}

func (r *Registry) enterCall(o op, lease string, until int64) call {
	e := &o.entry
	w := o.item.key.who
	since := o.since
	if o.birth == "" {
		since = 0
	}
	return call{enterScript, r.keys.ofUser(w, e.Namespace, lease), []string{
		r.cfg.Self.ID, e.Namespace, e.User, string(w), ms(r.cfg.Keep), ms(2 * r.cfg.Dead),
		lease, decimal(until), e.Conn.ID, encodeRow(e.Conn), decimal(o.order), ms(e.Grace), ms(e.Remember),
		decimal(since), o.birth,
	}}
}

// exitCall takes out one connection, or with conn "" all that the lease has.
func (r *Registry) exitCall(o op, lease, conn string) call {
	e := &o.entry
	w := o.item.key.who
	since := o.since
	if o.birth == "" {
		since = 0
	}
	grace, remember := ms(e.Grace), ms(e.Remember)
	if e.Grace < 0 { // nobody has said how long it is
		grace, remember = "", ""
	}
	return call{exitScript, r.keys.ofUser(w, e.Namespace, lease), []string{
		r.cfg.Self.ID, e.Namespace, e.User, string(w), ms(r.cfg.Keep), ms(2 * r.cfg.Dead),
		lease, conn, "0", ms(o.elapsed), decimal(since), o.birth, grace, remember, ms(r.cfg.Dead / 2),
	}}
}

// readEnter returns the answer, and how many connections the user has if this one is new.
func (r *Registry) readEnter(o op, result rueidis.RedisResult, out *outcome) (a answer, conns int64, err error) {
	v := valuesOf(result, 2)
	if v.text(0) == "stale" {
		return answer{stale: true}, 0, nil
	}
	if v.err == nil && len(v.list) < 10 {
		v.err = errReply
	}
	now, added, n := v.int(1), v.int(2), v.int(3)
	a = answer{order: v.int(4), since: v.int(5), birth: v.text(6), writes: v.int(7)}
	out.change(r.decided(o.item.key.who, o.entry.Namespace, o.entry.User, true, now), &v, 8)
	if a.ok = v.err == nil; a.ok && added == 1 {
		conns = n
	}
	return a, conns, v.err
}

func (r *Registry) readExit(o op, result rueidis.RedisResult, out *outcome) (answer, error) {
	v := r.readEnd(o.item.key.who, o.entry.Namespace, o.entry.User, result, out)
	return answer{ok: v.err == nil, writes: v.int(2)}, v.err
}

// readEnd reads what exit.lua and expire.lua return.
func (r *Registry) readEnd(w who, namespace, user string, result rueidis.RedisResult, out *outcome) values {
	v := valuesOf(result, 5)
	now, due := v.int(0), v.int(1)
	out.change(r.decided(w, namespace, user, false, now), &v, 3)
	if v.err == nil {
		out.grace(w.shard(), due, now)
	}
	return v
}

// decided makes a change that this node has brought about.
func (r *Registry) decided(w who, namespace, user string, online bool, at int64) change {
	return change{shard: w.shard(), namespace: namespace, user: user, online: online, at: at, by: r.cfg.Self.ID}
}

// rivals tells the handler of all connections of the users who got one.
func (w *writer) rivals(ctx context.Context, came []arrival) {
	users := make(map[who][]realtime.PresenceConn)
	var ask []who
	for _, a := range came {
		if _, asked := users[a.who]; a.conns > 1 && !asked {
			users[a.who] = nil
			ask = append(ask, a.who)
		}
	}
	if len(ask) > 0 {
		c := w.r.cfg.Client
		cmds := make([]rueidis.Completed, len(ask))
		for i, key := range ask {
			cmds[i] = c.B().Hgetall().Key(w.r.keys.user(key)).Build()
		}
		for i, result := range w.r.do(ctx, cmds...) {
			fields, err := result.AsStrMap()
			if err != nil { // the next connection that comes has it told
				w.r.cfg.Logger.Debug("rivals unknown", slog.Any("err", err))
				continue
			}
			u, _ := decodeUser("", fields)
			users[ask[i]] = u.Conns
		}
	}
	for _, a := range came {
		conns, asked := users[a.who]
		if !asked {
			conns = []realtime.PresenceConn{a.entry.Conn}
		}
		if len(conns) > 0 {
			w.r.cfg.Handler.OnRivals(a.entry, conns)
		}
	}
}
