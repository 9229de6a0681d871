package redisadapter

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/internal/workq"
)

// maxMissed looks in a row that do not find a node's own channel subscribed mean that the
// node is gone. One that loses its connection is back within a second.
const maxMissed = 3

// maxPeers bounds how many nodes are known by name, since news of them come from Redis.
const maxPeers = 4096

// maxNews bounds what a node tells of itself, in bytes.
const maxNews = 64 << 10

// peers knows the other Go nodes. Each node subscribes to a channel of its own and to one
// that all Go nodes share. A node that comes says hello there and is told by each other
// one that it is here; one that leaves says bye. Who dies says nothing, but Redis then
// has no subscriber for its channel. Node.js nodes take no part: they can only be
// counted. All methods may be called concurrently.
type peers struct {
	client  *client
	notices *notices
	self    realtime.Node
	shared  string // channel of all Go nodes
	prefix  string // of the channels of one
	send    func(outgoing) error
	over    func(node string) // called, if set, when a node is gone; under mu
	looking atomic.Bool

	mu      sync.Mutex // guards what follows
	known   map[string]*peer
	changed chan struct{} // closed and replaced when known grows
}

type peer struct {
	node   realtime.Node
	missed int
}

// news is what Go nodes tell each other of themselves.
type news struct {
	Op   string        `json:"op"`
	Node realtime.Node `json:"node"`
}

const (
	opHello = "hello" // to all: I am new, or was away
	opHere  = "here"  // to one: so am I
	opBye   = "bye"   // to all
)

func newPeers(c *client, cfg *Config, n *notices, self realtime.Node, send func(outgoing) error) *peers {
	base := cfg.Prefix + "-node#"
	return &peers{client: c, notices: n, self: self, shared: base, prefix: base, send: send, known: make(map[string]*peer), changed: make(chan struct{})}
}

// channel is the one that a node alone subscribes.
func (p *peers) channel(id string) string { return p.prefix + id + "#" }

// owns reports whether a channel bears news of nodes.
func (p *peers) owns(channel string) bool { return strings.HasPrefix(channel, p.prefix) }

// say publishes news of this node.
func (p *peers) say(op, channel string) error {
	payload, err := json.Marshal(news{op, p.self})
	if err != nil {
		return fmt.Errorf("redisadapter: encode node: %w", err)
	}
	return p.send(outgoing{channel: channel, payload: payload})
}

// hear works off news of another node.
func (p *peers) hear(payload string) error {
	if len(payload) > maxNews {
		return fmt.Errorf("redisadapter: news of a node: %d bytes", len(payload))
	}
	var n news
	if err := json.Unmarshal([]byte(payload), &n); err != nil {
		return fmt.Errorf("redisadapter: news of a node: %w", err)
	}
	if n.Node.ID == "" || n.Node.ID == p.self.ID {
		return nil
	}
	switch n.Op {
	case opHello:
		p.came(n.Node)
		return p.say(opHere, p.channel(n.Node.ID))
	case opHere:
		p.came(n.Node)
	case opBye:
		p.gone(n.Node.ID)
	}
	return nil
}

func (p *peers) came(node realtime.Node) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.known[node.ID]; known != nil {
		known.missed = 0
		return
	}
	if len(p.known) < maxPeers && p.notices.node(node, true) {
		p.known[node.ID] = &peer{node: node}
		close(p.changed)
		p.changed = make(chan struct{})
	}
}

func (p *peers) gone(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.known[id]; known != nil && p.notices.node(known.node, false) {
		delete(p.known, id)
		if p.over != nil {
			p.over(id)
		}
	}
}

// list returns the known nodes, oldest first.
func (p *peers) list() []realtime.Node {
	p.mu.Lock()
	defer p.mu.Unlock()
	nodes := make([]realtime.Node, 0, len(p.known))
	for _, known := range p.known {
		nodes = append(nodes, known.node)
	}
	slices.SortFunc(nodes, func(a, b realtime.Node) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID))
	})
	return nodes
}

// look finds out who is gone, on a goroutine of its own; one look at a time.
func (p *peers) look(ctx context.Context, group *workq.Group) {
	if !p.looking.CompareAndSwap(false, true) {
		return
	}
	group.Go(func() { // owned by the adapter; ends after one call to Redis, which is bounded
		defer p.looking.Store(false)
		p.mu.Lock()
		ids := slices.Collect(maps.Keys(p.known))
		p.mu.Unlock()
		channels := []string{p.shared}
		for _, id := range ids {
			channels = append(channels, p.channel(id))
		}
		counts, err := p.client.count(ctx, channels...)
		if err != nil {
			return // nothing is known then
		}
		if counts[0] > int64(len(ids))+1 { // somebody has not been heard
			_ = p.say(opHello, p.shared) // said again at the next look
		}
		for i, id := range ids {
			p.looked(id, counts[i+1] > 0)
		}
	})
}

// looked counts in vain looks for a node.
func (p *peers) looked(id string, found bool) {
	p.mu.Lock()
	known := p.known[id]
	dead := false
	if known != nil {
		known.missed++
		if found {
			known.missed = 0
		}
		dead = known.missed >= maxMissed
	}
	p.mu.Unlock()
	if dead {
		p.gone(id)
	}
}

// gather waits until as many nodes are known as subscribe to the shared channel, but no
// longer than ctx: news of some may have been lost.
func (p *peers) gather(ctx context.Context) {
	for {
		p.mu.Lock()
		known, changed := len(p.known), p.changed
		p.mu.Unlock()
		counts, err := p.client.count(ctx, p.shared)
		if err != nil || counts[0] <= int64(known)+1 {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// nameless returns a node of which only is known that it is there.
func nameless(n int) realtime.Node {
	name := "node.js-" + strconv.Itoa(n)
	return realtime.Node{ID: name, Name: name, Started: time.Time{}, Meta: map[string]string{"wire": "node-classic"}}
}

// ids are those of the known nodes.
func (p *peers) ids() map[string]struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := make(map[string]struct{}, len(p.known))
	for id := range p.known {
		ids[id] = struct{}{}
	}
	return ids
}

func (p *peers) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.known)
}
