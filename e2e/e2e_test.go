package e2e

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// fileLimit bounds one file of scenarios. Each scenario has a limit of its own, far below.
const fileLimit = 10 * time.Minute

const oldestNode = 20

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestOfficialClients lets the official clients play every file of clients/ against servers of this process.
func TestOfficialClients(t *testing.T) {
	node := installClients(t)
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	service := newControl(log)
	web := httptest.NewServer(service.handler())
	t.Cleanup(web.Close)

	files, err := filepath.Glob(filepath.Join("clients", "*.test.mjs"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios found: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".test.mjs"), func(t *testing.T) {
			run(t, node, []string{"REALTIME_URL=" + web.URL}, filepath.Join("lib", "run.mjs"), file)
			if err := service.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestCatalogue fails when a scenario or a client dropped out of the suite, or came in, without a word in SCENARIOS.md.
func TestCatalogue(t *testing.T) {
	run(t, installClients(t), nil, filepath.Join("lib", "catalogue.mjs"), "--check")
}

// run runs a program in this directory and fails the test unless it ends with success; its output is the test's.
func run(t *testing.T, program string, environment []string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), fileLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), environment...)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v", filepath.Base(program), strings.Join(args, " "), err)
	}
}

// installClients makes sure that Node and the client packages are there, and gives the path of node.
func installClients(t *testing.T) string {
	t.Helper()
	node := need(t, "node")
	version, err := exec.CommandContext(t.Context(), node, "--version").Output()
	if err != nil {
		t.Fatalf("node --version: %v", err)
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(version)), "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldestNode {
		t.Fatalf("this is Node %s, the clients need %d or newer: https://nodejs.org", strings.TrimSpace(string(version)), oldestNode)
	}
	if installed() {
		return node
	}
	run(t, need(t, "npm"), nil, "ci", "--no-audit", "--no-fund")
	if err := os.Chtimes(installedFile, time.Time{}, time.Now()); err != nil {
		t.Fatalf("npm ci left no list of what it installed: %v", err)
	}
	return node
}

func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is missing: install Node.js %d or newer (https://nodejs.org, or the package nodejs or npm of your system)", program, oldestNode)
	}
	return path
}

// installedFile is left behind by npm.
var installedFile = filepath.Join("node_modules", ".package-lock.json")

// installed tells whether npm ran since the lock file changed.
func installed() bool {
	modified := func(name string) time.Time {
		info, err := os.Stat(name)
		if err != nil {
			return time.Time{}
		}
		return info.ModTime()
	}
	at := modified(installedFile)
	return !at.IsZero() && at.After(modified("package-lock.json"))
}
