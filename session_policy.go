package realtime

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"
)

// SessionPolicy holds how many connections one user may have in a namespace, and which one loses. The loser
// gets a DISCONNECT packet, so that an official client stays away instead of coming back and throwing the
// winner out (feature 22).
type SessionPolicy struct {
	Max int // connections of one user; 0: no limit

	// RefuseNew refuses a connection above Max, as "too_many_connections". By default it is admitted, and the
	// oldest ones end. A connection of the same Identity.SessionID, or one that has not answered a ping for 3 s,
	// gives way even so: it would lock its own user out.
	RefuseNew bool

	// Class puts connections into classes with Max each, e.g. "phone" and "desktop". It is called after Use's
	// middlewares, concurrently, must be quick, and sees a connection that is not admitted yet. Nil: one class.
	Class func(c *Conn) string
}

// silentAfter is how long a ping is unanswered before a connection gives way to a new one.
const silentAfter = 3 * time.Second

var errTooManyConnections = &Error{Code: CodeTooManyConnections, Message: "connected elsewhere"}

// classify stores the class of a connection that is about to be admitted.
func (c *Conn) classify() error {
	policy := &c.ns.srv.cfg.Sessions
	if policy.Max <= 0 || policy.Class == nil || c.UserID() == "" {
		return nil
	}
	return c.guard("Sessions.Class", func() error { c.class = policy.Class(c); return nil })
}

// claim makes room for a connection that is to have an identity, and calls enter, which makes it count. No
// other connection is counted between the two. It returns those that have to end.
func (s *server) claim(c *Conn, id *Identity, enter func() bool) (losers []*Conn, err error) {
	policy := &s.cfg.Sessions
	if policy.Max <= 0 || id == nil || id.UserID == "" {
		if !enter() {
			return nil, ErrClosed
		}
		return nil, nil
	}
	s.claimMu.Lock()
	defer s.claimMu.Unlock()
	var rivals []*Conn
	for _, other := range c.ns.everyone().with([]string{userPrefix + id.UserID}).members() {
		if other != c && other.class == c.class {
			rivals = append(rivals, other)
		}
	}
	if surplus := len(rivals) + 1 - policy.Max; surplus > 0 {
		slices.SortFunc(rivals, func(a, b *Conn) int { return cmp.Compare(a.order, b.order) })
		if policy.RefuseNew {
			rivals = slices.DeleteFunc(rivals, func(other *Conn) bool { return !other.givesWay(id) })
			if len(rivals) < surplus {
				return nil, errTooManyConnections
			}
		}
		losers = rivals[:surplus]
	}
	if !enter() {
		return nil, ErrClosed
	}
	return losers, nil
}

// givesWay reports whether a connection loses although it was there first.
func (c *Conn) givesWay(to *Identity) bool {
	own := c.Identity()
	return own != nil && own.SessionID != "" && own.SessionID == to.SessionID || c.mux.session.AwaitingPong() >= silentAfter
}

// roomElsewhere asks what the user has on other nodes, where a connection above Max is refused before it is
// admitted. When nobody knows, what this node has decides, and OnRivals later.
func (c *Conn) roomElsewhere(id *Identity) error {
	srv := c.ns.srv
	policy := &srv.cfg.Sessions
	if policy.Max <= 0 || !policy.RefuseNew || id == nil || id.UserID == "" || srv.cfg.Adapter == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.ctx, srv.cfg.AckTimeout)
	defer cancel()
	u, err := srv.presence.PresenceUser(ctx, c.ns.name, id.UserID)
	if err != nil {
		srv.log.Warn("connections on other nodes unknown", c.logAttrs(slog.Any("err", err))...)
		return nil
	}
	login, n := loginHash(id.SessionID), 0
	for _, other := range u.Conns {
		if other.Class == c.class && other.Node != srv.self.ID && (login == "" || other.Login != login) {
			n++
		}
	}
	if n >= policy.Max {
		return errTooManyConnections
	}
	return nil
}

// end disconnects the losers of a claim.
func (s *server) end(losers []*Conn) {
	for _, c := range losers {
		c.kick(CauseReplaced, "")
	}
}
