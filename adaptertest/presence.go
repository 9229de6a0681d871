package adaptertest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/realtime-go/realtime"
)

// presenceRules are about adapters that keep presence, against the adapter itself.
var presenceRules = []rule{
	{name: "PresenceIsDecidedOnce", nodes: 1, needs: []Ability{Presence}, run: presenceOnce},
	{name: "PresenceGraceHidesAGap", nodes: 1, needs: []Ability{Presence}, run: presenceGrace},
	{name: "PresenceAnswers", nodes: 1, needs: []Ability{Presence}, run: presenceAnswers},
	{name: "PresenceMembersArePaged", nodes: 1, needs: []Ability{Presence}, run: presencePages},
	{name: "PresenceNamespacesAreApart", nodes: 1, needs: []Ability{Presence}, run: presenceNamespaces},
	{name: "PresenceTellsOfRivals", nodes: 1, needs: []Ability{Presence}, run: presenceRivals},
	{name: "PresenceBeforeStartHoldsAfterIt", nodes: 1, needs: []Ability{Presence}, run: presenceEarly},
	{name: "PresenceEndsWithItsNode", nodes: 2, needs: []Ability{Presence}, run: presenceCloses},
	{name: "PresenceOfANodeThatDies", nodes: 2, needs: []Ability{Presence, Crash}, run: presenceCrash},
}

// presenceNews is what a peer was told of a user.
type presenceNews struct {
	change  realtime.PresenceChange
	decided bool
}

// rivalNews is what a peer was told after it had entered a connection.
type rivalNews struct {
	entry realtime.PresenceEntry
	conns []realtime.PresenceConn
}

func (p *peer) store() realtime.PresenceStore {
	p.c.Helper()
	store, ok := p.adapter.(realtime.PresenceStore)
	if !ok {
		p.c.Fatal("the adapter is no realtime.PresenceStore, and Lacks does not say so")
	}
	return store
}

// entry is a connection of the node.
func (p *peer) entry(user, conn string) realtime.PresenceEntry {
	return realtime.PresenceEntry{
		Namespace: "/", User: user, Remember: time.Hour,
		Conn: realtime.PresenceConn{
			ID: conn, Node: p.self.ID, Address: "192.0.2.7", Agent: "kit/1 (*[]{}#)", Class: "phone", Login: "l-" + conn,
			Connected: time.Now().UTC().Truncate(time.Millisecond),
		},
	}
}

// enter adds a connection and waits until it holds.
func (p *peer) enter(e realtime.PresenceEntry) realtime.PresenceEntry {
	p.c.Helper()
	p.store().PresenceEnter(e)
	p.user(e.Namespace, e.User, "has "+e.Conn.ID, func(u realtime.UserPresence) bool { return hasConn(u, e.Conn.ID) })
	return e
}

// exit takes a connection out and waits until that holds.
func (p *peer) exit(e realtime.PresenceEntry) {
	p.c.Helper()
	p.store().PresenceExit(e)
	p.user(e.Namespace, e.User, "has not "+e.Conn.ID, func(u realtime.UserPresence) bool { return !hasConn(u, e.Conn.ID) })
}

func hasConn(u realtime.UserPresence, id string) bool {
	return slices.ContainsFunc(u.Conns, func(c realtime.PresenceConn) bool { return c.ID == id })
}

// user asks for a user until the answer is as wanted.
func (p *peer) user(namespace, user, what string, want func(realtime.UserPresence) bool) (u realtime.UserPresence) {
	p.c.Helper()
	var err error
	if !p.c.retried(func() bool {
		u, err = p.store().PresenceUser(p.c.Context(), namespace, user)
		return err == nil && want(u)
	}) {
		p.c.Fatalf("PresenceUser of %s at %s: %+v, %v; want one that %s", user, p.self.Name, u, err, what)
	}
	return u
}

// hearsOf returns what a peer was told of a user, in order, as "+" and "-". c.mu is held.
func (p *peer) hearsOf(namespace, user string) (changes string, decided int) {
	for _, n := range p.presence {
		if n.change.Namespace != namespace || n.change.User != user {
			continue
		}
		if n.decided {
			decided++
		}
		if n.change.Online {
			changes += "+"
		} else {
			changes += "-"
		}
	}
	return changes, decided
}

// told waits until every peer was told of a user's changes, and looks whether each was decided once.
func (c *cluster) told(peers []*peer, user, want string) {
	c.Helper()
	for _, p := range peers {
		var last string
		if !c.within(c.factory.Watchdog, func() bool { last, _ = p.hearsOf("/", user); return last == want }) {
			c.Fatalf("%s was told %q of %s, want %q", p.self.Name, last, user, want)
		}
	}
	c.look(func() {
		all := 0
		for _, p := range peers {
			_, decided := p.hearsOf("/", user)
			all += decided
		}
		if all != len(want) {
			c.Errorf("%d changes of %s were told %d times as decided", len(want), user, all)
		}
	})
}

