//go:build unix

package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestAttachedValuesAreBounded(t *testing.T) {
	f, _ := single(t)
	a := f.node()
	a.enter("ann", "1")
	f.awaitHeard("ann online")
	for _, meta := range []string{`"` + strings.Repeat("x", 4<<10-1) + `"`, `{`, ``} {
		if _, err := a.PresenceSet(t.Context(), "/", "ann", json.RawMessage(meta)); !errors.Is(err, ErrMeta) {
			t.Errorf("%d bytes: %v", len(meta), err)
		}
	}
	most := `"` + strings.Repeat("x", 4<<10-2) + `"`
	if ok, err := a.PresenceSet(t.Context(), "/", "ann", json.RawMessage(most)); !ok || err != nil || string(a.user("ann").Meta) != most {
		t.Errorf("4 KiB: %v, %v", ok, err)
	}
}

// hostile are names that mean something to somebody.
var hostile = []string{
	"__proto__", "a*?[b]", "{n}", "}{", "{s0}:log", "a:b", "a%3Ab", "%", "a b", "#", "ü", "\xff\x00", "constructor", strings.Repeat("y", 300),
}

// Users and namespaces may have any name, and are kept apart (requirements R73 and R84).
func TestNamesMeanNothing(t *testing.T) {
	f, _ := single(t)
	a, b := f.node(), f.node()
	for _, namespace := range hostile {
		for _, user := range hostile {
			e := a.entry(user, "conn of "+escape(user))
			e.Namespace = namespace
			a.PresenceEnter(e)
		}
	}
	total := len(hostile) * len(hostile)
	f.await("all", func() bool { return len(a.heard()) == total && len(b.heard()) == total })
	for _, namespace := range hostile {
		if n, err := b.PresenceCount(t.Context(), namespace); n != len(hostile) || err != nil {
			t.Errorf("%q has %d users, %v", namespace, n, err)
		}
		all := b.everyone(namespace)
		for _, user := range hostile {
			u := all[user]
			if len(u.Conns) != 1 || u.Conns[0].ID != "conn of "+escape(user) {
				t.Errorf("%q in %q: %+v", user, namespace, u)
			}
		}
		online, err := b.PresenceOnline(t.Context(), namespace, append(slices.Clone(hostile), "nobody"))
		if err != nil || slices.Contains(online[:len(hostile)], false) || online[len(hostile)] {
			t.Errorf("%q: %v, %v", namespace, online, err)
		}
	}
	for _, n := range []*testNode{a, b} {
		n.sure(t)
		if changes := len(n.heard()); changes != total {
			t.Errorf("%d changes, want %d", changes, total)
		}
	}
}

// Members come in pages, over all shards, each once (requirement R84).
func TestMembersArePaged(t *testing.T) {
	const total = 3500
	f, _ := single(t)
	a := f.node()
	for i := range total {
		a.enter(fmt.Sprint("user ", i), fmt.Sprint("c", i))
	}
	f.await("all", func() bool { return a.count() == total })
	first, next, err := a.PresenceMembers(t.Context(), "/", "")
	if err != nil || next == "" || len(first) < membersPage/2 {
		t.Errorf("the first page has %d, then %q, %v", len(first), next, err)
	}
	all := a.everyone("/")
	for i := range total {
		u := all[fmt.Sprint("user ", i)]
		if !u.Online || len(u.Conns) != 1 || u.Conns[0].ID != fmt.Sprint("c", i) {
			t.Fatalf("user %d: %+v", i, u)
		}
	}
	if len(all) != total {
		t.Errorf("%d members", len(all))
	}
	if empty := a.everyone("/nobody"); len(empty) != 0 {
		t.Errorf("nobody is %v", empty)
	}
	for _, cursor := range []string{"x", "g", "0!", "0QQ=="} {
		if _, _, err := a.PresenceMembers(t.Context(), "/", cursor); !errors.Is(err, ErrCursor) {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
}
