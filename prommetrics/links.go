package prommetrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-go/realtime"
)

// link are the series of one transport, found without a lookup: some of them count every message.
type link struct {
	received, receivedBytes, writes, sent, sentBytes prometheus.Counter
	batch, late, pong                                prometheus.Observer
}

// transports are the labels of Metrics.links.
var transports = [...]string{"websocket", "polling"}

func (m *Metrics) addLinks() {
	received := m.counters("received_messages_total", "Messages of clients.", "transport")
	receivedBytes := m.counters("received_bytes_total", "Bytes of messages of clients.", "transport")
	writes := m.counters("writes_total", "Writes to clients, answers to polls included.", "transport")
	sent := m.counters("sent_messages_total", "Messages in these writes.", "transport")
	sentBytes := m.counters("sent_bytes_total", "Bytes of these messages, as websockets have them.", "transport")
	batch := m.histograms("write_messages", "How many messages one write carried: more than one means that they had to wait.", sizeBuckets, "transport")
	late := m.histograms("ping_late_seconds", "How late pings left, because this process was busy.", pingBuckets, "transport")
	pong := m.histograms("pong_seconds", "How long clients took to answer a ping.", pingBuckets, "transport")
	for i, t := range transports {
		m.links[i] = link{
			received.WithLabelValues(t), receivedBytes.WithLabelValues(t), writes.WithLabelValues(t), sent.WithLabelValues(t), sentBytes.WithLabelValues(t),
			batch.WithLabelValues(t), late.WithLabelValues(t), pong.WithLabelValues(t),
		}
	}
}

func (m *Metrics) link(transport string) *link {
	if transport == transports[0] {
		return &m.links[0]
	}
	return &m.links[1]
}

func (m *Metrics) observeLinks(o *realtime.Observer) {
	o.Received = func(transport string, size int) {
		l := m.link(transport)
		l.received.Inc()
		l.receivedBytes.Add(float64(size))
	}
	o.Written = func(transport string, messages, size int) {
		l := m.link(transport)
		l.writes.Inc()
		l.sent.Add(float64(messages))
		l.sentBytes.Add(float64(size))
		l.batch.Observe(float64(messages))
	}
	o.Pinged = func(transport string, late time.Duration) { m.link(transport).late.Observe(late.Seconds()) }
	o.Ponged = func(transport string, took time.Duration) { m.link(transport).pong.Observe(took.Seconds()) }
}
