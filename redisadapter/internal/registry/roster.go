package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/realtime-go/realtime"
)

const (
	maxNodes    = 4096
	maxNodeJSON = 64 << 10
)

// roster knows the other nodes that are alive.
type roster struct {
	r *Registry

	peers map[string]*peer // by node; belongs to the heart's goroutine

	mu     sync.Mutex
	leases map[string]bool // that were alive at the last beat
}

type peer struct {
	node    realtime.Node
	missing time.Time // since when it is not listed, zero if it is
}

// update takes over what a beat has listed, and tells the handler who came and who is gone. sure is false when the
// list may be short because the data was lost: then who is missing has time to come back.
func (ro *roster) update(ctx context.Context, leases []string, sure bool) {
	if len(leases) > maxNodes {
		leases = leases[:maxNodes]
	}
	alive := make(map[string]bool, len(leases))
	byNode := make(map[string]string, len(leases)) // one lease of each node
	for _, lease := range leases {
		alive[lease] = true
		if id, ok := nodeOf(lease); ok && id != ro.r.cfg.Self.ID {
			byNode[id] = lease
		}
	}
	ro.mu.Lock()
	ro.leases = alive
	ro.mu.Unlock()

	now := ro.r.cfg.Now()
	for id, p := range ro.peers {
		switch _, there := byNode[id]; {
		case there:
			p.missing = time.Time{}
		case sure && p.missing.IsZero(), !p.missing.IsZero() && now.Sub(p.missing) > ro.r.cfg.Dead:
			delete(ro.peers, id)
			ro.r.cfg.Handler.OnNode(p.node, false)
		case p.missing.IsZero():
			p.missing = now
		}
	}
	ro.greet(ctx, byNode)
}

// greet reads what new nodes say of themselves. When that fails it does so at the next beat.
func (ro *roster) greet(ctx context.Context, byNode map[string]string) {
	var ids, leases []string
	for id := range byNode {
		if ro.peers[id] == nil {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return
	}
	slices.Sort(ids)
	for _, id := range ids {
		leases = append(leases, byNode[id])
	}
	c := ro.r.cfg.Client
	texts, err := ro.r.do(ctx, c.B().Hmget().Key(ro.r.keys.meta()).Field(leases...).Build())[0].ToArray()
	if err != nil || len(texts) != len(ids) {
		return
	}
	for i, id := range ids {
		text, err := texts[i].ToString()
		if err != nil { // gone between the two calls
			continue
		}
		node, err := decodeNode(id, text)
		if err != nil {
			node = realtime.Node{ID: id}
		}
		ro.peers[id] = &peer{node: node}
		ro.r.cfg.Handler.OnNode(node, true)
	}
}

// knows reports whether a lease was alive at the last beat.
func (ro *roster) knows(lease string) bool {
	ro.mu.Lock()
	defer ro.mu.Unlock()
	return ro.leases[lease]
}

func decodeNode(id, text string) (realtime.Node, error) {
	var n realtime.Node
	if len(text) > maxNodeJSON {
		return n, fmt.Errorf("registry: node of %d bytes", len(text))
	}
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		return n, fmt.Errorf("registry: node: %w", err)
	}
	if n.ID != id {
		return n, fmt.Errorf("registry: node %q says that it is %q", id, n.ID)
	}
	return n, nil
}

// Nodes lists the live nodes, this one included, by the time of their start. It is one read.
func (r *Registry) Nodes(ctx context.Context) ([]realtime.Node, error) {
	done, err := r.question()
	if err != nil {
		return nil, err
	}
	defer done()
	list, err := r.one(ctx, call{nodesScript, []string{r.keys.nodes(), r.keys.meta()}, []string{ms(r.cfg.Dead)}}).AsStrSlice()
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	var nodes []realtime.Node
	known := map[string]bool{}
	for i := 0; i+1 < len(list) && len(nodes) < maxNodes; i += 2 {
		id, ok := nodeOf(list[i])
		if !ok || known[id] {
			continue
		}
		known[id] = true
		node, err := decodeNode(id, list[i+1])
		if err != nil {
			node = realtime.Node{ID: id}
		}
		nodes = append(nodes, node)
	}
	slices.SortFunc(nodes, func(a, b realtime.Node) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID))
	})
	return nodes, nil
}
