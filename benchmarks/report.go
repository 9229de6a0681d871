package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Between these lines of performance.md stands what this program writes.
const (
	beginMark = "<!-- written by benchmarks: begin -->"
	endMark   = "<!-- written by benchmarks: end -->"
)

// record is what a file of results holds: all runs of one scenario.
type record struct {
	Measured time.Time
	Go, CPU  string
	Cores    int
	Pinned   bool
	Window   time.Duration
	Results  []result
}

// save writes a file for each scenario, in place of an earlier one.
func save(s *settings, results []result) error {
	if s.quick {
		return nil // not worth keeping
	}
	if err := os.MkdirAll(s.results, 0o750); err != nil {
		return err
	}
	byScenario := make(map[string][]result)
	for _, r := range results {
		byScenario[r.Scenario] = append(byScenario[r.Scenario], r)
	}
	var errs []error
	for name, list := range byScenario {
		text, err := json.MarshalIndent(record{time.Now().UTC().Truncate(time.Minute), runtime.Version(), cpuModel(), runtime.NumCPU(), s.pin, s.window, list}, "", " ")
		if !s.pin {
			name += "-unpinned"
		}
		errs = append(errs, err, os.WriteFile(filepath.Join(s.results, name+".json"), text, 0o600))
	}
	return errors.Join(errs...)
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "?"
	}
	for line := range strings.Lines(string(text)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return runtime.GOARCH
}

// publish writes tables and plots of all results that there are.
func publish(s *settings, results []result) error {
	if s.docs == "" || s.quick {
		fmt.Print(targetTable(results), "\n", tables(scenarios(), map[string]record{"": {Results: results}}, ""))
		return nil
	}
	records, err := saved(s.results)
	if err != nil {
		return err
	}
	plots := filepath.Join(s.docs, "plots")
	if err := os.MkdirAll(plots, 0o750); err != nil {
		return err
	}
	for _, sc := range scenarios() {
		if r, ok := records[sc.name]; ok && !sc.byHand {
			if err := os.WriteFile(filepath.Join(plots, sc.name+".svg"), bars(&sc, r.Results), 0o600); err != nil {
				return err
			}
		}
	}
	var all []result
	for name, r := range records {
		if !strings.HasSuffix(name, "-unpinned") {
			all = append(all, r.Results...)
		}
	}
	text := "## Targets\n\n" + targetTable(all) + "\n" + tables(scenarios(), records, "plots/") + scaleTables(records)
	return replace(filepath.Join(s.docs, "performance.md"), text)
}

// saved reads all files of results.
func saved(dir string) (map[string]record, error) {
	records := make(map[string]record)
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // our own directory
		if err != nil {
			return nil, err
		}
		var r record
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		records[strings.TrimSuffix(filepath.Base(file), ".json")] = r
	}
	return records, nil
}

// replace writes text between the marks of a file.
func replace(file, text string) error {
	old, err := os.ReadFile(file) //nolint:gosec // the documentation
	if errors.Is(err, fs.ErrNotExist) {
		old = []byte(beginMark + endMark)
	} else if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(old), beginMark)
	_, after, whole := strings.Cut(rest, endMark)
	if !ok || !whole {
		return fmt.Errorf("%s has no lines %q and %q", file, beginMark, endMark)
	}
	return os.WriteFile(file, []byte(before+beginMark+"\n\n"+text+endMark+after), 0o600) //nolint:gosec // the documentation
}

