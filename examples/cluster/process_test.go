//go:build unix

package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNothingOutlivesTheProgram ends the program as a process manager does, as a machine does that is out of memory, and by ending the
// go tool that runs it. Its children have its standard error: when that comes to its end, none of them is left.
func TestNothingOutlivesTheProgram(t *testing.T) {
	for name, tc := range map[string]struct {
		program string
		args    []string
		signal  syscall.Signal
	}{
		"terminated":        {os.Args[0], nil, syscall.SIGTERM},
		"killed":            {os.Args[0], nil, syscall.SIGKILL},
		"go run terminated": {"go", []string{"run", "."}, syscall.SIGTERM},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
			defer cancel()
			ended, errs, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer ended.Close()
			program := exec.CommandContext(ctx, tc.program, append(tc.args, "-port", "0")...)
			program.Env = append(os.Environ(), asProgram+"=1", "REDIS_HOST=", "REDIS_PORT=", "JWT_SECRET=")
			program.Stderr = errs
			out, err := program.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := program.Start(); err != nil {
				t.Fatal(err)
			}
			errs.Close()
			said := untilOpen(t, out)
			if err := program.Process.Signal(tc.signal); err != nil {
				t.Fatal(err)
			}
			if err := ended.SetReadDeadline(time.Now().Add(2 * patience)); err != nil {
				t.Fatal(err)
			}
			words, err := io.ReadAll(ended) // until nobody has the other end
			if err != nil {
				t.Fatalf("a process outlives the program: %v\n%s", err, words)
			}
			if err := program.Wait(); name == "terminated" && err != nil {
				t.Errorf("the program ended with %v:\n%s", err, words)
			}
			for _, addr := range regexp.MustCompile(`127\.0\.0\.1:\d+`).FindAllString(said, -1) {
				if conn, err := net.Dial("tcp", addr); err == nil {
					conn.Close()
					t.Errorf("%s is still served", addr)
				}
			}
		})
	}
}

// untilOpen reads the program's output until the page is there.
func untilOpen(t *testing.T, out io.Reader) string {
	t.Helper()
	lines := bufio.NewReader(out)
	var said strings.Builder
	for {
		line, err := lines.ReadString('\n')
		said.WriteString(line)
		if err != nil {
			t.Fatalf("%v after:\n%s", err, said.String())
		}
		if strings.Contains(line, "open http://") {
			if n := strings.Count(said.String(), "127.0.0.1:"); n != 4 {
				t.Fatalf("want the addresses of Redis and three nodes:\n%s", said.String())
			}
			return said.String()
		}
	}
}

// reachable makes a folder of links to programs be the only one that the program looks into.
func reachable(t *testing.T, programs ...string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range programs {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatalf("%s is missing (apt-get install redis-server nodejs npm): %v", name, err)
		}
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}

func all(t *testing.T, args ...string) settings {
	t.Helper()
	s, err := parse(append([]string{"-port", "0"}, args...), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWithoutRedisItSaysHowToGetIt(t *testing.T) {
	reachable(t)
	err := run(t.Context(), all(t), io.Discard, quiet)
	if err == nil || !strings.Contains(err.Error(), "apt-get install redis-server") || !strings.Contains(err.Error(), "REDIS_HOST") {
		t.Errorf("error %v", err)
	}
}

func TestWithoutNodeItGoesOnWithTheGoNodes(t *testing.T) {
	reachable(t, "redis-server")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, all(t), in, quiet) }() // ends with ctx, awaited below
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "open http://") {
			break
		}
	}
	if !strings.Contains(said.String(), "nest  not started: there is no Node.js 20") || strings.Count(said.String(), "http://127.0.0.1:") != 2 {
		t.Errorf("said:\n%s", said.String())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("run ended with %v", err)
	}
}

func TestTheDemonstrationNeedsNode(t *testing.T) {
	reachable(t, "redis-server")
	err := run(t.Context(), all(t, "-demo"), io.Discard, quiet)
	if err == nil || !strings.Contains(err.Error(), "there is no Node.js 20") {
		t.Errorf("error %v", err)
	}
}

func TestARedisThatEndsIsAnError(t *testing.T) {
	reachable(t, "redis-server")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := open(ctx, all(t), io.Discard, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := kill(c.redis.cmd); err != nil {
		t.Fatal(err)
	}
	if err := <-c.failed; !strings.Contains(err.Error(), "redis-server ended") {
		t.Errorf("told %v", err)
	}
	if err := c.close(); err != nil {
		t.Logf("closed without Redis: %v", err) // what was to be told to others is lost
	}
}
