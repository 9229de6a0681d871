package redisadapter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter/internal/registry"
)

var _ realtime.PresenceStore = (*Adapter)(nil)

// WithoutKeys returns the adapter as one that publishes and subscribes only, for a Redis in which it may touch no
// keys: give it to the server instead of the adapter, before that is started. Presence then covers one node, and revocations last as long
// as a process.
func (a *Adapter) WithoutKeys() realtime.Adapter {
	a.keyless.Store(true)
	return struct {
		realtime.Adapter
		realtime.RoomInterest
	}{a, a}
}

// presence is what the adapter knows of its connections before the registry is there.
type presence struct {
	mu       sync.Mutex // guards what follows; the registry's are inside of it
	registry *registry.Registry
	early    []realtime.PresenceEntry // in the order of their coming
}

func (p *presence) enter(e realtime.PresenceEntry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.registry != nil {
		p.registry.PresenceEnter(e)
		return
	}
	p.forget(e)
	p.early = append(p.early, e)
}

func (p *presence) exit(e realtime.PresenceEntry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.registry != nil {
		p.registry.PresenceExit(e)
		return
	}
	p.forget(e)
}

// forget keeps the list as short as there are connections. The lock is held.
func (p *presence) forget(e realtime.PresenceEntry) {
	p.early = slices.DeleteFunc(p.early, func(other realtime.PresenceEntry) bool {
		return other.Conn.ID == e.Conn.ID && other.Namespace == e.Namespace
	})
}

// opened says what was kept to the registry, and everything later too.
func (p *presence) opened(r *registry.Registry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.early {
		r.PresenceEnter(e)
	}
	p.registry, p.early = r, nil
}

// presenceChannel is where nodes announce to each other what has changed in the registry.
func presenceChannel(cfg *Config) string { return cfg.Prefix + "-presence#" }

// registryHandler passes on what the registry tells, but for nodes: of those the subscriptions tell.
type registryHandler struct{ realtime.AdapterHandler }

func (registryHandler) OnNode(realtime.Node, bool) {}

// openRegistry joins the registry, trying until ctx ends.
func (a *Adapter) openRegistry(ctx context.Context, n *node) error {
	if a.keyless.Load() {
		return nil
	}
	channel := presenceChannel(&a.cfg)
	r, err := registry.New(registry.Config{
		Client: n.client.Client, Prefix: a.cfg.Prefix + "-presence", Self: n.self, Handler: registryHandler{n.handler},
		Announce: func(_ context.Context, payload []byte) error {
			return n.publisher.send(outgoing{channel: channel, payload: payload})
		},
		Beat: a.cfg.Heartbeat, Dead: deadBeats * a.cfg.Heartbeat, Call: a.cfg.PublishTimeout, Logger: a.cfg.Logger,
	})
	if err != nil {
		return err
	}
	if err := r.Start(ctx); err != nil {
		return ofRegistry(err)
	}
	n.registry = r
	return nil
}

// ofRegistry makes an error of the registry one of the adapter.
func ofRegistry(err error) error {
	if errors.Is(err, registry.ErrUnavailable) || errors.Is(err, registry.ErrBusy) {
		return unavailable(err)
	}
	return err
}

// deadBeats heartbeats that a node's lease was not renewed mean that it is gone (requirement R79).
const deadBeats = 5

// keys returns the node with its registry.
func (a *Adapter) keys() (*node, error) {
	n, err := a.running()
	if err == nil && n.registry == nil {
		err = ErrUnsupported
	}
	return n, err
}

// PresenceEnter notes a connection of this node. It does not block; Redis is told by and by, and again whenever it
// has forgotten.
func (a *Adapter) PresenceEnter(e realtime.PresenceEntry) { a.presence.enter(e) }

// PresenceExit notes that a connection has gone.
func (a *Adapter) PresenceExit(e realtime.PresenceEntry) { a.presence.exit(e) }

