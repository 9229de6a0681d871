package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The test's program is also the servers and generators that it starts.
func TestMain(m *testing.M) {
	var err error
	switch server, generator := os.Getenv(asServer), os.Getenv(asLoad); {
	case generator != "":
		err = generate(generator)
	case server != "":
		err = serve(server)
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// smoke is every scenario with this library, and one of each kind with every server that is written in Go.
func smoke() (list []scenario) {
	t := times{0, 50 * time.Millisecond, 100 * time.Millisecond, time.Millisecond}
	for _, sc := range slices.Concat(mainScenarios(t, 50), scaleScenarios(t, 50), watchedScenarios(t, 50)) {
		sc.systems = slices.Clone(sc.systems)
		if sc.name != "rooms" && sc.name != "cluster-rooms" { // once for the peers, once for instruments
			sc.systems = sc.systems[:1]
		}
		sc.systems = slices.DeleteFunc(sc.systems, func(s string) bool { return find(s).node })
		sc.conns = max(10, sc.conns/10*10)
		if sc.publisher {
			sc.members = sc.conns
		}
		if sc.members > 0 && sc.conns%sc.members != 0 || strings.HasPrefix(sc.name, "conns-") && sc.conns > 50 {
			continue
		}
		list = append(list, sc)
	}
	return list
}

func TestEveryScenarioAndEveryServerOfGoWorks(t *testing.T) {
	b := &bench{false, "", map[string]greeting{}}
	res := newResults(t.Context(), options{set: "main", runs: 1})
	err := b.rounds(t.Context(), 1, smoke(), func(f figures) { res.Figures = append(res.Figures, f) })
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range systems {
		g, ok := b.greetings[s.name]
		if s.node != !ok || ok && (g.Config == "" || g.Versions == "") {
			t.Errorf("%s: %+v", s.name, g)
		}
	}
	for _, f := range res.Figures {
		for name, l := range f.Loads {
			if l.Delivered == 0 || l.P99 == 0 || l.Wall == 0 {
				t.Errorf("%s, %s, %s: %+v", f.Scenario, f.System, name, l)
			}
		}
		if f.Scenario == "idle" && (f.Memory == nil || f.Memory.Collected == 0) {
			t.Errorf("no memory: %+v", f)
		}
	}
	res.Systems = b.greetings
	checkRendering(t, res)
}

// checkRendering saves the results, reads them back, and renders both sets into a document.
func checkRendering(t *testing.T, res *results) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "r.json")
	if err := res.save(file); err != nil {
		t.Fatal(err)
	}
	got, err := readResults(file)
	if err != nil || len(got.Figures) != len(res.Figures) || got.line() != res.line() {
		t.Fatalf("%d runs of %d are read back, %v", len(got.Figures), len(res.Figures), err)
	}
	doc := filepath.Join(dir, "performance.md")
	for _, set := range []string{"main", "scale", "instruments"} {
		got.Set = set
		begin, end := "<!-- benchmarks "+set+": begin -->\n", "<!-- benchmarks "+set+": end -->"
		if err := got.render(dir); err == nil {
			t.Fatal("a document without a place for tables is written")
		}
		if err := os.WriteFile(doc, []byte("before\n"+begin+"stale\n"+end+"\nafter\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := got.render(dir); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(doc)
		if err != nil || !bytes.HasPrefix(text, []byte("before\n"+begin+"Measured on")) || !bytes.HasSuffix(text, []byte(end+"\nafter\n")) || bytes.Contains(text, []byte("stale\n")) {
			t.Fatalf("%s: %v\n%s", set, err, text)
		}
		for _, p := range got.plots() {
			if svg, err := os.ReadFile(filepath.Join(dir, "performance", p.file)); err != nil || !bytes.HasSuffix(svg, []byte("</svg>\n")) || bytes.Contains(svg, []byte("NaN")) {
				t.Errorf("%s: %v", p.file, err)
			}
		}
		if err := os.Remove(doc); err != nil {
			t.Fatal(err)
		}
	}
}

// line is the first run's, as a check of everything that is kept.
func (r *results) line() string { return r.Figures[0].line() }

func TestRatiosAreTakenWithinARound(t *testing.T) {
	s := spreadOf(ratios(map[int]float64{0: 10, 1: 30, 2: 8, 3: 5}, map[int]float64{0: 5, 1: 10, 2: 8}))
	if s != (spread{2, 1, 3, 3}) {
		t.Errorf("%+v", s)
	}
	if even := spreadOf(map[int]float64{0: 1, 1: 2}); even.median != 1.5 {
		t.Errorf("%+v", even)
	}
}

func TestFiguresAreWrittenWithThreeDigits(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 7: "7", 99: "99", 1234: "1,230", 1_234_567: "1,230,000", 999.6: "1,000"} {
		if got := thousands(v); got != want {
			t.Errorf("%g: %s, want %s", v, got, want)
		}
	}
	for v, want := range map[float64]string{0.123: "0.12", 9.96: "10.0", 12.34: "12.3", 1234: "1,230"} {
		if got := decimal(v); got != want {
			t.Errorf("%g: %s, want %s", v, got, want)
		}
	}
}

func TestNonsenseOnTheCommandLineIsRefused(t *testing.T) {
	for _, args := range [][]string{{"-runs", "0"}, {"more"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
	o, err := parse([]string{"-scenario", "idle,none"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.scenarios(); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("a scenario that there is not: %v", err)
	}
}
