//go:build unix

package redistest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Sentinel is a master with a replica, and one Sentinel that decides alone.
type Sentinel struct {
	Master, Replica *Server
	Sentinel        *Server
	MasterSet       string
}

// StartSentinel starts the three and waits until they know each other.
func StartSentinel(t testing.TB) *Sentinel {
	t.Helper()
	s := &Sentinel{MasterSet: "main"}
	s.Master = Start(t)
	s.Replica = Start(t, "--replicaof", "127.0.0.1", port(s.Master.Addr), "--repl-diskless-sync-delay", "0")
	Await(t, "a replica in step", func() bool {
		info, err := s.Replica.Do("INFO", "replication").ToString()
		return err == nil && strings.Contains(info, "master_link_status:up")
	})
	config := filepath.Join(t.TempDir(), "sentinel.conf")
	text := "sentinel monitor main 127.0.0.1 " + port(s.Master.Addr) + " 1\n" +
		"sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	s.Sentinel = &Server{Addr: addr, t: t, args: []string{config, "--sentinel", "--port", port(addr), "--bind", "127.0.0.1", "--loglevel", "warning"}}
	t.Cleanup(s.Sentinel.Kill)
	s.Sentinel.Restart()
	Await(t, "a Sentinel that knows the replica", func() bool {
		info, err := s.Sentinel.Do("INFO", "sentinel").ToString()
		return err == nil && strings.Contains(info, "status=ok") && strings.Contains(info, "slaves=1")
	})
	return s
}
