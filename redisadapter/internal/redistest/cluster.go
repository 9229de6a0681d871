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
		bus := port(freeAddr(t))
		s := Start(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000", "--cluster-require-full-coverage", "no")
		c.Servers = append(c.Servers, s)
		c.Addrs = append(c.Addrs, s.Addr)
		first := (len(c.Servers) - 1) * slots / n
		last := len(c.Servers)*slots/n - 1
		s.Do("CLUSTER", "ADDSLOTSRANGE", fmt.Sprint(first), fmt.Sprint(last))
		if s != c.Servers[0] {
			host, p, _ := net.SplitHostPort(c.Addrs[0])
			s.Do("CLUSTER", "MEET", host, p, busPort(t, c.Servers[0]))
		}
	}
	for _, s := range c.Servers {
		Await(t, "a whole cluster", func() bool { return s.whole(n) })
	}
	return c
}

// whole reports whether a server knows all others, and is linked with them: what is
// published on one of them does not reach this one before.
func (s *Server) whole(nodes int) bool {
	info, err := s.Do("CLUSTER", "INFO").ToString()
	if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, fmt.Sprintf("cluster_slots_ok:%d", slots)) {
		return false
	}
	list, err := s.Do("CLUSTER", "NODES").ToString()
	return err == nil && strings.Count(list, " connected ") == nodes && !strings.Contains(list, "handshake") && !strings.Contains(list, "fail")
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
