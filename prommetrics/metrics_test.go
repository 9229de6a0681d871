package prommetrics_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/memadapter"
	"github.com/realtime-go/realtime/prommetrics"
)

func TestScrape(t *testing.T) {
	s := serve(t, realtime.Config{}, prommetrics.Options{})
	realtime.Handle(s, "double", func(_ context.Context, _ *realtime.Conn, n int) (int, error) { return 2 * n, nil })
	realtime.On(s, "sit", func(context.Context, *realtime.Conn, int) error { return realtime.Errorf("no_seat", "none") })
	realtime.On(s, "panic", func(context.Context, *realtime.Conn, int) error { panic("sic") })
	s.OfFunc(func(name string) bool { return strings.HasPrefix(name, "/table-") })

	a, b := s.connect(""), s.connect("")
	s.connect("/table-1,")
	s.connect("/table-2,")
	a.send(`420["double",21]`)
	a.expect(`430[42]`)
	for id, event := range []string{"sit", "panic", "names that clients choose"} {
		a.send(fmt.Sprintf(`42%d[%q,1]`, id, event))
		a.expect(fmt.Sprintf(`43%d[{"error"`, id))
	}
	if err := s.Emit(t.Context(), "news", "x"); err != nil {
		t.Fatal(err)
	}
	a.expect(`42["news","x"]`)
	b.expect(`42["news","x"]`)
	b.send("41")

	s.expect(map[string]float64{
		`realtime_connects_total{namespace="/",transport="websocket"}`:         2,
		`realtime_connects_total{namespace="(dynamic)",transport="websocket"}`: 2,
		`realtime_disconnects_total{cause="client_disconnect",namespace="/"}`:  1,
		`realtime_connection_seconds_count{namespace="/"}`:                     1,
		`realtime_connections{namespace="/"}`:                                  1,
		`realtime_connections{namespace="(dynamic)"}`:                          2,
		`realtime_namespaces`:                                                                       3,
		`realtime_sessions{transport="websocket"}`:                                                  4,
		`realtime_sessions{transport="polling"}`:                                                    0,
		`realtime_events_received_total{code="",event="double",namespace="/"}`:                      1,
		`realtime_events_received_total{code="no_seat",event="sit",namespace="/"}`:                  1,
		`realtime_events_received_total{code="internal",event="panic",namespace="/"}`:               1,
		`realtime_events_received_total{code="unknown_event",event="(unregistered)",namespace="/"}`: 1,
		`realtime_event_received_bytes_total{event="double",namespace="/"}`:                         float64(len(`["double",21]`)),
		`realtime_handler_seconds_count{event="double",namespace="/"}`:                              1,
		`realtime_emits_total{event="news",namespace="/"}`:                                          1,
		`realtime_events_sent_total{event="news",namespace="/"}`:                                    2,
		`realtime_events_skipped_total{event="news",namespace="/"}`:                                 0,
		`realtime_event_sent_bytes_total{event="news",namespace="/"}`:                               2 * float64(2+len(`42["news","x"]`)),
		`realtime_received_messages_total{transport="websocket"}`:                                   4 + 4 + 1, // CONNECT, events, DISCONNECT
		`realtime_panics_total`:                                                                     1,
		`realtime_health{status="ok"}`:                                                              1,
		`realtime_health{status="down"}`:                                                            0,
		`realtime_limit{name="MessageSize"}`:                                                        1e6,
		`realtime_limit{name="WriteTimeout"}`:                                                       10,
		`realtime_adapter_up`:                                                                       1,
	})
}

func TestScrapeOfTrouble(t *testing.T) {
	s := serve(t, realtime.Config{Anomalies: realtime.AnomalyConfig{RefusedEvents: 1}}, prommetrics.Options{})
	s.OnConnect(func(ctx context.Context, c *realtime.Conn) error {
		go func() { // ends with the call, whose ctx is short
			ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			_, _ = c.EmitWithAck(ctx, "ask")
			_, _ = c.EmitWithAck(context.WithoutCancel(ctx), "ask")
		}()
		return nil
	})
	a := s.connect("")
	a.expect(`420["ask"]`)
	a.expect(`421["ask"]`)
	a.send(`431[]`)
	a.send(`42["what"]`)
	resp, err := http.Get(s.url + "/socket.io/?EIO=3&transport=polling")
	if err != nil || resp.StatusCode != http.StatusBadRequest {
		t.Fatal(resp, err)
	}
	_ = resp.Body.Close()
	s.expect(map[string]float64{
		`realtime_acks_missed_total{event="ask",namespace="/"}`: 1,
		`realtime_ack_seconds_count{event="ask",namespace="/"}`: 1,
		`realtime_refused_total{rule="version"}`:                1,
		`realtime_anomalies_total{kind="refused_events"}`:       1,
	})
}

