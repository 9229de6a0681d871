package realtime

import (
	"fmt"
	"testing"
	"time"
)

func tallyOf(subject string) tallyKey { return tallyKey{AnomalyFlapping, "/", subject} }

// Subjects that somebody makes up take no more memory than is set aside, and push out the oldest alone.
func TestTalliesAreBounded(t *testing.T) {
	var tl tallies
	tl.init(100, time.Minute)
	now := time.Now()
	for range 5 {
		tl.count(tallyOf("old"), now)
	}
	for i := range 99 {
		tl.count(tallyOf(fmt.Sprint(i)), now)
	}
	if n := tl.count(tallyOf("old"), now); n != 6 {
		t.Errorf("counted %d", n)
	}
	tl.count(tallyOf("new"), now) // the oldest makes room
	if n := tl.count(tallyOf("0"), now); n != 2 {
		t.Errorf("another was forgotten: %d", n)
	}
	for i := range 100_000 {
		tl.count(tallyOf(fmt.Sprint("x", i)), now)
		if len(tl.byKey) > 100 || tl.order.Len() != len(tl.byKey) {
			t.Fatalf("%d and %d subjects are kept", len(tl.byKey), tl.order.Len())
		}
	}
	if n := tl.count(tallyOf("old"), now); n != 1 {
		t.Errorf("the oldest was kept: %d", n)
	}
}

// A window begins with its first occasion and ends after its time; what is over goes.
func TestTalliesExpire(t *testing.T) {
	var tl tallies
	tl.init(100, time.Minute)
	now := time.Now()
	tl.count(tallyOf("a"), now)
	tl.count(tallyOf("b"), now.Add(time.Second))
	if n := tl.count(tallyOf("a"), now.Add(time.Minute-1)); n != 2 {
		t.Errorf("in the window: %d", n)
	}
	if n := tl.count(tallyOf("a"), now.Add(time.Minute)); n != 1 {
		t.Errorf("after it: %d", n)
	}
	if tl.count(tallyOf("c"), now.Add(time.Minute+time.Second)); len(tl.byKey) != 2 {
		t.Errorf("%d are kept", len(tl.byKey))
	}
}

// One user's addresses are bounded too.
func TestTallyAddressesAreBounded(t *testing.T) {
	var tl tallies
	tl.init(100, time.Minute)
	now := time.Now()
	for i := range 1000 {
		want := i + 1
		if i >= maxTallyAddresses {
			want = 0
		}
		if n := tl.address(tallyOf("ann"), fmt.Sprint(i), now); n != want {
			t.Fatalf("address %d: %d", i, n)
		}
		if n := tl.address(tallyOf("ann"), fmt.Sprint(i), now); n != 0 {
			t.Fatalf("a known address counted: %d", n)
		}
	}
}
