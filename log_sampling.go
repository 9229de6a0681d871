package realtime

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"
)

// sampler bounds how often things of one kind are told. Its zero value is ready, and its methods may be called
// concurrently.
type sampler struct {
	mu    sync.Mutex
	kinds map[string]*sample
}

// sample is one kind, in the second that its last line began.
type sample struct {
	begun      time.Time
	told       int
	suppressed uint64
}

const maxSampleKinds = 1024 // names of kinds are ours, but for the codes of applications: more than this many share one

// allow reports whether one more may be told of a kind that may be told of n times a second, and how many were not since the last
// one.
func (s *sampler) allow(kind string, n int) (ok bool, suppressed uint64) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kinds[kind]
	if k == nil && len(s.kinds) >= maxSampleKinds {
		kind = ""
		k = s.kinds[kind]
	}
	if k == nil {
		if s.kinds == nil {
			s.kinds = make(map[string]*sample)
		}
		k = &sample{}
		s.kinds[kind] = k
	}
	if now.Sub(k.begun) >= time.Second {
		k.begun, k.told = now, 0
	}
	if k.told >= n {
		k.suppressed++
		return false, 0
	}
	k.told++
	suppressed, k.suppressed = k.suppressed, 0
	return true, suppressed
}

// sampledLog is Config.Logger behind Config.LogRate.
func (s *server) sampledLog() *slog.Logger {
	if s.cfg.LogRate < 0 {
		return s.cfg.Logger
	}
	return slog.New(sampledHandler{s.cfg.Logger.Handler(), &s.sampler, s.cfg.LogRate})
}

// sampledHandler lets n lines with the same message a second through. What is logged at debug was asked for, and passes.
type sampledHandler struct {
	slog.Handler

	sampler *sampler
	n       int
}

// Handle passes a line on, or counts it.
func (h sampledHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelInfo || r.Message == "refused" || r.Message == "anomaly" { // the two are sampled by what they are about
		return h.Handler.Handle(ctx, r)
	}
	ok, suppressed := h.sampler.allow(r.Message, h.n)
	if !ok {
		return nil
	}
	if suppressed > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Uint64("suppressed", suppressed))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs and WithGroup keep the handler in front.
func (h sampledHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.Handler = h.Handler.WithAttrs(attrs)
	return h
}

func (h sampledHandler) WithGroup(name string) slog.Handler {
	h.Handler = h.Handler.WithGroup(name)
	return h
}

// sampled returns the attributes of a line about one of several things that share a message, once a second for each
// of them.
func (s *server) sampled(what string, attrs ...any) (line []any, ok bool) {
	ok, suppressed := s.sampler.allow(what, 1)
	if suppressed > 0 {
		attrs = append(attrs, slog.Uint64("suppressed", suppressed))
	}
	return attrs, ok || s.cfg.LogRate < 0
}

// refusals counts what was refused, by rule.
type refusals struct {
	mu     sync.Mutex
	counts map[string]uint64
}

const maxRefusalRules = 256 // codes are the application's: more than this many count as "other"

// refused counts and logs a refusal.
func (s *server) refused(rule string, attrs func() []any) {
	rule = s.refusals.count(rule)
	s.observeRefused(rule)
	if line, ok := s.sampled("refused "+rule, slog.String("rule", rule)); ok {
		s.log.Info("refused", append(line, attrs()...)...)
	}
}

// count returns the rule under which it has counted.
func (l *refusals) count(rule string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.counts[rule]; !known && len(l.counts) >= maxRefusalRules {
		rule = "other"
	}
	if l.counts == nil {
		l.counts = make(map[string]uint64)
	}
	l.counts[rule]++
	return rule
}

func (l *refusals) snapshot() map[string]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := make(map[string]uint64, len(l.counts))
	maps.Copy(counts, l.counts)
	return counts
}
