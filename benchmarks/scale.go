package main

import (
	"fmt"
	"strconv"
	"strings"
)

// point is a scenario of a curve: its place on the axis.
type point struct {
	x        float64
	scenario string
}

// points finds the scenarios whose names begin so, in the order in which they were measured.
func (r *results) points(prefix string, x func(int) float64) (out []point) {
	seen := map[string]bool{}
	for _, f := range r.Figures {
		if n, err := strconv.Atoi(strings.TrimPrefix(f.Scenario, prefix)); err == nil && !seen[f.Scenario] {
			seen[f.Scenario] = true
			out = append(out, point{x(n), f.Scenario})
		}
	}
	return out
}

func same(n int) float64 { return float64(n) }

// allRooms is how many rooms there are when each of 1,000 connections in 100 rooms has joined so many others.
func allRooms(extra int) float64 { return float64(100 + 1000*extra) }

// byX is a table with a row for each point.
func (r *results) byX(title string, points []point, columns []seriesColumn) string {
	var b strings.Builder
	b.WriteString("| " + title + " |")
	for _, c := range columns {
		b.WriteString(" " + c.title + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, p := range points {
		b.WriteString("| " + thousands(p.x) + " |")
		for _, c := range columns {
			fmt.Fprintf(&b, " %s |", cell(spreadOf(r.values(c.prefixed(p.scenario), c.system, c.get)), c.format))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// seriesColumn is a metric of one system; with a prefix it comes from the scenario that begins so instead.
type seriesColumn struct {
	title  string
	system string
	prefix string
	metric
}

func (c seriesColumn) prefixed(scenario string) string {
	if c.prefix == "" {
		return scenario
	}
	return c.prefix + scenario[strings.LastIndexByte(scenario, '-')+1:]
}

func (r *results) scaleSections() []section {
	conns, rooms, nodes := r.points("conns-", same), r.points("idle-rooms-", allRooms), r.points("nodes-rooms-", same)
	return []section{
		{"Connections", "All in rooms of 10, in one process; closed loop with two messages on their way for every five rooms, so that there is as much to gather for a write with few connections as with many.", r.byX("Connections", conns, []seriesColumn{
			{"CPU µs / delivery", "realtime", "", cost()},
			{"KB / connection", "realtime", "", memoryOfOne},
			{"CPU µs / connect", "realtime", "", connecting},
			{"socket.io: µs / delivery", "node", "", cost()},
			{"KB / connection", "node", "", memoryOfOne},
			{"µs / connect", "node", "", connecting},
		})},
		{"Rooms that exist", "1,000 connections in 100 rooms of 10 that are used, and in as many others that are not, up to 100 each.", r.byX("Rooms", rooms, []seriesColumn{
			{"CPU µs / delivery", "realtime", "", cost()},
			{"KB / connection with its rooms", "realtime", "", memoryOfOne},
			{"CPU µs / connect and joins", "realtime", "", connecting},
		})},
		{"Nodes", "1,000 connections spread evenly over the nodes, native wire. Rooms have members on all nodes, so every message goes everywhere: the worst case. CPU is that of all nodes together.", r.byX("Nodes", nodes, []seriesColumn{
			{"100 rooms of 10: CPU µs / delivery", "native", "", cost()},
			{"Redis CPU ms / 1,000 messages", "native", "", redisCost},
			{"one room of 1,000: CPU µs / delivery", "native", "nodes-fanout-", cost()},
			{"Redis CPU ms / 1,000 messages", "native", "nodes-fanout-", redisCost},
		})},
		{"What a machine would hold", "Multiplied from the largest number of connections above; cores of the machine that was measured. Memory is that of the process alone, the kernel's sockets come on top.", r.derived(conns)},
	}
}

// derived multiplies what the largest number of connections costs.
func (r *results) derived(conns []point) string {
	if len(conns) == 0 {
		return ""
	}
	last := conns[len(conns)-1].scenario
	of := func(m metric) float64 { return spreadOf(r.values(last, "realtime", m.get)).median }
	kb, connect, delivery := of(memoryOfOne), of(connecting)/1e6, of(cost())/1e6
	var b strings.Builder
	b.WriteString("| Connections | 19,000 | 100,000 | 1,000,000 |\n|---|---|---|---|\n")
	for _, row := range []struct {
		title string
		of    func(n float64) string
	}{
		{"Memory", func(n float64) string { return decimal(n*kb/1e6) + " GB" }},
		{"All connect, CPU of one core", func(n float64) string { return decimal(n*connect) + " s" }},
		{"Heartbeats, each as two deliveries in 25 s", func(n float64) string { return decimal(n*2*delivery/25) + " cores" }},
		{"One message a second to each, written alone", func(n float64) string { return decimal(n*delivery) + " cores" }},
		{"Ten a second to each", func(n float64) string { return decimal(10*n*delivery) + " cores" }},
	} {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", row.title, row.of(19_000), row.of(100_000), row.of(1_000_000))
	}
	return b.String()
}
