package realtime

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/realtime-go/realtime/internal/engine"
)

// AnomalyKind says what is odd. It is short and stable: the key of Stats.Anomalies and a metric label.
type AnomalyKind string

// The kinds.
const (
	AnomalyFlapping      AnomalyKind = "flapping"       // connections that end soon, again and again
	AnomalyLateHeartbeat AnomalyKind = "late_heartbeat" // a ping was answered late
	AnomalyLatencyJump   AnomalyKind = "latency_jump"   // a ping was answered much later than those before
	AnomalyManyAddresses AnomalyKind = "many_addresses" // one user comes from many places
	AnomalyRefusedEvents AnomalyKind = "refused_events" // a connection sends what is refused, again and again
)

// anomalyKinds are all of them, in the order of their counters.
var anomalyKinds = [...]AnomalyKind{
	AnomalyFlapping, AnomalyLateHeartbeat, AnomalyLatencyJump, AnomalyManyAddresses, AnomalyRefusedEvents,
}

// Anomaly is something odd about a user, an address or a connection, for Hooks.Anomaly. It is no verdict: what comes of it is the
// program's business.
type Anomaly struct {
	Kind      AnomalyKind
	At        time.Time
	Namespace string        // "" for a link that has not joined one
	User      string        // "" if it is anonymous
	Address   string        // the client's IP address
	Conn      string        // the connection that gave the last occasion
	Count     int           // connections, addresses or events in Window: the threshold, for it is told once in a window
	Window    time.Duration // of Count
	Latency   time.Duration // of AnomalyLateHeartbeat and AnomalyLatencyJump: how long the answer took
	Average   time.Duration // and the moving average before it
}

// AnomalyConfig says from where on something is odd. A zero field means the default beside it, a negative one turns that kind off. What is counted is
// counted in windows of one subject that begin with its first occasion, and told once in each.
type AnomalyConfig struct {
	Window time.Duration // 1 min

	Reconnects        int           // connections of one user that end within a Window of their beginning; 10
	AddressReconnects int           // the same for the anonymous ones of one address, behind which many may be; 100
	Addresses         int           // of one user; 5
	RefusedEvents     int           // events of one connection that end with an [Error], such as an unknown event or an invalid payload; 100
	LateHeartbeat     time.Duration // for the answer to a ping; half of Heartbeat.Timeout
	LatencyJump       float64       // times the connection's moving average, from the fifth answer on and over half a second; 4

	Subjects int // users, addresses and connections that are counted at a time, then the oldest window is forgotten; 10,000
}

func (a AnomalyConfig) withDefaults(h Heartbeat) AnomalyConfig {
	set(&a.Window, time.Minute)
	set(&a.Reconnects, 10)
	set(&a.AddressReconnects, 100)
	set(&a.Addresses, 5)
	set(&a.RefusedEvents, 100)
	set(&a.LateHeartbeat, h.Timeout/2)
	set(&a.LatencyJump, 4)
	set(&a.Subjects, 10_000)
	return a
}

const (
	minLatencyJump   = 500 * time.Millisecond // less is the ordinary life of a mobile network
	jumpHeartbeats   = 5                      // answers from which on the average means something, the one that jumps included
	anomalyHooksRate = 100                    // calls of Hooks.Anomaly a second for each kind: the queue is there for others too
)

// anomalies looks for what is odd on one server.
type anomalies struct {
	srv     *server
	limits  AnomalyConfig
	tallies tallies
	counts  [len(anomalyKinds)]atomic.Uint64
}

func (a *anomalies) init(srv *server) {
	a.srv, a.limits = srv, srv.cfg.Anomalies
	a.tallies.init(a.limits.Subjects, a.limits.Window)
}

// connected looks at where the user of a connection comes from.
func (a *anomalies) connected(c *Conn) {
	user, limit := c.UserID(), a.limits.Addresses
	if user == "" || limit < 0 {
		return
	}
	key := tallyKey{AnomalyManyAddresses, c.ns.name, user}
	if a.tallies.address(key, c.mux.address(), time.Now()) == limit {
		a.report(AnomalyManyAddresses, c, limit)
	}
}

