package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestRun starts the program on a free port of the loopback interface, logs in, and ends it.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, settings{addr: "127.0.0.1:0", lifetime: time.Hour, grace: time.Minute}, in) }() // ends with ctx, awaited below
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + strings.TrimSpace(strings.TrimPrefix(line, "wechat: listening on "))
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := web.Post(address+"/login", "application/json", strings.NewReader(`{"code":"ann.1"}`))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), `"token":`) {
		t.Errorf("login: status %d, %q (%v)", resp.StatusCode, body, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("run ended with %v", err)
	}
}

func TestAShortSecretIsRefused(t *testing.T) {
	err := run(t.Context(), settings{addr: "127.0.0.1:0", secret: "short"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "at least 32") {
		t.Errorf("error %v, want a word about the length", err)
	}
}
