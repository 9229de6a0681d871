package e2e

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
)

// TestCompressionWithTheOfficialClient: what it compresses arrives, and what it gets compressed is what was sent.
func TestCompressionWithTheOfficialClient(t *testing.T) {
	srv, err := realtime.New(realtime.Config{Compression: realtime.Compression{Enabled: true}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	srv.HandleEvent("echo", func(_ context.Context, _ *realtime.Conn, ev *realtime.Event) error {
		var v any
		if err := ev.Bind(&v); err != nil {
			return err
		}
		return ev.Reply(v)
	})
	web := httptest.NewServer(srv)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		web.Close()
	})
	run(t, installClients(t), []string{"REALTIME_URL=" + web.URL}, filepath.Join("lib", "compression.mjs"))
}
