package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/realtime-go/realtime/internal/siowire"
)

// The life of a connection, in the order of this file: admit (authentication, middleware, CONNECT reply),
// leave (out of the index, once, by whatever cause), end (the last task of the mailbox).

// admit is the mailbox's first task. Where no user code decides, the reader lets the connection in as well.
func (c *Conn) admit() {
	release := c.mux.session.HoldConnectTimeout()
	defer release()
	srv := c.ns.srv
	ctx, sp := srv.traceConnect(c)
	err := c.authorize(ctx)
	if err == nil {
		err = c.enterNamespace()
	}
	if err != nil {
		c.refuse(err)
		sp.end(err)
		return
	}
	sp.end(c.welcome(ctx))
}

// welcome tells everybody that the connection is there.
func (c *Conn) welcome(ctx context.Context) error {
	srv := c.ns.srv
	srv.observeConnected(c)
	srv.tapConnected(c)
	srv.log.Info("connected", c.logAttrs(slog.String("transport", c.Transport()))...)
	srv.anomalies.connected(c)
	c.ns.runJoinHooks(ctx, c, c.staged)
	for _, fn := range c.ns.table().onConnect {
		err := c.guard("OnConnect", func() error { return fn(ctx, c) })
		if err == nil {
			continue
		}
		ev := &Event{Name: "connect", codec: srv.cfg.Codec}
		c.fail(ctx, ev, err)
		c.kick(CauseServerDisconnect, "OnConnect: "+err.Error())
		return err
	}
	return nil
}

// open reports whether nobody needs to be asked before the connection is admitted.
func (c *Conn) open() bool { return c.ns.authenticator() == nil && len(c.ns.table().use) == 0 }

// authorize runs the authenticator and the Use middlewares, a bounded number of them at a time in the
// whole process (R12, R51).
func (c *Conn) authorize(ctx context.Context) error {
	t, auth := c.ns.table(), c.ns.authenticator()
	if auth == nil && len(t.use) == 0 {
		return nil
	}
	if !c.ns.srv.admission.enter(c.ctx) {
		return errBusy
	}
	defer c.ns.srv.admission.exit()
	if auth != nil {
		if err := c.guard("Authenticate", func() error { return c.authenticate(ctx, auth) }); err != nil {
			return err
		}
	}
	for _, fn := range t.use {
		if err := c.guard("Use", func() error { return fn(ctx, c) }); err != nil {
			return err
		}
	}
	return c.classify()
}

