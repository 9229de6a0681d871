package prommetrics

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-go/realtime"
)

// Options are the settings of New. The zero value works.
type Options struct {
	// Events bounds the pairs of namespace and event that have series of their own; what comes later counts as event
	// "(other)". 500. Names that no handler is registered for are one anyway; names that the program emits are its own.
	Events int
}

// Metrics are the series of one server. The methods may be called concurrently.
type Metrics struct {
	registerer prometheus.Registerer
	events     events

	connects, disconnects, refused    *prometheus.CounterVec
	lifetime                          *prometheus.HistogramVec
	links                             [2]link // of websocket and polling
	published, delivered              *prometheus.CounterVec
	publishTime                       *prometheus.HistogramVec
	unneeded, gaps, lost, panics      prometheus.Counter
	nodesJoined, nodesLost, hooksLost prometheus.Counter
	adapterUp                         prometheus.Gauge
	anomalies                         *prometheus.CounterVec
	collectors                        []prometheus.Collector
}

// Buckets in seconds: handlers and answers of clients, pings, and the lives of connections.
var (
	workBuckets = []float64{.0005, .001, .005, .025, .1, .5, 2.5, 10}
	pingBuckets = []float64{.01, .03, .1, .3, 1, 3, 10}
	lifeBuckets = []float64{1, 10, 60, 600, 3600, 6 * 3600, 24 * 3600}
	sizeBuckets = []float64{1, 2, 4, 8, 16, 32, 64, 128}
)

// New makes the series and registers them. It returns the errors of the registry, for instance
// [prometheus.AlreadyRegisteredError]: two servers of one process need a label each, by
// [prometheus.WrapRegistererWith].
func New(r prometheus.Registerer, o Options) (*Metrics, error) {
	if o.Events <= 0 {
		o.Events = 500
	}
	m := &Metrics{registerer: r}
	m.connects = m.counters("connects_total", "Connections that were admitted.", "namespace", "transport")
	m.disconnects = m.counters("disconnects_total", "Connections that ended.", "namespace", "cause")
	m.lifetime = m.histograms("connection_seconds", "How long connections lived.", lifeBuckets, "namespace")
	m.refused = m.counters("refused_total", "Refused handshakes, requests and CONNECT packets.", "rule")
	m.addLinks()
	m.events.init(m, o.Events)
	m.published = m.counters("cluster_published_total", "Messages and questions for other nodes.", "op", "result")
	m.publishTime = m.histograms("cluster_publish_seconds", "How long handing over to the adapter, or asking, took.", workBuckets, "op")
	m.delivered = m.counters("cluster_received_total", "Messages and questions of other nodes.", "op")
	m.unneeded = m.counter("cluster_unneeded_total", "Broadcasts of other nodes that nobody here was meant by.")
	m.gaps = m.counter("adapter_gaps_total", "Times that messages between nodes may have been lost.")
	m.lost = m.counter("adapter_lost_messages_total", "Messages between nodes that were lost, where their number is known.")
	m.adapterUp = m.gauge("adapter_up", "Whether messages cross between nodes, as the adapter has said; 1 before it says anything.")
	m.adapterUp.Set(1)
	m.nodesJoined = m.counter("nodes_joined_total", "Other nodes that came.")
	m.nodesLost = m.counter("nodes_lost_total", "Other nodes that went, or were lost.")
	m.anomalies = m.counters("anomalies_total", "Odd things about users, addresses and connections.", "kind")
	m.panics = m.counter("panics_total", "Recovered panics of the program's functions.")
	m.hooksLost = m.counter("hooks_lost_total", "Calls of hooks that a full queue has dropped.")
	return m, m.register()
}

// register enters all series, or none.
func (m *Metrics) register() error {
	for i, c := range m.collectors {
		if err := m.registerer.Register(c); err != nil {
			for _, done := range m.collectors[:i] {
				m.registerer.Unregister(done)
			}
			return err
		}
	}
	return nil
}

// Observer is for Config.Observer. It may serve one server.
func (m *Metrics) Observer() *realtime.Observer {
	o := &realtime.Observer{
		Connected:    func(ns, transport string) { m.connects.WithLabelValues(ns, transport).Inc() },
		Disconnected: m.disconnected,
		Refused:      func(rule string) { m.refused.WithLabelValues(rule).Inc() },
		Published:    m.sent,
		Delivered:    m.got,
		AdapterState: m.state,
		NodeChanged:  m.node,
		Anomaly:      func(kind realtime.AnomalyKind) { m.anomalies.WithLabelValues(string(kind)).Inc() },
		Panicked:     m.panics.Inc,
		HookLost:     m.hooksLost.Inc,
	}
	m.events.observe(o)
	m.observeLinks(o)
	return o
}

func (m *Metrics) disconnected(ns string, cause realtime.Cause, lifetime time.Duration) {
	m.disconnects.WithLabelValues(ns, cause.String()).Inc()
	m.lifetime.WithLabelValues(ns).Observe(lifetime.Seconds())
}

func (m *Metrics) sent(op realtime.Op, took time.Duration, err error) {
	result := "ok"
	if err != nil {
		result = "error"
	}
	m.published.WithLabelValues(op.String(), result).Inc()
	m.publishTime.WithLabelValues(op.String()).Observe(took.Seconds())
}

func (m *Metrics) got(op realtime.Op, receivers int) {
	m.delivered.WithLabelValues(op.String()).Inc()
	if receivers == 0 {
		m.unneeded.Inc()
	}
}

func (m *Metrics) state(s realtime.AdapterState) {
	switch s.Status {
	case realtime.AdapterUp:
		m.adapterUp.Set(1)
	case realtime.AdapterDown:
		m.adapterUp.Set(0)
	case realtime.AdapterGap:
		m.adapterUp.Set(1)
		m.gaps.Inc()
		if s.Gap != nil && s.Gap.Count > 0 {
			m.lost.Add(float64(s.Gap.Count))
		}
	}
}

func (m *Metrics) node(_ realtime.Node, up bool) {
	if up {
		m.nodesJoined.Inc()
	} else {
		m.nodesLost.Inc()
	}
}

// Watch registers the gauges of a server. It returns the registry's errors, and one for a second server.
func (m *Metrics) Watch(srv realtime.Server) error {
	if srv == nil {
		return errors.New("prommetrics: Watch: no server")
	}
	return m.registerer.Register(newGauges(srv))
}

const prefix = "realtime_"

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	return keep(m, prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels))
}

func (m *Metrics) counter(name, help string) prometheus.Counter {
	return keep(m, prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + name, Help: help}))
}

func (m *Metrics) gauge(name, help string) prometheus.Gauge {
	return keep(m, prometheus.NewGauge(prometheus.GaugeOpts{Name: prefix + name, Help: help}))
}

func (m *Metrics) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return keep(m, prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + name, Help: help, Buckets: buckets}, labels))
}

// keep remembers a collector for register.
func keep[C prometheus.Collector](m *Metrics, c C) C {
	m.collectors = append(m.collectors, c)
	return c
}
