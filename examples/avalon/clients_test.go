package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/realtime-go/realtime/examples/avalon/game"
)

// nodeLimit bounds one run of Node, the installation of its packages included. It is no expectation: runs take seconds.
const nodeLimit = 5 * time.Minute

// report is what clients/game.mjs prints.
type report struct {
	Table   string
	Players []struct {
		Name        string
		Seat        int
		Role        string
		Disconnects []string
	}
	Frames []struct {
		To   string
		By   string // address of the process, if there are several
		Text string
	}
	Refusals []struct{ Event, Phase, At, Code string }
}

// TestOfficialClientsLearnNoSecretOfOthers lets five official clients and a stranger play a whole game over real sockets. Every frame that one of
// them received goes before the judge of leaks_test.go.
func TestOfficialClientsLearnNoSecretOfOthers(t *testing.T) {
	node := officialClients(t)
	for _, seed := range []string{"1", "2", "3"} {
		t.Run("seed "+seed, func(t *testing.T) {
			log := &logged{}
			a, address := listen(t, log, "-seed", seed, "-tempo", "20")
			var r report
			if err := json.Unmarshal(script(t, node, "game.mjs", address), &r); err != nil {
				t.Fatal(err)
			}
			tr := truth{r.Table, rolesOf(t, a, r.Table)}
			checkReport(t, &r, tr)
			checkFrames(t, &r, tr)
			if n := strings.Count(log.String(), "msg=refused"); n < len(r.Refusals) {
				t.Errorf("%d refusals in the log, want at least %d", n, len(r.Refusals))
			}
		})
	}
}

// listen serves the program on a port of the loopback interface for the rest of the test.
func listen(t *testing.T, log *logged, flags ...string) (a *app, address string) {
	t.Helper()
	s, err := readSettings(flags, environment(nil), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	a, err = open(s, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(a)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := a.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		web.Close()
	})
	return a, web.URL
}

// rolesOf looks into the server for what no client can know before the end.
func rolesOf(t *testing.T, a *app, id string) []string {
	t.Helper()
	tab, err := a.lobby.load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	s := tab.game.State()
	if s.Phase != game.Over {
		t.Fatalf("the game stands in phase %s", s.Phase)
	}
	roles := make([]string, 0, len(s.Revealed))
	for _, role := range s.Revealed {
		roles = append(roles, string(role))
	}
	return roles
}

// checkReport looks at what the clients have seen of themselves, and at the stranger.
func checkReport(t *testing.T, r *report, tr truth) {
	t.Helper()
	for i, p := range r.Players {
		if p.Seat != i || p.Role != tr.roles[i] {
			t.Errorf("%s in seat %d was told to be %s in seat %d, and is %s", p.Name, i, p.Role, p.Seat, tr.roles[i])
		}
	}
	check(t, "how Cid's links ended", r.Players[2].Disconnects, []string{"transport close", "transport close"})
	phases := make(map[string]bool)
	for _, refusal := range r.Refusals {
		phases[refusal.Phase] = true
		if !slices.Contains([]string{"not_seated", "no_table", "table_full", "already_started", "unknown_event"}, refusal.Code) {
			t.Errorf("the stranger's %+v", refusal)
		}
	}
	for _, phase := range []string{"lobby", "proposal", "vote", "quest", "assassination"} {
		if !phases[phase] {
			t.Errorf("the stranger did not try in phase %s", phase)
		}
	}
}

// checkFrames looks for leaks, for frames that a stranger should not get, and whether there was anything to look at.
func checkFrames(t *testing.T, r *report, tr truth) {
	t.Helper()
	seats := map[string]int{"Stranger": -1}
	for _, p := range r.Players {
		seats[p.Name] = p.Seat
	}
	secrets, open, over, swapped := make(map[string]int), 0, make(map[string]int), 0
	for _, f := range r.Frames {
		seat, known := seats[f.To]
		if !known {
			t.Fatalf("a frame to %q", f.To)
		}
		for _, leak := range tr.leaks(seat, f.Text) {
			t.Errorf("%s (seat %d) learns %s\nfrom %s", f.To, seat, leak, f.Text)
		}
		switch {
		case strings.Contains(f.Text, `"role":"`+tr.roles[max(seat, 0)]+`"`) && !strings.Contains(f.Text, `"phase":"over"`):
			secrets[f.To]++
			for _, other := range seats { // had it gone to somebody else, it would have been found
				if other != seat && tr.leaks(other, f.Text) != nil {
					swapped++
				}
			}
		case strings.Contains(f.Text, `"phase":"over"`):
			over[f.To]++
		case strings.Contains(f.Text, `["table",`):
			open++
		}
		if seat < 0 && slices.ContainsFunc([]string{`["table",`, `["secret",`, `["clock",`, `["chat",`, `"secret":`}, func(s string) bool { return strings.Contains(f.Text, s) }) {
			t.Errorf("the stranger got %s", f.Text)
		}
	}
	total := 0
	for _, p := range r.Players {
		total += secrets[p.Name]
		if secrets[p.Name] == 0 || over[p.Name] == 0 {
			t.Errorf("%s got %d secrets and saw the end %d times", p.Name, secrets[p.Name], over[p.Name])
		}
	}
	if open < 50 || swapped != total*(len(seats)-1) {
		t.Errorf("of %d states and %d secrets, %d would have been found with another of %d", open, total, swapped, len(seats)-1)
	}
}

// officialClients makes sure that Node and the client packages are there, and gives the path of node.
func officialClients(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("these tests need Node.js 20 or newer with npm (https://nodejs.org, or the packages nodejs and npm of your system): %v", err)
	}
	list := filepath.Join("clients", "node_modules", ".package-lock.json") // npm leaves it behind
	lock, err := os.Stat(filepath.Join("clients", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	if installed, err := os.Stat(list); err == nil && installed.ModTime().After(lock.ModTime()) {
		return node
	}
	script(t, "npm", "ci")
	if err := os.Chtimes(list, time.Time{}, time.Now()); err != nil {
		t.Fatalf("npm ci left no list of what it installed: %v", err)
	}
	return node
}

// script runs a program in the folder of the clients and returns what it prints.
func script(t *testing.T, program string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), nodeLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = "clients"
	cmd.Stderr = t.Output()
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v", filepath.Base(program), strings.Join(args, " "), err)
	}
	return out
}
