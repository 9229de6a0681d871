//go:build unix

package main

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// redisServer is a real redis-server on a free port, with its files in a folder of the test. It ends with the test.
type redisServer struct {
	t    *testing.T
	addr string
	dir  string
	cmd  *exec.Cmd
	in   io.Closer // the shell around it ends it when this is closed, which it is when the test's process dies
	pid  int
}

func startRedis(t *testing.T) *redisServer {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &redisServer{t: t, addr: free.Addr().String(), dir: t.TempDir()}
	free.Close()
	t.Cleanup(s.kill)
	s.start()
	return s
}

// url is what -redis gets.
func (s *redisServer) url() string { return "redis://" + s.addr }

// start starts the server, with what it kept if it ran before: it writes down everything before it answers.
func (s *redisServer) start() {
	s.t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		s.t.Fatal("redis-server is missing: install it from your system's packages (apt-get install redis-server, brew install redis)")
	}
	_, port, _ := net.SplitHostPort(s.addr)
	const script = `"$0" "$@" & pid=$!; echo $pid; read -r line; kill -9 $pid; wait $pid`
	s.cmd = exec.Command("/bin/sh", "-c", script, path, "--port", port, "--bind", "127.0.0.1", "--dir", s.dir,
		"--save", "", "--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning")
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		s.t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	if _, err := fmt.Fscan(out, &s.pid); err != nil {
		s.t.Fatalf("redis-server has no process id: %v", err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the server
	await(s.t, "redis-server on "+s.addr, func() bool { return s.command("PING") == "+PONG" })
}

// command sends one command and gives the first line of the answer.
func (s *redisServer) command(words ...string) string {
	conn, err := net.DialTimeout("tcp", s.addr, time.Second)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = fmt.Fprintf(conn, "*%d\r\n", len(words))
	for _, word := range words {
		_, _ = fmt.Fprintf(conn, "$%d\r\n%s\r\n", len(word), word)
	}
	answer := make([]byte, 1<<10)
	n, _ := conn.Read(answer)
	line, _, _ := strings.Cut(string(answer[:n]), "\r\n")
	return line
}

// kill ends the server as kill -9 does.
func (s *redisServer) kill() {
	if s.cmd == nil {
		return
	}
	s.in.Close()
	_ = s.cmd.Wait() // killed, which is an error
	s.cmd = nil
}

// stop lets the server stand still, as a machine does that hangs, until resume.
func (s *redisServer) stop()   { s.signal(syscall.SIGSTOP) }
func (s *redisServer) resume() { s.signal(syscall.SIGCONT) }

func (s *redisServer) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := syscall.Kill(s.pid, sig); err != nil {
		s.t.Fatalf("signal %s to redis-server: %v", sig, err)
	}
}

// await looks again and again until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	timeout := time.NewTimer(patienceOfTests)
	defer timeout.Stop()
	beat := time.NewTicker(20 * time.Millisecond)
	defer beat.Stop()
	for !so() {
		select {
		case <-beat.C:
		case <-timeout.C:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