func (c *Conn) authenticate(ctx context.Context, auth Authenticator) error {
	id, err := c.identify(ctx, auth, c.Handshake())
	if err != nil {
		var connect *ConnectError
		if publicError(err) != nil || errors.As(err, &connect) || errors.Is(err, ErrUnavailable) {
			return err
		}
		c.ns.srv.log.Info("authentication failed", c.logAttrs()...)
		return &Error{Code: CodeUnauthorized, Message: "unauthorized"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.identity = id
	if room := c.userRoom(); room != "" {
		c.rooms = append(c.rooms, room)
	}
	return nil
}

// enterNamespace makes room for the connection, and lets it in. It returns ErrClosed if the connection has
// ended before that.
func (c *Conn) enterNamespace() error {
	id := c.Identity()
	if err := c.roomElsewhere(id); err != nil {
		return err
	}
	losers, err := c.ns.srv.claim(c, id, c.reach)
	if err != nil {
		return err
	}
	c.ns.srv.end(losers)
	if c.ns.revocations().covers(id) { // it was revoked while middleware ran
		c.kick(CauseRevoked, "")
	}
	return nil
}

// reach makes the connection reachable and sends the CONNECT reply, once. It is false if the connection has
// ended before that.
func (c *Conn) reach() bool {
	reply := packetMessage(siowire.Connect, c.ns.name, 0, false, []byte(`{"sid":"`+c.id+`"}`), nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase != connecting {
		return c.admitted
	}
	c.phase, c.admitted = joined, true
	c.ns.index.Add(c)
	c.enter(c.rooms)
	// Before the client can know: the larger limit holds for its first message, and whoever it tells finds it online.
	c.mux.session.Joined()
	c.enterPresence()
	c.gate.pass(c.mux.session, reply)
	c.armIdentity(time.Now())
	return true
}

// refuse ends a connection that was never admitted.
func (c *Conn) refuse(err error) {
	if errors.Is(err, errBusy) || errors.Is(err, ErrUnavailable) { // temporary: the client retries only after a closed transport
		if !c.ended() { // it did not give up waiting itself
			c.ns.srv.refusedConnect(c, CauseBusy.String(), err)
			c.mux.session.Close(&closeCause{CauseBusy, "", errBusy})
		}
		return
	}
	if !c.leave(Disconnected{Cause: CauseServerDisconnect, Detail: "refused", Err: err}) {
		return
	}
	data, code := c.refusal(err)
	if code == "" {
		code = "refused"
	}
	c.ns.srv.refusedConnect(c, code, err)
	_ = c.mux.session.Send(packetMessage(siowire.ConnectError, c.ns.name, 0, false, data, nil))
}

// refusal encodes the CONNECT_ERROR that tells of err.
func (c *Conn) refusal(err error) (data []byte, code string) {
	var exact *ConnectError
	if !errors.As(err, &exact) {
		var id string
		public := publicError(err)
		if public == nil {
			public, id = c.internal(err, slog.String("event", "connect"))
		}
		code = public.Code
		exact = &ConnectError{Message: public.Message, Data: errorBody{Code: public.Code, Data: public.Data, ID: id}}
	}
	data, encodeErr := c.ns.srv.cfg.Codec.Marshal(connectErrorBody{exact.Message, exact.Data})
	if encodeErr != nil {
		public, id := c.internal(fmt.Errorf("CONNECT_ERROR data: %w", encodeErr), slog.String("event", "connect"))
		data, _ = json.Marshal(connectErrorBody{public.Message, errorBody{Code: public.Code, ID: id}})
	}
	return data, code
}

// connectErrorBody is the payload of CONNECT_ERROR (Socket.IO protocol 5).
type connectErrorBody struct {
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

// kick sends DISCONNECT and leaves; it is false if the connection had ended.
func (c *Conn) kick(cause Cause, reason string) bool {
	if !c.leave(Disconnected{Cause: cause, Detail: reason}) {
		return false
	}
	_ = c.mux.session.Send(packetMessage(siowire.Disconnect, c.ns.name, 0, false, nil, nil))
	return true
}

// leave takes the connection out of the index and queues its last task. The first call decides the cause;
// later ones return false.
func (c *Conn) leave(why Disconnected) bool {
	c.mu.Lock()
	if c.phase == left {
		c.mu.Unlock()
		return false
	}
	wasJoined := c.phase == joined
	c.phase, c.why = left, why
	if c.clock.timer != nil {
		c.clock.timer.Stop()
	}
	if wasJoined {
		c.exitPresence()
		for _, room := range c.ns.index.Remove(c, c.rooms) {
			c.ns.roomClosed(room)
		}
	}
	c.mu.Unlock()

	c.mux.forget(c, why)
	c.cancel(&disconnectError{why})
	for _, w := range c.acks.Close() {
		w.gone(c)
	}
	c.mailbox.Close(task{end: true})
	return true
}

// end is the mailbox's last task: every event before it has been handled.
func (c *Conn) end() {
	defer c.ns.release()
	c.concurrent.Wait() // their contexts ended with the connection
	if c.slow != nil {
		c.slow.Stop()
	}
	if !c.admitted {
		return
	}
	ctx := context.WithoutCancel(c.ctx)
	c.ns.runLeaveHooks(ctx, c, c.lastRooms())
	for _, fn := range c.ns.table().onDisconnect {
		_ = c.guard("OnDisconnect", func() error { fn(ctx, c, c.why); return nil })
	}
	c.ns.srv.countDisconnect(c.why.Cause)
	c.ns.srv.observeDisconnected(c)
	c.ns.srv.tapDisconnected(c)
	c.ns.srv.anomalies.disconnected(c)
	c.ns.srv.log.Info("disconnected", c.logAttrs(
		slog.String("cause", c.why.Cause.String()),
		slog.String("detail", c.why.Detail),
		slog.Duration("lifetime", time.Since(c.connected)))...)
}

// lastRooms returns the wire names of the rooms at the end, without the user's.
func (c *Conn) lastRooms() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	rooms := make([]string, 0, len(c.rooms))
	for _, name := range c.rooms {
		if name != c.userRoom() {
			rooms = append(rooms, name)
		}
	}
	return rooms
}

// ended reports whether the connection has left.
func (c *Conn) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.phase == left
}
