package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// results are everything that a run of this program gave.
type results struct {
	Set     string              `json:"set"`
	When    string              `json:"when"`
	Machine string              `json:"machine"`
	Runs    int                 `json:"runs"`
	Pinned  bool                `json:"pinned"`
	Redis   string              `json:"redis"`
	Systems map[string]greeting `json:"systems"`
	Figures []figures           `json:"figures"`
}

func newResults(ctx context.Context, o options) *results {
	machine := fmt.Sprintf("%d processors, %s/%s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	if data, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		machine += ", kernel " + strings.TrimSpace(string(data))
	}
	return &results{Set: o.set, When: time.Now().UTC().Format("2 January 2006"), Machine: machine, Runs: o.runs, Pinned: o.pin, Redis: redisVersion(ctx)}
}

func readResults(file string) (*results, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &results{}
	return r, json.Unmarshal(data, r)
}

// save writes a file with a line for each run.
func (r *results) save(file string) error {
	head := *r
	head.Figures = nil
	for k, g := range head.Systems {
		g.Addr = ""
		head.Systems[k] = g
	}
	var buf bytes.Buffer
	data, err := json.MarshalIndent(head, "", "  ")
	if err != nil {
		return err
	}
	buf.Write(bytes.TrimSuffix(data, []byte("null\n}")))
	buf.WriteString("[")
	for i, f := range r.Figures {
		line, err := json.Marshal(f)
		if err != nil {
			return err
		}
		if i > 0 {
			buf.WriteByte(',')
		}
		buf.WriteString("\n    ")
		buf.Write(line)
	}
	buf.WriteString("\n  ]\n}\n")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, buf.Bytes(), 0o644)
}

// rate is deliveries per second of server CPU.
func (l loaded) rate() float64 {
	return float64(l.Delivered) / max(l.Server, time.Millisecond).Seconds()
}

// line tells about one run, while the benchmark goes on.
func (f figures) line() string {
	text := fmt.Sprintf("%d %-16s %-16s connect %.0f µs", f.Round+1, f.Scenario, f.System, f.perConnect())
	if f.Memory != nil {
		text += fmt.Sprintf(", %.1f KB/conn (%.1f as it stands)", f.perConn(true), f.perConn(false))
	}
	for _, name := range []string{"paced", "closed"} {
		if l, ok := f.Loads[name]; ok {
			text += fmt.Sprintf(", %s %s/CPU s, p50 %s, p99 %s", name, thousands(l.rate()), short(l.P50), short(l.P99))
			if l.Redis > 0 {
				text += fmt.Sprintf(", Redis %.1f ms/1,000", l.Redis.Seconds()*1e6/float64(l.Sent))
			}
			text += fmt.Sprintf(", generator %.0f %%", 100*l.Generator.Seconds()/l.Wall.Seconds())
			if l.Limit != "" {
				text += " (LIMIT: " + l.Limit + ")"
			}
		}
	}
	return text
}

// perConnect is CPU of the servers in µs, for one connection that joins.
func (f figures) perConnect() float64 { return f.Connect.Server.Seconds() * 1e6 / float64(f.Conns) }

// perConn is memory in KB for one connection.
func (f figures) perConn(collected bool) float64 {
	after := f.Memory.After
	if collected {
		after = f.Memory.Collected
	}
	return float64(after-f.Memory.Before) / 1000 / float64(f.Conns)
}

// values are those that get finds in the runs of a system, by round.
func (r *results) values(scenario, system string, get func(figures) (float64, bool)) map[int]float64 {
	out := map[int]float64{}
	for _, f := range r.Figures {
		if f.Scenario == scenario && f.System == system {
			if v, ok := get(f); ok {
				out[f.Round] = v
			}
		}
	}
	return out
}

// spread is a median with the least and the greatest.
type spread struct {
	median, least, greatest float64
	n                       int
}

func spreadOf(values map[int]float64) spread {
	var all []float64
	for _, v := range values {
		all = append(all, v)
	}
	if len(all) == 0 {
		return spread{}
	}
	slices.Sort(all)
	n := len(all)
	return spread{(all[(n-1)/2] + all[n/2]) / 2, all[0], all[n-1], n}
}

// ratios divide what two systems gave in the same round.
func ratios(a, b map[int]float64) map[int]float64 {
	out := map[int]float64{}
	for round, v := range a {
		if w := b[round]; w != 0 {
			out[round] = v / w
		}
	}
	return out
}
