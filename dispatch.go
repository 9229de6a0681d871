package realtime

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// task is one item of a connection's mailbox: an event, the admission that comes first, or the end.
type task struct {
	event *Event
	end   bool
}

// work runs tasks one at a time; the mailbox's worker calls it from at most one goroutine.
func (c *Conn) work(batch []task) {
	for _, t := range batch {
		switch {
		case t.end:
			c.end()
		case t.event == nil:
			c.admit()
		default:
			c.dispatch(t.event)
		}
	}
}

// dispatch runs the handler of an event, when the session's rate allows it.
func (c *Conn) dispatch(ev *Event) {
	if !c.admitted { // the client did not wait for the CONNECT reply, and it was an error (D12)
		return
	}
	now := time.Now()
	if wait := c.mux.limiter.take(ev.Size, now); wait > 0 {
		c.sleep(wait)
		now = time.Now()
	}
	c.ns.srv.tapReceived(c, ev)
	for _, fn := range c.ns.table().onAny {
		_ = c.guard("OnAny", func() error { fn(c.ctx, c, ev); return nil })
	}
	if c.expired(now) {
		c.ns.srv.observeHandled(c, ev, now, c.fail(c.ctx, ev, errExpired))
		return
	}
	if ev.route.options.concurrent {
		c.handleBeside(ev)
		return
	}
	c.watch(ev)
	c.handle(ev)
	c.slow.Stop()
}

// sleep waits, but not longer than the connection lives.
func (c *Conn) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.ctx.Done():
	}
}

// handleBeside runs the handler of a Concurrent event on a goroutine that the server's task group owns and
// end waits for. With all places taken the connection's later events wait.
func (c *Conn) handleBeside(ev *Event) {
	if c.slots == nil {
		c.slots = make(chan struct{}, c.ns.srv.cfg.Limits.Concurrent)
	}
	c.slots <- struct{}{}
	c.concurrent.Add(1)
	c.ns.srv.tasks.Go(func() {
		defer c.concurrent.Done()
		defer func() { <-c.slots }()
		c.handle(ev)
	})
}

// handle runs one handler and answers the client.
func (c *Conn) handle(ev *Event) {
	ctx, sp := c.ns.srv.traceEvent(c, ev)
	began := c.ns.srv.handlerClock()
	code := ""
	err := c.guard(ev.Name, func() error { return ev.route.run()(ctx, c, ev) })
	if err == nil {
		err = c.guard("ReplyPolicy", func() error { return c.ns.srv.cfg.Replies.Succeed(ctx, c, ev, ev.results()...) })
		if err != nil && c.ended() {
			err = nil
		}
	}
	if err != nil {
		code = c.fail(ctx, ev, err)
	}
	c.ns.srv.observeHandled(c, ev, began, code)
	sp.end(err)
}

// fail tells the client of a handler's error, and returns its code.
func (c *Conn) fail(ctx context.Context, ev *Event, err error) (code string) {
	public, id := publicError(err), ""
	if public == nil && c.ended() && (errors.Is(err, context.Canceled) || errors.Is(err, ErrClosed)) {
		c.ns.srv.log.Debug("handler ended with its connection", c.logAttrs(
			slog.String("event", c.ns.srv.logName(ev)), slog.Any("err", err))...)
		return codeClosed
	}
	if public == nil {
		public, id = c.internal(err, slog.String("event", c.ns.srv.logName(ev)))
		if fn := c.ns.srv.cfg.Hooks.HandlerError; fn != nil {
			_ = c.guard("Hooks.HandlerError", func() error { fn(c, ev, err); return nil })
		}
	} else {
		c.ns.srv.anomalies.refused(c)
		c.ns.srv.log.Debug("event refused", c.logAttrs(
			slog.String("event", c.ns.srv.logName(ev)), slog.String("code", public.Code))...)
	}
	ev.failure = err
	policyErr := c.guard("ReplyPolicy", func() error { return c.ns.srv.cfg.Replies.Fail(ctx, c, ev, public, id) })
	if policyErr != nil && !c.ended() {
		c.ns.srv.log.Warn("error not told to the client", c.logAttrs(slog.Any("err", policyErr))...)
	}
	if public == nil {
		return CodeInternal
	}
	return public.Code
}

// codeClosed is for metrics: the connection ended first, and nobody was told.
const codeClosed = "closed"

// internal logs an error that stays on the server and returns what the client sees instead: the same id.
// A panic has been logged already, under the id that it carries.
func (c *Conn) internal(err error, attrs ...slog.Attr) (public *Error, id string) {
	if p, ok := err.(*panicError); ok { //nolint:errorlint // made by guard and never wrapped on the way here
		id = p.id
	} else {
		id = newErrorID()
		attrs = append(attrs, slog.String("id", id), slog.Any("err", err))
		c.ns.srv.log.Error("internal error", c.logAttrs(attrs...)...)
	}
	return &Error{Code: CodeInternal, Message: "internal error"}, id
}

// panicError is a recovered panic.
type panicError struct {
	where string
	value any
	id    string
}

func (e *panicError) Error() string { return fmt.Sprintf("panic in %s: %v", e.where, e.value) }

// guard is the one place where the panics of user code that concerns a connection are recovered (R87).
func (c *Conn) guard(where string, fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			p := &panicError{where: where, value: v, id: newErrorID()}
			c.ns.srv.panicked(p, debug.Stack(), c.logAttrs()...)
			if c.ns.srv.cfg.ClosePanicked {
				c.mux.session.Close(&closeCause{CauseReconnect, "panic " + p.id, errReconnect})
			}
			err = p
		}
	}()
	return fn()
}

// watch arms the warning about a handler that blocks its connection (R88).
func (c *Conn) watch(ev *Event) {
	c.current.Store(ev)
	if c.slow == nil {
		c.slow = time.AfterFunc(slowHandler, c.warnSlow)
		return
	}
	c.slow.Reset(slowHandler)
}

func (c *Conn) warnSlow() {
	if ev := c.current.Load(); ev != nil {
		c.ns.srv.log.Warn("handler blocks its connection", c.logAttrs(
			slog.String("event", c.ns.srv.logName(ev)), slog.Duration("for", slowHandler))...)
	}
}

// newErrorID makes the id that a client's error and the log line share.
func newErrorID() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}
