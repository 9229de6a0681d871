package prommetrics

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-go/realtime"
)

// events has the series of every event, found without a lock: the table is copied for each new name, of which there
// are few, and read for each event.
type events struct {
	max   int
	table atomic.Pointer[map[eventName]*event]
	mu    sync.Mutex // held by who replaces the table

	handled, receivedBytes, emits, sent, skipped, sentBytes, missed *prometheus.CounterVec
	handling, answering                                             *prometheus.HistogramVec
}

type eventName struct{ namespace, event string }

// other takes the place of names that are too many.
const other = "(other)"

// event are the series of one name, made when they are first needed: few events go both ways.
type event struct {
	in  func() *inbound
	out func() *outbound
	ack func() *answered
}

type inbound struct {
	ok       prometheus.Counter
	failed   *prometheus.CounterVec // by code
	bytes    prometheus.Counter
	duration prometheus.Observer
}

type outbound struct{ emits, sent, skipped, bytes prometheus.Counter }

type answered struct {
	duration prometheus.Observer
	missed   prometheus.Counter
}

func (e *events) init(m *Metrics, limit int) {
	e.max = limit
	e.table.Store(&map[eventName]*event{})
	by := []string{"namespace", "event"}
	e.handled = m.counters("events_received_total", `Events of clients, by the code of the error that the client was told, "" for none.`, "namespace", "event", "code")
	e.receivedBytes = m.counters("event_received_bytes_total", "Bytes of JSON and attachments of these events.", by...)
	e.handling = m.histograms("handler_seconds", "How long handlers ran.", workBuckets, by...)
	e.emits = m.counters("emits_total", "Events that were emitted here, to however many connections.", by...)
	e.sent = m.counters("events_sent_total", `Events that were queued for a connection of this node. Those of other nodes are event "(cluster)".`, by...)
	e.skipped = m.counters("events_skipped_total", "Volatile events that were dropped because the connection was busy.", by...)
	e.sentBytes = m.counters("event_sent_bytes_total", "Bytes of the events that were queued, as websockets have them.", by...)
	e.answering = m.histograms("ack_seconds", "How long clients took to acknowledge an event.", workBuckets, by...)
	e.missed = m.counters("acks_missed_total", "Acknowledgements that did not come in time.", by...)
}

func (e *events) observe(o *realtime.Observer) {
	o.Handled = func(ns, name string, size int, took time.Duration, code string) {
		in := e.find(ns, name).in()
		if code == "" {
			in.ok.Inc()
		} else {
			in.failed.WithLabelValues(code).Inc()
		}
		in.bytes.Add(float64(size))
		in.duration.Observe(took.Seconds())
	}
	o.Emitted = func(ns, name string, queued, skipped, size int) {
		out := e.find(ns, name).out()
		out.emits.Inc()
		out.sent.Add(float64(queued))
		out.skipped.Add(float64(skipped))
		out.bytes.Add(float64(queued) * float64(size))
	}
	o.Acked = func(ns, name string, took time.Duration, ok bool) {
		ack := e.find(ns, name).ack()
		if ok {
			ack.duration.Observe(took.Seconds())
		} else {
			ack.missed.Inc()
		}
	}
}

// find returns the series of a name.
func (e *events) find(ns, name string) *event {
	key := eventName{ns, name}
	if ev := (*e.table.Load())[key]; ev != nil {
		return ev
	}
	return e.add(key)
}

func (e *events) add(key eventName) *event {
	e.mu.Lock()
	defer e.mu.Unlock()
	table := *e.table.Load()
	if len(table) >= e.max && table[key] == nil {
		key.event = other // one for each namespace, and those are the program's own
	}
	if ev := table[key]; ev != nil {
		return ev
	}
	ev := e.newEvent(key)
	table = maps.Clone(table)
	table[key] = ev
	e.table.Store(&table)
	return ev
}

func (e *events) newEvent(key eventName) *event {
	ns, name := key.namespace, key.event
	return &event{
		in: sync.OnceValue(func() *inbound {
			codes := e.handled.MustCurryWith(prometheus.Labels{"namespace": ns, "event": name})
			return &inbound{codes.WithLabelValues(""), codes, e.receivedBytes.WithLabelValues(ns, name), e.handling.WithLabelValues(ns, name)}
		}),
		out: sync.OnceValue(func() *outbound {
			return &outbound{
				e.emits.WithLabelValues(ns, name), e.sent.WithLabelValues(ns, name),
				e.skipped.WithLabelValues(ns, name), e.sentBytes.WithLabelValues(ns, name),
			}
		}),
		ack: sync.OnceValue(func() *answered {
			return &answered{e.answering.WithLabelValues(ns, name), e.missed.WithLabelValues(ns, name)}
		}),
	}
}
