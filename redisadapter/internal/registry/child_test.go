//go:build unix

package registry

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
)

// The environment of a child: the test binary as a node of its own, so that it can be killed and stopped.
const (
	childEnv  = "REGISTRY_TEST_CHILD" // address of Redis
	childFast = "REGISTRY_TEST_FAST"  // "1": as quick says
	members   = 200
)

// beChild is the main function of a child. It enters its members, writes down what its handler hears, and ends with its
// input.
func beChild(addr string) {
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{addr}, DisableCache: true, DisableRetry: true, PipelineMultiplex: -1, ConnWriteTimeout: 2 * time.Second,
	})
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	p := &printer{}
	cfg := Config{
		Client: c, Prefix: "test", Self: realtime.Node{ID: "child", Started: time.Now()}, Handler: p,
		Announce: func(context.Context, []byte) error { return nil }, // lost: the log has it
	}
	grace := 10 * time.Second
	if os.Getenv(childFast) == "1" {
		quick(&cfg)
		grace = 500 * time.Millisecond
	}
	r, err := New(cfg)
	if err == nil {
		err = r.Start(context.Background())
	}
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	for i := range members {
		r.PresenceEnter(childEntry(fmt.Sprint("m", i), grace))
	}
	r.PresenceEnter(childEntry("both", grace)) // is at the parent too
	fmt.Println("entered")
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = r.Close(context.Background())
}

func childEntry(user string, grace time.Duration) realtime.PresenceEntry {
	return realtime.PresenceEntry{
		Namespace: "/", User: user, Grace: grace, Remember: time.Hour,
		Conn: realtime.PresenceConn{ID: "child " + user, Node: "child", Connected: time.Now()},
	}
}

// printer is a handler that writes down what it hears.
type printer struct{ mu sync.Mutex }

func (p *printer) OnNode(realtime.Node, bool) {}

func (p *printer) OnPresence(c realtime.PresenceChange, decided bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Println("told", c.User, c.Online, decided, c.Gap)
}

func (p *printer) OnRivals(realtime.PresenceEntry, []realtime.PresenceConn) {}

// child is a running child.
type child struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser

	mu    sync.Mutex
	lines []string
	done  chan struct{}
}

func startChild(t testing.TB, addr string, fast bool) *child {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, cmd: exec.Command(path, "-test.run=^$"), done: make(chan struct{})} //nolint:gosec // this very program
	c.cmd.Env = append(os.Environ(), childEnv+"="+addr)
	if fast {
		c.cmd.Env = append(c.cmd.Env, childFast+"=1")
	}
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // owned by the test, ends with the process
		defer close(c.done)
		for s := bufio.NewScanner(out); s.Scan(); {
			c.mu.Lock()
			c.lines = append(c.lines, s.Text())
			c.mu.Unlock()
		}
	}()
	t.Cleanup(c.kill)
	return c
}

func (c *child) signal(sig syscall.Signal) { _ = c.cmd.Process.Signal(sig) }

// kill ends the child as kill -9 does.
func (c *child) kill() {
	if c.cmd.ProcessState != nil {
		return
	}
	c.signal(syscall.SIGKILL)
	<-c.done
	_ = c.cmd.Wait()
}

// told counts the lines that begin with a text.
func (c *child) told(start string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range c.lines {
		if strings.HasPrefix(line, start) {
			n++
		}
	}
	return n
}

// tally counts what a node has heard of the members: how often each of them came online and was offline, and how
// many of these changes the node has decided.
func (n *testNode) tally(t testing.TB) (online, offline, decided int) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	last := map[string]bool{}
	for _, c := range n.changes {
		if last[c.User] == c.Online {
			t.Errorf("%s is told to be online %t twice in a row", c.User, c.Online)
		}
		last[c.User] = c.Online
		if c.User == "both" {
			if !c.Online {
				t.Error("a user who is on another node too was told to be offline")
			}
			continue
		}
		if c.Online {
			online++
		} else {
			offline++
		}
		if c.decided {
			decided++
		}
	}
	return online, offline, decided
}

