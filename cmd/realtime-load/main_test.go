package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-go/realtime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type saying struct {
	realtime.Positional
	Room string
	Data json.RawMessage
}

// serve answers the events that the program sends.
func serve(t *testing.T) (srv realtime.Server, url string) {
	t.Helper()
	srv, err := realtime.New(realtime.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	realtime.Handle(srv, "join", func(ctx context.Context, c *realtime.Conn, room string) (bool, error) { return true, c.Join(ctx, room) })
	realtime.On(srv, "say", func(ctx context.Context, c *realtime.Conn, s saying) error {
		return c.To(s.Room).Emit(ctx, "said", s.Data)
	})
	realtime.Handle(srv, "echo", func(_ context.Context, _ *realtime.Conn, v json.RawMessage) (json.RawMessage, error) { return v, nil })
	ts := httptest.NewServer(srv)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		ts.Close()
	})
	return srv, ts.URL
}

// measure runs the program and returns the report that it writes.
func measure(t *testing.T, errs io.Writer, args ...string) report {
	t.Helper()
	var out bytes.Buffer
	if code := run(t.Context(), append([]string{"-json", "-", "-warm", "0s"}, args...), &out, errs); code != ok {
		t.Fatalf("exit code %d", code)
	}
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err, out.String())
	}
	return r
}

// TestEveryLoad looks at counts: what is sent arrives, over both transports.
func TestEveryLoad(t *testing.T) {
	_, url := serve(t)
	for name, tc := range map[string]struct {
		args      []string
		receivers int64 // of each message
	}{
		"rooms":             {[]string{"-connections", "12", "-rooms", "3", "-rate", "200"}, 3},
		"publisher":         {[]string{"-connections", "12", "-rooms", "1", "-publisher", "-rate", "50"}, 12},
		"closed":            {[]string{"-connections", "12", "-rooms", "3", "-window", "4"}, 3},
		"acknowledgements":  {[]string{"-connections", "5", "-ack", "-rate", "200"}, 1},
		"polling":           {[]string{"-connections", "6", "-rooms", "2", "-rate", "50", "-transport", "polling"}, 2},
		"polling with acks": {[]string{"-connections", "4", "-ack", "-window", "2", "-transport", "polling"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := measure(t, t.Output(), append(tc.args, "-url", url, "-duration", "1500ms")...)
			if r.Sent == 0 || r.Received == 0 || r.Lost != 0 || r.Breaks != 0 || r.Interrupted {
				t.Errorf("%+v", r)
			}
			if slack := int64(100) * tc.receivers; r.Received > r.Sent*tc.receivers+slack {
				t.Errorf("%d received of %d sent to %d", r.Received, r.Sent, tc.receivers)
			}
			if l := r.Latency; !(0 < l.P50 && l.P50 <= l.P90 && l.P90 <= l.P99 && l.P99 <= l.P999 && l.P999 <= l.Max) {
				t.Errorf("%+v", l)
			}
			var sent, received int64
			for _, s := range r.Seconds {
				sent, received = sent+s.Sent, received+s.Received
			}
			if sent != r.Sent || received != r.Received || len(r.Seconds) != 2 {
				t.Errorf("%d seconds have %d sent and %d received of %d and %d", len(r.Seconds), sent, received, r.Sent, r.Received)
			}
		})
	}
}

// TestHeldConnections are silent, and come back when they break.
func TestHeldConnections(t *testing.T) {
	srv, url := serve(t)
	errs := &watcher{"connected: 8", func() {
		if err := srv.ReconnectAll(context.Background(), "test"); err != nil {
			t.Error(err)
		}
	}}
	r := measure(t, errs, "-url", url, "-connections", "8", "-duration", "2s", "-reconnect", "100ms")
	if r.Breaks != 8 || r.Returns != 8 || r.Break == "" || r.Sent != 0 {
		t.Errorf("%+v", r)
	}
}

// TestTableAndPicture: people get a table, and a picture that is one.
func TestTableAndPicture(t *testing.T) {
	_, url := serve(t)
	picture := filepath.Join(t.TempDir(), "latency.svg")
	figures := filepath.Join(t.TempDir(), "result.json")
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{
		"-url", url + "/socket.io/", "-connections", "4", "-rooms", "2", "-rate", "100", "-warm", "0s", "-duration", "2s", "-plot", picture, "-json", figures,
	}, &out, &errs)
	if code != ok {
		t.Fatal(errs.String())
	}
	for _, want := range []string{"connections   4 websocket", "sent", "received", "lost          0", "reconnects    0, of 0", "p99.9", "own CPU"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if !strings.Contains(errs.String(), "connected: 4") {
		t.Errorf("progress: %s", &errs)
	}
	svg, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, isStart := token.(xml.StartElement); isStart && e.Name.Local == "polyline" {
			lines++
			for _, a := range e.Attr {
				if a.Name.Local == "points" && len(strings.Fields(a.Value)) != 2 {
					t.Errorf("a line of %q", a.Value)
				}
			}
		}
	}
	if lines != 3 {
		t.Errorf("%d lines", lines)
	}
	if text, err := os.ReadFile(figures); err != nil || !json.Valid(text) {
		t.Error("no figures", err)
	}
}

// TestInterrupt: who stops a run sees what it has measured.
func TestInterrupt(t *testing.T) {
	_, url := serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	var errs bytes.Buffer
	out := &watcher{"received", cancel}
	code := run(ctx, []string{"-url", url, "-connections", "4", "-rooms", "2", "-window", "1", "-warm", "0s", "-duration", "1h"}, &errs, out)
	if code != ok || !strings.Contains(errs.String(), "interrupted") || !strings.Contains(errs.String(), "p99") {
		t.Errorf("exit code %d: %s", code, &errs)
	}
}

// watcher acts when something is said.
type watcher struct {
	text string
	act  func()
}

func (w *watcher) Write(p []byte) (int, error) {
	if strings.Contains(string(p), w.text) {
		w.act()
	}
	return len(p), nil
}

func TestMistakes(t *testing.T) {
	for _, tc := range []struct {
		args string
		want string
	}{
		{"-url ftp://x", "-url"},
		{"-url https://game.example", "TLS"},
		{"-url http://x/?a=b", "query"},
		{"-connections 0", "-connections"},
		{"-connections 10 -rooms 3", "-rooms"},
		{"-connections 10 -rooms 10 -rate 1", "nobody"},
		{"-rate -1", "-rate"},
		{"-rate 1 -window 1", "both"},
		{"-payload 39", "-payload"},
		{"-duration 0s", "-duration"},
		{"-transport pigeon", "-transport"},
		{"-namespace chat", "-namespace"},
		{"-auth [secret]", "-auth"},
		{"more", "more"},
	} {
		var errs bytes.Buffer
		if code := run(t.Context(), strings.Fields(tc.args), io.Discard, &errs); code != usage || !strings.Contains(errs.String(), tc.want) || strings.Contains(errs.String(), "secret") {
			t.Errorf("%s: exit code %d, %s", tc.args, code, &errs)
		}
	}
	var errs bytes.Buffer
	if code := run(t.Context(), []string{"-url", "http://127.0.0.1:1", "-connections", "1"}, io.Discard, &errs); code != failed || !strings.Contains(errs.String(), "127.0.0.1:1") {
		t.Errorf("exit code %d, %s", code, &errs)
	}
	if code := run(t.Context(), []string{"-h"}, io.Discard, &errs); code != ok || !strings.Contains(errs.String(), "-plot") {
		t.Errorf("exit code %d, %s", code, &errs)
	}
}