// last returns the last peer, which is another one than the first if there are several.
func last(peers []*peer) *peer { return peers[len(peers)-1] }

func presenceOnce(c *cluster) {
	peers := c.peers(c.size, nil)
	here, there := peers[0], last(peers)
	phone := here.enter(here.entry("ann", "phone"))
	desk := there.enter(there.entry("ann", "desk"))
	there.store().PresenceEnter(desk) // said again, it changes nothing
	here.exit(phone)
	here.store().PresenceExit(phone)
	u := here.user("/", "ann", "is online", func(u realtime.UserPresence) bool { return u.Online })
	if u.Since.IsZero() || !u.Seen.IsZero() {
		c.Errorf("a user with a connection: %+v", u)
	}
	c.told(peers, "ann", "+")
	there.exit(desk)
	c.told(peers, "ann", "+-")
	if u := here.user("/", "ann", "is offline", func(u realtime.UserPresence) bool { return !u.Online }); u.Seen.IsZero() {
		c.Errorf("nobody knows when a user was there last: %+v", u)
	}
	here.enter(here.entry("ann", "again"))
	c.told(peers, "ann", "+-+")
}

func presenceGrace(c *cluster) {
	peers := c.peers(c.size, nil)
	here, there := peers[0], last(peers)
	e := here.entry("ann", "before")
	e.Grace = 10 * c.factory.Watchdog
	here.enter(e)
	here.exit(e)
	u := there.user("/", "ann", "is online and has nothing", func(u realtime.UserPresence) bool { return u.Online && len(u.Conns) == 0 })
	if u.Seen.IsZero() {
		c.Errorf("during the grace: %+v", u)
	}
	e = there.entry("ann", "after")
	there.enter(e)
	if u = here.user("/", "ann", "is online", func(u realtime.UserPresence) bool { return u.Online }); !u.Seen.IsZero() {
		c.Errorf("after the grace: %+v", u)
	}
	there.exit(e) // without a grace
	c.told(peers, "ann", "+-")
}

func presenceAnswers(c *cluster) {
	peers := c.peers(c.size, nil)
	here, there := peers[0], last(peers)
	users := []string{"ann", "__proto__", "*?[]{}#: \x01", "名前"}
	for i, user := range users {
		p := peers[i%len(peers)]
		p.enter(p.entry(user, fmt.Sprint("conn ", i)))
	}
	ctx, cancel := c.deadline()
	defer cancel()
	for _, p := range peers {
		online, err := p.store().PresenceOnline(ctx, "/", append([]string{"nobody"}, users...))
		if want := []bool{false, true, true, true, true}; err != nil || !slices.Equal(online, want) {
			c.Errorf("PresenceOnline of %s: %v, %v; want %v", p.self.Name, online, err, want)
		}
		if n, err := p.store().PresenceCount(ctx, "/"); n != len(users) || err != nil {
			c.Errorf("PresenceCount of %s: %d, %v; want %d", p.self.Name, n, err, len(users))
		}
	}
	want := here.entry("ann", "conn 0").Conn
	u := there.user("/", "ann", "has one connection", func(u realtime.UserPresence) bool { return len(u.Conns) == 1 })
	got := u.Conns[0]
	want.Connected, got.Connected = time.Time{}, got.Connected.Truncate(time.Hour)
	if got.Connected.IsZero() {
		c.Error("it is not known since when a connection is there")
	}
	if got.Connected = (time.Time{}); got != want || u.UserID != "ann" {
		c.Errorf("connection %+v of %q, want %+v", got, u.UserID, want)
	}
	for _, meta := range []string{`{"at":"table 7"}`, `[1,9007199254740993]`} {
		if ok, err := there.store().PresenceSet(ctx, "/", "ann", json.RawMessage(meta)); !ok || err != nil {
			c.Errorf("PresenceSet: %t, %v", ok, err)
		}
		here.user("/", "ann", "has the value "+meta, func(u realtime.UserPresence) bool { return string(u.Meta) == meta })
	}
	if ok, err := here.store().PresenceSet(ctx, "/", "nobody", json.RawMessage(`1`)); ok || err != nil {
		c.Errorf("PresenceSet of nobody: %t, %v", ok, err)
	}
}

// pages reads all pages of members.
func (p *peer) pages(ctx context.Context) (users []string, pages int) {
	p.c.Helper()
	for cursor := ""; ; {
		page, next, err := p.store().PresenceMembers(ctx, "/", cursor)
		if err != nil {
			p.c.Fatalf("PresenceMembers: %v", err)
		}
		pages++
		if len(page) > maxPage {
			p.c.Errorf("a page of %d users", len(page))
		}
		for _, u := range page {
			if !u.Online || len(u.Conns) > 1 {
				p.c.Errorf("a member %+v", u)
			}
			users = append(users, u.UserID)
		}
		if cursor = next; cursor == "" {
			return users, pages
		}
	}
}