// tables has one for each scenario. plots is where the pictures are, "" for none.
func tables(all []scenario, records map[string]record, plots string) string {
	var b strings.Builder
	for _, sc := range all {
		if sc.byHand {
			continue
		}
		for _, variant := range []string{"", "-unpinned"} {
			r, ok := records[sc.name+variant]
			if !ok && plots == "" {
				r, ok = records[""], variant == ""
			}
			r.Results = slices.DeleteFunc(slices.Clone(r.Results), func(r result) bool { return r.Scenario != sc.name })
			if !ok || len(r.Results) == 0 {
				continue
			}
			title := sc.title
			if variant != "" {
				title += ", not pinned"
			}
			fmt.Fprintf(&b, "### %s\n\n", title)
			if !r.Measured.IsZero() {
				fmt.Fprintf(&b, "`go -C benchmarks run . -scenarios %s -runs %d -window %v -pin=%t`, %s, %s, %d × %s.\n\n",
					sc.name, rounds(r.Results), r.Window, r.Pinned, r.Measured.Format("2 January 2006"), r.Go, r.Cores, r.CPU)
			}
			b.WriteString(table(&sc, r.Results))
			if plots != "" && variant == "" {
				fmt.Fprintf(&b, "\n![%s](%s%s.svg)\n", sc.title, plots, sc.name)
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

func rounds(results []result) (n int) {
	for _, r := range results {
		n = max(n, r.Round+1)
	}
	return n
}

// table is that of one scenario.
func table(sc *scenario, results []result) string {
	var b strings.Builder
	switch {
	case sc.kind == jobIdle:
		b.WriteString("| System | KiB a connection | times Node | CPU µs a connect | times Node |\n|---|---|---|---|---|\n")
	case sc.rate > 0:
		b.WriteString("| System | Deliveries / server CPU s | times Node | p50 ms | p99 ms |\n|---|---|---|---|---|\n")
	default:
		fmt.Fprintf(&b, "| System | %s | times Node | load generator busy | %s\n|---|---|---|---|%s\n",
			title(sc.unit()), map[bool]string{true: "Redis CPU ms / 1,000 |", false: ""}[sc.nodes > 0], map[bool]string{true: "---|", false: ""}[sc.nodes > 0])
	}
	for _, sys := range sc.systems {
		cell := func(f figure, format func(float64) string) string {
			return spreadOf(values(of(results, sc.name, sys.name, f))).text(format)
		}
		beside := func(f figure) string {
			return spreadOf(ratios(of(results, sc.name, sys.name, f), of(results, sc.name, node.name, f))).text(times)
		}
		if len(of(results, sc.name, sys.name, rate)) == 0 {
			continue
		}
		switch {
		case sc.kind == jobIdle:
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", sys.name, cell(memory, kilo), beside(memory), cell(connects, micros), beside(connects))
		case sc.rate > 0:
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", sys.name, cell(rate, count), beside(rate),
				cell(func(r *result) float64 { return r.P50.Seconds() }, millis), cell(late, millis))
		default:
			fmt.Fprintf(&b, "| %s | %s | %s | %s |", sys.name, cell(rate, count), beside(rate),
				cell(func(r *result) float64 { return r.Load.Seconds() / r.Wall.Seconds() }, func(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }))
			if sc.nodes > 0 {
				fmt.Fprintf(&b, " %s |", cell(func(r *result) float64 { return r.Redis.Seconds() / float64(r.Done) * 1e6 }, func(v float64) string { return fmt.Sprintf("%.2f", v) }))
			}
			b.WriteString("\n")
		}
		if slices.ContainsFunc(results, func(r result) bool { return r.System == sys.name && r.Missing > 0 }) {
			fmt.Fprintf(&b, "| | of %s some deliveries never came | | |\n", sys.name)
		}
	}
	return b.String()
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// scaleTables has the curves of this library alone.
func scaleTables(records map[string]record) string {
	var b strings.Builder
	for _, group := range []struct{ prefix, title, column string }{
		{"scale-idle-", "Cost of a connection", "KiB | CPU µs a connect"},
		{"scale-conns-", "Cost of a delivery, by connections in rooms of 10", "CPU µs a delivery"},
		{"scale-fanout-", "Cost of a delivery, by size of one room", "CPU µs a delivery"},
		{"scale-rooms-", "Cost of a delivery, by rooms of 10,000 connections", "CPU µs a delivery"},
		{"scale-nodes-", "Cost of a delivery, by nodes", "CPU µs a delivery, all nodes together"},
	} {
		var rows strings.Builder
		for _, sc := range scenarios() {
			r, ok := records[sc.name]
			if !ok || !strings.HasPrefix(sc.name, group.prefix) {
				continue
			}
			cell := func(f figure, format func(float64) string) string {
				return spreadOf(values(of(r.Results, sc.name, sc.systems[0].name, f))).text(format)
			}
			if sc.kind == jobIdle {
				fmt.Fprintf(&rows, "| %s | %s | %s |\n", sc.title, cell(memory, kilo), cell(connects, micros))
				continue
			}
			fmt.Fprintf(&rows, "| %s | %s |\n", sc.title, cell(func(r *result) float64 { return 1 / r.perSecond() }, func(v float64) string { return fmt.Sprintf("%.2f", v*1e6) }))
		}
		if rows.Len() > 0 {
			fmt.Fprintf(&b, "### %s\n\n`go -C benchmarks run . -scenarios %s`\n\n| | %s |\n|---|%s\n%s\n", group.title, strings.TrimSuffix(group.prefix, "-"), group.column,
				strings.Repeat("---|", 1+strings.Count(group.column, "|")), rows.String())
		}
	}
	return b.String()
}
