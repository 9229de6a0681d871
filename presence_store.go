package realtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/realtime-go/realtime/internal/presence"
)

// PresenceStore is an optional ability of an adapter: it keeps who is where for the whole cluster, under leases
// that end with their node.
//
//   - PresenceEnter and PresenceExit are called in order for one connection, maybe under a lock: they queue and
//     do not block. A store keeps what it was told until it holds in the cluster: after a broken bus, a lost
//     lease or an emptied database it says it again. Close takes everything out that this node has entered.
//   - A user is online from the first connection until Grace after the last one has gone, on whatever node. Both
//     are decided once in the cluster, and told to AdapterHandler.OnPresence on every node, with decided true
//     on exactly one. A node that dies takes its connections along; the grace then runs from its last sign of life.
//   - After PresenceEnter holds, AdapterHandler.OnRivals is told of all connections that the user has.
//   - Questions return the error of ctx or of the bus, or a [*PartialError] when some nodes keep no presence.
//   - Nothing is kept without an expiry, and nothing beyond what these methods are given.
type PresenceStore interface {
	PresenceEnter(e PresenceEntry)
	PresenceExit(e PresenceEntry)

	PresenceUser(ctx context.Context, namespace, user string) (UserPresence, error)
	// PresenceOnline answers for each of the users, in their order.
	PresenceOnline(ctx context.Context, namespace string, users []string) ([]bool, error)
	// PresenceMembers returns a page of at most some 1,000 users who are online. The cursor "" begins, and ends.
	PresenceMembers(ctx context.Context, namespace, cursor string) (page []UserPresence, next string, err error)
	PresenceCount(ctx context.Context, namespace string) (int, error)
	// PresenceSet attaches meta to a user; it is false for one who is not online.
	PresenceSet(ctx context.Context, namespace, user string, meta json.RawMessage) (bool, error)
}

// PresenceEntry is one connection of a user, as a [PresenceStore] gets it.
type PresenceEntry struct {
	Namespace string
	User      string
	Conn      PresenceConn
	Grace     time.Duration
	Remember  time.Duration
}

var errNoPresenceStore = errors.New("the adapter keeps no presence: this node alone")

// localPresence keeps the presence of one server.
type localPresence struct {
	table *presence.Table[PresenceConn]
}

func newLocalPresence(changed func(PresenceChange)) localPresence {
	return localPresence{presence.New[PresenceConn](func(c presence.Change) {
		changed(PresenceChange{Namespace: c.Space, User: c.User, Online: c.Online, At: c.At})
	})}
}

func (p localPresence) PresenceEnter(e PresenceEntry) {
	p.table.Enter(presence.Entry{
		Space: e.Namespace, User: e.User, Conn: e.Conn.ID, Node: e.Conn.Node, Grace: e.Grace, Remember: e.Remember,
	}, e.Conn)
}

func (p localPresence) PresenceExit(e PresenceEntry) { p.table.Exit(e.Namespace, e.User, e.Conn.ID) }

func (p localPresence) PresenceUser(_ context.Context, namespace, user string) (UserPresence, error) {
	u := p.table.User(namespace, user)
	return UserPresence{UserID: user, Online: u.Online, Conns: u.Rows, Meta: u.Meta, Since: u.Since, Seen: u.Seen}, nil
}

func (p localPresence) PresenceOnline(_ context.Context, namespace string, users []string) ([]bool, error) {
	online := make([]bool, len(users))
	for i, user := range users {
		online[i] = p.table.User(namespace, user).Online
	}
	return online, nil
}

// PresenceMembers is one page: what it holds is in this process anyway.
func (p localPresence) PresenceMembers(ctx context.Context, namespace, _ string) (page []UserPresence, next string, err error) {
	for _, name := range p.table.Names(namespace) {
		if u, _ := p.PresenceUser(ctx, namespace, name); u.Online {
			page = append(page, u)
		}
	}
	return page, "", nil
}

func (p localPresence) PresenceCount(_ context.Context, namespace string) (int, error) {
	return p.table.Len(namespace), nil
}