// TestScrapeOfCluster reads what two nodes counted of one message that was wanted and one that was not.
func TestScrapeOfCluster(t *testing.T) {
	bus := memadapter.NewBus()
	here := serve(t, realtime.Config{Adapter: bus.Node()}, prommetrics.Options{})
	there := serve(t, realtime.Config{Adapter: bus.Node()}, prommetrics.Options{})
	for _, s := range []*site{here, there} {
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c := there.connect("")
	err := errors.Join(here.Emit(t.Context(), "news"), here.To("nobody").Emit(t.Context(), "news"))
	if _, ask := here.Room("nobody").Len(t.Context()); err != nil || ask != nil {
		t.Fatal(err, ask)
	}
	c.expect(`42["news"]`)
	here.expect(map[string]float64{
		`realtime_cluster_published_total{op="broadcast",result="ok"}`:     2,
		`realtime_cluster_published_total{op="count_members",result="ok"}`: 1,
		`realtime_cluster_publish_seconds_count{op="broadcast"}`:           2,
		`realtime_nodes_joined_total`:                                      1,
	})
	there.expect(map[string]float64{
		`realtime_cluster_received_total{op="broadcast"}`:             2,
		`realtime_cluster_received_total{op="count_members"}`:         1,
		`realtime_cluster_unneeded_total`:                             1,
		`realtime_events_sent_total{event="(cluster)",namespace="/"}`: 1,
	})
}

// TestAdapterStates gives the observer what an adapter would tell.
func TestAdapterStates(t *testing.T) {
	s := serve(t, realtime.Config{}, prommetrics.Options{})
	tell := s.metrics.Observer().AdapterState
	tell(realtime.AdapterState{Status: realtime.AdapterDown})
	s.expect(map[string]float64{"realtime_adapter_up": 0, "realtime_adapter_gaps_total": 0})
	tell(realtime.AdapterState{Status: realtime.AdapterGap, Gap: &realtime.Gap{Count: 3}})
	tell(realtime.AdapterState{Status: realtime.AdapterGap, Gap: &realtime.Gap{Count: -1}})
	s.expect(map[string]float64{"realtime_adapter_up": 1, "realtime_adapter_gaps_total": 2, "realtime_adapter_lost_messages_total": 3})
}

// TestBound: names beyond the bound share one series for each namespace.
func TestBound(t *testing.T) {
	s := serve(t, realtime.Config{}, prommetrics.Options{Events: 3})
	for i := range 10 {
		if err := s.Emit(t.Context(), fmt.Sprintf("e%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Of("/x").Emit(t.Context(), "late"); err != nil {
		t.Fatal(err)
	}
	s.expect(map[string]float64{
		`realtime_emits_total{event="e0",namespace="/"}`:       1,
		`realtime_emits_total{event="e2",namespace="/"}`:       1,
		`realtime_emits_total{event="(other)",namespace="/"}`:  7,
		`realtime_emits_total{event="(other)",namespace="/x"}`: 1,
	})
	if _, made := s.scrape()[`realtime_emits_total{event="e3",namespace="/"}`]; made {
		t.Error("a series beyond the bound")
	}
}

// TestTwoServers: a registry takes the series once, and keeps none of those that it refused.
func TestTwoServers(t *testing.T) {
	registry := prometheus.NewRegistry()
	first, err := prommetrics.New(registry, prommetrics.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var taken prometheus.AlreadyRegisteredError
	if _, err := prommetrics.New(registry, prommetrics.Options{}); !errors.As(err, &taken) {
		t.Errorf("the second: %v", err)
	}
	registry = prometheus.NewRegistry()
	for _, name := range []string{"a", "b"} {
		wrapped := prometheus.WrapRegistererWith(prometheus.Labels{"server": name}, registry)
		if _, err := prommetrics.New(wrapped, prommetrics.Options{}); err != nil {
			t.Error(err)
		}
	}
	if err := first.Watch(nil); err == nil {
		t.Error("no server is watched")
	}
}
