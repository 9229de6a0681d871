package adaptertest

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/realtime-go/realtime"
)

type entryFunc = func(realtime.PresenceEntry)

// presenceTampers replace calls of a node's presence and revocations, or of what its handler is told of them.
type presenceTampers struct {
	enter, exit func(next entryFunc, e realtime.PresenceEntry)
	change      func(h realtime.AdapterHandler, c realtime.PresenceChange, decided bool)
	rivals      func(h realtime.AdapterHandler, e realtime.PresenceEntry, conns []realtime.PresenceConn)
	user        func(u realtime.UserPresence) realtime.UserPresence
	page        func(page []realtime.UserPresence, next string) ([]realtime.UserPresence, string)
	keep        func(r realtime.Revocation) realtime.Revocation
	kept        func(yield func(realtime.Revocation, error) bool) func(realtime.Revocation, error) bool
}

func (a *tampered) PresenceEnter(e realtime.PresenceEntry) {
	if a.presence.enter != nil {
		a.presence.enter(a.real.PresenceEnter, e)
		return
	}
	a.real.PresenceEnter(e)
}

func (a *tampered) PresenceExit(e realtime.PresenceEntry) {
	if a.presence.exit != nil {
		a.presence.exit(a.real.PresenceExit, e)
		return
	}
	a.real.PresenceExit(e)
}

func (a *tampered) PresenceUser(ctx context.Context, namespace, user string) (realtime.UserPresence, error) {
	u, err := a.real.PresenceUser(ctx, namespace, user)
	if a.presence.user != nil {
		u = a.presence.user(u)
	}
	return u, err
}

func (a *tampered) PresenceOnline(ctx context.Context, namespace string, users []string) ([]bool, error) {
	return a.real.PresenceOnline(ctx, namespace, users)
}

func (a *tampered) PresenceMembers(ctx context.Context, namespace, cursor string) ([]realtime.UserPresence, string, error) {
	page, next, err := a.real.PresenceMembers(ctx, namespace, cursor)
	if a.presence.page != nil {
		page, next = a.presence.page(page, next)
	}
	return page, next, err
}

func (a *tampered) PresenceCount(ctx context.Context, namespace string) (int, error) {
	return a.real.PresenceCount(ctx, namespace)
}

func (a *tampered) PresenceSet(ctx context.Context, namespace, user string, meta json.RawMessage) (bool, error) {
	return a.real.PresenceSet(ctx, namespace, user, meta)
}

func (a *tampered) KeepRevocation(ctx context.Context, r realtime.Revocation) error {
	if a.presence.keep != nil {
		r = a.presence.keep(r)
	}
	return a.real.KeepRevocation(ctx, r)
}

func (a *tampered) Revocations(ctx context.Context) iter.Seq2[realtime.Revocation, error] {
	return func(yield func(realtime.Revocation, error) bool) {
		if a.presence.kept != nil {
			yield = a.presence.kept(yield)
		}
		a.real.Revocations(ctx)(yield)
	}
}

func (e ears) OnPresence(c realtime.PresenceChange, decided bool) {
	if e.a.presence.change != nil {
		e.a.presence.change(e.AdapterHandler, c, decided)
		return
	}
	e.AdapterHandler.OnPresence(c, decided)
}

func (e ears) OnRivals(entry realtime.PresenceEntry, conns []realtime.PresenceConn) {
	if e.a.presence.rivals != nil {
		e.a.presence.rivals(e.AdapterHandler, entry, conns)
		return
	}
	e.AdapterHandler.OnRivals(entry, conns)
}
