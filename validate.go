package realtime

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/realtime-go/realtime/internal/engine"
)

// Validate reports every mistake in the configuration at once (errors.Join), each naming its field.
// New calls it.
func (c Config) Validate() error {
	var v validator
	c = c.withDefaults()
	v.path(c.Path)
	v.check(c.Transports&^(WebSocket|Polling) == 0, "Transports: unknown transport in the set")
	for _, origin := range c.Origins {
		if err := engine.ValidOrigins([]string{origin}, c.Credentials); err != nil {
			v.check(false, "Origins: %w", err)
		}
	}
	v.check(c.CORS.MaxAge >= 0, "CORS.MaxAge: must not be negative")
	for _, name := range slices.Concat(c.CORS.AllowedHeaders, c.CORS.ExposedHeaders, c.CORS.Methods) {
		v.check(isToken(name), "CORS: %q is not a header name or method", name)
	}
	v.check(c.Cookie == nil || isToken(c.Cookie.Name), "Cookie.Name: not a cookie name")
	v.check(c.Compression.Threshold >= 0, "Compression.Threshold: must not be negative")
	v.check(c.FlushDelay >= 0 && c.FlushDelay <= time.Second, "FlushDelay: must be between 0, which is off, and a second")
	v.check(c.AckTimeout > 0, "AckTimeout: must be positive, no wait is without end")
	v.check(c.Expiry.Interval > 0, "Expiry.Interval: must be positive")
	v.check(c.Expiry.Remember > 0, "Expiry.Remember: must be positive, or nothing is revoked")
	v.check(c.Sessions.Max >= 0, "Sessions.Max: must not be negative, 0 is no limit")
	v.check(c.Anomalies.Window > 0, "Anomalies.Window: must be positive")
	v.check(c.Anomalies.Subjects > 0, "Anomalies.Subjects: must be positive, turn the kinds off instead")
	v.check(c.Anomalies.Addresses <= maxTallyAddresses, "Anomalies.Addresses: at most %d", maxTallyAddresses)
	v.check(c.Anomalies.LatencyJump < 0 || c.Anomalies.LatencyJump > 1, "Anomalies.LatencyJump: must be above 1, or negative, which is off")
	v.heartbeat(c.Heartbeat)
	v.limits(c.Limits)
	v.check(c.Limits.ConnectionsPerAddress <= 0 || len(c.TrustedProxies) > 0,
		"Limits.ConnectionsPerAddress: needs TrustedProxies, or a carrier's NAT counts as one client")
	return errors.Join(v.errs...)
}

// validator collects mistakes.
type validator struct{ errs []error }

func (v *validator) check(ok bool, format string, args ...any) {
	if !ok {
		v.errs = append(v.errs, fmt.Errorf("realtime: Config."+format, args...))
	}
}

func (v *validator) path(path string) {
	v.check(strings.HasPrefix(path, "/"), "Path: %q does not begin with a slash", path)
	v.check(!strings.ContainsAny(path, "?# "), "Path: %q holds a query, a fragment or a space", path)
}

func (v *validator) heartbeat(h Heartbeat) {
	for _, f := range []struct {
		name  string
		value time.Duration
	}{
		{"Interval", h.Interval},
		{"Timeout", h.Timeout},
		{"ConnectTimeout", h.ConnectTimeout},
		{"UpgradeTimeout", h.UpgradeTimeout},
	} {
		v.check(f.value >= time.Millisecond, "Heartbeat.%s: %v is under a millisecond", f.name, f.value)
	}
}

func (v *validator) limits(l Limits) {
	v.check(l.MessageSize > 0, "Limits.MessageSize: must be positive, clients are told it")
	v.check(l.ConnectMessageSize > 0, "Limits.ConnectMessageSize: must be positive")
	v.check(l.ConnectMessageSize <= l.MessageSize, "Limits.ConnectMessageSize: is above MessageSize")
	v.check(l.Attachments > 0 && l.Attachments <= 10, "Limits.Attachments: must be 1 to 10, official clients refuse more")
	v.check(l.JSONDepth > 0 && l.ConnectJSONDepth > 0, "Limits.JSONDepth: must be positive")
	v.check(l.NameLength > 0, "Limits.NameLength: must be positive")
	v.check(l.OutboundMessages > 0 && l.OutboundBytes > 0, "Limits.Outbound*: every queue has a bound")
	v.check(l.InboundEvents > 0 && l.InboundBytes > 0, "Limits.Inbound*: every queue has a bound")
	v.check(l.EventRate < 0 || l.EventBurst > 0, "Limits.EventBurst: must be positive when EventRate is")
	v.check(l.ByteRate < 0 || l.ByteBurst > 0, "Limits.ByteBurst: must be positive when ByteRate is")
	v.check(l.FloodTimeout > 0, "Limits.FloodTimeout: must be positive")
	v.check(l.PartialPacket > 0, "Limits.PartialPacket: must be positive")
	v.check(l.Concurrent > 0, "Limits.Concurrent: must be positive")
	v.check(l.Handshakes > 0 && l.HandshakeWait > 0, "Limits.Handshake*: must be positive")
	v.check(l.WriteTimeout > 0 && l.MessageTimeout > 0 && l.BodyTimeout > 0, "Limits.*Timeout: must be positive")
	v.check(l.PendingAcks > 0, "Limits.PendingAcks: must be positive")
}

// isToken reports whether s is a token of RFC 9110, section 5.6.2.
func isToken(s string) bool {
	for _, r := range s {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune("\"(),/:;<=>?@[\\]{}", r) {
			return false
		}
	}
	return s != ""
}