// disconnected looks at how long a connection has lived. When the server ends, everything ends.
func (a *anomalies) disconnected(c *Conn) {
	now := time.Now()
	if now.Sub(c.connected) >= a.limits.Window || a.srv.stopping() {
		return
	}
	limit, subject := a.limits.Reconnects, "user "+c.UserID()
	if c.UserID() == "" {
		limit, subject = a.limits.AddressReconnects, "address "+c.mux.address()
	}
	if limit >= 0 && a.tallies.count(tallyKey{AnomalyFlapping, c.ns.name, subject}, now) == limit {
		a.report(AnomalyFlapping, c, limit)
	}
}

// refused counts an event that ended with an Error.
func (a *anomalies) refused(c *Conn) {
	limit := a.limits.RefusedEvents
	if limit >= 0 && a.tallies.count(tallyKey{AnomalyRefusedEvents, c.ns.name, c.id}, time.Now()) == limit {
		a.report(AnomalyRefusedEvents, c, limit)
	}
}

// ponged looks at the answer to a ping; the engine calls it for each, and as a rule it is two comparisons.
func (a *anomalies) ponged(session *engine.Session, trip, average time.Duration) {
	late := a.limits.LateHeartbeat >= 0 && trip >= a.limits.LateHeartbeat
	jump := a.limits.LatencyJump >= 0 && trip >= minLatencyJump && float64(trip) >= a.limits.LatencyJump*float64(average)
	if !late && !jump {
		return
	}
	m, ok := session.Receiver().(*mux)
	if !ok {
		return
	}
	found := Anomaly{Address: m.address(), Latency: trip, Average: average}
	if conns := m.all(); len(conns) > 0 {
		found.Namespace, found.User, found.Conn = conns[0].ns.name, conns[0].UserID(), conns[0].id
	}
	if late {
		found.Kind = AnomalyLateHeartbeat
		a.tell(found)
	}
	if jump && len(session.Stats().Heartbeats) >= jumpHeartbeats {
		found.Kind = AnomalyLatencyJump
		a.tell(found)
	}
}

func (a *anomalies) report(kind AnomalyKind, c *Conn, count int) {
	a.tell(Anomaly{
		Kind: kind, Namespace: c.ns.name, User: c.UserID(), Address: c.mux.address(), Conn: c.id, Count: count, Window: a.limits.Window,
	})
}

// tell counts, logs, and tells the hook.
func (a *anomalies) tell(found Anomaly) {
	found.At = time.Now()
	for i, kind := range anomalyKinds {
		if kind == found.Kind {
			a.counts[i].Add(1)
		}
	}
	a.srv.observeAnomaly(found.Kind)
	kind := string(found.Kind)
	if line, ok := a.srv.sampled("anomaly "+kind, slog.String("kind", kind)); ok {
		what := []any{slog.Int("count", found.Count)}
		if found.Count == 0 {
			what = []any{slog.Duration("latency", found.Latency), slog.Duration("average", found.Average)}
		}
		a.srv.log.Warn("anomaly", append(append(line, what...), slog.String("namespace", found.Namespace), slog.String("user", found.User),
			slog.String("conn", found.Conn), slog.String("address", found.Address))...)
	}
	fn := a.srv.cfg.Hooks.Anomaly
	if fn == nil {
		return
	}
	if ok, _ := a.srv.sampler.allow("Hooks.Anomaly "+kind, anomalyHooksRate); !ok {
		a.srv.hookLost()
		return
	}
	a.srv.later("Hooks.Anomaly", func() { fn(found) })
}

// snapshot returns what was found so far.
func (a *anomalies) snapshot() map[string]uint64 {
	counts := make(map[string]uint64)
	for i := range a.counts {
		if n := a.counts[i].Load(); n > 0 {
			counts[string(anomalyKinds[i])] = n
		}
	}
	return counts
}
