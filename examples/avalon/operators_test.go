package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/crypto/bcrypt"

	"github.com/realtime-go/realtime/realtimetest"
)

// Operators see who is there, and no token; players do not see that page.
func TestPagesOfOperators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t)
		ann := w.guest("ann")
		get := func(h http.Handler, path string) *httptest.ResponseRecorder {
			r := httptest.NewRecorder()
			h.ServeHTTP(r, httptest.NewRequest(http.MethodGet, path, http.NoBody))
			return r
		}
		pages := operators(w.app.srv, w.app.metrics)
		page := get(pages, "/debug/realtime?namespace=/game")
		var body struct {
			Matching int
			Conns    []struct{ ID, User string }
		}
		if err := json.Unmarshal(page.Body.Bytes(), &body); err != nil || body.Matching != 1 || body.Conns[0].ID != ann.ID() || body.Conns[0].User != ann.session.User {
			t.Errorf("%v: %s", err, page.Body)
		}
		if strings.Contains(page.Body.String(), ann.session.Token) {
			t.Error("a token is shown")
		}
		for _, series := range []string{`realtime_connections{namespace="/game"} 1`, `realtime_connects_total{namespace="/game",transport="websocket"} 1`} {
			if text := get(pages, "/metrics").Body.String(); !strings.Contains(text, series+"\n") {
				t.Errorf("no %s in %s", series, text)
			}
		}
		check(t, "metrics, for players", get(w.app, "/metrics").Code, http.StatusNotFound)
		check(t, "health", get(pages, "/healthz").Body.String(), `{"status":"ok"}`+"\n")
		check(t, "the page of operators, for players", get(w.app, "/debug/realtime").Code, http.StatusNotFound)
		for _, h := range []http.Handler{w.app, pages} {
			check(t, "ready", get(h, "/readyz").Code, http.StatusOK)
		}
		if err := w.app.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, h := range []http.Handler{w.app, pages} {
			check(t, "ready, after the end", get(h, "/readyz").Code, http.StatusServiceUnavailable)
		}
	})
}

// The program serves both at addresses of their own, and ends both.
func TestOperatorsHaveAnAddressOfTheirOwn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, said := io.Pipe()
	ended := make(chan error, 1)
	go func() { // ends with ctx
		ended <- run(ctx, []string{"-addr", "127.0.0.1:0", "-operators", "127.0.0.1:0"}, func(string) string { return "" }, said)
		_ = said.Close()
	}()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	lines := bufio.NewScanner(out)
	for _, tc := range []struct{ begins, path string }{{"avalon: open ", "/readyz"}, {"avalon: for operators ", "/debug/realtime"}} {
		if !lines.Scan() {
			t.Fatalf("no line %q: %v", tc.begins, <-ended)
		}
		address, ok := strings.CutPrefix(lines.Text(), tc.begins)
		if !ok {
			t.Fatalf("the program says %q", lines.Text())
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+tc.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		check(t, tc.path, answer.StatusCode, http.StatusOK)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// With -admin, and a password, the Admin UI's namespace is there, and sees the players; without, it is not.
func TestAdminUI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hash, err := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		page := realtimetest.Options{Namespace: "/admin", Auth: map[string]string{"username": "op", "password": "correct horse"}}
		if _, err := begin(t).host.TryConnect(page); err == nil {
			t.Error("the namespace is there without -admin")
		}
		env := map[string]string{"AVALON_ADMIN_HASH": string(hash), "AVALON_ADMIN_USER": "op"}
		s, err := readSettings([]string{"-admin"}, environment(env), t.Output())
		if err != nil {
			t.Fatal(err)
		}
		log := &logged{}
		a, err := open(s, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		w := serving(t, a, log)
		ann := w.guest("ann")
		type player struct {
			ID, Nsp string
		}
		admin := w.host.Connect(page)
		realtimetest.Expect[string](admin, "session")
		if players := realtimetest.Expect[[]player](admin, "all_sockets"); !slices.Contains(players, player{ann.ID(), "/game"}) {
			t.Errorf("%v", players)
		}
		if err := a.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
