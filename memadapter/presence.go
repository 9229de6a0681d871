package memadapter

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/internal/presence"
)

// pageSize is how many users one page of members holds.
const pageSize = 1000

var (
	_ realtime.PresenceStore   = (*Adapter)(nil)
	_ realtime.RevocationStore = (*Adapter)(nil)
)

// presenceChanged tells every node of a user; the oldest of them is the one that decided. The table's lock is
// held, and that of the bus is a leaf under it.
func (b *Bus) presenceChanged(c presence.Change) {
	change := realtime.PresenceChange{Namespace: c.Space, User: c.User, Online: c.Online, At: c.At}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, n := range b.nodes {
		n.tell(func() { n.handler.OnPresence(change, i == 0) })
	}
}

// PresenceEnter adds a connection to what all nodes share. Before Start it waits: there is nobody to tell yet.
func (a *Adapter) PresenceEnter(e realtime.PresenceEntry) { a.present(func() { a.enter(e) }) }

// PresenceExit takes a connection out.
func (a *Adapter) PresenceExit(e realtime.PresenceEntry) {
	a.present(func() { a.bus.where().Exit(e.Namespace, e.User, e.Conn.ID) })
}

// present runs do, or keeps it until the node has started. The order stays.
func (a *Adapter) present(do func()) {
	a.earlyMu.Lock()
	defer a.earlyMu.Unlock()
	if !a.presenceStarted {
		a.early = append(a.early, do) // one for each connection that came so early, and one for each that has gone again
		return
	}
	do()
}

// startPresence says what was kept.
func (a *Adapter) startPresence() {
	a.earlyMu.Lock()
	defer a.earlyMu.Unlock()
	for _, do := range a.early {
		do()
	}
	a.early, a.presenceStarted = nil, true
}

func (a *Adapter) enter(e realtime.PresenceEntry) {
	a.bus.where().Enter(presence.Entry{
		Space: e.Namespace, User: e.User, Conn: e.Conn.ID, Node: a.self.ID, Grace: e.Grace, Remember: e.Remember,
	}, e.Conn)
	rivals := a.bus.where().User(e.Namespace, e.User).Rows
	a.bus.mu.Lock()
	gone := a.gone != nil
	if !gone {
		a.tell(func() { a.handler.OnRivals(e, rivals) })
	}
	a.bus.mu.Unlock()
	if gone { // it left before the table knew of the connection
		a.bus.where().DropNode(a.self.ID)
	}
}

// alive is nil while the store can be asked.
func (a *Adapter) alive() error {
	a.bus.mu.Lock()
	defer a.bus.mu.Unlock()
	return a.usable()
}

// PresenceUser returns what is known of a user.
func (a *Adapter) PresenceUser(_ context.Context, namespace, user string) (realtime.UserPresence, error) {
	return a.user(namespace, user), a.alive()
}

func (a *Adapter) user(namespace, user string) realtime.UserPresence {
	u := a.bus.where().User(namespace, user)
	return realtime.UserPresence{
		UserID: user, Online: u.Online, Conns: u.Rows, Meta: slices.Clone(u.Meta), Since: u.Since, Seen: u.Seen,
	}
}

// PresenceOnline says of each user whether it is online.
func (a *Adapter) PresenceOnline(_ context.Context, namespace string, users []string) ([]bool, error) {
	online := make([]bool, len(users))
	for i, user := range users {
		online[i] = a.bus.where().User(namespace, user).Online
	}
	return online, a.alive()
}

// PresenceMembers returns a page of users by name. The cursor is the last name of the page before.
func (a *Adapter) PresenceMembers(_ context.Context, namespace, cursor string) (page []realtime.UserPresence, next string, err error) {
	names := slices.Sorted(slices.Values(a.bus.where().Names(namespace)))
	begin, found := slices.BinarySearch(names, cursor)
	if found && cursor != "" {
		begin++
	}
	names = names[begin:]
	if len(names) > pageSize {
		names = names[:pageSize]
		next = names[pageSize-1]
	}
	for _, name := range names {
		if u := a.user(namespace, name); u.Online {
			page = append(page, u)
		}
	}
	return page, next, a.alive()
}

// PresenceCount returns how many users are online.
func (a *Adapter) PresenceCount(_ context.Context, namespace string) (int, error) {
	return a.bus.where().Len(namespace), a.alive()
}

// PresenceSet attaches a value to a user.
func (a *Adapter) PresenceSet(_ context.Context, namespace, user string, meta json.RawMessage) (bool, error) {
	if err := a.alive(); err != nil {
		return false, err
	}
	return a.bus.where().SetMeta(namespace, user, meta), nil
}

// KeepRevocation stores a revocation, and drops those whose time is over.
func (a *Adapter) KeepRevocation(_ context.Context, r realtime.Revocation) error {
	a.bus.mu.Lock()
	defer a.bus.mu.Unlock()
	if err := a.usable(); err != nil {
		return err
	}
	now := time.Now()
	maps.DeleteFunc(a.bus.revoked, func(_ string, old realtime.Revocation) bool { return old.Until.Before(now) })
	key := strings.Join([]string{r.Scope, r.User}, "\x00")
	if old, ok := a.bus.revoked[key]; ok && old.Before.After(r.Before) {
		return nil
	}
	if a.bus.revoked == nil {
		a.bus.revoked = make(map[string]realtime.Revocation)
	}
	a.bus.revoked[key] = r
	return nil
}

// Revocations yields what is kept, in no certain order.
func (a *Adapter) Revocations(context.Context) iter.Seq2[realtime.Revocation, error] {
	return func(yield func(realtime.Revocation, error) bool) {
		a.bus.mu.Lock()
		err, kept := a.usable(), slices.Collect(maps.Values(a.bus.revoked))
		a.bus.mu.Unlock()
		if err != nil {
			yield(realtime.Revocation{}, err)
			return
		}
		for _, r := range kept {
			if r.Until.After(time.Now()) && !yield(r, nil) {
				return
			}
		}
	}
}
