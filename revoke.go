package realtime

import (
	"context"
	"errors"
	"fmt"
	"iter"
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

// RevocationStore is an optional ability of an adapter: it keeps revocations, so that nodes which start later
// know of them.
type RevocationStore interface {
	// KeepRevocation stores a revocation until its time is over, or changes the one of the same scope and user if
	// that is older.
	KeepRevocation(ctx context.Context, r Revocation) error
	// Revocations yields what is kept. An error ends it.
	Revocations(ctx context.Context) iter.Seq2[Revocation, error]
}

// Revocation refuses the identities of a user that were issued before a time.
type Revocation struct {
	Scope  string // "" for users of Config.Auth, else the namespace with an authenticator of its own
	User   string
	Before time.Time
	Until  time.Time // when it can be forgotten
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
		before, until = old.before, old.until
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
	srv, now := u.ns.srv, time.Now()
	if err := u.ns.revoke(u.id, now, reason); err != nil {
		return err
	}
	if srv.cfg.Adapter == nil {
		return nil
	}
	var errs []error
	if store, ok := srv.cfg.Adapter.(RevocationStore); ok {
		err := store.KeepRevocation(ctx, Revocation{u.ns.revocationScope(), u.id, now, now.Add(srv.cfg.Expiry.Remember)})
		if err != nil {
			errs = append(errs, fmt.Errorf("realtime: keep revocation: %w", err))
		}
	}
	m := &Message{Op: OpRevoke, Node: srv.self.ID, Namespace: u.ns.name, Names: []string{u.id}, Reason: reason, Time: now}
	return errors.Join(append(errs, u.publish(ctx, m))...)
}

// revocationScope names the list of revocations that holds for the namespace.
func (ns *namespace) revocationScope() string {
	if ns.auth.Load() != nil {
		return ns.name
	}
	return ""
}

// loadRevocations takes over what the cluster has kept, and ends connections that should not be. It is called
// when the node has joined, and when messages may have been lost.
func (s *server) loadRevocations(ctx context.Context) error {
	store, ok := s.cfg.Adapter.(RevocationStore)
	if !ok {
		return nil
	}
	for r, err := range store.Revocations(ctx) {
		if err != nil {
			return fmt.Errorf("realtime: load revocations: %w", err)
		}
		ns := s.namespace
		if r.Scope != "" {
			if ns = s.existing(r.Scope); ns == nil || ns.revocationScope() != r.Scope {
				continue // nobody can log in there
			}
		}
		older := func(c *Conn) bool { return ns.revocations().covers(c.Identity()) }
		if err := ns.applyRevocation(r.User, r.Before, r.Until, "", older); err != nil {
			return err
		}
	}
	return nil
}

// reloadRevocations does so in the background, again and again until it has worked or the server ends.
func (s *server) reloadRevocations() {
	if _, ok := s.cfg.Adapter.(RevocationStore); !ok || !s.reloading.CompareAndSwap(false, true) {
		return
	}
	s.tasks.Go(func() { // owned by the server's tasks, ends with s.stop
		defer s.reloading.Store(false)
		for {
			ctx, cancel := context.WithTimeout(s.stop, s.cfg.AckTimeout)
			err := s.loadRevocations(ctx)
			cancel()
			if err == nil || s.stop.Err() != nil {
				return
			}
			s.log.Error("revocations unknown", slog.Any("err", err))
			select {
			case <-time.After(s.cfg.AckTimeout):
			case <-s.stop.Done():
			}
		}
	})
}

// revoke applies a revocation to this node: first the list, then the connections, so that one that is being
// admitted meanwhile finds itself on the list or is found in the index.
func (ns *namespace) revoke(id string, before time.Time, reason string) error {
	ns.srv.log.Info("user revoked", slog.String("user", id), slog.String("namespace", ns.name), slog.String("reason", reason))
	all := func(*Conn) bool { return true } // the issuer's clock may be ahead of ours
	return ns.applyRevocation(id, before, time.Now().Add(ns.srv.cfg.Expiry.Remember), reason, all)
}

func (ns *namespace) applyRevocation(id string, before, until time.Time, reason string, ends func(*Conn) bool) error {
	list := ns.revocations()
	if err := list.add(id, before, until); err != nil {
		return fmt.Errorf("realtime: revoke user: %w", err)
	}
	for _, other := range ns.srv.namespaceList() {
		if other.revocations() != list {
			continue
		}
		for _, c := range other.everyone().with([]string{userPrefix + id}).members() {
			if ends(c) {
				c.kick(CauseRevoked, reason)
			}
		}
	}
	return nil
}
