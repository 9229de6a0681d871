package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Columns of the tables.
var (
	closedColumns = []column{
		{"fanout-100", rate("fan-out 100", "closed")},
		{"fanout-1000", rate("fan-out 1,000", "closed")},
		{"fanout-5000", rate("fan-out 5,000", "closed")},
		{"rooms", rate("500 rooms of 10", "closed")},
		{"echo", rate("echo with ack", "closed")},
	}
	quietColumns = []column{
		{"idle", memoryOfOne},
		{"idle", asItStands},
		{"idle", connecting},
		{"fanout-1000", rate("fan-out 1,000 at 20/s", "paced")},
		{"fanout-1000", latency("its p50", "paced", p50)},
		{"fanout-1000", latency("its p99", "paced", p99)},
		{"fanout-100", latency("fan-out 100 at 20/s, p50", "paced", p50)},
		{"fanout-100", latency("its p99", "paced", p99)},
	}
	watchedColumns = []column{closedColumns[1], closedColumns[3], closedColumns[4]}
	eventColumns   = []column{{"idle", memoryOfOne}, {"idle", asItStands}, {"idle", connecting}, closedColumns[3], closedColumns[4]}
	denseColumns   = []column{{"rooms-dense", rate("deliveries / server CPU s", "closed")}, {"rooms-dense", latency("p50", "closed", p50)}, {"rooms-dense", latency("p99", "closed", p99)}}
	clusterColumns = []column{
		{"cluster-fanout", rate("fan-out 1,000", "closed")},
		{"cluster-fanout", redisCost},
		{"cluster-rooms", rate("500 rooms of 10", "closed")},
		{"cluster-rooms", redisCost},
	}
	ratioColumns        = append([]column{{"idle", memoryOfOne}, {"idle", connecting}}, closedColumns...)
	clusterRatioColumns = []column{clusterColumns[0], clusterColumns[2]}
)

// section is a table with what it shows.
type section struct{ title, text, table string }

func (r *results) sections() []section {
	switch r.Set {
	case "scale":
		return r.scaleSections()
	case "instruments":
		return []section{
			{"With metrics, and with traces", "Deliveries, or answers, per second of server CPU in a closed loop. Every event is a span, which goes to an exporter that does nothing with it.", r.table(watched, watchedColumns)},
			{"Without beside with", "Ratios within a round: 1.03 means that three parts in a hundred are lost.", r.comparison("realtime", watched[1:], watchedColumns)},
		}
	}
	dense, events := []string{"realtime-flush", "realtime", "node"}, []string{"realtime-event", "realtime", "node"}
	return []section{
		{"What was wanted", "Median ratio within a round, with the least and the greatest.", r.targetTable()},
		{"Near saturation", "Deliveries, or answers, per second of server CPU in a closed loop: 16 messages on their way, with many rooms 200, with echo 16 for each of 200 connections.", r.table(all, closedColumns)},
		{"Quiet connections, and even load", "5,000 connections that are quiet; then one message in 50 ms to a room. Deliveries per second of server CPU; latency from the moment a message was due.", r.table(all, quietColumns)},
		{"realtime beside each", "Ratios within a round: of memory and of CPU per connect small is good, of the others large.", r.comparison("realtime", all[1:], ratioColumns)},
		{"Event-driven reading", "`Config.EventDriven` beside a goroutine for each connection: 5,000 quiet connections, then deliveries or answers per second of server CPU in a closed loop as above.", r.table(events, eventColumns)},
		{"Many rooms, dense", "The same 500 rooms of 10 with 4,000 messages on their way, where a delay before a write lets several gather.", r.table(dense, denseColumns)},
		{"Two nodes and a Redis", "Deliveries per second of CPU of both nodes, in a closed loop as above.", r.table(clustered, clusterColumns)},
		{"realtime beside each, two nodes", "Ratios within a round, of the native wire.", r.comparison("native", clustered[1:], clusterRatioColumns)},
	}
}

// preface tells where the figures come from.
func (r *results) preface() string {
	pinned := "Servers on one processor, generator and Redis on the other"
	if !r.Pinned {
		pinned = "Nothing is pinned"
	}
	var lowest, highest string
	for _, f := range r.Figures {
		if lowest == "" || len(f.Load) < len(lowest) || len(f.Load) == len(lowest) && f.Load < lowest {
			lowest = f.Load
		}
		if len(f.Load) > len(highest) || len(f.Load) == len(highest) && f.Load > highest {
			highest = f.Load
		}
	}
	return fmt.Sprintf("Measured on %s, %s; %s. %s. Runs: %d of each, systems in turn; medians, with the least and the greatest in brackets. Load average of the machine: %s to %s. The generator was the limit in %d of %d loads.\n",
		r.When, r.Machine, r.Redis, pinned, r.Runs, lowest, highest, r.limited(), r.loads())
}

func (r *results) loads() (n int) {
	for _, f := range r.Figures {
		n += len(f.Loads)
	}
	return n
}

func (r *results) limited() (n int) {
	for _, f := range r.Figures {
		for _, l := range f.Loads {
			if l.Limit != "" {
				n++
			}
		}
	}
	return n
}

// markdown is everything between two markers of the documentation.
func (r *results) markdown() string {
	var b strings.Builder
	b.WriteString(r.preface())
	for _, s := range r.sections() {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n%s", s.title, s.text, s.table)
	}
	for _, p := range r.plots() {
		fmt.Fprintf(&b, "\n![%s](performance/%s)\n", p.title, p.file)
	}
	b.WriteString("\nVersions and configurations that were in effect:\n\n")
	var names []string
	for name := range r.Systems {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "- %s: %s. %s.\n", find(name).title, r.Systems[name].Versions, r.Systems[name].Config)
	}
	return b.String()
}

func (r *results) print(w io.Writer) { fmt.Fprintln(w, r.markdown()) }

// render writes plots, and tables between the markers of performance.md.
func (r *results) render(docs string) error {
	if docs == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Join(docs, "performance"), 0o755); err != nil {
		return err
	}
	for _, p := range r.plots() {
		if err := os.WriteFile(filepath.Join(docs, "performance", p.file), []byte(p.svg), 0o644); err != nil {
			return err
		}
	}
	file := filepath.Join(docs, "performance.md")
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	begin, end := "<!-- benchmarks "+r.Set+": begin -->\n", "<!-- benchmarks "+r.Set+": end -->"
	before, rest, found := strings.Cut(string(data), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return fmt.Errorf("%s has no place between %q and %q", file, begin, end)
	}
	return os.WriteFile(file, []byte(before+begin+r.markdown()+end+after), 0o644)
}
