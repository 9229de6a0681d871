package realtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// maxRevocations bounds what User.Revoke keeps in memory: some 15 MB.
const maxRevocations = 100_000

// revocations are the users whose older identities are refused. Namespaces that share Config.Auth share them;
// one with an authenticator of its own (SetAuth) has users of its own.
type revocations struct {
	mu    sync.RWMutex
	users map[string]revocation
}

type revocation struct {
	before time.Time // identities issued before this are refused
	until  time.Time // none of them is alive any more
}

// add remembers a user. When the list is full it forgets what is over; what is not is never dropped, since
// that would let somebody in.
func (r *revocations) add(user string, before, until time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.users[user]; !known && len(r.users) >= maxRevocations {
		now := time.Now()
		for id, old := range r.users {
			if old.until.Before(now) {
				delete(r.users, id)
			}
		}
		if len(r.users) >= maxRevocations {
			return ErrTooManyRevocations
		}
	}
	if r.users == nil {
		r.users = make(map[string]revocation)
	}
	if old := r.users[user]; old.before.After(before) {
		before = old.before
	}
	r.users[user] = revocation{before, until}
	return nil
}

// covers reports whether an identity was issued before its user was revoked. Tokens tell that in whole
// seconds, so one that was issued in the second of the revocation is refused too.
func (r *revocations) covers(id *Identity) bool {
	if id == nil || id.UserID == "" {
		return false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	revoked, ok := r.users[id.UserID]
	return ok && !id.IssuedAt.After(revoked.before) && time.Now().Before(revoked.until)
}

// revocations returns the list that holds for the namespace.
func (ns *namespace) revocations() *revocations {
	if ns.auth.Load() != nil {
		return &ns.revoked
	}
	return &ns.srv.revoked
}

// Revoke refuses the user's identities that were issued before now, and disconnects its connections.
func (u user) Revoke(ctx context.Context, reason string) error {
	if u.id == "" {
		return errors.New("realtime: Revoke: no user")
	}
	if err := u.ns.revoke(u.id, time.Now(), reason); err != nil {
		return err
	}
	if u.ns.srv.cfg.Adapter == nil {
		return nil
	}
	m := &Message{
		Op: OpRevoke, Node: u.ns.srv.self.ID, Namespace: u.ns.name, Names: []string{u.id}, Reason: reason, Time: time.Now(),
	}
	return u.publish(ctx, m)
}

// revoke applies a revocation to this node: first the list, then the connections, so that one that is being
// admitted meanwhile finds itself on the list or is found in the index.
func (ns *namespace) revoke(id string, before time.Time, reason string) error {
	list := ns.revocations()
	if err := list.add(id, before, time.Now().Add(ns.srv.cfg.Expiry.Remember)); err != nil {
		return fmt.Errorf("revoke user: %w", err)
	}
	ns.srv.log.Info("user revoked", slog.String("user", id), slog.String("namespace", ns.name), slog.String("reason", reason))
	for _, other := range ns.srv.namespaceList() {
		if other.revocations() != list {
			continue
		}
		for _, c := range other.everyone().with([]string{userPrefix + id}).members() {
			c.kick(CauseRevoked, reason)
		}
	}
	return nil
}
