//go:build unix

package registry

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// world is a model of what is true: for each user the nodes' connections.
type world struct {
	f     *fabric
	rng   *rand.Rand
	nodes []*testNode
	truth map[string]map[string]bool // user to "NODE CONN"
	conns map[string][]string        // node to "USER CONN"
	next  int
}

func (w *world) start() {
	n := w.f.node()
	w.nodes = append(w.nodes, n)
	w.conns[n.id] = nil
}

func (w *world) enter(n *testNode) {
	w.next++
	user, conn := fmt.Sprint("u", w.rng.IntN(12)), fmt.Sprint("c", w.next)
	e := n.entry(user, conn)
	e.Grace = time.Duration(w.rng.IntN(3)) * 300 * time.Millisecond
	n.PresenceEnter(e)
	if w.truth[user] == nil {
		w.truth[user] = map[string]bool{}
	}
	w.truth[user][n.id+" "+conn] = true
	w.conns[n.id] = append(w.conns[n.id], user+" "+conn)
}

func (w *world) exit(n *testNode) {
	list := w.conns[n.id]
	if len(list) == 0 {
		return
	}
	i := w.rng.IntN(len(list))
	user, conn, _ := strings.Cut(list[i], " ")
	w.conns[n.id] = slices.Delete(list, i, i+1)
	e := n.entry(user, conn)
	e.Grace = time.Duration(w.rng.IntN(3)) * 300 * time.Millisecond
	n.PresenceExit(e)
	delete(w.truth[user], n.id+" "+conn)
}

// end takes a node out of the world.
func (w *world) end(n *testNode) {
	for _, text := range w.conns[n.id] {
		user, conn, _ := strings.Cut(text, " ")
		delete(w.truth[user], n.id+" "+conn)
	}
	delete(w.conns, n.id)
	w.nodes = slices.DeleteFunc(w.nodes, func(other *testNode) bool { return other == n })
}

// view is what a node says, in the form of the truth.
func (w *world) view(n *testNode) (view map[string]map[string]bool, graces int) {
	view = map[string]map[string]bool{}
	all, err := n.members("/")
	if err != nil { // a connection that was killed is found to be so
		return nil, 1
	}
	for user, u := range all {
		set := map[string]bool{}
		for _, c := range u.Conns {
			set[c.Node+" "+c.ID] = true
		}
		if len(set) == 0 {
			graces++
			continue
		}
		view[user] = set
	}
	return view, graces
}

func (w *world) want() map[string]map[string]bool {
	want := map[string]map[string]bool{}
	for user, set := range w.truth {
		if len(set) > 0 {
			want[user] = set
		}
	}
	return want
}

func (w *world) agrees(n *testNode) bool {
	view, graces := w.view(n)
	return graces == 0 && maps.EqualFunc(view, w.want(), func(a, b map[string]bool) bool { return maps.Equal(a, b) })
}

// told returns the last that a node has told of each user since a gap, which says that it may have missed something. It
// fails the test if something is told twice in a row.
func (w *world) told(n *testNode) map[string]bool {
	n.sure(w.f)
	last := map[string]bool{}
	for _, line := range n.heard() {
		if user, verb, found := strings.Cut(line, " "); found {
			last[user] = verb == "online"
		} else {
			clear(last)
		}
	}
	return last
}

// Requirements R82 and R100: whatever happens to nodes, connections and Redis, at the end all views equal the truth, each
// node has told of each user's changes in turns, and the last of them is what is true. What is decided is decided once,
// as long as nobody dies with a decision that it has not told.
func TestRandomFaults(t *testing.T) {
	seeds := []uint64{1}
	if text := os.Getenv("REGISTRY_TEST_SEEDS"); text != "" {
		seeds = nil
		for field := range strings.FieldsSeq(text) {
			seed, err := strconv.ParseUint(field, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			seeds = append(seeds, seed)
		}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { randomFaults(t, seed) })
	}
}

func randomFaults(t *testing.T, seed uint64) {
	f, s := single(t)
	w := &world{f: f, rng: rand.New(rand.NewPCG(seed, 1)), truth: map[string]map[string]bool{}, conns: map[string][]string{}}
	for range 4 {
		w.start()
	}
	witness := w.nodes[0] // lives through everything
	var ended []*testNode
	for step := range 700 {
		if step%5 == 0 {
			w.rest(time.Duration(w.rng.IntN(int(20 * time.Millisecond))))
		}
		n := w.nodes[w.rng.IntN(len(w.nodes))]
		switch p := w.rng.IntN(1000); {
		case step == 300: // once in any case
			s.Do("FLUSHALL")
		case step == 500:
			s.Kill()
			w.rest(time.Duration(w.rng.IntN(int(time.Second))))
			s.Restart()
		case p < 465:
			w.enter(n)
		case p < 950:
			w.exit(n)
		case p < 954 && n != witness && len(w.nodes) > 2:
			n.crash()
			w.end(n)
			ended = append(ended, n)
		case p < 958 && n != witness && len(w.nodes) > 2:
			n.close()
			w.end(n)
			ended = append(ended, n)
		case p < 968 && len(w.nodes) < 5:
			w.start()
		case p < 978:
			s.KillClients("normal")
		case p < 981:
			n.cable.Cut()
			w.rest(time.Duration(w.rng.IntN(2 * int(n.cfg.Dead))))
			n.cable.Mend()
		case p < 983:
			s.Pause()
			w.rest(time.Duration(w.rng.IntN(int(time.Second))))
			s.Resume()
		case p < 986:
			f.mu.Lock()
			f.deaf = !f.deaf
			f.mu.Unlock()
		case p < 987:
			s.Do("FLUSHALL")
		default:
			w.rest(time.Duration(w.rng.IntN(int(500 * time.Millisecond))))
		}
	}
	f.await("the truth", func() bool {
		for _, n := range w.nodes {
			if !w.agrees(n) {
				return false
			}
		}
		return true
	})
	online := map[string]bool{}
	for user := range w.want() {
		online[user] = true
	}
	for _, n := range w.nodes {
		wrong := ""
		t.Cleanup(func() {
			if wrong != "" {
				t.Errorf("%s has told last that %s; all: %q", n.id[:4], wrong, n.heard())
			}
		})
		f.await("the news", func() bool {
			wrong = ""
			for user, is := range w.told(n) {
				if is != online[user] {
					wrong = fmt.Sprintf("%s is online: %t", user, is)
				}
			}
			return wrong == ""
		})
	}
	w.decidedOnce(append(ended, w.nodes...))
	t.Logf("%d changes, %d nodes at the end, %d ended", len(witness.heard()), len(w.nodes), len(ended))
}

// rest lets time pass.
func (w *world) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}

// decidedOnce fails the test if two nodes have decided the same change.
func (w *world) decidedOnce(nodes []*testNode) {
	by := map[string]string{}
	for _, n := range nodes {
		n.mu.Lock()
		for _, c := range n.changes {
			if !c.decided {
				continue
			}
			key := fmt.Sprint(c.User, c.Online, c.At.UnixMilli())
			if other, twice := by[key]; twice && other != n.id {
				w.f.Errorf("%s was decided by two nodes", key)
			}
			by[key] = n.id
		}
		n.mu.Unlock()
	}
}
