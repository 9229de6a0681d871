package registry

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// graceSlack lets graces that end one after the other be ended by one look.
const graceSlack = 10 * time.Millisecond

// house keeps order: it ends graces, clears away what dead nodes have left, and compares the ledger with Redis. It is
// an errand: one run at a time.
type house struct {
	r *Registry
	errand

	strangers map[string]time.Time // leases that Redis knows nothing of, since when; belongs to the run

	mu     sync.Mutex
	taken  map[int]int64     // shards that a heartbeat has handed to this node, with their score in the plan
	dues   map[int]time.Time // shards in which a grace ends that this node knows of
	timer  *time.Timer       // for the first of them; nil: none
	beaten bool              // a heartbeat has come since the last run
	ended  bool
}

func newHouse(r *Registry) *house {
	h := &house{r: r, strangers: map[string]time.Time{}, taken: map[int]int64{}, dues: map[int]time.Time{}}
	h.errand.group, h.errand.run = &r.group, func() { h.work(r.ctx) }
	return h
}

// beat is called after each heartbeat, with the shards that are to be looked at.
func (h *house) beat(list []string, score int64) {
	h.mu.Lock()
	h.beaten = true
	for _, text := range list {
		if shard, err := strconv.Atoi(text); err == nil && shard >= 0 && shard < shards {
			h.taken[shard] = score
		}
	}
	h.mu.Unlock()
	h.ask()
}

// due notes when a grace ends, by the clock of Redis, which says now.
func (h *house) due(shard int, at, now int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	when := time.Now().Add(time.Duration(max(at-now, 0))*time.Millisecond + graceSlack)
	if known, ok := h.dues[shard]; !ok || when.Before(known) {
		h.dues[shard] = when
		h.arm()
	}
}

// arm sets the timer for the first end. The lock is held.
func (h *house) arm() {
	if h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
	if h.ended || len(h.dues) == 0 {
		return
	}
	var first time.Time
	for _, when := range h.dues {
		if first.IsZero() || when.Before(first) {
			first = when
		}
	}
	h.timer = time.AfterFunc(time.Until(first), h.ask) // stopped by arm and stop
}

// over returns the shards in which a grace has ended.
func (h *house) over() (list []int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for shard, when := range h.dues {
		if !when.After(now) {
			list = append(list, shard)
			delete(h.dues, shard)
		}
	}
	h.arm()
	return list
}

// grant returns the shards that this node has to look at, and whether there was a heartbeat.
func (h *house) grant() (taken map[int]int64, beaten bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	taken, beaten = h.taken, h.beaten
	h.taken, h.beaten = map[int]int64{}, false
	return taken, beaten
}

// stop ends the errand and its timer.
func (h *house) stop() {
	h.end()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	h.arm()
}

// work does what is due.
func (h *house) work(ctx context.Context) {
	for _, shard := range h.over() {
		h.look(ctx, shard, 0)
	}
	taken, beaten := h.grant()
	for shard, score := range taken {
		h.look(ctx, shard, score)
	}
	if beaten {
		h.compare(ctx)
		h.tidy(ctx)
	}
}
