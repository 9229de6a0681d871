package realtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"
)

// ExpiryPolicy says how long an identity lives once its connection is admitted. Before Identity.ExpiresAt the
// client gets the event "auth:expiring" with {"expires_at":ms,"expires_in":ms} (Unix time, and from now). It answers with
// the event "auth:refresh", whose payload the Authenticator sees as Handshake.Auth ({"token":"…"} for [JWT]),
// and gets the same object of the new identity as the acknowledgement. An identity that is not refreshed ends
// the connection's link, without a DISCONNECT packet, so that a client that asks for its credentials anew
// comes back by itself.
type ExpiryPolicy struct {
	Warning time.Duration // from "auth:expiring" to Identity.ExpiresAt; 1 min, negative: no warning
	Grace   time.Duration // from Identity.ExpiresAt to the end of the link; 30 s, negative: none

	// AllowOtherUser lets a refresh change the user: the connection moves to the other user's room. By default
	// it is refused as "forbidden".
	AllowOtherUser bool

	// Revoked is asked about every new identity, and again every Interval (5 min) while its connection lives,
	// with ctx bounded by Config.AckTimeout. True refuses the identity as "token_revoked" and sends a living connection a DISCONNECT
	// packet. With an error nobody knows: a new connection has its link closed, so that the client tries
	// again; a living one stays, and the log tells. It is called concurrently, at most Limits.Handshakes
	// times at once.
	Revoked  func(ctx context.Context, id *Identity) (bool, error)
	Interval time.Duration

	// Remember is how long User.Revoke holds; 30 days. It must be at least the longest lifetime of a token.
	Remember time.Duration
}

func (p ExpiryPolicy) withDefaults() ExpiryPolicy {
	set(&p.Warning, time.Minute)
	set(&p.Grace, 30*time.Second)
	set(&p.Interval, 5*time.Minute)
	set(&p.Remember, 30*24*time.Hour)
	p.Grace = max(p.Grace, 0)
	return p
}

const (
	eventExpiring = "auth:expiring"
	eventRefresh  = "auth:refresh"

	// refreshLimit bounds the signatures that one connection makes the server check in a minute.
	refreshLimit = 10

	checkJitter = 0.1 // of the interval, so that those who came together are not asked about together
	checkBusy   = time.Second
)

// identityClock is the timer of a connection's identity. It is guarded by Conn.mu.
type identityClock struct {
	timer  *time.Timer // nil while nothing will be due
	warned bool
	check  time.Time // when Expiry.Revoked is asked next; zero: never
}

// due is what an identity's time has come for.
type due uint8

const (
	dueNothing due = iota
	dueWarning
	dueCheck
	dueEnd
)

// armIdentity starts the clock of a new identity. The caller holds c.mu.
func (c *Conn) armIdentity(now time.Time) {
	c.clock.warned, c.clock.check = false, time.Time{}
	c.expires.Store(0)
	if c.identity == nil {
		return
	}
	policy := &c.ns.srv.cfg.Expiry
	if end := c.identity.ExpiresAt; !end.IsZero() {
		c.expires.Store(end.Add(policy.Grace).UnixNano())
	}
	if policy.Revoked != nil {
		c.postponeCheck(now, policy.Interval)
	}
	c.rearm(now)
}

// postponeCheck asks again after about d. The caller holds c.mu.
func (c *Conn) postponeCheck(now time.Time, d time.Duration) {
	c.clock.check = now.Add(d - time.Duration(rand.Float64()*checkJitter*float64(d)))
}

// rearm sets the timer to what is due next. The caller holds c.mu.
func (c *Conn) rearm(now time.Time) {
	next, _ := c.nextDue()
	switch {
	case next.IsZero():
	case c.clock.timer == nil:
		c.clock.timer = time.AfterFunc(next.Sub(now), c.identityDue)
	default:
		c.clock.timer.Reset(next.Sub(now))
	}
}

