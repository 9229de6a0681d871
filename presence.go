package realtime

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"
)

// Presence tells which users are in a namespace, on all nodes. A user is online from the first connection until
// PresenceConfig.Grace after the last one has gone, on whatever node. Anonymous connections are nobody's. Its
// methods may be called from any goroutine and from every callback.
//
// With an adapter that keeps no presence (see [PresenceStore]) it knows of this node alone, and every answer comes with a
// [*PartialError].
type Presence interface {
	// Online returns those of the users who are online, in the order given.
	Online(ctx context.Context, users ...string) ([]string, error)
	// User returns what is known of one user, online or not.
	User(ctx context.Context, id string) (UserPresence, error)
	// Members yields everyone who is online, in no certain order, a page at a time. Who comes or goes meanwhile
	// may be missing or there. An error ends it.
	Members(ctx context.Context) iter.Seq2[UserPresence, error]
	// Count returns how many users are online.
	Count(ctx context.Context) (int, error)
	// Set attaches a small value, as JSON, to a user who is online, for UserPresence.Meta. It goes when the user
	// does. It returns ErrPublicData above Limits.PublicData bytes and ErrOffline for a user who is not online.
	Set(ctx context.Context, user string, v any) error
	// Watch yields each user who comes online or is offline from now on, until ctx ends. A reader that falls
	// behind by 1,024 changes gets one with Gap, and then goes on with the latest: it asks Members again. So does one
	// whose adapter has lost changes.
	Watch(ctx context.Context) iter.Seq[PresenceChange]
}

// UserPresence is what is known of a user in a namespace.
type UserPresence struct {
	UserID string          `json:"user"`
	Online bool            `json:"online"`
	Conns  []PresenceConn  `json:"conns,omitempty"` // the oldest first; none during the grace
	Meta   json.RawMessage `json:"meta,omitempty"`  // what Presence.Set attached
	Since  time.Time       `json:"since,omitzero"`  // online since
	Seen   time.Time       `json:"seen,omitzero"`   // when the last connection has gone, kept for PresenceConfig.Remember
}

// PresenceConn is one connection of a user. It holds no credentials.
type PresenceConn struct {
	ID        string    `json:"id"`
	Node      string    `json:"node"`
	Address   string    `json:"address,omitempty"`
	Agent     string    `json:"agent,omitempty"` // the client's User-Agent, at most 256 bytes
	Class     string    `json:"class,omitempty"` // of SessionPolicy.Class
	Login     string    `json:"login,omitempty"` // a hash of Identity.SessionID
	Connected time.Time `json:"connected"`
}

// PresenceChange is a user who came online, or is offline.
type PresenceChange struct {
	Namespace string
	User      string
	Online    bool
	At        time.Time
	Gap       bool // changes may be missing before this one; without a User it is only that
}

// PresenceConfig says how presence is kept.
type PresenceConfig struct {
	Off      bool          // keep none: Presence and the hooks know of nobody
	Grace    time.Duration // from a user's last connection to offline; 10 s, negative: none
	Remember time.Duration // of UserPresence.Seen; 24 h, negative: not at all
}

func (p PresenceConfig) withDefaults() PresenceConfig {
	set(&p.Grace, 10*time.Second)
	set(&p.Remember, 24*time.Hour)
	p.Grace, p.Remember = max(p.Grace, 0), max(p.Remember, 0)
	return p
}

const (
	watchQueue = 1024 // changes that one watcher may have waiting
	maxAgent   = 256
)

// nsPresence implements Presence for a namespace.
type nsPresence struct{ ns *namespace }

// Presence returns the view of who is in the namespace.
func (ns *namespace) Presence() Presence { return nsPresence{ns} }

func (p nsPresence) Online(ctx context.Context, users ...string) ([]string, error) {
	online, err := p.store().PresenceOnline(ctx, p.ns.name, users)
	found := make([]string, 0, len(users))
	for i, is := range online {
		if is {
			found = append(found, users[i])
		}
	}
	return found, p.partial(err)
}

