package adminui

import (
	"encoding/json"
	"slices"
	"sync"
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
	nsp := c.Namespace().Name()
	if nsp == u.ns.Name() || !u.isWatched() {
		return
	}
	if ev.Size > maxArgs || ev.Name == "auth:refresh" {
		u.tell("event_received", nsp, c.ID(), []any{ev.Name, hidden}, now())
	} else if u.spend(ev.Size) { // before it is decoded
		u.queue(line{"event_received", []any{nsp, c.ID(), append([]any{ev.Name}, argsOf(ev)...), now()}})
	}
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

func (u *UI) sent(out realtime.Outgoing, data json.RawMessage, to []*realtime.Conn) {
	if out.Namespace == u.ns.Name() || !u.isWatched() {
		return
	}
	var args any = []any{out.Event, hidden}
	size := 0
	if len(data) <= maxArgs {
		args, size = slices.Clone(data), len(data)
	}
	for _, c := range to {
		if u.spend(size) {
			u.queue(line{"event_sent", []any{out.Namespace, c.ID(), args, now()}})
		}
	}
}

// tell queues a line for pages that is not large.
func (u *UI) tell(event string, args ...any) {
	if u.isWatched() && u.spend(0) {
		u.queue(line{event, args})
	}
}

// queue hands a line to the goroutine of the UI, or drops and counts it.
func (u *UI) queue(l line) {
	select {
	case u.lines <- l:
	default:
		u.lost.Add(1)
	}
}

// allowance is what pages may still be told until the next tick: a page that got more would be closed as a slow consumer.
type allowance struct {
	mu           sync.Mutex
	lines, bytes int
}

// lineSize is what a line has beside its arguments, about; bytesPerTick is half of what a connection may have queued by default.
const (
	lineSize     = 300
	bytesPerTick = 512 << 10
)

func (a *allowance) renew(lines int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lines, a.bytes = lines, bytesPerTick
}

// spend takes a line with so many bytes of arguments off the allowance, or counts it as lost.
func (u *UI) spend(size int) bool {
	u.left.mu.Lock()
	defer u.left.mu.Unlock()
	size += lineSize
	if u.left.lines < 1 || u.left.bytes < size {
		u.lost.Add(1)
		return false
	}
	u.left.lines--
	u.left.bytes -= size
	return true
}

// now is a time as JavaScript's dates are in JSON.
func now() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000Z") }
