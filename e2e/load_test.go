package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLoadToolAgainstNode: cmd/realtime-load measures the official server too, over both transports.
func TestLoadToolAgainstNode(t *testing.T) {
	url := startNode(t, installClients(t), filepath.Join("reference", "load.mjs"))
	tool := filepath.Join(t.TempDir(), "realtime-load.exe") // only Windows minds the extension
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", tool, "../cmd/realtime-load").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, args := range []string{
		"-connections 20 -rooms 5 -rate 100",
		"-connections 20 -ack -rate 100",
		"-connections 10 -rooms 2 -publisher -rate 50 -transport polling",
	} {
		cmd := exec.CommandContext(t.Context(), tool, append(strings.Fields(args), "-url", url, "-warm", "0s", "-duration", "1s", "-json", "-")...)
		cmd.Stderr = t.Output()
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", args, err)
		}
		var result struct{ Sent, Received, Lost, Reconnects int64 }
		if err := json.Unmarshal(out, &result); err != nil {
			t.Fatal(err)
		}
		if result.Sent == 0 || result.Received == 0 || result.Lost != 0 || result.Reconnects != 0 {
			t.Errorf("%s: %s", args, out)
		}
	}
}

// startNode runs a program that prints its port, until the end of the test.
func startNode(t *testing.T, node, program string) (url string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, node, program)
	cmd.Stderr = t.Output()
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the program prints no port")
	}
	return "http://127.0.0.1:" + lines.Text()
}
