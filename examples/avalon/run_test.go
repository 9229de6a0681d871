//go:build unix

package main

import (
	"bufio"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTheProgramEndsCleanly builds and starts the program as a person would, plays a little, and ends it as an operator would, in the middle of a game.
func TestTheProgramEndsCleanly(t *testing.T) {
	node := officialClients(t)
	ctx, cancel := context.WithTimeout(t.Context(), nodeLimit)
	t.Cleanup(cancel)
	server := exec.CommandContext(ctx, build(ctx, t), "-addr", "127.0.0.1:0", "-bots", "4", "-tempo", "0.1", "-seed", "5")
	server.Stderr = t.Output()
	line, ended := start(t, server)
	address, ok := strings.CutPrefix(line, "avalon: open ")
	if !ok {
		t.Fatalf("the program began with %q", line)
	}

	player := exec.CommandContext(ctx, node, "little.mjs", address)
	player.Dir, player.Stderr = "clients", t.Output()
	line, gone := start(t, player)
	if line != "the first quest is decided" {
		t.Fatalf("the player says %q", line)
	}

	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the program ended with %v", err)
		}
	case <-time.After(6 * ending): // a watchdog: it promises to need no more than one of these
		t.Fatal("the program does not end")
	}
	if err := <-gone; err != nil {
		t.Errorf("the player ended with %v", err)
	}
}

// start starts a program and returns its first line, and a channel on which the result of its end arrives.
func start(t *testing.T, cmd *exec.Cmd) (line string, ended <-chan error) {
	t.Helper()
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatalf("%s ended before it said anything: %v", filepath.Base(cmd.Path), cmd.Wait())
	}
	line = lines.Text()
	result := make(chan error, 1)
	go func() { // ends with the program, which its context ends at the latest
		for lines.Scan() {
		}
		result <- cmd.Wait()
	}()
	return line, result
}
