package browser

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/adminui"
)

// limit bounds the whole test, the installation included. It is a watchdog: a run takes well under a minute.
const limit = 5 * time.Minute

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestPageOfTheAdminUI lets Node drive the page against a server that takes commands, and against one that takes none.
func TestPageOfTheAdminUI(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	chromium, node := findChromium(t), find(t, "node")
	install(ctx, t)
	cmd := exec.CommandContext(ctx, node, "--test-reporter=spec", "page.test.mjs")
	cmd.Env = append(os.Environ(), "CHROMIUM="+chromium,
		"DEVELOPMENT_URL="+serve(t, adminui.Options{Mode: adminui.Development, ServerID: "castle"}),
		"READONLY_URL="+serve(t, adminui.Options{Mode: adminui.Development, ReadOnly: true, ServerID: "tower"}))
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	cmd.Cancel = func() error {
		if runtime.GOOS == "windows" {
			return cmd.Process.Kill()
		}
		return cmd.Process.Signal(syscall.SIGTERM)
	}
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
}

// serve runs a server with the page beside it, at "/".
func serve(t *testing.T, o adminui.Options) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := realtime.New(realtime.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	o.Username, o.PasswordHash, o.Logger = "admin", string(hash), slog.New(slog.DiscardHandler)
	ui, err := adminui.Mount(srv, o)
	if err != nil {
		t.Fatal(err)
	}
	realtime.Handle(srv, "sit", func(ctx context.Context, c *realtime.Conn, table string) (string, error) {
		return "seated at " + table, c.Join(ctx, table)
	})
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.Handle("/", http.FileServer(http.Dir(filepath.Join("node_modules", "@socket.io", "admin-ui", "ui", "dist"))))
	ts := httptest.NewServer(mux)
	t.Cleanup(func() {
		ui.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		ts.Close()
	})
	return ts.URL
}

// findChromium gives the path of a browser. The variable CHROMIUM wins over whatever is installed.
func findChromium(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path
	}
	for _, program := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(program); err == nil {
			return path
		}
	}
	t.Fatal("Chromium is missing: install it (apt-get install chromium, brew install --cask chromium), or set CHROMIUM to its program")
	return ""
}

func find(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is missing: install Node.js 20 or newer with npm (https://nodejs.org, or the packages nodejs and npm of your system)", program)
	}
	return path
}

// install runs npm ci unless it ran since the lock file changed.
func install(ctx context.Context, t *testing.T) {
	t.Helper()
	list := filepath.Join("node_modules", ".package-lock.json") // npm leaves it behind
	lock, err := os.Stat("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if installed, err := os.Stat(list); err == nil && installed.ModTime().After(lock.ModTime()) {
		return
	}
	if out, err := exec.CommandContext(ctx, find(t, "npm"), "ci", "--no-audit", "--no-fund").CombinedOutput(); err != nil {
		t.Fatalf("npm ci, which needs a package registry within reach: %v\n%s", err, out)
	}
	if err := os.Chtimes(list, time.Time{}, time.Now()); err != nil {
		t.Fatalf("npm ci left no list of what it installed: %v", err)
	}
}
