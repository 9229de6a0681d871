package main

import (
	"fmt"
	"math"
	"strings"
)

// target is a bound for a figure of ours, by itself or as a ratio to a peer's in the same round.
type target struct {
	text     string
	scenario string
	ours     string
	peer     string // "": the figure itself
	figure   figure
	bound    float64
	most     bool // the bound is the most that it may be
	format   func(float64) string
}

// targets are those that the project has set itself.
func targets() []target {
	ratio := func(text, scenario, us string, f figure, peer system, bound float64, most bool) target {
		return target{text: text, scenario: scenario, ours: us, peer: peer.name, figure: f, bound: bound, most: most, format: times}
	}
	us, delayed, native := ours.name, "realtime, 10 ms flush delay", "realtime, native wire"
	return []target{
		{text: "idle memory of a connection, KiB", scenario: "idle", ours: us, figure: memory, bound: 10 * 1024, most: true, format: kilo},
		ratio("idle memory", "idle", us, memory, node, 0.65, true),
		ratio("CPU of a connect", "idle", us, connects, node, 0.5, true),
		ratio("room of 1,000, near saturation", "fanout1000", us, rate, node, 12, false),
		ratio("room of 1,000, near saturation", "fanout1000", us, rate, centrifuge, 1.3, false),
		ratio("room of 5,000, near saturation", "fanout5000", us, rate, node, 12, false),
		ratio("room of 1,000, 20 a second", "paced1000", us, rate, node, 1.2, false),
		ratio("room of 1,000, 20 a second: p99", "paced1000", us, late, node, 1, true),
		ratio("500 rooms of 10", "rooms", us, rate, node, 2, false),
		ratio("500 rooms of 10", "rooms", us, rate, gws, 1.15, false),
		ratio("500 rooms of 10, dense, flush delay of 10 ms", "dense", delayed, rate, node, 4, false),
		ratio("echo", "echo", us, rate, node, 1.7, false),
		ratio("echo", "echo", us, rate, gws, 1.2, false),
		ratio("echo", "echo", us, rate, centrifuge, 1.2, false),
		ratio("two nodes, room of 1,000", "cluster-fanout", native, rate, node, 2, false),
		ratio("two nodes, room of 1,000", "cluster-fanout", native, rate, centrifuge, 1, false),
		ratio("two nodes, 100 rooms of 10", "cluster-rooms", native, rate, node, 1.7, false),
		ratio("two nodes, 100 rooms of 10", "cluster-rooms", native, rate, centrifuge, 1, false),
	}
}

// targetTable says which were reached.
func targetTable(results []result) string {
	var b strings.Builder
	b.WriteString("| Figure | Against | Target | Measured | Reached |\n|---|---|---|---|---|\n")
	for _, t := range targets() {
		mine := of(results, t.scenario, t.ours, t.figure)
		list := values(mine)
		if t.peer != "" {
			list = ratios(mine, of(results, t.scenario, t.peer, t.figure))
		}
		s := spreadOf(list)
		if math.IsNaN(s.median) {
			continue
		}
		sign, reached := "≥", s.median >= t.bound
		if t.most {
			sign, reached = "≤", s.median <= t.bound
		}
		against, answer := t.peer, "**no**"
		if against == "" {
			against = "–"
		}
		if reached {
			answer = "yes"
		}
		fmt.Fprintf(&b, "| %s | %s | %s %s | %s | %s |\n", t.text, against, sign, t.format(t.bound), s.text(t.format), answer)
	}
	return b.String()
}
