package adminui

import (
	"context"
	"log/slog"

	"github.com/realtime-go/realtime"
)

// registerCommands serves what the page may ask for. The adapter carries it to all nodes. Nothing is answered; what
// fails is in the log of this node.
func (u *UI) registerCommands() {
	u.ns.HandleEvent("emit", func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
		var nsp, event string
		var filter *string
		if err := ev.Bind(&nsp, &filter, &event); err != nil {
			return err
		}
		args := argsOf(ev)
		return u.act(c, "emit", nsp, filter, func(b realtime.Broadcaster) error { return b.Emit(ctx, event, args[min(3, len(args)):]...) })
	})
	u.onRoom("join", func(ctx context.Context, b realtime.Broadcaster, room string) error { return b.JoinAll(ctx, room) })
	u.onRoom("leave", func(ctx context.Context, b realtime.Broadcaster, room string) error { return b.LeaveAll(ctx, room) })
	u.ns.HandleEvent("_disconnect", func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
		var nsp string
		var link bool
		var filter *string
		if err := ev.Bind(&nsp, &link, &filter); err != nil {
			return err
		}
		return u.act(c, "_disconnect", nsp, filter, func(b realtime.Broadcaster) error {
			if link {
				return b.CloseAll(ctx, "by an operator")
			}
			return b.DisconnectAll(ctx, "by an operator")
		})
	})
}

// onRoom serves (namespace, room, filter).
func (u *UI) onRoom(event string, act func(context.Context, realtime.Broadcaster, string) error) {
	u.ns.HandleEvent(event, func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
		var nsp, room string
		var filter *string
		if err := ev.Bind(&nsp, &room, &filter); err != nil {
			return err
		}
		return u.act(c, event, nsp, filter, func(b realtime.Broadcaster) error { return act(ctx, b, room) })
	})
}

// act does something to a namespace, or those in it that filter names: a room or a connection.
func (u *UI) act(c *realtime.Conn, what, nsp string, filter *string, do func(realtime.Broadcaster) error) error {
	ns, ok := u.srv.Lookup(nsp)
	if !ok {
		return realtime.Errorf(realtime.CodeInvalidPayload, "no namespace %q on this node", nsp)
	}
	var b realtime.Broadcaster = ns
	chosen := ""
	if filter != nil && *filter != "" {
		chosen = *filter
		b = ns.ToConn(chosen).To(chosen)
	}
	u.log.Info("command of an operator", slog.String("command", what), slog.String("target", nsp), slog.String("filter", chosen), slog.String("conn", c.ID()))
	return do(b)
}
