package realtime

import (
	"time"

	"github.com/realtime-go/realtime/internal/engine"
)

// The calls of Config.Observer. A call that nobody asked for costs a comparison; the others are guarded.

// Names in the place of those that clients have chosen.
const (
	dynamicNamespace = "(dynamic)"
	unregistered     = "(unregistered)"
	clusterEvent     = "(cluster)"
)

// label is the namespace's name where names must not grow without bound.
func (ns *namespace) label() string {
	if ns.dynamic {
		return dynamicNamespace
	}
	return ns.name
}

// observe runs one call.
func (s *server) observe(call func()) { s.guard("Config.Observer", call) }

func (s *server) observeConnected(c *Conn) {
	if fn := s.cfg.Observer.Connected; fn != nil {
		s.observe(func() { fn(c.ns.label(), c.Transport()) })
	}
}

func (s *server) observeDisconnected(c *Conn) {
	if fn := s.cfg.Observer.Disconnected; fn != nil {
		s.observe(func() { fn(c.ns.label(), c.why.Cause, time.Since(c.connected)) })
	}
}

func (s *server) observeRefused(rule string) {
	if fn := s.cfg.Observer.Refused; fn != nil {
		s.observe(func() { fn(rule) })
	}
}

// handlerClock is now, if anybody wants to know how long a handler runs.
func (s *server) handlerClock() (now time.Time) {
	if s.cfg.Observer.Handled != nil {
		now = time.Now()
	}
	return now
}

func (s *server) observeHandled(c *Conn, ev *Event, began time.Time, code string) {
	if fn := s.cfg.Observer.Handled; fn != nil {
		s.observe(func() { fn(c.ns.label(), s.logName(ev), ev.Size, time.Since(began), code) })
	}
}

// observeEmitted is told of an event after it was queued. One that nobody selected counts too.
func (ns *namespace) observeEmitted(event string, m *engine.Message, queued, skipped int) {
	if fn := ns.srv.cfg.Observer.Emitted; fn != nil {
		ns.srv.observe(func() { fn(ns.label(), event, queued, skipped, m.Size()) })
	}
}

func (ns *namespace) observeAcked(event string, began time.Time, ok bool) {
	if fn := ns.srv.cfg.Observer.Acked; fn != nil {
		ns.srv.observe(func() { fn(ns.label(), event, time.Since(began), ok) })
	}
}

func (s *server) observePublished(op Op, began time.Time, err error) {
	if fn := s.cfg.Observer.Published; fn != nil {
		s.observe(func() { fn(op, time.Since(began), err) })
	}
}

func (s *server) observeDelivered(op Op, receivers int) {
	if fn := s.cfg.Observer.Delivered; fn != nil {
		s.observe(func() { fn(op, receivers) })
	}
}

func (s *server) observeAdapterState(state AdapterState) {
	if fn := s.cfg.Observer.AdapterState; fn != nil {
		s.observe(func() { fn(state) })
	}
}

func (s *server) observeNode(n Node, up bool) {
	if fn := s.cfg.Observer.NodeChanged; fn != nil {
		s.observe(func() { fn(n, up) })
	}
}

func (s *server) observeAnomaly(kind AnomalyKind) {
	if fn := s.cfg.Observer.Anomaly; fn != nil {
		s.observe(func() { fn(kind) })
	}
}

// observePanic is not guarded like the others, or a function that panics would be told of its own panic for ever.
func (s *server) observePanic(where string) {
	if fn := s.cfg.Observer.Panicked; fn != nil && where != "Config.Observer" {
		s.observe(fn)
	}
}

func (s *server) observeHookLost() {
	if fn := s.cfg.Observer.HookLost; fn != nil {
		s.observe(fn)
	}
}

// engineHooks are what the layer below tells; what nobody wants to know it does not ask for.
func (s *server) engineHooks() engine.Hooks {
	hooks := engine.Hooks{OnRefused: s.refusedHandshake, OnUpgrade: s.upgraded, OnPong: s.anomalies.ponged, OnNotPolled: s.notPolled}
	o := s.cfg.Observer
	if o.Ponged != nil {
		hooks.OnPong = func(session *engine.Session, trip, average time.Duration) {
			s.anomalies.ponged(session, trip, average)
			s.observe(func() { o.Ponged(session.Transport(), trip) })
		}
	}
	if o.Pinged != nil {
		hooks.OnPing = func(session *engine.Session, late time.Duration) {
			s.observe(func() { o.Pinged(session.Transport(), late) })
		}
	}
	if o.Received != nil {
		hooks.OnReceive = func(transport string, size int) {
			s.observe(func() { o.Received(transport, size) })
		}
	}
	if o.Written != nil {
		hooks.OnWrite = func(transport string, messages, size int) {
			s.observe(func() { o.Written(transport, messages, size) })
		}
	}
	return hooks
}
