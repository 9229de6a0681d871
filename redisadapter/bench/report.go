package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"
)

// report prints runs as they end, and then a table of all.
type report struct {
	out     io.Writer
	systems []system
	results []result
	rounds  []int // of results
}

func (r *report) begin(o options, redis string) {
	fmt.Fprintf(r.out, "%s, %s, %d processors, %s/%s\n", time.Now().Format(time.DateOnly), redis, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(r.out, "%d room(s) of %d, packets of %d bytes, %d on their way; closed loop %v after %v, then %d/s for %v to one member on each node\n\n",
		o.rooms, o.members, o.size, o.window, o.load, o.warm, o.rate, o.paced)
	fmt.Fprintln(r.out, "| run | system | load average | deliveries / CPU s | deliveries / s | cores: servers | Redis | generator | others | note |")
	fmt.Fprintln(r.out, "|---|---|---|---|---|---|---|---|---|---|")
}

// add notes one run and prints its line.
func (r *report) add(round int, run result) {
	note := ""
	if run.generatorLimits() {
		note = "the generator worked more than servers and Redis"
	}
	u := run.usage
	fmt.Fprintf(r.out, "| %d | %s | %s | %.0f | %.0f | %.2f | %.2f | %.2f | %.2f | %s |\n", round+1, run.system, run.load, run.perCPU(), run.perSecond(),
		run.cores(u.servers), run.cores(u.redis), run.cores(u.generator), run.cores(u.others), note)
	r.results, r.rounds = append(r.results, run), append(r.rounds, round)
}

// end prints medians, and ranges in brackets.
func (r *report) end() {
	fmt.Fprintln(r.out, "\n| system | deliveries / CPU s | the same / node's | deliveries / wall s | Redis CPU ms / 1,000 messages | on A p50, p99 ms | on B p50, p99 ms | B − A p50, p99 ms |")
	fmt.Fprintln(r.out, "|---|---|---|---|---|---|---|---|")
	for _, s := range r.systems {
		runs := r.of(s.name)
		if len(runs) == 0 {
			continue
		}
		redis, far, added := "–", "–", "–"
		if s.nodes > 1 {
			redis = spread(each(runs, result.redisPer), "%.1f")
			far = percentiles(runs, func(d delays) []time.Duration { return d.far })
			added = percentiles(runs, func(d delays) []time.Duration { return d.added })
		}
		fmt.Fprintf(r.out, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", s.name, spread(each(runs, result.perCPU), "%.0f"), spread(r.ratios(s.name), "%.2f"),
			spread(each(runs, result.perSecond), "%.0f"), redis, percentiles(runs, func(d delays) []time.Duration { return d.near }), far, added)
	}
	fmt.Fprintln(r.out)
	for _, s := range r.systems {
		if runs := r.of(s.name); len(runs) > 0 {
			n := runs[0].node
			fmt.Fprintf(r.out, "%s: %d × %s; %s\n", s.name, s.nodes, n.Versions, n.Config)
		}
	}
}

func (r *report) of(name string) []result {
	var runs []result
	for _, run := range r.results {
		if run.system == name {
			runs = append(runs, run)
		}
	}
	return runs
}

// ratios are those of a system's figure to that of Node.js in the same round.
func (r *report) ratios(name string) []float64 {
	js := make(map[int]float64)
	for i, run := range r.results {
		if run.system == nodeJS {
			js[r.rounds[i]] = run.perCPU()
		}
	}
	var ratios []float64
	for i, run := range r.results {
		if base := js[r.rounds[i]]; run.system == name && base > 0 {
			ratios = append(ratios, run.perCPU()/base)
		}
	}
	return ratios
}

func each(runs []result, f func(result) float64) []float64 {
	var values []float64
	for _, run := range runs {
		values = append(values, f(run))
	}
	return values
}

// spread is the median, with the least and the greatest value.
func spread(values []float64, format string) string {
	if len(values) == 0 {
		return "–"
	}
	slices.Sort(values)
	n := len(values)
	return fmt.Sprintf(format+" ("+format+"–"+format+")", (values[(n-1)/2]+values[n/2])/2, values[0], values[n-1])
}

// percentiles are those of each run, of which the median and the range are told.
func percentiles(runs []result, of func(delays) []time.Duration) string {
	var p50, p99 []float64
	for _, run := range runs {
		d := slices.Sorted(slices.Values(of(run.delays)))
		if len(d) == 0 {
			continue
		}
		p50 = append(p50, milliseconds(d[len(d)/2]))
		p99 = append(p99, milliseconds(d[len(d)*99/100]))
	}
	return spread(p50, "%.2f") + ", " + spread(p99, "%.1f")
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
