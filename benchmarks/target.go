package main

import (
	"fmt"
	"strings"
)

// target is a ratio that this library has to reach, and the next one to aim at.
type target struct {
	title    string
	scenario string
	metric
	ours, peer string
	atMost     bool // small is good
	want, next float64
}

var targets = []target{
	{"idle memory", "idle", memoryOfOne, "realtime", "node", true, 0.65, 0.3},
	{"idle memory, EventDriven", "idle", memoryOfOne, "realtime-event", "node", true, 0.3, 0},
	{"CPU per connect", "idle", connecting, "realtime", "node", true, 0.5, 0.35},
	{"fan-out 1,000 closed", "fanout-1000", rate("", "closed"), "realtime", "node", false, 12, 18},
	{"fan-out 1,000 closed", "fanout-1000", rate("", "closed"), "realtime", "centrifuge", false, 1.3, 0},
	{"fan-out 5,000 closed", "fanout-5000", rate("", "closed"), "realtime", "node", false, 12, 0},
	{"fan-out 1,000 at 20/s", "fanout-1000", rate("", "paced"), "realtime", "node", false, 1.2, 0},
	{"the same, p99", "fanout-1000", latency("", "paced", p99), "realtime", "node", true, 1, 0},
	{"many rooms closed", "rooms", rate("", "closed"), "realtime", "node", false, 2, 0},
	{"many rooms closed", "rooms", rate("", "closed"), "realtime", "gws", false, 1.15, 0},
	{"many rooms, dense, FlushDelay 10 ms", "rooms-dense", rate("", "closed"), "realtime-flush", "node", false, 4, 5},
	{"echo with ack", "echo", rate("", "closed"), "realtime", "node", false, 1.7, 0},
	{"echo with ack", "echo", rate("", "closed"), "realtime", "gws", false, 1.2, 0},
	{"echo with ack", "echo", rate("", "closed"), "realtime", "centrifuge", false, 1.2, 0},
	{"cluster, fan-out closed", "cluster-fanout", rate("", "closed"), "native", "node-redis", false, 2, 5},
	{"cluster, fan-out closed", "cluster-fanout", rate("", "closed"), "native", "centrifuge-redis", false, 1, 0},
	{"cluster, many rooms closed", "cluster-rooms", rate("", "closed"), "native", "node-redis", false, 1.7, 3},
	{"cluster, many rooms closed", "cluster-rooms", rate("", "closed"), "native", "centrifuge-redis", false, 1, 0},
}

// reached tells of a ratio whether it is as wanted.
func (t target) reached(ratio, want float64) bool {
	if t.atMost {
		return ratio <= want
	}
	return ratio >= want
}

// targetTable has what was measured beside what was wanted.
func (r *results) targetTable() string {
	var b strings.Builder
	b.WriteString("| Figure | Beside | Measured ratio | Target | |\n|---|---|---|---|---|\n")
	for _, t := range targets {
		s := spreadOf(ratios(r.values(t.scenario, t.ours, t.get), r.values(t.scenario, t.peer, t.get)))
		if s.n == 0 {
			continue
		}
		sign, verdict := "≥", "missed"
		if t.atMost {
			sign = "≤"
		}
		if t.reached(s.median, t.want) {
			verdict = "reached"
		}
		if t.next != 0 && t.reached(s.median, t.next) {
			verdict = fmt.Sprintf("reached, and the next one, %s %g, too", sign, t.next)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s %g | %s |\n", t.title, find(t.peer).title, cell(s, decimal), sign, t.want, verdict)
	}
	return b.String()
}