// Requirement R80: the members of a node that is killed are gone, each is told once in the cluster, and who is on another
// node too stays. With the times that users get.
func TestKilledNode(t *testing.T) {
	f, s := single(t)
	a, b := f.node(shippedTimes), f.node(shippedTimes)
	a.enter("both", "here")
	f.awaitHeard("both online")
	c := startChild(t, s.Addr, false)
	f.await("the child's members", func() bool { return a.count() == members+1 && len(a.conns("both")) == 2 })
	f.await("the child's news", func() bool { return len(a.heard()) == members+1 && len(b.heard()) == members+1 })
	c.kill()
	killed := time.Now()
	f.await("the end of all", func() bool { return len(a.heard()) == 2*members+1 && len(b.heard()) == 2*members+1 })
	t.Logf("all gone %v after the kill", time.Since(killed))
	if seen := a.user("m7").Seen; seen.After(killed) {
		t.Errorf("killed at %v, and seen at %v: not at its last heartbeat", killed, seen)
	}
	sum := 0
	for _, n := range []*testNode{a, b} {
		online, offline, decided := n.tally(t)
		if online != members || offline != members {
			t.Errorf("%d came, %d went, want %d of each", online, offline, members)
		}
		sum += decided
	}
	if sum != members {
		t.Errorf("the ends of %d members were decided %d times", members, sum)
	}
	if ids := b.conns("both"); len(ids) != 1 || ids[0] != "here" || a.count() != 1 {
		t.Errorf("%d users, and the one who stays has %v", a.count(), ids)
	}
	f.await("the death", func() bool { return len(a.news()) == 3 && len(b.news()) == 3 })
	for _, n := range []*testNode{a, b} {
		if news := n.news(); news[2] != "down child" || !slices.Contains(news, "up child") {
			t.Errorf("%q", news)
		}
	}
}

// Requirement R81: a node that was stopped for longer than its lease, and wakes, joins again and says everything again.
// There are no ghosts, and nobody leaves twice.
func TestFrozenNode(t *testing.T) {
	f, s := single(t)
	a, b := f.node(), f.node()
	a.enter("both", "here")
	f.awaitHeard("both online")
	c := startChild(t, s.Addr, true)
	f.await("the child's members", func() bool { return a.count() == members+1 && len(a.conns("both")) == 2 })
	for round := 1; round <= 2; round++ {
		c.signal(syscall.SIGSTOP)
		f.await("the end of all", func() bool {
			return len(a.heard()) == 2*members*round+1 && len(b.heard()) == 2*members*round+1 && a.count() == 1
		})
		if ids := b.conns("both"); len(ids) != 1 {
			t.Errorf("while it is stopped: %v", ids)
		}
		c.signal(syscall.SIGCONT)
		f.await("all again", func() bool {
			return len(a.heard()) == 2*members*round+members+1 && len(b.heard()) == 2*members*round+members+1 &&
				a.count() == members+1 && len(a.conns("both")) == 2
		})
	}
	decided := 0
	for _, n := range []*testNode{a, b} {
		online, offline, d := n.tally(t)
		if online != 3*members || offline != 2*members {
			t.Errorf("%d came, %d went", online, offline)
		}
		decided += d
	}
	if decided != 2*members {
		t.Errorf("the other nodes have decided %d times, want %d", decided, 2*members)
	}
	all := a.everyone("/")
	for i := range members {
		if u := all[fmt.Sprint("m", i)]; len(u.Conns) != 1 {
			t.Errorf("m%d: %+v", i, u)
		}
	}
	f.await("what the child hears", func() bool {
		return c.told("told m") >= 5*members
	})
	ends, begins := 0, 0
	c.mu.Lock()
	for _, line := range c.lines {
		if strings.HasPrefix(line, "told m") {
			switch {
			case strings.HasSuffix(line, " true true false"):
				begins++
			case strings.HasSuffix(line, " false false false"):
				ends++
			}
		}
	}
	c.mu.Unlock()
	if begins != 3*members || ends != 2*members {
		t.Errorf("the child has decided %d times that somebody came, and heard %d times that one went", begins, ends)
	}
	// Whoever comes back before the next heartbeat was not seen to be away.
	f.await("the child", func() bool {
		news := a.news()
		return news[len(news)-1] == "up child" && strings.Count(strings.Join(news, " "), "child")%2 == 1
	})
}
