package main

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestMiniGame plays the game in both of its variants: real sockets to real servers, from stubs of phones.
func TestMiniGame(t *testing.T) {
	installPackages(t)
	c := &control{t: t, servers: make(map[string]*playServer)}
	web := httptest.NewServer(c.handler())
	t.Cleanup(web.Close)
	t.Cleanup(c.stop)
	runNode(t, []string{
		"CONTROL=" + web.URL, "PROJECT=" + project(t), "NODE_EXTRA_CA_CERTS=" + certificate(t),
	}, "--experimental-vm-modules", "--no-warnings", "--test", "--test-reporter=spec", "project.test.mjs", "table.test.mjs", "wechat.test.mjs")
}

// project puts the game together with the commands of docs/wechat.md.
func project(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	commands := regexp.MustCompile(`(?m)^cp (-r )?(\S+) game(/\S+)?$`).FindAllStringSubmatch(page(t), -1)
	for _, c := range commands {
		tree, from, to := c[1] != "", c[2], filepath.Join(dir, c[3])
		switch {
		case tree:
			if err := os.CopyFS(to, os.DirFS(filepath.Join("..", "..", from))); err != nil {
				t.Fatal(err)
			}
		case from == "game/game-weapp.js": // the tests start both entries by their names
		case strings.HasPrefix(from, "node_modules/"):
			copyFile(t, filepath.Join("test", from), to)
		default:
			copyFile(t, filepath.Join("..", "..", from), to)
		}
	}
	if len(commands) != 4 {
		t.Fatalf("docs/wechat.md has %d commands that copy, want 4", len(commands))
	}
	return dir
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// certificate is a file with the certificate of httptest's servers, which is good for example.com.
func certificate(t *testing.T) string {
	t.Helper()
	web := httptest.NewTLSServer(http.NotFoundHandler())
	defer web.Close()
	name := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// nodeLimit bounds one run of Node or npm. It is no expectation: runs take seconds.
const nodeLimit = 4 * time.Minute

func runNode(t *testing.T, env []string, args ...string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("these tests need Node.js 20 or newer with npm (apt-get install nodejs npm): %v", err)
	}
	if out, err := command(t, env, node, args...); err != nil {
		t.Fatalf("node %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// installPackages runs npm ci unless the folder holds what the lock file asks for.
func installPackages(t *testing.T) {
	t.Helper()
	lock, err := os.Stat(filepath.Join("test", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	installed, err := os.Stat(filepath.Join("test", "node_modules", ".package-lock.json"))
	if err == nil && installed.ModTime().After(lock.ModTime()) {
		return
	}
	if out, err := command(t, nil, "npm", "ci", "--no-audit", "--no-fund"); err != nil {
		t.Fatalf("npm ci in examples/wechat/test, which needs a package registry within reach: %v\n%s", err, out)
	}
}

func command(t *testing.T, env []string, name string, args ...string) ([]byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), nodeLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = "test"
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = 5 * time.Second
	return cmd.CombinedOutput()
}
