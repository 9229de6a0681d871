package realtime

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// The operations on everyone selected: local connections first, so that a dead bus delays nobody here, then
// the other nodes.

func (b broadcaster) JoinAll(ctx context.Context, rooms ...string) error {
	names, err := b.checkRooms(rooms)
	if err != nil {
		return err
	}
	return errors.Join(b.joinLocal(ctx, names), b.tell(ctx, OpJoin, func(m *Message) { m.Names = names }))
}

func (b broadcaster) LeaveAll(ctx context.Context, rooms ...string) error {
	names := b.ns.srv.roomNames(rooms)
	b.leaveLocal(ctx, names)
	return b.tell(ctx, OpLeave, func(m *Message) { m.Names = names })
}

func (b broadcaster) DisconnectAll(ctx context.Context, reason string) error {
	b.endLocal(ctx, (*Conn).Disconnect, reason)
	return b.tell(ctx, OpDisconnect, func(m *Message) { m.Reason = reason })
}

func (b broadcaster) CloseAll(ctx context.Context, reason string) error {
	b.endLocal(ctx, (*Conn).Close, reason)
	return b.tell(ctx, OpDisconnect, func(m *Message) { m.Reason, m.Close = reason, true })
}

func (b broadcaster) ReconnectAll(ctx context.Context, reason string) error {
	b.endLocal(ctx, (*Conn).Reconnect, reason)
	return b.tell(ctx, OpReconnect, func(m *Message) { m.Reason = reason })
}

func (b broadcaster) checkRooms(rooms []string) ([]string, error) {
	for _, room := range rooms {
		if err := b.ns.srv.checkRoom(room); err != nil {
			return nil, err
		}
	}
	return b.ns.srv.roomNames(rooms), nil
}

func (b broadcaster) joinLocal(ctx context.Context, names []string) error {
	var errs []error
	for _, c := range b.members() {
		added, err := c.join(names)
		if err != nil && !errors.Is(err, ErrClosed) {
			errs = append(errs, fmt.Errorf("connection %s: %w", c.id, err))
		}
		b.ns.runJoinHooks(ctx, c, added)
	}
	return errors.Join(errs...)
}

func (b broadcaster) leaveLocal(ctx context.Context, names []string) {
	for _, c := range b.members() {
		removed, _ := c.leaveRooms(names) // one that has ended is in no room
		b.ns.runLeaveHooks(ctx, c, removed)
	}
}

// endLocal ends connections; one that has ended meanwhile is as wanted.
func (b broadcaster) endLocal(ctx context.Context, end func(*Conn, context.Context, string) error, reason string) {
	for _, c := range b.members() {
		_ = end(c, ctx, reason)
	}
}

// tell publishes an operation to the other nodes.
func (b broadcaster) tell(ctx context.Context, op Op, fill func(*Message)) error {
	if b.alone() {
		return nil
	}
	m := b.message(op)
	fill(m)
	return b.publish(ctx, m)
}

func (b broadcaster) publish(ctx context.Context, m *Message) error {
	if err := b.ns.srv.publish(ctx, m); err != nil {
		return fmt.Errorf("realtime: publish: %w", err)
	}
	return nil
}

func (b broadcaster) Conns(ctx context.Context) iter.Seq2[ConnInfo, error] {
	return func(yield func(ConnInfo, error) bool) {
		for _, c := range b.members() {
			if !yield(b.ns.srv.shown(c.info()), nil) {
				return
			}
		}
		if b.alone() {
			return
		}
		ctx, cancel := b.ns.srv.ackContext(ctx)
		defer cancel()
		var remote []ConnInfo
		partial := &PartialError{}
		partial.Err = b.ns.srv.ask(ctx, b.message(OpFetch), partial, func(m *Message) {
			remote = append(remote, m.Conns...)
		})
		for _, info := range remote {
			if !yield(b.ns.srv.shown(info), nil) {
				return
			}
		}
		if partial.Err != nil {
			yield(ConnInfo{}, partial)
		}
	}
}

// count returns the number of connections selected, on all nodes.
func (b broadcaster) count(ctx context.Context) (int, error) {
	n := 0
	b.ns.index.Each(b.rooms, b.except, func(*Conn) { n++ })
	if b.alone() {
		return n, nil
	}
	ctx, cancel := b.ns.srv.ackContext(ctx)
	defer cancel()
	partial := &PartialError{}
	partial.Err = b.ns.srv.ask(ctx, b.message(OpCountMembers), partial, func(m *Message) { n += m.Count })
	if partial.Err != nil {
		return n, partial
	}
	return n, nil
}
