package realtime

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"

	"github.com/realtime-go/realtime/internal/siowire"
)

// ServerSideEmit runs the OnServerSide functions of the other nodes.
func (ns *namespace) ServerSideEmit(ctx context.Context, event string, args ...any) error {
	m, err := ns.serverSideMessage(OpServerSide, event, args)
	if err != nil || ns.srv.cfg.Adapter == nil {
		return err
	}
	return ns.broadcaster.publish(ctx, m)
}

// ServerSideEmitWithAck does the same and collects the answers.
func (ns *namespace) ServerSideEmitWithAck(ctx context.Context, event string, args ...any) ([]RawReply, error) {
	m, err := ns.serverSideMessage(OpServerSideAck, event, args)
	if err != nil || ns.srv.cfg.Adapter == nil {
		return nil, err
	}
	ctx, cancel := ns.srv.ackContext(ctx)
	defer cancel()
	var replies []RawReply
	partial := &PartialError{}
	partial.Err = ns.srv.ask(ctx, m, partial, func(m *Message) { replies = append(replies, ns.remoteReply(m)) })
	if partial.Err != nil {
		return replies, partial
	}
	return replies, nil
}

func (ns *namespace) serverSideMessage(op Op, event string, args []any) (*Message, error) {
	if ns.srv.closed() {
		return nil, ErrServerClosed
	}
	if slices.Contains([]string{"", "connect", "connection", "new_namespace"}, event) || len(event) > ns.srv.cfg.Limits.NameLength {
		return nil, fmt.Errorf("%w: %q", ErrInvalidEvent, event)
	}
	p, err := encodeArgs(&ns.srv.cfg, event, args)
	if err != nil {
		return nil, err
	}
	defer p.release()
	return ns.broadcaster.packet(op, p), nil
}

// serverSide runs an OnServerSide function, and answers if reply is set.
func (h clusterHandler) serverSide(ctx context.Context, ns *namespace, m *Message, reply func(*Message)) {
	answer := func(args ...any) {
		if reply != nil {
			reply(h.serverSideAnswer(ns, args))
		}
	}
	p, ok := h.packet(siowire.Ack, m)
	ev := &Event{packet: p, codec: h.srv.cfg.Codec, Size: len(m.Data)}
	if !ok || json.Unmarshal(p.Args.Raw(p.Data, 0), &ev.Name) != nil {
		answer(serverSideError(Errorf(CodeInvalidPayload, "not an event")))
		return
	}
	queued := h.srv.later("OnServerSide", func() {
		fn := ns.serverSideFunc(ev.Name)
		if fn == nil {
			answer()
			return
		}
		result, err := fn(ctx, ev)
		switch {
		case err != nil:
			h.srv.log.Error("OnServerSide failed", slog.String("event", ev.Name), slog.Any("err", err))
			answer(serverSideError(err))
		case result != nil:
			answer(result)
		default:
			answer()
		}
	})
	if !queued {
		answer(serverSideError(Errorf(CodeTooMany, "the node is busy")))
	}
}

// serverSideAnswer encodes what an OnServerSide function returned.
func (h clusterHandler) serverSideAnswer(ns *namespace, args []any) *Message {
	p, err := encodeArgs(&h.srv.cfg, "", args)
	if err != nil {
		h.srv.log.Error("OnServerSide result does not encode", slog.Any("err", err))
		p, _ = encodeArgs(&h.srv.cfg, "", []any{serverSideError(err)}) // strings only
	}
	defer p.release()
	return ns.broadcaster.packet(OpAnswer, p)
}

// serverSideError is what another node learns of an error: the text stays in this node's log.
func serverSideError(err error) errorReply {
	if public := publicError(err); public != nil {
		return errorReply{Error: errorBody{Code: public.Code, Message: public.Message, Data: public.Data}}
	}
	return errorReply{Error: errorBody{Code: CodeInternal, Message: "internal error"}}
}
