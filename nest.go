package realtime

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/realtime-go/realtime/internal/payload"
)

// NestReplies answers as a NestJS gateway does, shape and routing, so that its clients need no change:
//
//   - a result is the acknowledgement, false and 0 included; nil, and no result, give no acknowledgement;
//   - a result that encodes as an object with a truthy "event" member is emitted to the caller as that
//     event with its "data" member, and is no acknowledgement; [NestEvent] is such a result, and the one to
//     use for binary data;
//   - a result of type iter.Seq[any] or iter.Seq2[any, error] (an Observable there) gives each item the
//     same treatment; of plain items only the first is an acknowledgement;
//   - an error is an "exception" event to the caller and no acknowledgement, for an [*Error] without Data
//     {"status":"error","message":Message,"cause":{"pattern":event,"data":payload}}, for one with Data the
//     Data itself, for any other error the first form with "Internal server error".
func NestReplies() ReplyPolicy { return nestReplies{} }

// NestEvent is a result that is emitted to the caller under [NestReplies] (Nest's WsResponse).
type NestEvent struct {
	Event string `json:"event"`
	Data  any    `json:"data"`
}

type nestReplies struct{}

func (p nestReplies) Succeed(ctx context.Context, c *Conn, ev *Event, result ...any) error {
	if len(result) == 0 {
		return nil
	}
	switch items := result[0].(type) {
	case iter.Seq[any]:
		for item := range items {
			if err := p.one(ctx, c, ev, item); err != nil {
				return err
			}
			if c.ended() {
				break
			}
		}
		return nil
	case iter.Seq2[any, error]:
		for item, err := range items {
			if err == nil {
				err = p.one(ctx, c, ev, item)
			}
			if err != nil {
				return err
			}
			if c.ended() {
				break
			}
		}
		return nil
	default:
		return p.one(ctx, c, ev, result[0])
	}
}

// one routes a single result.
func (nestReplies) one(ctx context.Context, c *Conn, ev *Event, v any) error {
	if e, ok := v.(NestEvent); ok && e.Event != "" {
		return c.Emit(ctx, e.Event, e.Data)
	}
	codec := c.ns.srv.cfg.Codec
	data, attachments, err := payload.AppendArgs(nil, codec, []any{v}, nil)
	if err != nil {
		return err
	}
	if len(attachments) == 0 {
		text := data[1:] // after the comma
		if string(text) == "null" {
			return nil
		}
		if event, inner, ok := nestEventOf(text); ok {
			return c.Emit(ctx, event, inner)
		}
		v = json.RawMessage(text) // not encoded a second time
	}
	if !ev.WantAck || ev.Replied() {
		return nil
	}
	return ev.Reply(v)
}

// nestEventOf reads {"event":...,"data":...} as Nest does: the event must be truthy, data may be missing.
func nestEventOf(text []byte) (event string, data any, ok bool) {
	if len(text) == 0 || text[0] != '{' {
		return "", nil, false
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return "", nil, false
	}
	if json.Unmarshal(members["event"], &event) != nil || event == "" {
		return "", nil, false
	}
	if raw, has := members["data"]; has {
		return event, raw, true
	}
	return event, nil, true
}

// nestException is the payload of the "exception" event.
type nestException struct {
	Status  string    `json:"status"`
	Message string    `json:"message"`
	Cause   nestCause `json:"cause"`
}

type nestCause struct {
	Pattern string `json:"pattern"`
	Data    any    `json:"data,omitempty"`
}

func (nestReplies) Fail(ctx context.Context, c *Conn, ev *Event, err *Error, id string) error {
	if err.Code == CodeUnknownEvent {
		return nil // a gateway has no listener for it either
	}
	if err.Data != nil {
		return c.Emit(ctx, exceptionEvent, err.Data)
	}
	message := err.Message
	if id != "" || isDecoding(ev.failure) { // Nest's pipes throw what its filter hides
		message = "Internal server error"
	}
	return c.Emit(ctx, exceptionEvent, nestException{
		Status: "error", Message: message, Cause: nestCause{Pattern: ev.Name, Data: nestPayload(ev)},
	})
}

// nestPayload is the payload as a Nest handler gets it: nothing, the argument, or all of them as a list.
func nestPayload(ev *Event) any {
	switch list := nestArguments(ev); len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	default:
		return list
	}
}

// nestArguments are the arguments as they came. Those of a packet with attachments are decoded, because
// their placeholders mean nothing in the packet that they go into.
func nestArguments(ev *Event) []any {
	list := make([]any, ev.Len())
	if len(ev.packet.Attachments) > 0 {
		dst := make([]any, len(list))
		for i := range list {
			dst[i] = &list[i]
		}
		if ev.Bind(dst...) == nil {
			return list
		}
	}
	for i := range list {
		list[i] = json.RawMessage(ev.Raw(i))
	}
	return list
}
