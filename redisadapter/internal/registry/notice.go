package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

const (
	maxNotice  = 64 << 10 // bytes of a payload
	maxChanges = 128      // in one
)

// notice is what nodes announce to each other. It is a hint: who believes a wrong one looks into Redis in vain.
type notice struct {
	Changes []noticeChange `json:"changes,omitempty"` // what was decided, in the order of each log
	Nodes   bool           `json:"nodes,omitempty"`   // a node came or went
}

// noticeChange is a change. Names are bytes, since they need not be UTF-8.
type noticeChange struct {
	Shard     int    `json:"shard"`
	Prev      string `json:"prev,omitempty"`
	ID        string `json:"id"`
	Namespace []byte `json:"ns"`
	User      []byte `json:"user"`
	Online    bool   `json:"on"`
	At        int64  `json:"at"`
	By        string `json:"by"`
}

func encodeNotice(changes []change, nodes bool) ([]byte, error) {
	n := notice{Nodes: nodes}
	for _, c := range changes {
		prev := ""
		if c.prev != (logID{}) {
			prev = c.prev.String()
		}
		n.Changes = append(n.Changes, noticeChange{
			Shard: c.shard, Prev: prev, ID: c.id.String(), Namespace: []byte(c.namespace), User: []byte(c.user),
			Online: c.online, At: c.at, By: escape(c.by),
		})
	}
	return json.Marshal(n)
}

func decodeNotice(payload []byte) (changes []change, nodes bool, err error) {
	if len(payload) > maxNotice {
		return nil, false, fmt.Errorf("registry: announcement of %d bytes", len(payload))
	}
	var n notice
	if err := json.Unmarshal(payload, &n); err != nil {
		return nil, false, fmt.Errorf("registry: announcement: %w", err)
	}
	if len(n.Changes) > maxChanges {
		return nil, false, fmt.Errorf("registry: announcement of %d changes", len(n.Changes))
	}
	for _, nc := range n.Changes {
		c := change{shard: nc.Shard, namespace: string(nc.Namespace), user: string(nc.User), online: nc.Online, at: nc.At}
		if c.id, err = parseLogID(nc.ID); err != nil {
			return nil, false, err
		}
		if nc.Prev != "" {
			if c.prev, err = parseLogID(nc.Prev); err != nil {
				return nil, false, err
			}
		}
		by, ok := unescape(nc.By)
		if !ok || c.shard < 0 || c.shard >= shards {
			return nil, false, fmt.Errorf("registry: announcement of change %v: by %.40q in shard %d", c.id, nc.By, c.shard)
		}
		c.by = by
		if err := c.check(); err != nil {
			return nil, false, err
		}
		changes = append(changes, c)
	}
	return changes, n.Nodes, nil
}

// Receive takes what another node has announced. It does not block and may be called concurrently; the payload is not
// kept. What does not decode is dropped: the error is for the caller's count.
func (r *Registry) Receive(payload []byte) error {
	changes, nodes, err := decodeNotice(payload)
	if err != nil {
		return err
	}
	if nodes {
		r.heart.hurry()
	}
	r.teller.hint(changes)
	return nil
}

// Missed tells the registry that announcements may have been lost, so that it looks for itself at once instead of
// with the next heartbeat. It does not block.
func (r *Registry) Missed() {
	r.heart.hurry()
	r.teller.poll()
}

// tell hands changes that this node has decided to its own teller and to the others.
func (r *Registry) tell(changes []change) {
	r.teller.hint(changes)
	for len(changes) > 0 {
		n := min(len(changes), maxChanges)
		for n > 1 && weight(changes[:n]) > maxNotice/2 {
			n /= 2
		}
		r.announce(changes[:n], false)
		changes = changes[n:]
	}
}

// weight is about what changes take in a payload.
func weight(changes []change) (bytes int) {
	for _, c := range changes {
		bytes += 200 + 4*(len(c.namespace)+len(c.user))/3 + 3*len(c.by)
	}
	return bytes
}

func (r *Registry) announce(changes []change, nodes bool) {
	payload, err := encodeNotice(changes, nodes)
	if err == nil && len(payload) <= maxNotice {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err = r.cfg.Announce(ctx, payload)
	}
	if err != nil { // the others read it from the log
		r.cfg.Logger.Debug("presence not announced", slog.Any("err", err))
	}
}
