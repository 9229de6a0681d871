package adaptertest

import (
	"fmt"
	"maps"
	"time"

	"github.com/realtime-go/realtime"
)

// revocationRules are about adapters that keep revocations.
var revocationRules = []rule{
	{name: "RevocationsAreKept", nodes: 1, needs: []Ability{Revocations}, run: revocationsKept},
	{name: "RevocationsEnd", nodes: 1, needs: []Ability{Revocations}, run: revocationsEnd},
	{name: "RevocationsAreForLaterNodes", nodes: 2, needs: []Ability{Revocations}, run: revocationsLater},
}

func (p *peer) revocations() realtime.RevocationStore {
	p.c.Helper()
	store, ok := p.adapter.(realtime.RevocationStore)
	if !ok {
		p.c.Fatal("the adapter is no realtime.RevocationStore, and Lacks does not say so")
	}
	return store
}

func (p *peer) keep(r realtime.Revocation) {
	p.c.Helper()
	ctx, cancel := p.c.deadline()
	defer cancel()
	if err := p.revocations().KeepRevocation(ctx, r); err != nil {
		p.c.Fatalf("KeepRevocation: %v", err)
	}
}

// kept waits until a node yields exactly these, by scope and user.
func (p *peer) kept(want map[string]time.Time) {
	p.c.Helper()
	var got map[string]time.Time
	var err error
	if !p.c.retried(func() bool {
		got, err = make(map[string]time.Time), nil
		for r, e := range p.revocations().Revocations(p.c.Context()) {
			if err = e; err == nil {
				got[r.Scope+" "+r.User] = r.Before
			}
		}
		return err == nil && maps.EqualFunc(got, want, time.Time.Equal)
	}) {
		p.c.Fatalf("Revocations of %s: %v, %v; want %v", p.self.Name, got, err, want)
	}
}

func revocationsKept(c *cluster) {
	peers := c.peers(c.size, nil)
	first := time.Now().Truncate(time.Millisecond)
	until := first.Add(time.Hour)
	want := map[string]time.Time{" ann": first.Add(time.Second), "/own ann": first, " *?[]{}#:\x01": first}
	peers[0].keep(realtime.Revocation{User: "ann", Before: first, Until: until})
	last(peers).keep(realtime.Revocation{User: "ann", Before: first.Add(time.Second), Until: until})
	peers[0].keep(realtime.Revocation{User: "ann", Before: first.Add(-time.Minute), Until: until}) // older: changes nothing
	peers[0].keep(realtime.Revocation{Scope: "/own", User: "ann", Before: first, Until: until})
	last(peers).keep(realtime.Revocation{User: "*?[]{}#:\x01", Before: first, Until: until})
	for i := range 300 {
		user := fmt.Sprint("user ", i)
		peers[i%len(peers)].keep(realtime.Revocation{User: user, Before: first, Until: until})
		want[" "+user] = first
	}
	for _, p := range peers {
		p.kept(want)
	}
}

func revocationsEnd(c *cluster) {
	p := c.peers(c.size, nil)[0]
	now := time.Now().Truncate(time.Millisecond)
	p.keep(realtime.Revocation{User: "over", Before: now.Add(-time.Hour), Until: now.Add(-time.Minute)})
	p.keep(realtime.Revocation{User: "soon", Before: now, Until: now.Add(2 * retry)})
	p.keep(realtime.Revocation{User: "ann", Before: now, Until: now.Add(time.Hour)})
	p.kept(map[string]time.Time{" ann": now})
}

func revocationsLater(c *cluster) {
	p := c.peers(c.size-1, nil)[0]
	before := time.Now().Truncate(time.Millisecond)
	p.keep(realtime.Revocation{User: "ann", Before: before, Until: before.Add(time.Hour)})
	if err := p.close(); err != nil {
		c.Errorf("Close: %v", err)
	}
	late := c.newPeer()
	late.start()
	late.kept(map[string]time.Time{" ann": before})
}
