package realtime_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
)

// TestEventDriven: over real sockets many connections join, are quiet without goroutines, talk, are flooded, hear a
// broadcast and the end of the server (requirement R24).
func TestEventDriven(t *testing.T) {
	const clients, events = 500, 300 // more events than Limits.InboundEvents
	s := newBenchServerWith(t, realtime.Config{EventDriven: true})
	s.OnConnect(func(ctx context.Context, c *realtime.Conn) error { return c.Join(ctx, "r") })
	var heard atomic.Int64
	gate := make(chan struct{})
	realtime.On(s, "note", func(context.Context, *realtime.Conn, int) error {
		<-gate
		heard.Add(1)
		return nil
	})
	realtime.Handle(s, "echo", func(_ context.Context, _ *realtime.Conn, text string) (string, error) { return text, nil })

	before := runtime.NumGoroutine()
	conns := make([]*rawClient, clients)
	for i := range conns {
		c, err := dialRaw(s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns[i] = c
	}
	waitRoom(t, s, clients)
	const few = 5 // the poller, and what serves HTTP
	wait(t, "quiet", func() bool { return runtime.NumGoroutine() <= before+few })

	for _, c := range conns {
		if _, err := c.Write(clientFrame(`427["echo","x"]`)); err != nil {
			t.Fatal(err)
		}
		if err := c.next(); err != nil {
			t.Fatal(err)
		}
	}
	wait(t, "quiet after echoes", func() bool { return runtime.NumGoroutine() <= before+few })

	// A reader that is paused by a full mailbox keeps its goroutine; the others do not notice.
	note := clientFrame(`42["note",1]`)
	for range events {
		if _, err := conns[0].Write(note); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conns[1].Write(clientFrame(`427["echo","y"]`)); err != nil {
		t.Fatal(err)
	}
	if err := conns[1].next(); err != nil {
		t.Fatal(err)
	}
	if n := runtime.NumGoroutine(); n > before+few+2 { // a reader and a handler
		t.Errorf("%d goroutines, %d before", n, before)
	}
	close(gate)
	wait(t, "all notes", func() bool { return heard.Load() == events })

	if err := s.To("r").Emit(context.Background(), "msg", strings.Repeat("x", 1000)); err != nil {
		t.Fatal(err)
	}
	for _, c := range conns {
		if err := c.next(); err != nil {
			t.Fatal(err)
		}
	}
	wait(t, "quiet after a broadcast", func() bool { return runtime.NumGoroutine() <= before+few })

	ended := make(chan error, clients)
	for _, c := range conns {
		// Owner: the test, which receives from ended.
		go func() {
			c.drain(func() {})
			_, err := c.r.ReadByte()
			c.Close()
			ended <- err
		}()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	for range clients {
		if err := <-ended; !errors.Is(err, io.EOF) {
			t.Errorf("ended with %v", err)
		}
	}
}

// wait waits until a condition holds.
func wait(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !cond(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("no %s; %d goroutines", what, runtime.NumGoroutine())
		}
	}
}
