package realtime

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A page is the first connections after a place, found in memory for two pages, in whatever order they are visited.
func TestConnPageAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test that repeats itself
	for range 200 {
		n, size := r.IntN(400), 1+r.IntN(40)
		after := uint64(r.IntN(n + 1)) //nolint:gosec // small
		conns := make([]*Conn, n)
		for i := range conns {
			conns[i] = &Conn{order: uint64(i + 1)} //nolint:gosec // small
		}
		p := &connPage{after: after, size: size}
		for _, i := range r.Perm(n) {
			p.add(conns[i])
			if len(p.list) >= 2*(size+1) {
				t.Fatalf("%d collected for a page of %d", len(p.list), size)
			}
		}
		got, more := p.conns()
		rest := conns[after:]
		want := rest[:min(size, len(rest))]
		if !slices.Equal(want, got) || more != (len(rest) > size) || p.matching != n {
			t.Fatalf("page of %d after %d of %d: %d connections, more: %v", size, after, n, len(got), more)
		}
	}
}
