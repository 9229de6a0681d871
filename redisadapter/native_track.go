package redisadapter

import (
	"fmt"
	"strings"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter/internal/nativewire"
)

// track has the tracker do something, and tells of the gaps that it finds.
func (w *native) track(do func(gaps []nativewire.Gap) []nativewire.Gap) {
	w.mu.Lock()
	gaps := do(nil)
	w.mu.Unlock()
	for _, g := range gaps {
		gap := realtime.Gap{Node: g.Node, Count: g.Count, From: g.From, To: g.To}
		if g.Channel.Kind == nativewire.KindShard || g.Channel.Kind == nativewire.KindBroadcast {
			gap.Namespace = g.Channel.Name
		}
		w.n.notices.gap(gap)
	}
}

// confirmed is told by Redis that a channel is subscribed.
func (w *native) confirmed(name string) {
	c, ok := w.layout.Parse(name)
	if !ok {
		return // news of nodes
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.channels[name] = c
	if c.Kind != nativewire.KindNodes {
		w.tracker.Subscribed(c, time.Now())
	}
}

// dropped notes that a subscription is about to end.
func (w *native) dropped(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c, ok := w.channels[name]; ok {
		delete(w.channels, name)
		w.tracker.Unsubscribed(c, time.Now())
	}
}

// heartbeat takes what a node tells of itself. The node's own says that it is time to look
// what is missing: everything that came before it has been worked off.
func (w *native) heartbeat(in incoming) error {
	var h nativewire.Heartbeat
	if err := h.Decode(in.payload, w.keys); err != nil {
		return err
	}
	if h.Node == w.n.self.ID {
		w.look(in.at)
		return nil
	}
	w.track(func(gaps []nativewire.Gap) []nativewire.Gap {
		if !h.Last {
			delete(w.over, h.Node)
		}
		w.spoke(&h, in.at)
		return w.tracker.Heartbeat(&h, in.at, gaps)
	})
	if h.Shards != w.layout.Shards() {
		return fmt.Errorf("redisadapter: a node has %d shards, this one %d: they do not hear each other", h.Shards, w.layout.Shards())
	}
	return nil
}

// spoke notes a heartbeat. The lock is held.
func (w *native) spoke(h *nativewire.Heartbeat, at time.Time) {
	_, known := w.speakers[h.Node]
	switch {
	case known:
		w.speakers[h.Node] = at
	case len(w.speakers) < maxPeers:
		w.speakers[strings.Clone(h.Node)] = at
	}
}

// silence is how many heartbeats an emitter may leave out until it is taken for dead. Of nodes
// there are news.
const silence = 10

// hush ends those who are silent and not nodes. The lock is held.
func (w *native) hush(nodes map[string]struct{}, now time.Time) {
	for who, at := range w.speakers {
		_, node := nodes[who]
		_, ends := w.over[who]
		if !node && !ends && now.Sub(at) >= silence*w.n.cfg.Heartbeat {
			w.over[who] = at
		}
	}
}

// look finds out what is missing, and what need not be listened to any more.
func (w *native) look(now time.Time) {
	nodes := w.n.peers.ids() // before the lock, which is inside of theirs
	w.track(func(gaps []nativewire.Gap) []nativewire.Gap {
		gaps = w.tracker.Tick(now, gaps)
		w.hush(nodes, now)
		for node, since := range w.over {
			if now.Sub(since) >= nativewire.DefaultSettle {
				delete(w.over, node)
				if _, spoke := w.speakers[node]; !spoke && w.n.wire.nameless() {
					continue // of another wire
				}
				delete(w.speakers, node)
				gaps = w.tracker.End(nativewire.Origin{Node: node}, now, gaps)
			}
		}
		return gaps
	})
	w.shards.look(now)
}

// gone notes that a node is not there any more. What it said last may still be on its way.
func (w *native) gone(node string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over[node] = time.Now()
}

// beat queues a heartbeat.
func (w *native) beat(last bool) error {
	return w.n.publisher.send(outgoing{channel: w.nodes, late: func(now time.Time) []byte { return w.sender.heartbeat(now, last) }})
}
