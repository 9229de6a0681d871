package browser

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// limit bounds the whole test, the installation of the driver included. It is a watchdog: a run takes well under a minute.
const limit = 8 * time.Minute

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// runs are the files of the test, each with an example of its own, which deals what the file needs to its first table. Tempo is enough
// for a person and little for a bot: games end in seconds.
var runs = []struct {
	file string
	args []string
}{
	// The person with a phone is Merlin and leads first.
	{"phone.test.mjs", []string{"-tempo", "0.1", "-seed", "78"}},
	// The two who meet there are the Assassin and a minion. Their tokens are renewed every few seconds: a minute before the end.
	{"desktop.test.mjs", []string{"-tempo", "0.2", "-seed", "39", "-session", "65s"}},
}

// TestPageInChromium starts the example as a person would and lets Node drive Chromium through its page. Each file is a program of
// its own, and not a child of Node's test runner, so that the signal of a test that takes too long reaches whoever owns the browser.
func TestPageInChromium(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	chromium, node := findChromium(t), find(t, "node")
	installDriver(ctx, t)
	example := buildExample(ctx, t)
	if err := os.RemoveAll("shots"); err != nil {
		t.Fatal(err)
	}
	for _, run := range runs {
		t.Run(run.file, func(t *testing.T) {
			t.Parallel() // most of a game is waiting for bots
			cmd := exec.CommandContext(ctx, node, "--test-reporter=spec", run.file)
			cmd.Env = append(os.Environ(), "AVALON_URL="+start(ctx, t, example, run.args), "CHROMIUM="+chromium)
			cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
			cmd.Cancel = func() error { return terminate(cmd.Process) }
			cmd.WaitDelay = 10 * time.Second
			if err := cmd.Run(); err != nil {
				t.Fatalf("%s: %v; the folder shots has a picture of every stage", run.file, err)
			}
		})
	}
}

// findChromium gives the path of a browser. The variable CHROMIUM wins over whatever is installed.
func findChromium(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path
	}
	for _, program := range []string{
		"chromium", "chromium-browser", "google-chrome", "chrome",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
		filepath.Join(os.Getenv("ProgramFiles"), "Google", "Chrome", "Application", "chrome.exe"),
	} {
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

// installDriver runs npm ci unless it ran since the lock file changed. The driver brings no browser.
func installDriver(ctx context.Context, t *testing.T) {
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

func buildExample(ctx context.Context, t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "avalon.exe") // only Windows minds the extension
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "..").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// start runs the example on a free port and returns the address that it prints. With the test it is ended as in production, and must
// obey.
func start(ctx context.Context, t *testing.T, program string, args []string) string {
	t.Helper()
	first := &firstLine{read: make(chan string, 1)}
	cmd := exec.CommandContext(ctx, program, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	cmd.Stdout, cmd.Stderr = first, t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // owned by the test, which ends the program and takes the result
	t.Cleanup(func() {
		if err := terminate(cmd.Process); err != nil {
			t.Errorf("the example could not be told to end: %v", err)
		}
		if err := <-ended; err != nil && runtime.GOOS != "windows" {
			t.Errorf("the example ended with %v", err)
		}
	})
	return first.address(ctx, t)
}

// terminate asks a program to end, or kills it where programs cannot be asked.
func terminate(p *os.Process) error {
	if runtime.GOOS == "windows" {
		return p.Kill()
	}
	return p.Signal(syscall.SIGTERM)
}

// firstLine passes on the first line that is written to it and forgets the rest. It is written to by one goroutine.
type firstLine struct {
	text strings.Builder
	done bool
	read chan string
}

// address waits for the line in which the example says where its page is.
func (f *firstLine) address(ctx context.Context, t *testing.T) string {
	t.Helper()
	select {
	case line := <-f.read:
		_, address, found := strings.Cut(line, "http://")
		if !found {
			t.Fatalf("no address in %q", line)
		}
		return "http://" + strings.TrimSpace(address)
	case <-ctx.Done():
		t.Fatal("the example printed no address")
	}
	return ""
}

func (f *firstLine) Write(p []byte) (int, error) {
	if !f.done {
		f.text.Write(p)
		var line string
		if line, _, f.done = strings.Cut(f.text.String(), "\n"); f.done {
			f.read <- line
		}
	}
	return len(p), nil
}
