//go:build unix

package redistest

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/rueidis"
)

// Cluster is a Redis Cluster of masters without replicas.
type Cluster struct {
	Servers []*Server
	Addrs   []string
}

// slots is how many a Redis Cluster has.
const slots = 16384

// StartCluster starts a cluster of n masters and waits until it is whole.
func StartCluster(t testing.TB, n int) *Cluster {
	t.Helper()
	c := &Cluster{}
	for range n {
		s := startMember(t)
		c.Servers = append(c.Servers, s)
		c.Addrs = append(c.Addrs, s.Addr)
		first := (len(c.Servers) - 1) * slots / n
		last := len(c.Servers)*slots/n - 1
		s.Do("CLUSTER", "ADDSLOTSRANGE", fmt.Sprint(first), fmt.Sprint(last))
		if s != c.Servers[0] {
			s.meet(c.Servers[0])
		}
	}
	for _, s := range c.Servers {
		Await(t, "a whole cluster", func() bool { return s.whole(n) })
	}
	return c
}

func startMember(t testing.TB) *Server {
	t.Helper()
	return Start(t,
		"--cluster-enabled", "yes", "--cluster-port", port(freeAddr(t)), "--cluster-node-timeout", "2000",
		"--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0",
	)
}

func (s *Server) meet(other *Server) {
	s.t.Helper()
	host, p, _ := net.SplitHostPort(other.Addr)
	s.Do("CLUSTER", "MEET", host, p, busPort(s.t, other))
}

// AddReplica gives a master a replica, and waits until it is in step and all know it as one: before, the other masters do not
// vote for it.
func (c *Cluster) AddReplica(master *Server) *Server {
	master.t.Helper()
	r := startMember(master.t)
	r.meet(master)
	id := master.id()
	for _, s := range append(c.Servers, r) {
		Await(s.t, "a cluster with one more", func() bool { return s.whole(len(c.Servers) + 1) })
	}
	r.Do("CLUSTER", "REPLICATE", id)
	Await(r.t, "a replica in step", func() bool {
		info, err := r.Do("INFO", "replication").ToString()
		return err == nil && strings.Contains(info, "master_link_status:up")
	})
	for _, s := range c.Servers {
		Await(s.t, "a replica that all know", func() bool {
			replicas, err := s.Do("CLUSTER", "REPLICAS", id).AsStrSlice()
			return err == nil && len(replicas) == 1
		})
	}
	return r
}

// whole reports whether a server knows all others, and is linked with them: what is
// published on one of them does not reach this one before.
func (s *Server) whole(nodes int) bool {
	info, err := s.Do("CLUSTER", "INFO").ToString()
	if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, fmt.Sprintf("cluster_slots_ok:%d", slots)) {
		return false
	}
	list, err := s.Do("CLUSTER", "NODES").ToString()
	return err == nil && strings.Count(list, " connected") == nodes && !strings.Contains(list, "handshake") && !strings.Contains(list, "fail")
}

// MoveSlots gives slots with all their keys to the next master each, as resharding does, while clients work on them.
func (c *Cluster) MoveSlots(moved ...int) {
	t := c.Servers[0].t
	t.Helper()
	clients := make([]rueidis.Client, len(c.Servers))
	ids := make([]string, len(c.Servers))
	for i, s := range c.Servers {
		clients[i], ids[i] = s.Client(), s.id()
	}
	do := func(on int, args ...string) rueidis.RedisResult {
		t.Helper()
		r := clients[on].Do(t.Context(), clients[on].B().Arbitrary(args...).Build())
		if err := r.Error(); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return r
	}
	for _, slot := range moved {
		number := strconv.Itoa(slot)
		from := c.owner(slot)
		to := (from + 1) % len(c.Servers)
		do(to, "CLUSTER", "SETSLOT", number, "IMPORTING", ids[from])
		do(from, "CLUSTER", "SETSLOT", number, "MIGRATING", ids[to])
		host, p, _ := net.SplitHostPort(c.Servers[to].Addr)
		for {
			keys, err := do(from, "CLUSTER", "GETKEYSINSLOT", number, "100").AsStrSlice()
			if err != nil {
				t.Fatal(err)
			}
			if len(keys) == 0 {
				break
			}
			do(from, append([]string{"MIGRATE", host, p, "", "0", "5000", "REPLACE", "KEYS"}, keys...)...)
		}
		for n := range c.Servers { // the target first
			do((to+n)%len(c.Servers), "CLUSTER", "SETSLOT", number, "NODE", ids[to])
		}
	}
}

// owner is the master that a slot was given to when the cluster was made.
func (c *Cluster) owner(slot int) int {
	for i := range c.Servers {
		if slot < (i+1)*slots/len(c.Servers) {
			return i
		}
	}
	return 0
}

func (s *Server) id() string {
	s.t.Helper()
	id, err := s.Do("CLUSTER", "MYID").ToString()
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func busPort(t testing.TB, s *Server) string {
	t.Helper()
	for i, arg := range s.args {
		if arg == "--cluster-port" {
			return s.args[i+1]
		}
	}
	t.Fatal("no cluster port")
	return ""
}
