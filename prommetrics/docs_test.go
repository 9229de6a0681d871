package prommetrics_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/prommetrics"
)

var (
	metricName = regexp.MustCompile(`\brealtime_[a-z_]+`)
	ofSeries   = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// families are the names of all metrics: every function of the observer is called once, so that each has a series.
func families(t *testing.T) []string {
	t.Helper()
	registry := prometheus.NewRegistry()
	metrics, err := prommetrics.New(registry, prommetrics.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := realtime.New(realtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := metrics.Watch(srv); err != nil {
		t.Fatal(err)
	}
	o := metrics.Observer()
	o.Connected("/", "websocket")
	o.Disconnected("/", realtime.CauseClientDisconnect, time.Second)
	o.Refused("origin")
	o.Handled("/", "e", 1, time.Second, "internal")
	o.Emitted("/", "e", 1, 1, 1)
	o.Acked("/", "e", time.Second, true)
	o.Published(realtime.OpBroadcast, time.Second, nil)
	o.Delivered(realtime.OpBroadcast, 0)
	o.Anomaly(realtime.AnomalyFlapping)
	gathered, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range gathered {
		names = append(names, f.GetName())
	}
	return names
}

// TestDocsMetrics: docs/operations.md has a row for each metric and no other.
func TestDocsMetrics(t *testing.T) {
	text, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "| `realtime_"); ok {
			documented = append(documented, "realtime_"+name[:strings.IndexByte(name, '`')])
		}
	}
	slices.Sort(documented)
	if diff := cmp.Diff(families(t), documented); diff != "" {
		t.Error(diff)
	}
}

// TestDashboardAndAlerts: they ask for metrics that there are, and the dashboard for all but the few that say nothing over time.
func TestDashboardAndAlerts(t *testing.T) {
	known := families(t)
	shown := map[string]bool{}
	for _, file := range []string{"grafana.json", "alerts.yml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, ".json") && !json.Valid(text) {
			t.Error(file, "is no JSON")
		}
		for _, name := range metricName.FindAllString(string(text), -1) {
			name = ofSeries.ReplaceAllString(name, "")
			if !slices.Contains(known, name) {
				t.Errorf("%s asks for %s", file, name)
			}
			shown[name] = true
		}
	}
	if diff := cmp.Diff(known, slices.Sorted(maps.Keys(shown))); diff != "" {
		t.Error(diff)
	}
}
