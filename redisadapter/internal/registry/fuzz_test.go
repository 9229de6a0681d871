//go:build unix

package registry

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
)

// Requirement R97: whatever Redis holds under the names of the registry's keys, and whatever other nodes announce, is
// read without a panic, and what is accepted is what was written.

func FuzzRow(f *testing.F) {
	f.Add("node.1 conn", "1700000000000 "+encodeRow(realtime.PresenceConn{ID: "conn", Node: "node", Agent: "a\"b"}))
	f.Add("node.1 ", `5 {"id":""}`)
	f.Add("x", "1 {}")
	f.Add("a b", `-9223372036854775809 {"id":"b"}`)
	f.Add("a b", `1 {"id":"b","connected":"0000-01-01T00:00:00Z"}`)
	f.Fuzz(func(t *testing.T, field, value string) {
		r, err := decodeRow(field, value)
		if err != nil {
			return
		}
		again, err := decodeRow(r.lease+" "+r.conn.ID, decimal(r.order)+" "+encodeRow(r.conn))
		if err != nil {
			t.Fatalf("%q: %q: not read again: %v", field, value, err)
		}
		if diff := cmp.Diff(r.conn, again.conn); diff != "" || r.order != again.order {
			t.Error(diff)
		}
	})
}

func FuzzUser(f *testing.F) {
	f.Add("since", "1700000000000", "n.1 c", `1 {"id":"c"}`, "meta", `{"a":1}`)
	f.Add("left", "-1", "grace", "x", "meta", `{`)
	f.Add("n.1 c", `1 {"id":"c"}`, "n.2 c", `2 {"id":"c"}`, "since", "99999999999999999999")
	f.Add("since", "253402300799999", "left", "253402300800000", "a b", "")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2, k3, v3 string) {
		u, _ := decodeUser("ann", map[string]string{k1: v1, k2: v2, k3: v3})
		if len(u.Conns) > 3 || u.UserID != "ann" {
			t.Errorf("%+v", u)
		}
		if _, err := json.Marshal(u); err != nil {
			t.Errorf("cannot be sent to a client: %v", err)
		}
	})
}

func FuzzChange(f *testing.F) {
	f.Add("1700000000000-0", "/", "ann", "1", "1700000000000", "node")
	f.Add("-", "", "", "2", "x", "")
	f.Add("18446744073709551616-0", "/", "ann", "0", "-1", "")
	f.Fuzz(func(t *testing.T, id, namespace, user, on, at, by string) {
		shard := whoOf(namespace, user).shard()
		fields := map[string]string{"ns": namespace, "user": user, "on": on, "at": at, "by": by}
		c, err := decodeChange(shard, id, fields)
		if err != nil {
			return
		}
		if c.namespace != namespace || c.user != user || c.online != (on == "1") || c.by != by {
			t.Errorf("%+v", c)
		}
		if again, err := parseLogID(c.id.String()); err != nil || again != c.id {
			t.Errorf("%v is %v, %v", c.id, again, err)
		}
		if _, err := decodeChange((shard+1)%shards, id, fields); err == nil {
			t.Error("accepted in a shard that is not the user's")
		}
		payload, err := encodeNotice([]change{c}, true)
		if err != nil {
			t.Fatal(err)
		}
		changes, nodes, err := decodeNotice(payload)
		if err != nil && len(payload) <= maxNotice {
			t.Fatalf("%s: %v", payload, err)
		}
		if err == nil && (!nodes || len(changes) != 1 || changes[0] != c) {
			t.Errorf("%+v", changes)
		}
	})
}

func FuzzNotice(f *testing.F) {
	c := change{shard: whoOf("/", "\xff").shard(), id: logID{1, 2}, namespace: "/", user: "\xff", online: true, at: 5, by: "\xfe"}
	payload, err := encodeNotice([]change{c, c}, false)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	f.Add([]byte(`{"nodes":true}`))
	f.Add([]byte(`{"changes":[{"shard":-1}]}`))
	f.Add([]byte(strings.Repeat("[", 100_000)))
	f.Fuzz(func(t *testing.T, payload []byte) {
		changes, nodes, err := decodeNotice(payload)
		if err != nil {
			return
		}
		again, err := encodeNotice(changes, nodes)
		if err != nil {
			t.Fatal(err)
		}
		twice, nodesTwice, err := decodeNotice(again)
		if len(again) > maxNotice {
			return
		}
		if err != nil || nodes != nodesTwice || len(changes) != len(twice) {
			t.Errorf("%s becomes %s: %v", payload, again, err)
		}
		for i := range changes {
			if changes[i] != twice[i] {
				t.Errorf("%+v becomes %+v", changes[i], twice[i])
			}
		}
	})
}

func FuzzNode(f *testing.F) {
	f.Add("id", `{"id":"id","name":"n","started":"2026-01-01T00:00:00Z","meta":{"a":"b"}}`)
	f.Add("id", `{"id":"other"}`)
	f.Add("", `null`)
	f.Fuzz(func(t *testing.T, id, text string) {
		n, err := decodeNode(id, text)
		if err == nil && n.ID != id {
			t.Errorf("%q says that it is %q", id, n.ID)
		}
	})
}

// FuzzName shows that no two names share a key, and that none means anything in a key or a pattern.
func FuzzName(f *testing.F) {
	for _, name := range hostile {
		f.Add(name, "other", name)
	}
	f.Add("a:b", "a", "b")
	f.Fuzz(func(t *testing.T, namespace, user, other string) {
		w := whoOf(namespace, user)
		gotNamespace, gotUser, ok := w.names()
		if !ok || gotNamespace != namespace || gotUser != user {
			t.Errorf("%q is %q and %q, %t", w, gotNamespace, gotUser, ok)
		}
		if strings.ContainsAny(string(w), "*?[]{}#\\ \n\r\x00\"'") || strings.Count(string(w), ":") != 1 || !utf8.ValidString(string(w)) {
			t.Errorf("%q", w)
		}
		if s := w.shard(); s < 0 || s >= shards {
			t.Errorf("shard %d", s)
		}
		if (escape(user) == escape(other)) != (user == other) {
			t.Errorf("%q and %q", user, other)
		}
		if namespace2, user2, ok := who(other).names(); ok && whoOf(namespace2, user2) != who(other) {
			t.Errorf("%q is read as %q and %q", other, namespace2, user2)
		}
		lease := leaseStart(user) + "123"
		if id, ok := nodeOf(lease); len(lease) <= maxName && user != "" && (!ok || id != user) {
			t.Errorf("lease %q is that of %q", lease, id)
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add(cursor{15, "ann"}.String())
	f.Add("g")
	f.Add("0=")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCursor(text)
		if err != nil {
			return
		}
		if c.shard < 0 || c.shard >= shards {
			t.Errorf("shard %d", c.shard)
		}
		if again, err := parseCursor(c.String()); err != nil || again != c {
			t.Errorf("%q: %+v, %+v, %v", text, c, again, err)
		}
	})
}
