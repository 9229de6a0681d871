package realtime

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/realtime-go/realtime/internal/engine"
)

// engineOptions translates the configuration for the layer below.
func (s *server) engineOptions() engine.Options {
	cfg, limits := &s.cfg, &s.cfg.Limits
	return engine.Options{
		Path:    cfg.Path,
		Polling: cfg.Transports&Polling != 0, WebSocket: cfg.Transports&WebSocket != 0,
		PingInterval: cfg.Heartbeat.Interval, PingTimeout: cfg.Heartbeat.Timeout,
		ConnectTimeout: cfg.Heartbeat.ConnectTimeout, UpgradeTimeout: cfg.Heartbeat.UpgradeTimeout,
		MaxPayload: limits.MessageSize, MaxPayloadBeforeJoin: limits.ConnectMessageSize,
		MaxQueueItems: limits.OutboundMessages, MaxQueueBytes: limits.OutboundBytes, OutboundBudget: limits.OutboundMemory,
		MaxUnjoined: limits.UnjoinedSessions, MaxHandshakes: limits.Handshakes, HandshakeWait: limits.HandshakeWait,
		MaxNonMessages: limits.ControlPackets,
		WriteTimeout:   limits.WriteTimeout, MessageTimeout: limits.MessageTimeout, BodyTimeout: limits.BodyTimeout,
		FlushDelay: cfg.FlushDelay, EventDriven: cfg.EventDriven, Compression: cfg.Compression.Enabled, CompressionThreshold: cfg.Compression.Threshold,
		MaxPerAddress: max(limits.ConnectionsPerAddress, 0), TrustedProxies: cfg.TrustedProxies,
		Origins: cfg.Origins, Credentials: cfg.Credentials,
		CORS: engine.CORS{
			AllowedHeaders: cfg.CORS.AllowedHeaders, ExposedHeaders: cfg.CORS.ExposedHeaders,
			Methods: cfg.CORS.Methods, MaxAge: cfg.CORS.MaxAge,
		},
		Cookie: cfg.Cookie, NodeTag: s.self.ID[:8],
		Allow: s.allowHandshake(),
		Hooks: s.engineHooks(),
	}
}

// notPolled tells that Config.EventDriven has no effect, at least for some connections.
func (s *server) notPolled(err error) {
	s.log.Warn("event-driven reading is not possible", slog.Any("err", err))
}

// allowHandshake is the hook of the same name, where a panic refuses.
func (s *server) allowHandshake() func(*http.Request) error {
	allow := s.cfg.Hooks.AllowHandshake
	if allow == nil {
		return nil
	}
	return func(r *http.Request) error {
		err := errors.New("internal error") // stays if the hook panics
		s.guard("Hooks.AllowHandshake", func() { err = allow(r) })
		return err
	}
}

// refusedHandshake counts, logs and tells of a refused request. The log gets the path and what the engine
// found, never the query, which may hold a token.
func (s *server) refusedHandshake(r *http.Request, ref *engine.Refusal) {
	s.refused(ref.Rule, func() []any {
		return []any{
			slog.String("method", r.Method), slog.String("address", addressOf(r.RemoteAddr)),
			slog.Int("status", ref.Status), slog.String("detail", ref.Detail), slog.String("setting", setting(ref)),
		}
	})
	if fn := s.cfg.Hooks.Refused; fn != nil {
		f := finding(ref)
		s.later("Hooks.Refused", func() { fn(f) })
	}
}

// refusedConnect counts and logs a CONNECT that authentication or middleware refused.
func (s *server) refusedConnect(c *Conn, code string, err error) {
	s.refused("connect:"+code, func() []any {
		return c.logAttrs(append(refusedBy(err), slog.String("address", c.mux.address()))...)
	})
}

// upgraded tells of a session that changed its transport, or failed to.
func (s *server) upgraded(session *engine.Session, err error) {
	if err != nil {
		s.log.Debug("upgrade failed", slog.Any("err", err))
		return
	}
	s.log.Debug("upgraded", slog.String("transport", session.Transport()))
	m, ok := session.Receiver().(*mux)
	if !ok {
		return
	}
	s.tapUpgraded(m.all())
	if fn := s.cfg.Hooks.Upgraded; fn != nil {
		s.later("Hooks.Upgraded", func() { fn(m.all()) })
	}
}

// sessionClosed logs what ended a session: protocol mistakes of peers at debug, an oversize message at info
// with its numbers, because a client that repeats it never gets through (feature 18).
func (s *server) sessionClosed(m *mux, why Disconnected) {
	level := slog.LevelDebug
	if why.Cause == CauseTooLarge || why.Cause == CauseSlowConsumer || why.Cause == CauseFlood {
		level = slog.LevelInfo
	}
	s.counters.closed[why.Cause].Add(1)
	s.log.Log(m.session.Context(), level, "session closed", slog.String("cause", why.Cause.String()),
		slog.String("detail", why.Detail), slog.String("address", m.address()))
}
