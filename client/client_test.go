package client_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-go/realtime/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHandler(t *testing.T) {
	h := client.Handler()
	get := func(etag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/"+client.Name, nil)
		if etag != "" {
			r.Header.Set("If-None-Match", etag)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	module, err := os.ReadFile(client.Name)
	if err != nil {
		t.Fatal(err)
	}
	first := get("")
	if first.Code != http.StatusOK || !bytes.Equal(first.Body.Bytes(), module) {
		t.Fatalf("status %d with %d bytes, want 200 with the module", first.Code, first.Body.Len())
	}
	if got := first.Header().Get("Content-Type"); got != "text/javascript; charset=utf-8" {
		t.Errorf("Content-Type = %q, a browser refuses modules with another type", got)
	}
	if again := get(first.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("status of a revalidation = %d, want 304", again.Code)
	}
}

// TestModule runs the module's own tests: over a fake link and a fake clock, and in conversation with the official server of Node.
func TestModule(t *testing.T) {
	runNode(t, nil, "link.test.mjs", "conversation.test.mjs", "wx.test.mjs")
}

// nodeLimit bounds one run of Node, the installation of its packages included. It is no expectation: runs take seconds.
const nodeLimit = 4 * time.Minute

// runNode runs test files of the folder test with Node's test runner and fails with its output if one of them fails.
func runNode(t *testing.T, env []string, files ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), nodeLimit)
	defer cancel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("these tests need Node.js 20 or newer with npm (apt-get install nodejs npm): %v", err)
	}
	installPackages(ctx, t)
	args := append([]string{"--test", "--test-reporter=spec"}, files...)
	if out, err := command(ctx, env, node, args...); err != nil {
		t.Fatalf("node --test: %v\n%s", err, out)
	}
}

// installPackages runs npm ci unless the folder holds what the lock file asks for.
func installPackages(ctx context.Context, t *testing.T) {
	t.Helper()
	lock, err := os.Stat(filepath.Join("test", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	installed, err := os.Stat(filepath.Join("test", "node_modules", ".package-lock.json"))
	if err == nil && installed.ModTime().After(lock.ModTime()) {
		return
	}
	if out, err := command(ctx, nil, "npm", "ci"); err != nil {
		t.Fatalf("npm ci in client/test, which needs a package registry within reach: %v\n%s", err, out)
	}
}

func command(ctx context.Context, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = "test"
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = 5 * time.Second // Node's workers may hold the pipe when their parent was killed
	return cmd.CombinedOutput()
}