func (p localPresence) PresenceSet(_ context.Context, namespace, user string, meta json.RawMessage) (bool, error) {
	return p.table.SetMeta(namespace, user, meta), nil
}

// startPresence chooses who keeps presence.
func (s *server) startPresence() {
	if store, ok := s.cfg.Adapter.(PresenceStore); ok {
		s.presence = store
		return
	}
	s.localPresence = newLocalPresence(func(change PresenceChange) { s.presenceChanged(change, true) })
	s.presence, s.presenceIsLocal = s.localPresence, s.cfg.Adapter != nil
}

// presenceChanged tells watchers and, on the node that decided, the hooks.
func (s *server) presenceChanged(change PresenceChange, decided bool) {
	s.watchers.tell(change)
	hook := s.cfg.Hooks.UserOffline
	if change.Online {
		hook = s.cfg.Hooks.UserOnline
	}
	if hook != nil && decided && change.User != "" {
		s.later("presence hook", func() { hook(change.Namespace, change.User) })
	}
}

// OnPresence tells of a user.
func (h clusterHandler) OnPresence(change PresenceChange, decided bool) {
	h.srv.presenceChanged(change, decided)
}

// OnRivals applies Config.Sessions to what a user has in the whole cluster.
func (h clusterHandler) OnRivals(e PresenceEntry, conns []PresenceConn) {
	policy := &h.srv.cfg.Sessions
	ns := h.srv.existing(e.Namespace)
	if policy.Max <= 0 || ns == nil {
		return
	}
	rivals := slices.DeleteFunc(slices.Clone(conns), func(c PresenceConn) bool { return c.Class != e.Conn.Class })
	surplus := len(rivals) - policy.Max
	if surplus <= 0 {
		return
	}
	losers := rivals[:surplus]
	if policy.RefuseNew {
		losers = rivals[policy.Max:]
	}
	var elsewhere []string
	for _, loser := range losers {
		if c, ok := ns.index.Get(loser.ID); ok {
			c.kick(CauseReplaced, "")
		} else if loser.Node != h.srv.self.ID {
			elsewhere = append(elsewhere, loser.ID)
		}
	}
	if len(elsewhere) == 0 {
		return
	}
	m := &Message{Op: OpReplace, Node: h.srv.self.ID, Namespace: ns.name, Rooms: elsewhere}
	h.srv.tasks.Go(func() { // owned by the server's tasks, ends with the adapter's Publish
		ctx, cancel := context.WithTimeout(context.Background(), h.srv.cfg.AckTimeout)
		defer cancel()
		if err := h.srv.publish(ctx, m); err != nil {
			h.srv.log.Warn("surplus connections not ended", slog.String("user", e.User), slog.Any("err", err))
		}
	})
}

// presenceEntry describes the connection for the store. The caller holds c.mu.
func (c *Conn) presenceEntry() PresenceEntry {
	cfg := &c.ns.srv.cfg
	agent := c.mux.session.Handshake().HeaderValue("User-Agent")
	e := PresenceEntry{
		Namespace: c.ns.name, User: c.identity.UserID, Grace: cfg.Presence.Grace, Remember: cfg.Presence.Remember,
		Conn: PresenceConn{
			ID: c.id, Node: c.ns.srv.self.ID, Address: c.mux.address(), Agent: agent[:min(len(agent), maxAgent)],
			Class: c.class, Login: loginHash(c.identity.SessionID), Connected: c.connected,
		},
	}
	return e
}

// enterPresence and exitPresence are called under c.mu, so that one follows the other.
func (c *Conn) enterPresence() {
	if c.userRoom() != "" && !c.ns.srv.cfg.Presence.Off {
		c.ns.srv.presence.PresenceEnter(c.presenceEntry())
	}
}

func (c *Conn) exitPresence() {
	if c.userRoom() != "" && !c.ns.srv.cfg.Presence.Off {
		c.ns.srv.presence.PresenceExit(c.presenceEntry())
	}
}

// loginHash makes logins comparable without telling what they are.
func loginHash(session string) string {
	if session == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(session))
	return hex.EncodeToString(sum[:8])
}
