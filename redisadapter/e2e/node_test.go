//go:build unix

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, // but for what ends by itself
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient)._refresh.func2"),
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"),
	)
}

// watchdog is how long a test waits for what must happen.
const watchdog = 90 * time.Second

const oldestNode = 20

// node is a process of peer.mjs.
type node struct {
	t   testing.TB
	url string
	cmd *exec.Cmd
	in  io.WriteCloser

	mu      sync.Mutex // guards what follows
	last    int
	waiting map[int]chan reply
	fatal   string
}

type reply struct {
	ID     int
	URL    string
	Result json.RawMessage
	Error  string
	Fatal  string
}

// nodeConfig is the argument of peer.mjs.
type nodeConfig struct {
	Package   string         `json:"package"`
	Addresses []string       `json:"addresses"`
	Cluster   bool           `json:"cluster"`
	Options   map[string]any `json:"options"`
}

// startNode starts a Node.js server. It ends with the test.
func startNode(t testing.TB, cfg nodeConfig) *node {
	t.Helper()
	program := install(t)
	arg, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, cmd: exec.Command(program, "peer.mjs", string(arg)), waiting: map[int]chan reply{}}
	n.cmd.Stderr = t.Output()
	if n.in, err = n.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.stop)
	ready := make(chan reply, 1)
	n.waiting[0] = ready
	go n.listen(out) // ends with the process
	r := n.await(ready, "a Node.js server that listens")
	n.url = r.URL
	return n
}

// listen hands replies to those who wait for them.
func (n *node) listen(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r reply
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			r = reply{Fatal: fmt.Sprintf("%v in %s", err, lines.Text())}
		}
		n.mu.Lock()
		if r.Fatal != "" {
			n.fatal = r.Fatal
		}
		if ch := n.waiting[r.ID]; ch != nil {
			delete(n.waiting, r.ID)
			ch <- r
		}
		n.mu.Unlock()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, ch := range n.waiting {
		ch <- reply{Error: "the process has ended: " + n.fatal}
	}
	n.waiting = nil
}

func (n *node) await(ch chan reply, what string) reply {
	n.t.Helper()
	select {
	case r := <-ch:
		return r
	case <-time.After(watchdog):
		n.t.Fatalf("%s: not within %v", what, watchdog)
	}
	return reply{}
}

// run runs JavaScript in the process and returns its result; with arguments it is a format.
func (n *node) run(code string, args ...any) json.RawMessage {
	n.t.Helper()
	return n.start(code, args...)()
}

// start is run that returns at once, and a function that waits.
func (n *node) start(code string, args ...any) (wait func() json.RawMessage) {
	n.t.Helper()
	if len(args) > 0 {
		code = fmt.Sprintf(code, args...)
	}
	ch := make(chan reply, 1)
	n.mu.Lock()
	n.last++
	id := n.last
	if n.waiting == nil {
		n.mu.Unlock()
		n.t.Fatalf("the Node.js process has ended: %s", n.fatal)
	}
	n.waiting[id] = ch
	n.mu.Unlock()
	line, err := json.Marshal(map[string]any{"id": id, "code": code})
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := n.in.Write(append(line, '\n')); err != nil {
		n.t.Fatal(err)
	}
	return func() json.RawMessage {
		n.t.Helper()
		r := n.await(ch, code)
		if r.Error != "" {
			n.t.Fatalf("%s\n%s", code, r.Error)
		}
		return r.Result
	}
}

// value is run with a result of a type.
func value[T any](n *node, code string, args ...any) (v T) {
	n.t.Helper()
	raw := n.run(code, args...)
	if err := json.Unmarshal(raw, &v); err != nil {
		n.t.Fatalf("%s: %v in %s", code, err, raw)
	}
	return v
}

// stop ends the process.
func (n *node) stop() {
	n.in.Close()
	done := make(chan struct{})
	go func() { // ends with the process, which is killed if it does not end
		_ = n.cmd.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		_ = n.cmd.Process.Kill()
		<-done
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fatal != "" {
		n.t.Errorf("the Node.js process died: %s", n.fatal)
	}
}

// kill ends the process without a word.
func (n *node) kill() {
	_ = n.cmd.Process.Kill()
}

var installing sync.Mutex

// install makes sure that Node.js and the packages are there, and gives the path of node.
func install(t testing.TB) string {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	program := need(t, "node")
	version, err := exec.CommandContext(t.Context(), program, "--version").Output()
	if err != nil {
		t.Fatalf("node --version: %v", err)
	}
	text := strings.TrimSpace(string(version))
	major, _, _ := strings.Cut(strings.TrimPrefix(text, "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldestNode {
		t.Fatalf("this is Node %s, the packages need %d or newer: https://nodejs.org", text, oldestNode)
	}
	mark := filepath.Join("node_modules", ".package-lock.json") // npm leaves it behind
	if newer(mark, "package-lock.json") {
		return program
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, need(t, "npm"), "ci", "--no-audit", "--no-fund")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	if err := os.Chtimes(mark, time.Time{}, time.Now()); err != nil {
		t.Fatalf("npm ci left no list of what it installed: %v", err)
	}
	return program
}

func need(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is missing: install Node.js %d or newer (https://nodejs.org, or the package nodejs or npm of your system)", program, oldestNode)
	}
	return path
}

func newer(name, than string) bool {
	a, errA := os.Stat(name)
	b, errB := os.Stat(than)
	return errA == nil && errB == nil && a.ModTime().After(b.ModTime())
}
