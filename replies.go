package realtime

import (
	"context"

	"github.com/realtime-go/realtime/internal/payload"
)

// ReplyPolicy decides what a client hears of a handled event. The methods are called on the connection's
// own goroutine, once per event; their error is told to Fail or, from Fail, to the log.
type ReplyPolicy interface {
	// Succeed is called after a handler returned without an error. result holds what a handler registered
	// with Handle returned, and is empty for others. The handler may have called ev.Reply itself.
	Succeed(ctx context.Context, c *Conn, ev *Event, result ...any) error
	// Fail is called with what the client may know of an error. id is set for code "internal" and stands
	// in the log.
	Fail(ctx context.Context, c *Conn, ev *Event, err *Error, id string) error
}

// errorBody is how an Error looks to a client.
type errorBody struct {
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
	Data    any    `json:"data,omitempty"`
	ID      string `json:"id,omitempty"`
}

// errorReply is the acknowledgement of a failed event: {"error":{"code","message","data","id"}}.
type errorReply struct {
	Error errorBody `json:"error"`
	Event string    `json:"event,omitempty"` // in an "exception" event, which has no other tie to its cause
}

// exceptionEvent tells of an error where there is no acknowledgement to put it in.
const exceptionEvent = "exception"

// standardReplies is the default policy: every acknowledgement that a client asks for is answered.
type standardReplies struct{}

func (standardReplies) Succeed(_ context.Context, _ *Conn, ev *Event, result ...any) error {
	if !ev.WantAck || ev.Replied() {
		return nil
	}
	if len(result) > 0 {
		result = payload.Spread(result[0])
	}
	return ev.Reply(result...)
}

func (standardReplies) Fail(ctx context.Context, c *Conn, ev *Event, err *Error, id string) error {
	body := errorReply{Error: errorBody{err.Code, err.Message, err.Data, id}}
	if ev.WantAck && !ev.Replied() {
		return ev.Reply(body)
	}
	if err.Code == CodeUnknownEvent { // nobody waits for it: as silent as the reference server
		return nil
	}
	body.Event = ev.Name
	return c.Emit(ctx, exceptionEvent, body)
}
