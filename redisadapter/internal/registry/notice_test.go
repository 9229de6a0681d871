//go:build unix

package registry

import (
	"slices"
	"strings"
	"testing"
)

// Whoever can announce can tell a wrong change, and nothing more: the log wins, and changes after it are told.
func TestForgedAnnouncement(t *testing.T) {
	f, s := single(t)
	a, b := f.node(), f.node()
	a.enter("ann", "1")
	f.awaitHeard("ann online")
	shard := whoOf("/", "ann").shard()
	last, err := s.Client().Do(t.Context(), s.Client().B().Xrevrange().Key(a.keys.log(shard)).End("+").Start("-").Count(1).Build()).AsXRange()
	if err != nil || len(last) != 1 {
		t.Fatal(last, err)
	}
	prev, err := parseLogID(last[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := encodeNotice([]change{{
		shard: shard, prev: prev, id: logID{1 << 60, 0}, namespace: "/", user: "ann", at: 1, by: "nobody",
	}}, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Receive(payload); err != nil {
		t.Fatal(err)
	}
	f.await("the forged change and a gap", func() bool { return len(b.heard()) == 3 })
	a.exit("ann", "1")
	f.await("the true one", func() bool { return len(b.heard()) == 4 && len(a.heard()) == 2 })
	if got := b.heard(); !slices.Equal(got, []string{"ann online", "ann offline", "gap", "ann offline"}) {
		t.Errorf("%q", got)
	}
	for _, wrong := range []string{"", "{", `{"changes":[{"shard":99,"id":"1-1"}]}`, strings.Repeat(" ", maxNotice+1)} {
		if err := b.Receive([]byte(wrong)); err == nil {
			t.Errorf("%.30q is accepted", wrong)
		}
	}
}