// nextDue returns when something is due, and what. The caller holds c.mu.
func (c *Conn) nextDue() (at time.Time, what due) {
	if c.identity == nil {
		return time.Time{}, dueNothing
	}
	if at = c.clock.check; !at.IsZero() {
		what = dueCheck
	}
	earlier := func(t time.Time, w due) {
		if at.IsZero() || t.Before(at) {
			at, what = t, w
		}
	}
	if end := c.identity.ExpiresAt; !end.IsZero() {
		policy := &c.ns.srv.cfg.Expiry
		earlier(end.Add(policy.Grace), dueEnd)
		if !c.clock.warned && policy.Warning > 0 {
			earlier(end.Add(-policy.Warning), dueWarning)
		}
	}
	return at, what
}

// identityDue runs on the timer's goroutine and does not block.
func (c *Conn) identityDue() {
	c.mu.Lock()
	now := time.Now()
	at, what := time.Time{}, dueNothing
	if c.phase == joined {
		at, what = c.nextDue()
	}
	if what == dueNothing || at.After(now) { // refreshed, or ended, at the moment the timer fired
		if what != dueNothing {
			c.rearm(now)
		}
		c.mu.Unlock()
		return
	}
	id := c.identity
	switch what {
	case dueWarning:
		c.clock.warned = true
	case dueCheck:
		c.postponeCheck(now, c.ns.srv.cfg.Expiry.Interval)
		c.ns.srv.tasks.Go(func() { c.askRevoked(id) }) // owned by the server's tasks, ends with AckTimeout
	}
	if what != dueEnd {
		c.rearm(now)
	}
	c.mu.Unlock()

	switch what {
	case dueWarning:
		if err := c.Emit(c.ctx, eventExpiring, expiryOf(id, now)); err != nil && !c.ended() {
			c.ns.srv.log.Warn("expiry not told", c.logAttrs(slog.Any("err", err))...)
		}
	case dueEnd:
		c.mux.end(&closeCause{CauseExpired, "", errIdentityExpired})
	}
}

// expired reports whether the identity's time is over, also if the timer is late (R53).
func (c *Conn) expired(now time.Time) bool {
	end := c.expires.Load()
	return end != 0 && now.UnixNano() >= end
}

// expiry is the payload of "auth:expiring" and the answer to "auth:refresh".
type expiry struct {
	At int64 `json:"expires_at"` // Unix time in ms, 0: never
	In int64 `json:"expires_in"` // ms from now, for clients whose clock is wrong
}

func expiryOf(id *Identity, now time.Time) expiry {
	if id == nil || id.ExpiresAt.IsZero() {
		return expiry{}
	}
	return expiry{id.ExpiresAt.UnixMilli(), max(id.ExpiresAt.Sub(now).Milliseconds(), 0)}
}

// askRevoked asks the application again about a living connection's identity.
func (c *Conn) askRevoked(id *Identity) {
	srv := c.ns.srv
	if !srv.admission.try() { // others are being asked about: soon
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.phase == joined {
			now := time.Now()
			c.postponeCheck(now, checkBusy)
			c.rearm(now)
		}
		return
	}
	defer srv.admission.exit()
	err := c.checkRevoked(c.ctx, id)
	switch {
	case errors.Is(err, errRevoked):
		c.kick(CauseRevoked, "Expiry.Revoked")
	case err != nil && !c.ended():
		srv.log.Warn("revocation unknown", c.logAttrs(slog.Any("err", err))...)
	}
}

// checkRevoked returns errTokenRevoked, or an error that wraps ErrUnavailable if nobody knows.
func (c *Conn) checkRevoked(ctx context.Context, id *Identity) error {
	revoked := c.ns.srv.cfg.Expiry.Revoked
	if revoked == nil || id == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.ns.srv.cfg.AckTimeout)
	defer cancel()
	is := false
	err := c.guard("Expiry.Revoked", func() (err error) { is, err = revoked(ctx, id); return err })
	switch {
	case err != nil:
		return fmt.Errorf("%w: Expiry.Revoked: %w", ErrUnavailable, err)
	case is:
		return errTokenRevoked
	}
	return nil
}

