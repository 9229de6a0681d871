package prommetrics

import (
	"reflect"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-go/realtime"
)

// gauges asks a server how it is at each scrape.
type gauges struct{ srv realtime.Server }

func newGauges(srv realtime.Server) prometheus.Collector { return gauges{srv} }

var (
	sessions    = gaugeOf("sessions", "Links of clients.", "transport")
	unjoined    = gaugeOf("unjoined_sessions", "Links that have not joined a namespace.")
	handshakes  = gaugeOf("handshakes", "Handshakes and authentications in progress.")
	connections = gaugeOf("connections", "Connections of this node.", "namespace")
	users       = gaugeOf("users", "Users with a connection to this node.", "namespace")
	rooms       = gaugeOf("rooms", "Rooms of this node, users' rooms included.", "namespace")
	namespaces  = gaugeOf("namespaces", "Namespaces of this node.")
	queuedBytes = gaugeOf("queued_bytes", "Memory of what waits for clients, in bytes.")
	handlers    = gaugeOf("handlers", "Goroutines that run handlers.")
	health      = gaugeOf("health", "1 for the state that the server is in.", "status")
	limit       = gaugeOf("limit", "Config.Limits in force; times are in seconds, negative means off.", "name")
)

func gaugeOf(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prefix+name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		sessions, unjoined, handshakes, connections, users, rooms, namespaces, queuedBytes, handlers, health, limit,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g gauges) Collect(ch chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	st := g.srv.Stats()
	send(sessions, float64(st.WebSocket), transports[0])
	send(sessions, float64(st.Polling), transports[1])
	send(unjoined, float64(st.Unjoined))
	send(handshakes, float64(st.Handshakes))
	send(namespaces, float64(st.Namespaces))
	send(queuedBytes, float64(st.QueuedBytes))
	send(handlers, float64(st.Handlers))
	for _, n := range g.namespaces() {
		send(connections, float64(n.Conns), n.Name)
		send(users, float64(n.Users), n.Name)
		send(rooms, float64(n.Rooms), n.Name)
	}
	now := g.srv.Health().Status
	for _, status := range []realtime.HealthStatus{realtime.HealthOK, realtime.HealthDegraded, realtime.HealthDown} {
		is := 0.0
		if status == now {
			is = 1
		}
		send(health, is, string(status))
	}
	for name, value := range limitsOf(st.Limits) {
		send(limit, value, name)
	}
}

// namespaces returns the figures of namespaces, with all that clients have named as one.
func (g gauges) namespaces() (list []realtime.NamespaceStats) {
	dynamic := realtime.NamespaceStats{Name: "(dynamic)", Dynamic: true}
	some := false
	for _, n := range g.srv.Namespaces() {
		if !n.Dynamic {
			list = append(list, n)
			continue
		}
		some = true
		dynamic.Conns += n.Conns
		dynamic.Users += n.Users
		dynamic.Rooms += n.Rooms
	}
	if some {
		list = append(list, dynamic)
	}
	return list
}

// limitsOf names every limit after its field (requirement R46).
func limitsOf(l realtime.Limits) map[string]float64 {
	values := make(map[string]float64)
	v := reflect.ValueOf(l)
	for i := range v.NumField() {
		value := float64(v.Field(i).Int())
		if v.Field(i).Type() == reflect.TypeFor[time.Duration]() {
			value /= float64(time.Second)
		}
		values[v.Type().Field(i).Name] = value
	}
	return values
}
