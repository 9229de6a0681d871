//go:build unix

package browser

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestPageOutlivesItsProcess lets a page stand before two processes, as behind a balancer. What the operator does to them and to their Redis, the script says.
func TestPageOutlivesItsProcess(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), limit) // processes end with the test's functions for that
	t.Cleanup(cancel)
	chromium, node := findChromium(t), find(t, "node")
	installDriver(ctx, t)
	redis, address := startRedis(ctx, t)
	example := buildExample(ctx, t)
	args := []string{"-redis", "redis://" + address, "-secret", strings.Repeat("s", 32), "-tempo", "0.3", "-seed", "39"}
	first := exec.CommandContext(ctx, example, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	var b balancer
	b.to.Store(launch(ctx, t, first))
	ended := make(chan struct{})
	go func() { // ends with the process, which its context ends at the latest
		_ = first.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	second := start(ctx, t, example, args)
	b.operator = map[string]func() error{
		"kill": func() error {
			b.to.Store(parsed(t, second))
			return first.Process.Kill()
		},
		"stop":   func() error { return redis.Signal(syscall.SIGSTOP) },
		"resume": func() error { return redis.Signal(syscall.SIGCONT) },
	}
	front := httptest.NewServer(&b)
	t.Cleanup(front.Close)

	cmd := exec.CommandContext(ctx, node, "--test-reporter=spec", "processes.test.mjs")
	cmd.Env = append(os.Environ(), "AVALON_URL="+front.URL, "CHROMIUM="+chromium)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("processes.test.mjs: %v", err)
	}
}

// balancer passes requests on to one process.
type balancer struct {
	to       atomic.Pointer[url.URL]
	operator map[string]func() error // by the path of a request that asks for it
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	what, asked := strings.CutPrefix(r.URL.Path, "/operator/")
	if !asked {
		proxy := httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(b.to.Load())
			p.Out.Host = p.In.Host // what the page's origin is compared with
		}}
		proxy.ServeHTTP(w, r)
		return
	}
	do := b.operator[what]
	if do == nil {
		http.NotFound(w, r)
	} else if err := do(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// launch starts a process whose end nobody asks for, and returns its address.
func launch(ctx context.Context, t *testing.T, cmd *exec.Cmd) *url.URL {
	t.Helper()
	first := &firstLine{read: make(chan string, 1)}
	cmd.Stdout, cmd.Stderr = first, t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return parsed(t, first.address(ctx, t))
}

func parsed(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// startRedis starts a redis-server that keeps nothing, on a free port, for the time of the test.
func startRedis(ctx context.Context, t *testing.T) (server *os.Process, address string) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is missing: install it from your system's packages (apt-get install redis-server, brew install redis)")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.CommandContext(ctx, path, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // also if it stands still
		_ = cmd.Wait()
	})
	for beat := time.NewTicker(20 * time.Millisecond); ; { // it says nowhere that others can rely on when it listens
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			beat.Stop()
			return cmd.Process, address
		}
		select {
		case <-beat.C:
		case <-ctx.Done():
			t.Fatal("redis-server does not listen")
		}
	}
}
