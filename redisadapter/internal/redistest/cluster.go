//go:build unix

package redistest

import (
	"fmt"
	"net"
	"strings"
	"testing"
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
	return Start(t, "--cluster-enabled", "yes", "--cluster-port", port(freeAddr(t)), "--cluster-node-timeout", "2000", "--cluster-require-full-coverage", "no")
}

func (s *Server) meet(other *Server) {
	s.t.Helper()
	host, p, _ := net.SplitHostPort(other.Addr)
	s.Do("CLUSTER", "MEET", host, p, busPort(s.t, other))
}

// AddReplica gives a master a replica, and waits until it is in step.
func (c *Cluster) AddReplica(master *Server) *Server {
	master.t.Helper()
	r := startMember(master.t)
	r.meet(master)
	id, err := master.Do("CLUSTER", "MYID").ToString()
	if err != nil {
		master.t.Fatal(err)
	}
	for _, s := range append(c.Servers, r) {
		Await(s.t, "a cluster with one more", func() bool { return s.whole(len(c.Servers) + 1) })
	}
	r.Do("CLUSTER", "REPLICATE", id)
	Await(r.t, "a replica in step", func() bool {
		info, err := r.Do("INFO", "replication").ToString()
		return err == nil && strings.Contains(info, "master_link_status:up")
	})
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
