package adaptertest

import (
	"slices"
	"sync"
	"time"

	"github.com/realtime-go/realtime"
)

// present makes an adapter whose presence has a mistake.
func present(tampers func(a *tampered) presenceTampers) func(a *tampered) realtime.Adapter {
	return func(a *tampered) realtime.Adapter {
		a.presence = tampers(a)
		return a
	}
}

// mistakesOfPresence are about who is where, and who is revoked.
var mistakesOfPresence = []mistake{
	{"decides on every node", present(func(*tampered) presenceTampers {
		return presenceTampers{change: func(h realtime.AdapterHandler, c realtime.PresenceChange, _ bool) { h.OnPresence(c, true) }}
	}), map[string]string{"PresenceIsDecidedOnce": "told 3 times as decided"}},
	{"tells of connections instead of users", present(func(a *tampered) presenceTampers {
		return presenceTampers{enter: func(next entryFunc, e realtime.PresenceEntry) {
			next(e)
			next(realtime.PresenceEntry{Namespace: "/", User: e.User + " " + e.Conn.ID, Conn: realtime.PresenceConn{ID: e.Conn.ID + "'", Node: a.self.ID}})
		}}
	}), map[string]string{"PresenceAnswers": "want 4", "PresenceMembersArePaged": "want 2500"}},
	{"knows no grace", present(func(*tampered) presenceTampers {
		return presenceTampers{enter: func(next entryFunc, e realtime.PresenceEntry) {
			e.Grace = 0
			next(e)
		}}
	}), map[string]string{"PresenceGraceHidesAGap": "is online and has nothing"}},
	{"forgets what it is told before Start", present(func(a *tampered) presenceTampers {
		return presenceTampers{enter: func(next entryFunc, e realtime.PresenceEntry) {
			if a.self.ID != "" {
				next(e)
			}
		}}
	}), map[string]string{"PresenceBeforeStartHoldsAfterIt": "has the one that stays"}},
	{"mixes namespaces up", present(func(*tampered) presenceTampers {
		return presenceTampers{enter: func(next entryFunc, e realtime.PresenceEntry) {
			next(e)
			e.Namespace = "/"
			next(e)
		}}
	}), map[string]string{"PresenceNamespacesAreApart": "in / there are"}},
	{"tells of the newest rival first", present(func(*tampered) presenceTampers {
		return presenceTampers{rivals: func(h realtime.AdapterHandler, e realtime.PresenceEntry, conns []realtime.PresenceConn) {
			conns = slices.Clone(conns)
			slices.Reverse(conns)
			h.OnRivals(e, conns)
		}}
	}), map[string]string{"PresenceTellsOfRivals": "OnRivals after conn 8"}},
	{"leaves its connections behind", present(func(*tampered) presenceTampers {
		return presenceTampers{user: func(u realtime.UserPresence) realtime.UserPresence {
			for _, c := range u.Conns {
				ever.LoadOrStore(c.ID, c)
			}
			if c, ok := ever.Load("gone"); ok && u.UserID == "ann" && !hasConn(u, "gone") {
				u.Conns = append(u.Conns, c.(realtime.PresenceConn))
			}
			return u
		}}
	}), map[string]string{"PresenceEndsWithItsNode": "has one connection", "PresenceOfANodeThatDies": "has one connection"}},
	{"loses the last of each page", present(func(*tampered) presenceTampers {
		return presenceTampers{page: func(page []realtime.UserPresence, next string) ([]realtime.UserPresence, string) {
			return page[:max(len(page)-1, 0)], next
		}}
	}), map[string]string{"PresenceMembersArePaged": "want 2500"}},
	{"forgets when a user was seen", present(func(*tampered) presenceTampers {
		return presenceTampers{user: func(u realtime.UserPresence) realtime.UserPresence {
			u.Seen = time.Time{}
			return u
		}}
	}), map[string]string{"PresenceIsDecidedOnce": "nobody knows when", "PresenceGraceHidesAGap": "during the grace"}},
	{"keeps no scope of a revocation", present(func(*tampered) presenceTampers {
		return presenceTampers{keep: func(r realtime.Revocation) realtime.Revocation {
			r.Scope = ""
			return r
		}}
	}), map[string]string{"RevocationsAreKept": "want map"}},
	{"keeps revocations for ever", present(func(*tampered) presenceTampers {
		return presenceTampers{keep: func(r realtime.Revocation) realtime.Revocation {
			r.Until = r.Until.Add(24 * time.Hour)
			return r
		}}
	}), map[string]string{"RevocationsEnd": "want map"}},
	{"yields no revocation", present(func(*tampered) presenceTampers {
		return presenceTampers{kept: func(func(realtime.Revocation, error) bool) func(realtime.Revocation, error) bool {
			return func(realtime.Revocation, error) bool { return true }
		}}
	}), map[string]string{"RevocationsAreForLaterNodes": "want map"}},
}

// ever holds connections that were there once, by id.
var ever sync.Map
