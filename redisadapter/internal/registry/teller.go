package registry

import (
	"context"
	"log/slog"
	"sync"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
)

const (
	maxHints = 256  // announced changes of one shard that wait; more are read from the log
	logPage  = 1024 // entries that one read of a log returns
)

// teller follows the logs of all shards, and tells the handler of each change once and in the order of its log. It is
// an errand: one run at a time.
type teller struct {
	r *Registry
	errand

	places [shards]place // belongs to the run

	mu     sync.Mutex
	ready  bool // begin has been called
	hints  [shards][]change
	behind [shards]bool // the log has to be read
}

// place is how far a log is known.
type place struct {
	id    logID
	exact bool   // this entry was there: if it is not, the data was lost, or more than the log holds has come since
	birth string // of the data; "" if it was not there yet. If it is another one, the data was lost
}

func newTeller(r *Registry) *teller {
	t := &teller{r: r}
	t.errand.group, t.errand.run = &r.group, func() { t.work(r.ctx) }
	return t
}

// begin sets the time from which on changes are told, by the clock of Redis.
func (t *teller) begin(now int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.places {
		t.places[i] = place{id: logID{ms: uint64(max(now, 0))}}
	}
	t.ready = true
}

// hint says what changed. It does not block: when there are too many, they are read from the log.
func (t *teller) hint(changes []change) {
	if len(changes) == 0 {
		return
	}
	t.mu.Lock()
	for _, c := range changes {
		if len(t.hints[c.shard]) >= maxHints {
			t.hints[c.shard], t.behind[c.shard] = nil, true
			continue
		}
		t.hints[c.shard] = append(t.hints[c.shard], c)
	}
	t.mu.Unlock()
	t.ask()
}

// poll has all logs read.
func (t *teller) poll() {
	t.mu.Lock()
	for i := range t.behind {
		t.behind[i] = true
	}
	t.mu.Unlock()
	t.ask()
}

// take returns what is to do.
func (t *teller) take() (hints [shards][]change, behind [shards]bool, ready bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ready {
		return hints, behind, false
	}
	hints, behind = t.hints, t.behind
	t.hints, t.behind = [shards][]change{}, [shards]bool{}
	return hints, behind, true
}

// work tells what is to be told.
func (t *teller) work(ctx context.Context) {
	hints, behind, ready := t.take()
	if !ready {
		return
	}
	for shard, list := range hints {
		for _, c := range list {
			if !t.follow(c) {
				behind[shard] = true
				break
			}
		}
	}
	lost := false
	for round := 0; ctx.Err() == nil; round++ {
		var ask []int
		for shard, is := range behind {
			if is {
				ask = append(ask, shard)
			}
		}
		if len(ask) == 0 {
			break
		}
		results := t.r.do(ctx, t.reads(ask)...)
		for i, shard := range ask {
			more, gap, err := t.read(shard, results[readsEach*i:readsEach*(i+1)], !lost)
			lost, behind[shard] = lost || gap, more && err == nil
			if err != nil {
				t.again(shard)
				t.r.cfg.Logger.Debug("presence log not read", slog.Any("err", err))
			}
		}
	}
}

// again has a log read with the next heartbeat.
func (t *teller) again(shard int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.behind[shard] = true
}

// follow tells a change if it is the next one. It is false if others come before it.
func (t *teller) follow(c change) bool {
	at := &t.places[c.shard]
	if c.id.compare(at.id) <= 0 {
		return true // told already
	}
	if !at.exact || c.prev != at.id {
		return false
	}
	t.pass(c)
	return true
}

// pass tells a change.
func (t *teller) pass(c change) {
	t.places[c.shard].id, t.places[c.shard].exact = c.id, true
	t.r.cfg.Handler.OnPresence(c.tell(), c.by == t.r.cfg.Self.ID)
}

// readsEach is how many commands a read of one log takes.
const readsEach = 3

// reads makes the commands for each of the shards.
func (t *teller) reads(behind []int) (cmds []rueidis.Completed) {
	c, k := t.r.cfg.Client, t.r.keys
	for _, shard := range behind {
		log := k.log(shard)
		cmds = append(cmds,
			c.B().Xrange().Key(log).Start(t.places[shard].id.String()).End("+").Count(logPage).Build(),
			c.B().Xrevrange().Key(log).End("+").Start("-").Count(1).Build(),
			c.B().Get().Key(k.birth(shard)).Build())
	}
	return cmds
}

// glance is what a read of one log has brought.
type glance struct {
	entries []rueidis.XRangeEntry // from the place on
	last    logID                 // zero if the log is empty
	birth   string
}

func readGlance(results []rueidis.RedisResult) (g glance, err error) {
	if g.entries, err = results[0].AsXRange(); err != nil && !rueidis.IsRedisNil(err) {
		return g, err
	}
	last, err := results[1].AsXRange()
	if err != nil && !rueidis.IsRedisNil(err) {
		return g, err
	}
	if len(last) > 0 {
		if g.last, err = parseLogID(last[0].ID); err != nil {
			return g, err
		}
	}
	if g.birth, err = results[2].ToString(); rueidis.IsRedisNil(err) {
		err = nil
	}
	return g, err
}

// read tells what a log has from its place on. gap is whether changes may have been lost, which is told before the
// others if say is set.
func (t *teller) read(shard int, results []rueidis.RedisResult, say bool) (more, gap bool, err error) {
	g, err := readGlance(results)
	if err != nil {
		return false, false, err
	}
	at := &t.places[shard]
	more = len(g.entries) >= logPage
	switch found := len(g.entries) > 0 && g.entries[0].ID == at.id.String(); {
	case at.birth != "" && at.birth != g.birth: // another log, all of which is new
		gap, more = true, g.birth != ""
		at.id, at.exact, g.entries = logID{}, false, nil
	case found && at.exact:
		g.entries = g.entries[1:]
	case at.exact && len(g.entries) > 0: // the place was trimmed, or rolled back
		gap = true
	case at.exact: // the log ends before the place
		gap = true
		at.id, at.exact = g.last, g.last != logID{}
	}
	at.birth = g.birth
	if gap && say {
		t.r.cfg.Handler.OnPresence(realtime.PresenceChange{Gap: true, At: t.r.cfg.Now()}, false)
	}
	t.tellAll(shard, g.entries)
	return more, gap, nil
}

// tellAll tells the entries of a log.
func (t *teller) tellAll(shard int, entries []rueidis.XRangeEntry) {
	for _, e := range entries {
		c, err := decodeChange(shard, e.ID, e.FieldValues)
		if err == nil {
			t.pass(c)
			continue
		}
		t.r.cfg.Logger.Warn("presence log", slog.Any("err", err))
		if id, err := parseLogID(e.ID); err == nil {
			t.places[shard].id, t.places[shard].exact = id, true
		}
	}
}
