package redisadapter

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/internal/workq"
)

// inbox takes what Redis delivers off rueidis' reader, which must never wait
// (requirement R63), and works it off in order. Messages and answers go separate ways, so
// that a handler may wait for an answer while it holds up the messages behind it. What
// finds no room is dropped and becomes a gap.
type inbox struct {
	log      *slog.Logger
	numbered bool // the wire tells how many messages a loss holds
	notices  *notices
	node     *node
	messages workq.Queue[incoming]
	answers  workq.Queue[incoming]
	workers  [2]*workq.Worker[incoming]

	received atomic.Uint64
	invalid  atomic.Uint64
	overflow atomic.Uint64
	logged   atomic.Int64 // when, in nanoseconds since 1970

	mu   sync.Mutex    // guards what follows
	lost *realtime.Gap // what was dropped and has not been told
}

func newInbox(cfg *Config, n *node, group *workq.Group) *inbox {
	in := &inbox{log: cfg.Logger, notices: n.notices, node: n}
	in.messages.Init(cfg.Limits.InboundMessages, cfg.Limits.InboundBytes)
	in.answers.Init(cfg.Limits.InboundMessages, cfg.Limits.InboundBytes)
	in.workers[0] = workq.Drain(&in.messages, group, maxBatchBytes, func(batch []incoming) { in.work(batch, n.wire.receive) })
	in.workers[1] = workq.Drain(&in.answers, group, maxBatchBytes, func(batch []incoming) { in.work(batch, n.hearAside) })
	return in
}

// take queues a message. It is called on rueidis' reader.
func (in *inbox) take(m incoming) {
	in.received.Add(1)
	q := &in.messages
	if in.node.isAside(m.channel) {
		q = &in.answers
	} else if in.node.wire.isEcho(&m) {
		return
	}
	if q.Push(m.weight(), m) != nil {
		in.drop()
	}
}

// drop counts a message for which there was no room.
func (in *inbox) drop() {
	in.overflow.Add(1)
	now := time.Now()
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.lost == nil {
		in.lost = &realtime.Gap{From: now}
	}
	if in.lost.Count++; in.numbered { // a frame holds several, and the next one tells how many
		in.lost.Count = -1
	}
	in.lost.To = now
}

// work hands over a batch, and tells of what was dropped while it waited.
func (in *inbox) work(batch []incoming, handle func(incoming) error) {
	for _, m := range batch {
		if err := handle(m); err != nil {
			in.refuse(m, err)
		}
	}
	in.mu.Lock()
	lost := in.lost
	in.lost = nil
	in.mu.Unlock()
	if lost != nil {
		in.notices.gap(*lost)
	}
}

// refuse counts a message that breaks the rules, and logs one a second.
func (in *inbox) refuse(m incoming, err error) {
	n := in.invalid.Add(1)
	now, last := time.Now().UnixNano(), in.logged.Load()
	if now-last >= int64(time.Second) && in.logged.CompareAndSwap(last, now) {
		in.log.Warn("message from redis dropped", slog.String("channel", m.channel), slog.Any("err", err), slog.Uint64("so_far", n))
	}
}

// close drops what is queued and waits for what is being worked off.
func (in *inbox) close() {
	for _, q := range []*workq.Queue[incoming]{&in.messages, &in.answers} {
		q.Close()
		q.Discard()
	}
	for _, w := range in.workers {
		w.Wait()
	}
}