// PresenceUser returns what is known of a user. With Node.js nodes in the cluster, which keep no presence, their
// sockets are asked about one who is not online elsewhere, and the answer is a [*realtime.PartialError] beside what
// is known (decision D35).
func (a *Adapter) PresenceUser(ctx context.Context, namespace, user string) (realtime.UserPresence, error) {
	n, err := a.keys()
	if err != nil {
		return realtime.UserPresence{UserID: user}, err
	}
	u, err := n.registry.PresenceUser(ctx, namespace, user)
	if err != nil {
		return u, ofRegistry(err)
	}
	strangers := a.strangers(ctx, n, namespace)
	if strangers != nil && !u.Online {
		u.Conns = a.askStrangers(ctx, namespace, user)[user]
		u.Online = len(u.Conns) > 0
	}
	return u, strangers
}

// PresenceOnline answers for each of the users; see PresenceUser.
func (a *Adapter) PresenceOnline(ctx context.Context, namespace string, users []string) ([]bool, error) {
	n, err := a.keys()
	if err != nil {
		return make([]bool, len(users)), err
	}
	online, err := n.registry.PresenceOnline(ctx, namespace, users)
	if err != nil {
		return online, ofRegistry(err)
	}
	strangers := a.strangers(ctx, n, namespace)
	if strangers != nil {
		var unknown []string
		for i, is := range online {
			if !is {
				unknown = append(unknown, users[i])
			}
		}
		conns := a.askStrangers(ctx, namespace, unknown...)
		for i, user := range users {
			online[i] = online[i] || len(conns[user]) > 0
		}
	}
	return online, strangers
}

// PresenceMembers returns a page of users; of those on Node.js nodes it does not know.
func (a *Adapter) PresenceMembers(ctx context.Context, namespace, cursor string) (page []realtime.UserPresence, next string, err error) {
	n, err := a.keys()
	if err != nil {
		return nil, "", err
	}
	page, next, err = n.registry.PresenceMembers(ctx, namespace, cursor)
	if err == nil && next == "" {
		err = a.strangers(ctx, n, namespace)
	}
	return page, next, ofRegistry(err)
}

// PresenceCount returns how many users are online; those on Node.js nodes do not count.
func (a *Adapter) PresenceCount(ctx context.Context, namespace string) (int, error) {
	n, err := a.keys()
	if err != nil {
		return 0, err
	}
	count, err := n.registry.PresenceCount(ctx, namespace)
	if err != nil {
		return 0, ofRegistry(err)
	}
	return count, a.strangers(ctx, n, namespace)
}

// PresenceSet attaches a value to a user.
func (a *Adapter) PresenceSet(ctx context.Context, namespace, user string, meta json.RawMessage) (bool, error) {
	n, err := a.keys()
	if err != nil {
		return false, err
	}
	online, err := n.registry.PresenceSet(ctx, namespace, user, meta)
	return online, ofRegistry(err)
}

// strangers is a *realtime.PartialError while Node.js nodes serve a namespace, or if that is not known.
func (a *Adapter) strangers(ctx context.Context, n *node, namespace string) error {
	if !n.wire.nameless() {
		return nil
	}
	nodes, _, err := n.audience(ctx, namespace)
	if err != nil {
		return err
	}
	others := nodes - 1 - n.peers.len()
	if others <= 0 {
		return nil
	}
	partial := &realtime.PartialError{Err: errNoPresence}
	for i := range others {
		partial.Nodes = append(partial.Nodes, nameless(i+1).ID)
	}
	return partial
}

// askStrangers asks all nodes for the connections of users, and returns those that came, by user.
func (a *Adapter) askStrangers(ctx context.Context, namespace string, users ...string) map[string][]realtime.PresenceConn {
	if len(users) == 0 {
		return nil
	}
	rooms := make([]string, len(users))
	for i, user := range users {
		rooms[i] = userRoom + user
	}
	found := make(map[string][]realtime.PresenceConn)
	// What does not come is not known, as the caller is told anyway.
	_, _ = a.Ask(ctx, &realtime.Message{Op: realtime.OpFetch, Namespace: namespace, Rooms: rooms}, func(m *realtime.Message) {
		for _, info := range m.Conns {
			for i, room := range rooms {
				if slices.Contains(info.Rooms, room) {
					found[users[i]] = append(found[users[i]], realtime.PresenceConn{
						ID: info.ID, Node: info.Node, Address: info.Address, Connected: info.Connected,
					})
				}
			}
		}
	})
	return found
}

var errNoPresence = fmt.Errorf("%w: Node.js nodes keep no presence", ErrUnsupported)