func (p nsPresence) User(ctx context.Context, id string) (UserPresence, error) {
	u, err := p.store().PresenceUser(ctx, p.ns.name, id)
	return u, p.partial(err)
}

func (p nsPresence) Members(ctx context.Context) iter.Seq2[UserPresence, error] {
	return func(yield func(UserPresence, error) bool) {
		for cursor := ""; ; {
			page, next, err := p.store().PresenceMembers(ctx, p.ns.name, cursor)
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
			}
			if next == "" || err != nil {
				if err = p.partial(err); err != nil {
					yield(UserPresence{}, err)
				}
				return
			}
			cursor = next
		}
	}
}

func (p nsPresence) Count(ctx context.Context) (int, error) {
	n, err := p.store().PresenceCount(ctx, p.ns.name)
	return n, p.partial(err)
}

func (p nsPresence) Set(ctx context.Context, user string, v any) error {
	meta, err := p.ns.srv.encodePublic(v)
	if err != nil {
		return err
	}
	online, err := p.store().PresenceSet(ctx, p.ns.name, user, meta)
	if err == nil && !online {
		err = fmt.Errorf("%w: user %q", ErrOffline, user)
	}
	return err
}

func (p nsPresence) store() PresenceStore { return p.ns.srv.presence }

// partial says that an answer covers this node alone, where nobody keeps more.
func (p nsPresence) partial(err error) error {
	if err == nil && p.ns.srv.presenceIsLocal {
		return &PartialError{Err: errNoPresenceStore}
	}
	if err != nil {
		return fmt.Errorf("realtime: presence: %w", err)
	}
	return nil
}

func (p nsPresence) Watch(ctx context.Context) iter.Seq[PresenceChange] {
	return func(yield func(PresenceChange) bool) {
		w := p.ns.srv.watchers.add(p.ns.name)
		defer p.ns.srv.watchers.remove(p.ns.name, w)
		for {
			select {
			case <-ctx.Done():
				return
			case <-p.ns.srv.stop.Done():
				return
			case <-w.wake:
			}
			for _, change := range w.take() {
				if ctx.Err() != nil || !yield(change) {
					return
				}
			}
		}
	}
}

// watchers are those who watch presence, by namespace.
type watchers struct {
	mu   sync.Mutex
	list map[string][]*watcher
}

func (ws *watchers) add(namespace string) *watcher {
	w := &watcher{wake: make(chan struct{}, 1)}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.list == nil {
		ws.list = make(map[string][]*watcher)
	}
	ws.list[namespace] = append(slices.Clip(ws.list[namespace]), w)
	return w
}

func (ws *watchers) remove(namespace string, w *watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	rest := slices.DeleteFunc(slices.Clone(ws.list[namespace]), func(other *watcher) bool { return other == w })
	if ws.list[namespace] = rest; len(rest) == 0 {
		delete(ws.list, namespace)
	}
}

// tell queues a change for everyone who watches its namespace; without one, for all.
func (ws *watchers) tell(change PresenceChange) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if change.Namespace != "" {
		for _, w := range ws.list[change.Namespace] {
			w.push(change)
		}
		return
	}
	for namespace, list := range ws.list {
		change.Namespace = namespace
		for _, w := range list {
			w.push(change)
		}
	}
}

// watcher is the queue of one Watch.
type watcher struct {
	wake chan struct{} // holds a token while changes wait

	mu      sync.Mutex
	changes []PresenceChange
}

// push never waits: when the queue is full it begins anew, with a gap.
func (w *watcher) push(change PresenceChange) {
	w.mu.Lock()
	if len(w.changes) >= watchQueue {
		w.changes = w.changes[:0]
		change.Gap = true
	}
	w.changes = append(w.changes, change)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watcher) take() []PresenceChange {
	w.mu.Lock()
	defer w.mu.Unlock()
	changes := w.changes
	w.changes = nil
	return changes
}
