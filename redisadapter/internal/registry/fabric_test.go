//go:build unix

package registry

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// watchdog is how long anything may take that would otherwise hang.
const watchdog = 60 * time.Second

// fabric is the nodes of one test. Announcements cross it as the adapter would bring them.
type fabric struct {
	testing.TB
	addrs    []string
	sentinel rueidis.SentinelOption
	user     string // of Redis, with the password "secret"; "" for the default one

	mu    sync.Mutex
	nodes []*testNode
	deaf  bool // announcements are lost
}

// testNode is a registry, and what its handler has heard.
type testNode struct {
	*Registry
	f      *fabric
	id     string
	cable  redistest.Cable
	client rueidis.Client

	mu      sync.Mutex
	changes []told
	nodes   []string
	rivals  []rivalry
	also    func() // called with each change, which is not kept then
}

// single makes a fabric with one Redis. Tests wait more than they work, so they run beside each other.
func single(t testing.TB) (*fabric, *redistest.Server) {
	t.Helper()
	if test, ok := t.(*testing.T); ok {
		test.Parallel()
	}
	s := redistest.Start(t)
	return &fabric{TB: t, addrs: []string{s.Addr}}, s
}

// quick makes a test short. Dead stands many beats away, since the machine may be busy.
func quick(c *Config) {
	c.Beat, c.Dead, c.Reconcile, c.Keep = 200*time.Millisecond, 3*time.Second, time.Second, 20*time.Second
}

// shippedTimes undoes quick.
func shippedTimes(c *Config) { c.Beat, c.Dead, c.Reconcile, c.Keep = 0, 0, 0, 0 }

// node starts a registry.
func (f *fabric) node(edits ...func(*Config)) *testNode {
	f.Helper()
	n := f.idle(edits...)
	ctx, cancel := context.WithTimeout(f.Context(), watchdog)
	defer cancel()
	if err := n.Start(ctx); err != nil {
		f.Fatal(err)
	}
	return n
}

// idle makes a registry without starting it.
func (f *fabric) idle(edits ...func(*Config)) *testNode {
	f.Helper()
	n := &testNode{f: f, id: rand.Text()}
	option := rueidis.ClientOption{
		InitAddress: f.addrs, DisableCache: true, DisableRetry: true, PipelineMultiplex: -1, ConnWriteTimeout: 2 * time.Second,
		DialCtxFn: n.cable.Dial, Sentinel: f.sentinel,
	}
	option.Dialer.Timeout = time.Second
	if f.user != "" {
		option.Username, option.Password = f.user, "secret"
	}
	option.ClusterOption.ShardsRefreshInterval = time.Second
	client, err := rueidis.NewClient(option)
	if err != nil {
		f.Fatal(err)
	}
	n.client = client
	cfg := Config{
		Client: client, Prefix: "test", Self: realtime.Node{ID: n.id, Name: "node-" + n.id[:4], Started: time.Now()},
		Handler: n, Announce: n.announce, Logger: slog.New(slog.DiscardHandler),
	}
	quick(&cfg)
	for _, edit := range edits {
		edit(&cfg)
	}
	if n.Registry, err = New(cfg); err != nil {
		f.Fatal(err)
	}
	f.mu.Lock()
	f.nodes = append(f.nodes, n)
	f.mu.Unlock()
	f.Cleanup(func() {
		n.crash()
		client.Close()
	})
	return n
}

// crash ends a registry without a word to anybody.
func (n *testNode) crash() {
	n.halt()
	ctx, cancel := context.WithTimeout(context.Background(), watchdog)
	defer cancel()
	if err := n.group.Wait(ctx); err != nil {
		n.f.Errorf("goroutines are left: %v", err)
	}
	n.f.mu.Lock()
	defer n.f.mu.Unlock()
	n.f.nodes = slices.DeleteFunc(n.f.nodes, func(other *testNode) bool { return other == n })
}

// close ends a registry in order.
func (n *testNode) close() {
	n.f.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), watchdog)
	defer cancel()
	if err := n.Close(ctx); err != nil {
		n.f.Errorf("close: %v", err)
	}
}

func (n *testNode) announce(_ context.Context, payload []byte) error {
	n.f.mu.Lock()
	nodes, deaf := slices.Clone(n.f.nodes), n.f.deaf
	n.f.mu.Unlock()
	if deaf {
		return errors.New("lost")
	}
	for _, other := range nodes {
		if other != n {
			if err := other.Receive(payload); err != nil {
				n.f.Errorf("receive: %v", err)
			}
		}
	}
	return nil
}

// entry is a connection of a user in "/" at a node.
func (n *testNode) entry(user, conn string) realtime.PresenceEntry {
	return realtime.PresenceEntry{
		Namespace: "/", User: user, Grace: 500 * time.Millisecond, Remember: time.Hour,
		Conn: realtime.PresenceConn{
			ID: conn, Node: n.id, Address: "192.0.2.1", Agent: "test", Class: "phone", Login: "abc", Connected: time.Now().Round(0),
		},
	}
}

func (n *testNode) enter(user, conn string) realtime.PresenceEntry {
	e := n.entry(user, conn)
	n.PresenceEnter(e)
	return e
}

func (n *testNode) exit(user, conn string) { n.PresenceExit(n.entry(user, conn)) }

// user asks for a user of "/".
func (n *testNode) user(name string) realtime.UserPresence {
	n.f.Helper()
	u, err := n.PresenceUser(n.f.Context(), "/", name)
	if err != nil {
		n.f.Fatal(err)
	}
	return u
}

func (n *testNode) count() int {
	n.f.Helper()
	count, err := n.PresenceCount(n.f.Context(), "/")
	if err != nil {
		n.f.Fatal(err)
	}
	return count
}

// conns returns the ids of a user's connections.
func (n *testNode) conns(name string) (ids []string) {
	for _, c := range n.user(name).Conns {
		ids = append(ids, c.ID)
	}
	return ids
}

// everyone reads all members of a namespace, and checks the pages.
func (n *testNode) everyone(namespace string) map[string]realtime.UserPresence {
	n.f.Helper()
	all, err := n.members(namespace)
	if err != nil {
		n.f.Fatal(err)
	}
	return all
}

func (n *testNode) members(namespace string) (map[string]realtime.UserPresence, error) {
	n.f.Helper()
	all := map[string]realtime.UserPresence{}
	for cursor, pages := "", 0; ; pages++ {
		page, next, err := n.PresenceMembers(n.f.Context(), namespace, cursor)
		if err != nil {
			return nil, err
		}
		if len(page) > membersPage {
			n.f.Fatalf("a page of %d", len(page))
		}
		for _, u := range page {
			if _, twice := all[u.UserID]; twice {
				n.f.Errorf("%q is there twice", u.UserID)
			}
			all[u.UserID] = u
		}
		if cursor = next; cursor == "" || pages > 1_000_000 {
			return all, nil
		}
	}
}

// await waits for something to become true.
func (f *fabric) await(what string, ok func() bool) {
	f.Helper()
	redistest.Await(f, what, ok)
}