// maxPage is some more than the 1,000 that a page of members should have.
const maxPage = 2000

func presencePages(c *cluster) {
	const many = 2500
	peers := c.peers(c.size, nil)
	want := make([]string, many)
	for i := range many {
		p := peers[i%len(peers)]
		want[i] = fmt.Sprintf("user %04d", i)
		p.store().PresenceEnter(p.entry(want[i], fmt.Sprint("conn ", i)))
	}
	var n int
	var err error
	if !c.retried(func() bool {
		n, err = peers[0].store().PresenceCount(c.Context(), "/")
		return n == many
	}) {
		c.Fatalf("PresenceCount: %d, %v; want %d", n, err, many)
	}
	ctx, cancel := c.deadline()
	defer cancel()
	var got []string
	pages := 0
	if !c.retried(func() bool { // a node that is too busy for its heartbeats may lose its rows for a moment
		got, pages = last(peers).pages(ctx)
		slices.Sort(got)
		return slices.Equal(got, want) || len(slices.Compact(slices.Clone(got))) < len(got)
	}) || !slices.Equal(got, want) {
		c.Errorf("%d pages with %d users, want %d, each once", pages, len(got), many)
	}
}

func presenceNamespaces(c *cluster) {
	peers := c.peers(c.size, nil)
	here := peers[0]
	other := here.entry("ann", "other")
	other.Namespace = "/other"
	here.enter(other)
	root := here.enter(here.entry("ann", "root"))
	if u := here.user("/", "ann", "is online", func(u realtime.UserPresence) bool { return u.Online }); len(u.Conns) != 1 {
		c.Errorf("in / there are %+v", u.Conns)
	}
	here.exit(other)
	here.exit(root)
	c.told(peers, "ann", "+-")
	c.await("the changes of the other namespace", func() bool {
		changes, _ := here.hearsOf("/other", "ann")
		return changes == "+-"
	})
}

func presenceRivals(c *cluster) {
	peers := c.peers(c.size, nil)
	var want []string
	for i := range 3 {
		p := peers[i%len(peers)]
		id := fmt.Sprint("conn ", 9-i)
		want = append(want, id)
		e := p.entry("ann", id)
		e.Conn.Connected = e.Conn.Connected.Add(time.Duration(i) * time.Second) // clocks differ by less
		p.enter(e)
		c.await("OnRivals after "+id, func() bool {
			return slices.ContainsFunc(p.rivals, func(n rivalNews) bool {
				var got []string
				for _, conn := range n.conns {
					got = append(got, conn.ID)
				}
				return n.entry.Conn.ID == id && slices.Equal(got, want) // the oldest first
			})
		})
	}
}

func presenceEarly(c *cluster) {
	others := c.peers(c.size-1, nil)
	p := c.newPeer()
	gone, stays := p.entry("ann", "gone"), p.entry("ann", "stays")
	p.store().PresenceEnter(gone)
	p.store().PresenceEnter(stays)
	p.store().PresenceExit(gone)
	p.start()
	c.gather(append(adapters(others), p.adapter)...)
	p.user("/", "ann", "has the one that stays", func(u realtime.UserPresence) bool { return len(u.Conns) == 1 && hasConn(u, "stays") })
	c.await("the node is told of its user", func() bool { changes, _ := p.hearsOf("/", "ann"); return changes != "" })
}

func presenceCloses(c *cluster) { presenceEnds(c, func(p *peer) { _ = p.close() }) }

func presenceCrash(c *cluster) { presenceEnds(c, func(p *peer) { c.crash(p.adapter) }) }

// presenceEnds lets a node end on which one user is alone, and another one not.
func presenceEnds(c *cluster, end func(p *peer)) {
	peers := c.peers(c.size, nil)
	left, gone := peers[:c.size-1], last(peers)
	gone.enter(gone.entry("ann", "gone"))
	left[0].enter(left[0].entry("ann", "left"))
	gone.enter(gone.entry("bob", "bob"))
	c.told(peers, "bob", "+")
	end(gone)
	left[0].user("/", "ann", "has one connection", func(u realtime.UserPresence) bool { return len(u.Conns) == 1 && hasConn(u, "left") })
	for _, p := range left {
		c.await(p.self.Name+" is told once that bob is offline", func() bool { changes, _ := p.hearsOf("/", "bob"); return changes == "+-" })
	}
	c.look(func() {
		if changes, _ := left[0].hearsOf("/", "ann"); changes != "+" {
			c.Errorf("of ann, who is on another node too, was told %q", changes)
		}
	})
}
