//go:build unix

package redistest

import (
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// watchdog is how long anything here may take.
const watchdog = 60 * time.Second

// retry is how often something is looked at of which no event tells.
const retry = 20 * time.Millisecond

// Server is one redis-server process. Its methods fail the test.
type Server struct {
	Addr string

	t    testing.TB
	args []string

	mu      sync.Mutex // guards what follows
	cmd     *exec.Cmd
	release io.Closer // the process ends when it is closed
	pid     int
}

// Start starts a redis-server that keeps nothing, with more arguments if there are any.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	addr := freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	s := &Server{Addr: addr, t: t, args: append([]string{
		"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir(),
		"--loglevel", "warning", "--daemonize", "no", "--protected-mode", "no",
	}, args...)}
	t.Cleanup(s.Kill)
	s.Restart()
	return s
}

// binary is the path of redis-server.
func binary(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is missing: install it from your system's packages (apt-get install redis-server, brew install redis)")
	}
	return path
}

// freeAddr returns an address that nobody listens on.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Restart starts the process again, on the same port and empty.
func (s *Server) Restart() {
	s.t.Helper()
	// The shell ends redis-server as soon as its input ends, which it does when this
	// process dies, of whatever cause.
	const script = `"$0" "$@" & pid=$!; echo $pid; read -r line; kill -9 $pid; wait $pid`
	cmd := exec.Command("/bin/sh", append([]string{"-c", script, binary(s.t)}, s.args...)...) //nolint:gosec // the arguments are the test's
	in, err := cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("start redis-server: %v", err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		s.t.Fatalf("redis-server tells no process id: %v", err)
	}
	s.mu.Lock()
	s.cmd, s.release, s.pid = cmd, in, pid
	s.mu.Unlock()
	go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the process
	s.await()
}

// await waits until the server answers.
func (s *Server) await() {
	s.t.Helper()
	Await(s.t, "redis-server on "+s.Addr, func() bool { return s.ping() == nil })
}

func (s *Server) ping() error {
	conn, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		return err
	}
	reply := make([]byte, 64)
	n, err := conn.Read(reply)
	if err != nil {
		return err
	}
	if text := string(reply[:n]); !strings.HasPrefix(text, "+PONG") && !strings.HasPrefix(text, "-NOAUTH") {
		return fmt.Errorf("redis-server answers %q", text)
	}
	return nil
}

// Kill ends the process at once, as kill -9 does.
func (s *Server) Kill() {
	s.mu.Lock()
	cmd, release, pid := s.cmd, s.release, s.pid
	s.cmd = nil
	s.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
	release.Close()
	_ = cmd.Wait() // killed, which is an error
}

// Pause stops the process without ending it, as a machine does that hangs.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := syscall.Kill(s.pid, sig); err != nil {
		s.t.Errorf("signal redis-server: %v", err)
	}
}

// Client connects to the server; it is closed with the test.
func (s *Server) Client() rueidis.Client {
	s.t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{s.Addr}, DisableCache: true, ForceSingleClient: true, PipelineMultiplex: -1,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	return c
}

// Do runs one command on a connection of its own and fails the test if it fails.
func (s *Server) Do(args ...string) rueidis.RedisResult {
	s.t.Helper()
	r, err := s.ask(args...)
	if err != nil {
		s.t.Fatalf("%v: %v", args, err)
	}
	return r
}

// ask runs one command on a connection of its own.
func (s *Server) ask(args ...string) (rueidis.RedisResult, error) {
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{s.Addr}, DisableCache: true, ForceSingleClient: true, PipelineMultiplex: -1,
	})
	if err != nil {
		return rueidis.RedisResult{}, err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), watchdog)
	defer cancel()
	r := c.Do(ctx, c.B().Arbitrary(args...).Build())
	return r, r.Error()
}

// IsMaster reports whether the server says so of itself. One that cannot be asked is none: a Sentinel ends all connections
// to a replica that it makes a master, that of the question too. It does not fail the test, and any goroutine may call it.
func (s *Server) IsMaster() bool {
	r, err := s.ask("ROLE")
	if err != nil {
		return false
	}
	role, err := r.ToArray()
	if err != nil || len(role) == 0 {
		return false
	}
	name, err := role[0].ToString()
	return err == nil && name == "master"
}

// KillClients ends connections by CLIENT KILL TYPE: pubsub, normal.
func (s *Server) KillClients(kind string) (killed int64) {
	s.t.Helper()
	n, err := s.Do("CLIENT", "KILL", "TYPE", kind).AsInt64()
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// Await looks until ok is true, and fails the test if that takes too long.
func Await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(watchdog)
	defer deadline.Stop()
	ticker := time.NewTicker(retry)
	defer ticker.Stop()
	for !ok() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("%s: not within %v", what, watchdog)
		}
	}
}

func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	if _, err := strconv.Atoi(p); err != nil {
		return "0"
	}
	return p
}

// StartTLS starts a redis-server that speaks TLS on addr, which it sets, and plain text on
// the address of the Server, for the test itself.
func StartTLS(t testing.TB, cert, key string, addr *string) *Server {
	t.Helper()
	*addr = freeAddr(t)
	return Start(t, "--tls-port", port(*addr), "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no")
}
