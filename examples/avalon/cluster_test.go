//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/realtime-go/realtime/examples/avalon/game"
)

// TestAGameOverProcessesOfWhichOneIsKilled lets official clients play a whole game over two processes and a real Redis. In the middle of a vote one of the two
// is killed, which an operator calls kill -9; later a new one takes part. Every frame goes before the judge of leaks_test.go.
func TestAGameOverProcessesOfWhichOneIsKilled(t *testing.T) {
	node := officialClients(t)
	ctx, cancel := context.WithTimeout(t.Context(), nodeLimit)
	t.Cleanup(cancel)
	redis, program := startRedis(t), build(ctx, t)
	begin := func() *process {
		return startProcess(t, exec.CommandContext(ctx, program, "-addr", "127.0.0.1:0", "-redis", redis.url(), "-tempo", "0.3", "-seed", "11"))
	}
	all := []*process{begin(), begin()}

	var r report
	steer(ctx, t, exec.CommandContext(ctx, node, "processes.mjs", all[0].address, all[1].address), &r, map[string]func() string{
		"kill": func() string {
			if err := all[0].cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
			return "done"
		},
		"begin": func() string {
			all = append(all, begin())
			return all[2].address
		},
	})
	tr := truth{r.Table, rolesInRedis(t, redis, r.Table)}
	for i, p := range r.Players {
		if p.Seat != i || p.Role != tr.roles[i] {
			t.Errorf("%s in seat %d was told to be %s in seat %d, and is %s", p.Name, i, p.Role, p.Seat, tr.roles[i])
		}
	}
	checkFrames(t, &r, tr)
	states := make(map[string]int)
	for _, f := range r.Frames {
		if strings.Contains(f.Text, `["table",`) {
			states[f.By]++
		}
	}
	logs := ""
	for i, p := range all {
		if states[p.address] < 10 {
			t.Errorf("process %d sent %d states", i, states[p.address])
		}
		if i > 0 {
			p.end(t)
		}
		logs += p.log.String()
	}
	checkLogs(t, logs)
}

// process is one of those that share their tables.
type process struct {
	cmd     *exec.Cmd
	address string
	log     *logged
	ended   <-chan error
}

// startProcess starts the program; its context ends it at the latest.
func startProcess(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, log: &logged{}}
	cmd.Env = append(cmd.Environ(), "AVALON_SECRET="+secretOfTests)
	cmd.Stderr = io.MultiWriter(p.log, t.Output())
	line, ended := start(t, cmd)
	address, ok := strings.CutPrefix(line, "avalon: open ")
	if !ok {
		t.Fatalf("the program began with %q", line)
	}
	p.address, p.ended = address, ended
	return p
}

// end asks a process to end, which it has to do cleanly.
func (p *process) end(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-p.ended:
		if err != nil {
			t.Errorf("a process ended with %v", err)
		}
	case <-time.After(6 * ending): // a watchdog
		t.Error("a process does not end")
	}
}

// build makes the program as a person would.
func build(ctx context.Context, t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "avalon")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// steer runs a script that asks for something now and then, and reads its last line into report.
func steer(ctx context.Context, t *testing.T, cmd *exec.Cmd, report any, do map[string]func() string) {
	t.Helper()
	cmd.Dir, cmd.Stderr = "clients", t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatalf("the script ended early: %v, %v, %v", err, cmd.Wait(), context.Cause(ctx))
		}
		if ask := do[string(bytes.TrimSpace(line))]; ask != nil {
			if _, err := fmt.Fprintln(in, ask()); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := json.Unmarshal(line, report); err != nil {
			t.Fatalf("%v in %.200s", err, line)
		}
		break
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the script: %v", err)
	}
}

// rolesInRedis looks where the processes have the table.
func rolesInRedis(t *testing.T, redis *redisServer, id string) (roles []string) {
	t.Helper()
	s, err := openRedis(redis.url())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	text, err := s.load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	found, err := decodeTable(text)
	if err != nil {
		t.Fatal(err)
	}
	if found.phase() != string(game.Over) {
		t.Fatalf("the game stands in phase %s", found.phase())
	}
	for _, role := range found.game.State().Revealed {
		roles = append(roles, string(role))
	}
	return roles
}

// checkLogs looks for what should not be in the logs of all processes, and whether what should be there once is there once.
func checkLogs(t *testing.T, logs string) {
	t.Helper()
	for _, message := range []string{"table opened", "moved for the absent", "game over"} {
		seen := make(map[string]int)
		for _, line := range regexp.MustCompile(message+".*").FindAllString(logs, -1) {
			seen[line]++
		}
		if len(seen) == 0 {
			t.Errorf("%q is not in the logs", message)
		}
		for line, n := range seen {
			if n != 1 {
				t.Errorf("%d times: %s", n, line)
			}
		}
	}
	if wrong := regexp.MustCompile(`(?m)^.*( ERROR |panic).*$`).FindString(logs); wrong != "" {
		t.Errorf("a process had an error: %s", wrong)
	}
}
