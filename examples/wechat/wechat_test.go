package main

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/realtime-go/realtime/client"
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
	}, "--experimental-vm-modules", "--no-warnings", "--test", "--test-reporter=spec", "project.test.mjs", "wechat.test.mjs")
}

// project puts the game together as docs/wechat.md says.
func project(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("minigame")); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		filepath.Join("..", "..", "client", client.Name):                                      "realtime.js",
		filepath.Join("test", "node_modules", "weapp.socket.io", "lib", "weapp.socket.io.js"): "weapp.socket.io.js",
	} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
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
