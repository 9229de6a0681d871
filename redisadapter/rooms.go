package redisadapter

import (
	"context"
	"errors"
	"slices"

	"github.com/realtime-go/realtime"
)

// AllRooms lists the rooms of a namespace that have members on any node, sorted, by their
// names on the wire ("room:42", "user:7") and with the connections' own, as allRooms does in
// Node.js. The errors are those of Ask; what other nodes have answered until then is
// returned with them.
func (a *Adapter) AllRooms(ctx context.Context, namespace string) ([]string, error) {
	n, err := a.running()
	if err != nil {
		return nil, err
	}
	own := make(chan *realtime.Message, 1)
	n.handler.OnAsk(&realtime.Message{Op: realtime.OpFetch, Node: n.self.ID, Namespace: namespace}, func(m *realtime.Message) {
		select {
		case own <- m:
		default: // answers once
		}
	})
	rooms := a.interest.list(namespace)
	_, err = a.Ask(ctx, &realtime.Message{Op: opAllRooms, Node: n.self.ID, Namespace: namespace}, func(m *realtime.Message) {
		rooms = append(rooms, m.Names...)
	})
	select {
	case m := <-own:
		rooms = append(rooms, idsOf(m)...)
	case <-ctx.Done():
		err = errors.Join(err, context.Cause(ctx))
	}
	slices.Sort(rooms)
	return slices.Compact(rooms), err
}
