package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// metric is a figure of a run, and how it is written.
type metric struct {
	title  string
	get    func(figures) (float64, bool)
	format func(float64) string
}

// column is a metric in a scenario.
type column struct {
	scenario string
	metric
}

var (
	memoryOfOne = metric{"KB / connection", func(f figures) (float64, bool) {
		if f.Memory == nil {
			return 0, false
		}
		return f.perConn(true), true
	}, decimal}
	asItStands = metric{"as it stands", func(f figures) (float64, bool) {
		if f.Memory == nil {
			return 0, false
		}
		return f.perConn(false), true
	}, decimal}
	connecting = metric{"CPU µs / connect", func(f figures) (float64, bool) { return f.perConnect(), true }, thousands}
)

// ofLoad is a metric of one load of a scenario.
func ofLoad(title, load string, format func(float64) string, get func(loaded) float64) metric {
	return metric{title, func(f figures) (float64, bool) {
		l, ok := f.Loads[load]
		if !ok {
			return 0, false
		}
		return get(l), true
	}, format}
}

func rate(title, load string) metric { return ofLoad(title, load, thousands, loaded.rate) }

// cost is the inverse of a rate.
func cost() metric {
	return ofLoad("CPU µs / delivery", "closed", decimal, func(l loaded) float64 { return 1e6 / l.rate() })
}

func latency(title, load string, get func(loaded) time.Duration) metric {
	return ofLoad(title, load, func(v float64) string { return short(time.Duration(v)) }, func(l loaded) float64 { return float64(get(l)) })
}

func p50(l loaded) time.Duration { return l.P50 }
func p99(l loaded) time.Duration { return l.P99 }

// redisCost is what 1,000 messages cost Redis.
var redisCost = ofLoad("Redis CPU ms / 1,000 messages", "closed", decimal, func(l loaded) float64 { return l.Redis.Seconds() * 1e6 / float64(max(l.Sent, 1)) })

// thousands writes three significant digits and commas.
func thousands(v float64) string {
	if v >= 100 {
		unit := math.Pow(10, math.Floor(math.Log10(v))-2)
		v = math.Round(v/unit) * unit
	}
	s := strconv.Itoa(int(math.Round(v)))
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func decimal(v float64) string {
	switch {
	case v >= 100:
		return thousands(v)
	case v >= 9.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// short writes a duration in milliseconds.
func short(d time.Duration) string { return decimal(float64(d)/1e6) + " ms" }

// cell is a median with its range.
func cell(s spread, format func(float64) string) string {
	switch {
	case s.n == 0:
		return "–"
	case s.n == 1:
		return format(s.median)
	}
	return fmt.Sprintf("%s (%s–%s)", format(s.median), format(s.least), format(s.greatest))
}

// table has a row for each system and writes what a column finds in its runs.
func (r *results) table(names []string, columns []column) string {
	return grid(names, columns, func(system string, c column) string {
		return cell(spreadOf(r.values(c.scenario, system, c.get)), c.format)
	})
}

// comparison has the ratios of one system to every other, within the same rounds.
func (r *results) comparison(system string, names []string, columns []column) string {
	return grid(names, columns, func(peer string, c column) string {
		return cell(spreadOf(ratios(r.values(c.scenario, system, c.get), r.values(c.scenario, peer, c.get))), decimal)
	})
}

func grid(names []string, columns []column, at func(string, column) string) string {
	var b strings.Builder
	b.WriteString("| |")
	for _, c := range columns {
		b.WriteString(" " + c.title + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, name := range names {
		b.WriteString("| " + find(name).title + " |")
		for _, c := range columns {
			b.WriteString(" " + at(name, c) + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}
