package presence

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// book writes changes down.
type book struct {
	mu    sync.Mutex
	lines []string
}

func (b *book) changed(c Change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	verb := "offline"
	if c.Online {
		verb = "online"
	}
	b.lines = append(b.lines, c.Space+" "+c.User+" "+verb)
}

func (b *book) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := b.lines
	b.lines = nil
	return lines
}

func expect(t *testing.T, b *book, want ...string) {
	t.Helper()
	synctest.Wait()
	if diff := cmp.Diff(want, b.take()); diff != "" {
		t.Error(diff)
	}
}

// pass lets fake time go by.
func pass(d time.Duration) {
	time.Sleep(d) // the fake clock of synctest
	synctest.Wait()
}

func entry(user, conn, node string) Entry {
	return Entry{Space: "/", User: user, Conn: conn, Node: node, Grace: 10 * time.Second, Remember: time.Hour}
}

func table(t *testing.T) (*Table[string], *book) {
	b := &book{}
	tab := New[string](b.changed)
	t.Cleanup(tab.Close)
	return tab, b
}

func TestTwoDevicesAreOneUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab, b := table(t)
		start := time.Now()
		tab.Enter(entry("ann", "1", "a"), "phone")
		expect(t, b, "/ ann online")
		pass(time.Second)
		tab.Enter(entry("ann", "2", "b"), "desk")
		tab.Enter(entry("ann", "2", "b"), "desk again")
		if diff := cmp.Diff(User[string]{Online: true, Rows: []string{"phone", "desk again"}, Since: start}, tab.User("/", "ann")); diff != "" {
			t.Error(diff)
		}
		tab.Exit("/", "ann", "1")
		tab.Exit("/", "ann", "1")
		tab.Exit("/", "nobody", "1")
		pass(time.Minute)
		expect(t, b)
		tab.Exit("/", "ann", "2")
		left := time.Now()
		pass(10*time.Second - time.Nanosecond)
		expect(t, b)
		if diff := cmp.Diff(User[string]{Online: true, Since: start, Seen: left}, tab.User("/", "ann")); diff != "" {
			t.Error(diff)
		}
		pass(time.Nanosecond)
		expect(t, b, "/ ann offline")
		if diff := cmp.Diff(User[string]{Seen: left}, tab.User("/", "ann")); diff != "" {
			t.Error(diff)
		}
		pass(time.Hour)
		if diff := cmp.Diff(User[string]{}, tab.User("/", "ann")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestComingBackWithinTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab, b := table(t)
		start := time.Now()
		tab.Enter(entry("ann", "1", "a"), "")
		tab.SetMeta("/", "ann", []byte(`"in game"`))
		for i := range 5 {
			tab.Exit("/", "ann", fmt.Sprint(i+1))
			pass(9 * time.Second)
			tab.Enter(entry("ann", fmt.Sprint(i+2), "a"), "")
		}
		expect(t, b, "/ ann online")
		if u := tab.User("/", "ann"); u.Since != start || string(u.Meta) != `"in game"` || !u.Seen.IsZero() {
			t.Errorf("%+v", u)
		}
		e := entry("ann", "7", "a")
		e.Grace = 0
		tab.Enter(e, "")
		tab.Exit("/", "ann", "6")
		tab.Exit("/", "ann", "7")
		expect(t, b, "/ ann offline")
		if tab.SetMeta("/", "ann", nil) {
			t.Error("a user who is offline has a value")
		}
	})
}

func TestANodeGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab, b := table(t)
		tab.Enter(entry("ann", "1", "a"), "")
		tab.Enter(entry("bob", "2", "a"), "")
		tab.Enter(entry("bob", "3", "b"), "")
		b.take()
		tab.DropNode("a")
		pass(10 * time.Second)
		expect(t, b, "/ ann offline")
		if names := tab.Names("/"); tab.Len("/") != 1 || !slices.Equal(names, []string{"bob"}) {
			t.Errorf("online: %v", names)
		}
	})
}

func TestSpacesAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab, b := table(t)
		tab.Enter(entry("ann", "1", "a"), "")
		other := entry("ann", "2", "a")
		other.Space = "/chat"
		tab.Enter(other, "")
		tab.Exit("/chat", "ann", "2")
		pass(time.Minute)
		expect(t, b, "/ ann online", "/chat ann online", "/chat ann offline")
	})
}

func TestSeenIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab, _ := table(t)
		for i := range maxSeen + 100 {
			e := entry(fmt.Sprint(i), "c", "a")
			e.Grace = 0
			tab.Enter(e, "")
			tab.Exit("/", e.User, "c")
		}
		known := 0
		for i := range maxSeen + 100 {
			if !tab.User("/", fmt.Sprint(i)).Seen.IsZero() {
				known++
			}
		}
		if known != maxSeen || len(tab.seen.order) != maxSeen {
			t.Errorf("%d users are remembered, %d in order", known, len(tab.seen.order))
		}
		e := entry("7000", "c", "a")
		e.Grace = 0
		for range 3 { // one who comes and goes is remembered once, by the last time
			pass(time.Minute)
			tab.Enter(e, "")
			tab.Exit("/", e.User, "c")
		}
		if tab.User("/", "7000").Seen != time.Now() {
			t.Error("not the last time")
		}
		pass(2 * time.Hour)
		tab.Enter(e, "")
		tab.Exit("/", e.User, "c")
		if len(tab.seen.users) != 1 || len(tab.seen.order) != 1 {
			t.Errorf("%d users and %d departures are left of two hours ago", len(tab.seen.users), len(tab.seen.order))
		}
	})
}

// Whatever comes and goes, from many goroutines, each user is told of in turns, and at the end all are gone.
func TestRandomOperationsAgainstAModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab, b := table(t)
		online := map[string]bool{}
		var all sync.WaitGroup
		for w := range 8 {
			rng := rand.New(rand.NewPCG(uint64(w), 7))
			all.Go(func() {
				mine := map[string]string{} // conn to user
				for i := range 2000 {
					switch rng.IntN(4) {
					case 0:
						conn, user := fmt.Sprint(w, "-", i), fmt.Sprint("u", rng.IntN(5))
						mine[conn] = user
						tab.Enter(entry(user, conn, fmt.Sprint(w)), conn)
					case 1:
						for conn, user := range mine {
							tab.Exit("/", user, conn)
							delete(mine, conn)
							break
						}
					case 2:
						time.Sleep(time.Duration(rng.IntN(5)) * time.Second) // synctest: graces run out
					case 3:
						for conn, user := range mine { // its own connections are there
							if u := tab.User("/", user); !u.Online || !slices.Contains(u.Rows, conn) {
								t.Errorf("%s of %s is not there: %+v", conn, user, u)
							}
							break
						}
					}
				}
				tab.DropNode(fmt.Sprint(w))
			})
		}
		all.Wait()
		pass(time.Minute)
		changes := b.take()
		if len(changes) < 10 {
			t.Errorf("only %d changes", len(changes))
		}
		for _, line := range changes {
			words := strings.Fields(line)
			user, is := words[1], words[2] == "online"
			if online[user] == is {
				t.Fatalf("%s twice in a row", line)
			}
			online[user] = is
		}
		for user, is := range online {
			if is {
				t.Errorf("%s is still told to be online", user)
			}
		}
		if tab.Len("/") != 0 || len(tab.spaces) != 0 {
			t.Errorf("%v are left", tab.Names("/"))
		}
	})
}

func TestClosedTableIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab, b := table(t)
		tab.Enter(entry("ann", "1", "a"), "")
		tab.Exit("/", "ann", "1")
		b.take()
		tab.Close()
		pass(time.Minute)
		tab.Enter(entry("bob", "2", "a"), "")
		tab.Exit("/", "bob", "2")
		tab.DropNode("a")
		expect(t, b)
		if tab.Len("/") != 0 || tab.User("/", "bob").Online {
			t.Error("somebody is there")
		}
	})
}
