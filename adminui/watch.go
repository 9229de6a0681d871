package adminui

import (
	"time"

	"github.com/realtime-go/realtime"
)

// maxArgs is the largest event whose arguments are shown, in bytes.
const maxArgs = 16 << 10

// hidden takes the place of arguments that are not shown.
const hidden = "(not shown)"

// tap tells pages of what the connections of this node do, as long as somebody watches.
func (u *UI) tap() *realtime.Tap {
	return &realtime.Tap{
		Connected: func(c *realtime.Conn) {
			u.tell("room_joined", c.Namespace().Name(), c.ID(), c.ID(), now()) // before the connection, as the reference does
			if u.isWatched() {
				u.tell("socket_connected", describe(c), now())
			}
		},
		Disconnected: func(c *realtime.Conn, why realtime.Disconnected) {
			nsp := c.Namespace().Name()
			u.tell("socket_disconnected", nsp, c.ID(), why.Cause.Reason(), now())
			u.tell("room_left", nsp, c.ID(), c.ID(), now())
		},
		Upgraded: func(c *realtime.Conn) {
			u.tell("socket_updated", map[string]any{"id": c.ID(), "nsp": c.Namespace().Name(), "transport": c.Transport()})
		},
		Changed: func(c *realtime.Conn) {
			u.tell("socket_updated", map[string]any{"id": c.ID(), "nsp": c.Namespace().Name(), "data": publicData(c.Public())})
		},
		Joined:   func(c *realtime.Conn, room string) { u.tell("room_joined", c.Namespace().Name(), room, c.ID(), now()) },
		Left:     func(c *realtime.Conn, room string) { u.tell("room_left", c.Namespace().Name(), room, c.ID(), now()) },
		Received: u.received,
		Sent:     u.sent,
	}
}

func (u *UI) received(c *realtime.Conn, ev *realtime.Event) {
	if c.Namespace().Name() == u.ns.Name() || !u.isWatched() {
		return
	}
	args := []any{ev.Name, hidden}
	if ev.Size <= maxArgs && ev.Name != "auth:refresh" {
		args = append(args[:1], argsOf(ev)...)
	}
	u.tell("event_received", c.Namespace().Name(), c.ID(), args, now())
}

// argsOf decodes the arguments, so that binary ones are sent on as such.
func argsOf(ev *realtime.Event) []any {
	args := make([]any, ev.Len())
	dst := make([]any, ev.Len())
	for i := range args {
		dst[i] = &args[i]
	}
	if ev.Bind(dst...) != nil {
		return []any{hidden}
	}
	return args
}

func (u *UI) sent(out realtime.Outgoing, to []*realtime.Conn) {
	if out.Namespace == u.ns.Name() || !u.isWatched() {
		return
	}
	args := append([]any{out.Event}, out.Args...)
	for _, c := range to {
		u.tell("event_sent", out.Namespace, c.ID(), args, now())
	}
}

// tell queues a line for pages, or drops and counts it.
func (u *UI) tell(event string, args ...any) {
	if !u.isWatched() {
		return
	}
	select {
	case u.lines <- line{event, args}:
	default:
		u.lost.Add(1)
	}
}

// now is a time as JavaScript's dates are in JSON.
func now() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000Z") }
