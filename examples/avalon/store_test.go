package main

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/realtime-go/realtime/examples/avalon/game"
)

// secretOfTests is what processes that share tables have in common.
var secretOfTests = strings.Repeat("s", 32)

// patienceOfTests bounds every wait for something outside of this process. It is no expectation.
const patienceOfTests = time.Minute

// otherStores start what is no memory, and return its URL.
var otherStores = make(map[string]func(t *testing.T) string)

// onEachStore runs a test of tables with each store: in memory in fake time, and with a real Redis.
func onEachStore(t *testing.T, flags []string, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { inBubble(t, flags, test) })
	for name, url := range otherStores {
		t.Run(name, func(t *testing.T) {
			w := begin(t, append([]string{"-redis", url(t), "-secret", secretOfTests}, flags...)...)
			w.patience = patienceOfTests
			test(t, w)
		})
	}
}

// eachStore runs a test of the stores themselves. Those that open returns keep the same tables.
func eachStore(t *testing.T, test func(t *testing.T, open func() store)) {
	t.Run("memory", func(t *testing.T) {
		m := newMemory()
		test(t, func() store { return m })
	})
	for name, url := range otherStores {
		t.Run(name, func(t *testing.T) {
			where := url(t)
			test(t, func() store {
				s, err := openRedis(where)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(s.close)
				return s
			})
		})
	}
}

func aTable(t *testing.T, id string, number uint64) *table {
	t.Helper()
	made := newTable(id, number, game.Setup{Size: 5, Roles: []game.Role{game.Percival}}, "Ann", &settings{tempo: 1, seed: 7})
	if err := made.sit("Ann", "Ann", time.Now()); err != nil {
		t.Fatal(err)
	}
	return made
}

// put saves the next revision of a table.
func put(t *testing.T, s store, made *table) bool {
	t.Helper()
	saved, err := save(t, s, made)
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

func save(t *testing.T, s store, made *table) (bool, error) {
	made.Rev++
	text, err := made.encode()
	if err != nil {
		return false, err
	}
	return s.save(t.Context(), made.row("a"), text)
}

// get loads the table t1.
func get(t *testing.T, s store) *table {
	t.Helper()
	text, err := s.load(t.Context(), "t1")
	if err != nil {
		t.Fatal(err)
	}
	found, err := decodeTable(text)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestStores(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() store) {
		one, other := open(), open()
		first, err := one.number(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		second, err := other.number(t.Context())
		check(t, "numbers", []uint64{first, second}, []uint64{1, 2})
		if err != nil {
			t.Fatal(err)
		}

		made := aTable(t, "t1", first)
		check(t, "a new table is saved", put(t, one, made), true)
		check(t, "and once", put(t, other, aTable(t, "t1", first)), false)
		check(t, "seats", get(t, other).Seats[0].Name, "Ann")

		theirs := get(t, other)
		theirs.seatBots(4)
		check(t, "a change", put(t, other, theirs), true)
		made.seatBots(1)
		check(t, "what somebody else was faster with", put(t, one, made), false)
		rows, err := one.rows(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		check(t, "rows", rows, []row{theirs.row("a")})

		theirs.closed = true
		check(t, "the end", put(t, other, theirs), true)
		if _, err := one.load(t.Context(), "t1"); !errors.Is(err, errNoTable) {
			t.Errorf("a table that has closed: error %v", err)
		}
		check(t, "a change after the end", put(t, one, reopened(theirs)), false)
		rows, err = one.rows(t.Context())
		check(t, "rows at the end", rows, []row{})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// reopened is an open copy of a table that has closed.
func reopened(closed *table) *table {
	again := *closed
	again.closed = false
	return &again
}

// However many save the same revision, one of them is taken.
func TestOneIsTheFastest(t *testing.T) {
	eachStore(t, func(t *testing.T, open func() store) {
		stores := []store{open(), open(), open()}
		check(t, "a new table is saved", put(t, stores[0], aTable(t, "t1", 1)), true)
		for range 50 {
			mine := make([]*table, 9)
			for i := range mine {
				mine[i] = get(t, stores[i%3])
			}
			var all sync.WaitGroup
			var taken atomic.Int32
			for i, made := range mine {
				all.Go(func() { // ends with its save, awaited below
					if saved, err := save(t, stores[i%3], made); err != nil {
						t.Error(err)
					} else if saved {
						taken.Add(1)
					}
				})
			}
			all.Wait()
			check(t, "saves", taken.Load(), int32(1))
		}
		check(t, "revision", get(t, stores[1]).Rev, uint64(51))
	})
}

// What is kept is the same table: its cards, its clock, its chat, and what its bots will do.
func TestAKeptTableGoesOn(t *testing.T) {
	now := time.Now()
	played := aTable(t, "t1", 1)
	if err := played.attend("a", []string{"Ann"}, now); err != nil {
		t.Fatal(err)
	}
	played.seatBots(4)
	if _, err := played.say("Ann", "hello", now); err != nil {
		t.Fatal(err)
	}
	if err := played.start("Ann", now); err != nil {
		t.Fatal(err)
	}
	keptOne := played
	for played.playing() {
		text, err := keptOne.encode()
		if err != nil {
			t.Fatal(err)
		}
		if keptOne, err = decodeTable(text); err != nil {
			t.Fatal(err)
		}
		now = played.due()
		check(t, "when something is due", keptOne.due().Equal(now), true)
		for _, made := range []*table{played, keptOne} {
			if err := made.act(now); err != nil {
				t.Fatal(err)
			}
		}
		for seat := range played.Seats {
			check(t, "secret", keptOne.secret(seat), played.secret(seat))
		}
		check(t, "table", keptOne.public(now), played.public(now))
	}
	check(t, "chat", keptOne.Chat, played.Chat)
	check(t, "who is here", keptOne.Here, played.Here)
}

func TestTablesThatCannotBeRead(t *testing.T) {
	made := aTable(t, "t1", 1)
	made.seatBots(4)
	if err := made.start("Ann", time.Now()); err != nil {
		t.Fatal(err)
	}
	text, err := made.encode()
	if err != nil {
		t.Fatal(err)
	}
	for what, spoiled := range map[string]string{
		"nothing":       "",
		"half":          string(text[:len(text)/2]),
		"no chance":     strings.Replace(string(text), `"chance":"`, `"chance":"AAAA`, 1),
		"no seats":      strings.Replace(string(text), `"seats":[`, `"sofas":[`, 1),
		"a host nobody": strings.Replace(string(text), `"host":0`, `"host":5`, 1),
		"no game":       strings.Replace(string(text), `"Phase":"proposal"`, `"Phase":"lunch"`, 1),
	} {
		if _, err := decodeTable([]byte(spoiled)); err == nil {
			t.Errorf("%s was read as a table", what)
		}
	}
}