// refresh is the handler of "auth:refresh", in namespaces with an authenticator.
func refresh(ctx context.Context, c *Conn, ev *Event) error {
	srv, auth := c.ns.srv, c.ns.authenticator()
	if auth == nil {
		return errUnknownEvent
	}
	payload := ev.Raw(0)
	if len(payload) == 0 || payload[0] != '{' {
		return Errorf(CodeInvalidPayload, "payload does not fit the event")
	}
	if !srv.admission.enter(ctx) {
		return Errorf(CodeBusy, "try again later")
	}
	defer srv.admission.exit()
	h := c.mux.handshake(payload)
	h.Refresh = true
	id, err := c.identify(ctx, auth, h)
	if err == nil {
		err = c.adopt(id)
	}
	if err != nil {
		srv.log.Info("refresh refused", c.logAttrs(refusedBy(err)...)...)
		return refreshError(err)
	}
	ev.setResult(expiryOf(id, time.Now()))
	return nil
}

// refreshError is err for an acknowledgement, where a CONNECT_ERROR has no place.
func refreshError(err error) error {
	var connect *ConnectError
	switch {
	case errors.As(err, &connect):
		return &Error{Code: CodeUnauthorized, Message: connect.Message, Data: connect.Data}
	case errors.Is(err, ErrUnavailable):
		return Errorf(CodeBusy, "try again later")
	}
	return err
}

// adopt replaces the identity of a joined connection.
func (c *Conn) adopt(id *Identity) error {
	user := ""
	if id != nil {
		user = id.UserID
	}
	srv := c.ns.srv
	if user == c.UserID() {
		if !c.become(id) {
			return ErrClosed
		}
	} else {
		if !srv.cfg.Expiry.AllowOtherUser {
			return errTokenOtherUser
		}
		losers, err := srv.claim(c, id, func() bool { return c.become(id) })
		if err != nil {
			return err
		}
		srv.end(losers)
	}
	if c.ns.revocations().covers(id) { // it was revoked while it was looked at
		c.kick(CauseRevoked, "")
		return errTokenRevoked
	}
	srv.log.Debug("identity refreshed", c.logAttrs()...)
	return nil
}

// become changes the identity and with it the user's room. It is false if the connection has ended.
func (c *Conn) become(id *Identity) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase != joined {
		return false
	}
	before, after := c.userRoom(), ""
	if id != nil && id.UserID != "" {
		after = userPrefix + id.UserID
	}
	if after != before {
		c.exitPresence()
		defer c.enterPresence()
	}
	if c.identity = id; after != before {
		if i := slices.Index(c.rooms, before); i >= 0 {
			c.rooms = slices.Delete(slices.Clone(c.rooms), i, i+1)
			if c.ns.index.Leave(c, before) {
				c.ns.roomClosed(before)
			}
		}
		if after != "" {
			c.rooms = append(slices.Clip(c.rooms), after)
			c.enter([]string{after})
		}
	}
	c.armIdentity(time.Now())
	return true
}

// identify asks an authenticator, and applies the rules that hold for every identity.
func (c *Conn) identify(ctx context.Context, auth Authenticator, h *Handshake) (*Identity, error) {
	id, err := auth.Authenticate(ctx, h)
	if err != nil || id == nil {
		return nil, err
	}
	limits, policy := &c.ns.srv.cfg.Limits, &c.ns.srv.cfg.Expiry
	switch now := time.Now(); {
	case len(id.UserID) > limits.NameLength:
		return nil, &tokenError{errNotAccepted, "user id too long", nil}
	case !id.ExpiresAt.IsZero() && !now.Before(id.ExpiresAt.Add(policy.Grace)):
		return nil, errTokenExpired
	case c.ns.revocations().covers(id):
		return nil, errTokenRevoked
	}
	return id, c.checkRevoked(ctx, id)
}

// refusedBy says for the log which rule refused a client, in words that hold nothing of what it sent.
func refusedBy(err error) []slog.Attr {
	var token *tokenError
	if !errors.As(err, &token) {
		return nil
	}
	attrs := []slog.Attr{slog.String("token", token.rule)}
	if token.cause != nil {
		attrs = append(attrs, slog.Any("err", token.cause))
	}
	return attrs
}
