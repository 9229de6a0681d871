package adminui

import (
	"os"
	"strings"
	"time"

	"github.com/realtime-go/realtime"
)

// serverStats is the argument of "server_stats".
type serverStats struct {
	ServerID            string           `json:"serverId"`
	Hostname            string           `json:"hostname"`
	Pid                 int              `json:"pid"`
	Uptime              float64          `json:"uptime"` // seconds
	ClientsCount        int              `json:"clientsCount"`
	PollingClientsCount int              `json:"pollingClientsCount"`
	AggregatedEvents    []aggregate      `json:"aggregatedEvents"`
	Namespaces          []namespaceStats `json:"namespaces"`
}

type namespaceStats struct {
	Name         string `json:"name"`
	SocketsCount int    `json:"socketsCount"`
}

// aggregate is what happened since the last report.
type aggregate struct {
	Timestamp int64  `json:"timestamp"` // of the second, in milliseconds
	Type      string `json:"type"`
	SubType   string `json:"subType,omitempty"`
	Count     uint64 `json:"count"`
}

// maxNamespaces bounds a report where clients name namespaces.
const maxNamespaces = 1000

// report makes the reports of one server. It is used by one goroutine.
type report struct {
	srv      realtime.Server
	id, host string
	began    time.Time
	last     realtime.Stats
}

func (r *report) init(srv realtime.Server, id string) {
	r.srv, r.id, r.host, r.began, r.last = srv, id, hostname(), time.Now(), srv.Stats()
}

// next describes the server, and what happened since the last call: the server counts already, so nothing is counted twice.
func (r *report) next() serverStats {
	now, st := time.Now(), r.srv.Stats()
	s := serverStats{
		ServerID: r.id, Hostname: r.host, Pid: os.Getpid(), Uptime: now.Sub(r.began).Seconds(),
		ClientsCount: st.Sessions, PollingClientsCount: st.Polling, AggregatedEvents: []aggregate{}, Namespaces: []namespaceStats{},
	}
	add := func(what, subType string, count, before uint64) {
		if count > before {
			s.AggregatedEvents = append(s.AggregatedEvents, aggregate{now.Truncate(time.Second).UnixMilli(), what, subType, count - before})
		}
	}
	add("rawConnection", "", st.Opened, r.last.Opened)
	for cause, n := range st.Closed {
		add("rawDisconnection", strings.ReplaceAll(cause, "_", " "), n, r.last.Closed[cause])
	}
	add("packetsIn", "", st.ReceivedMessages, r.last.ReceivedMessages)
	add("bytesIn", "", st.ReceivedBytes, r.last.ReceivedBytes)
	add("packetsOut", "", st.SentMessages, r.last.SentMessages)
	add("bytesOut", "", st.SentBytes, r.last.SentBytes)
	r.last = st
	for _, n := range r.srv.Namespaces() {
		if len(s.Namespaces) < maxNamespaces {
			s.Namespaces = append(s.Namespaces, namespaceStats{n.Name, n.Conns})
		}
	}
	return s
}
