//go:build linux

package main

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/realtime-go/realtime/benchmarks/load"
	"github.com/realtime-go/realtime/benchmarks/servers"
)

// TestServers drives each Go server a little, in this process, so that a benchmark does not find out in an hour what is
// broken. What it counts must be right; no time is.
func TestServers(t *testing.T) {
	for _, sys := range everybody {
		if sys.server == "node" {
			continue
		}
		t.Run(sys.name, func(t *testing.T) {
			handler, err := servers.New(t.Context(), sys.server, servers.Options{})
			if err != nil {
				t.Fatal(err)
			}
			host := httptest.NewServer(handler)
			t.Cleanup(host.CloseClientConnections)
			d, err := load.DialectOf(sys.dialect)
			if err != nil {
				t.Fatal(err)
			}
			addr := strings.TrimPrefix(host.URL, "http://")
			for name, j := range map[string]job{
				"room":  {Kind: jobRooms, Conns: 10, Size: 10, Window: 4},
				"rooms": {Kind: jobRooms, Conns: 12, Size: 3, Window: 4},
				"paced": {Kind: jobRooms, Conns: 5, Size: 5, Rate: 100},
				"echo":  {Kind: jobEcho, Conns: 3, Size: 1, Window: 2},
			} {
				j.Warm, j.For = 20*time.Millisecond, 50*time.Millisecond
				j.Addrs = []string{addr}
				g := &generator{job: &j, dialect: d}
				rooms := make([]string, j.Conns)
				for i := range rooms {
					rooms[i] = name + string(rune('a'+i/j.Size))
				}
				if g.single() {
					rooms = append(rooms, "publisher")
				}
				if g.clients, err = load.Dial(d, j.Addrs, rooms); err != nil {
					t.Fatal(err)
				}
				work := map[bool]func() error{
					true: func() error { return g.measured(g.echo) }, false: func() error { return g.measured(g.closed) },
				}[j.Kind == jobEcho]
				if j.Rate > 0 {
					work = func() error { return g.measured(g.paced) }
				}
				if err := work(); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if g.result.Missing != 0 || g.result.Done == 0 {
					t.Errorf("%s: %d done, %d missing", name, g.result.Done, g.result.Missing)
				}
				if j.Rate > 0 && g.result.P50 <= 0 {
					t.Errorf("%s: no latencies", name)
				}
				g.clients.Close()
			}
		})
	}
}

// TestReport writes a table of made-up results.
func TestReport(t *testing.T) {
	var results []result
	for round, node := range []int64{1000, 2000} {
		results = append(results,
			result{Scenario: "echo", System: "realtime", Round: round, Done: 4000, Server: time.Second, Wall: time.Second},
			result{Scenario: "echo", System: "socket.io (Node)", Round: round, Done: node, Server: time.Second, Wall: time.Second, Load: time.Second})
	}
	text := targetTable(results)
	if !strings.Contains(text, "| echo | socket.io (Node) | ≥ 1.70 | 3.00 (2.00–4.00) | yes |") {
		t.Error(text)
	}
	if text = tables(scenarios(), map[string]record{"echo": {Results: results}}, "plots/"); !strings.Contains(text, "| socket.io (Node) | 1,500 (1,000–2,000) | 1.00 | 100 % |") {
		t.Error(text)
	}
}

// TestHistogram compares quantiles with what they must be.
func TestHistogram(t *testing.T) {
	h := &load.Histogram{}
	for i := range 100_000 {
		h.Add(time.Duration(i) * time.Microsecond)
	}
	for q, want := range map[float64]time.Duration{0.5: 50 * time.Millisecond, 0.99: 99 * time.Millisecond, 1: 100 * time.Millisecond} {
		if got := h.Quantile(q); got < want*98/100 || got > want*103/100 {
			t.Errorf("quantile %v is %v, want about %v", q, got, want)
		}
	}
}

// TestJobTravels: what the command says, the load generator understands.
func TestJobTravels(t *testing.T) {
	if err := beGenerator("{"); err == nil {
		t.Error("half a job is accepted")
	}
	text, err := json.Marshal(job{Dialect: "none"})
	if err != nil {
		t.Fatal(err)
	}
	if err := beGenerator(string(text)); err == nil {
		t.Error("a dialect that nobody knows is accepted")
	}
	if _, err := chosen(&settings{scenarios: []string{"nothing"}}); err == nil {
		t.Error("a scenario that nobody knows is accepted")
	}
	if all, err := chosen(&settings{scenarios: []string{"scale"}}); err != nil || len(all) < 20 {
		t.Errorf("scale is %d scenarios: %v", len(all), err)
	}
	if _, err := servers.New(context.Background(), "nobody", servers.Options{}); err == nil {
		t.Error("a server that nobody knows is accepted")
	}
}
