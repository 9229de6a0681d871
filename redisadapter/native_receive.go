package redisadapter

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter/internal/nativewire"
)

var errNotHere = errors.New("redisadapter: a message that has no place on its channel")

// receive works off a frame or a heartbeat of a node.
func (w *native) receive(in incoming) error {
	channel, ok := w.channel(in.channel)
	switch {
	case !ok:
		return nil // of a subscription that is no more
	case channel.Kind == nativewire.KindNodes:
		return w.heartbeat(in)
	}
	return w.frame(in, channel, w.hear)
}

// answer works off what is for this node alone.
func (w *native) answer(in incoming) error {
	return w.frame(in, nativewire.Reply(w.n.self.ID), w.hearAnswer)
}

// channel is the one of a name, as long as it is subscribed.
func (w *native) channel(name string) (nativewire.Channel, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.channels[name]
	return c, ok
}

// frame hands over the messages of a frame that are new. One that breaks the rules does
// not keep the others back.
func (w *native) frame(in incoming, on nativewire.Channel, hear func(*nativewire.Frame, *nativewire.Message) error) error {
	var f nativewire.Frame
	if err := f.Decode(in.payload, on, w.keys); err != nil {
		return err
	}
	var verdict nativewire.Verdict
	w.track(func(gaps []nativewire.Gap) []nativewire.Gap {
		verdict, gaps = w.tracker.Frame(&f.Header, f.Messages, in.at, gaps)
		return gaps
	})
	if verdict.Outcome != nativewire.Fresh {
		return nil
	}
	f.Discard(verdict.Skip)
	var wrong error
	for {
		var x nativewire.Message
		more, err := f.Next(&x)
		if !more {
			return wrong
		}
		if err == nil && (x.Copy == 0 || w.first(&f, x.Copy, in.at)) {
			err = hear(&f, &x)
		}
		if err != nil {
			wrong = err
		}
	}
}

// first reports whether no copy of a message has been here.
func (w *native) first(f *nativewire.Frame, number uint64, at time.Time) (deliver bool) {
	w.track(func(gaps []nativewire.Gap) []nativewire.Gap {
		deliver, gaps = w.tracker.Copy(&f.Header, number, at, gaps)
		return gaps
	})
	return deliver
}

// hear tells the handler what a node has said.
func (w *native) hear(f *nativewire.Frame, x *nativewire.Message) error {
	op := realtime.Op(x.Op)
	switch {
	case isAnswerOp(op), isQuestion(op) != (x.Ask != 0), (f.Channel.Kind == nativewire.KindReply) != (op == realtime.OpRevoke):
		return fmt.Errorf("%w: operation %d", errNotHere, op)
	case isQuestion(op):
		m, ask := fromWire(f.Node, x), x.Ask
		w.n.handler.OnAsk(m, func(a *realtime.Message) { w.respond(m, ask, a) })
	case op == realtime.OpBroadcast && !w.concerns(x):
		// Most rooms of a shard have nobody here.
	default:
		w.n.handler.OnMessage(fromWire(f.Node, x))
	}
	return nil
}

// concerns reports whether somebody here may be in one of a message's rooms.
func (w *native) concerns(x *nativewire.Message) bool {
	return len(x.Rooms) == 0 || slices.ContainsFunc(x.Rooms, func(room string) bool { return w.n.interest.has(x.Namespace, room) })
}

// respond publishes an answer to a question of another node.
func (w *native) respond(q *realtime.Message, ask uint64, a *realtime.Message) {
	out, err := (&saying{m: a, ask: ask, to: q.Node}).outgoing()
	if err == nil {
		err = w.n.publisher.send(out)
	}
	if err != nil {
		w.n.failedAnswer(q.Namespace, fmt.Errorf("answer to operation %d: %w", q.Op, err))
	}
}

// hearAnswer gives an answer to who waits for it.
func (w *native) hearAnswer(f *nativewire.Frame, x *nativewire.Message) error {
	op := realtime.Op(x.Op)
	if !isAnswerOp(op) {
		return fmt.Errorf("%w: operation %d", errNotHere, op)
	}
	q := w.n.asks.find(strconv.FormatUint(x.Ask, 10))
	if q == nil {
		return nil // too late, or made up
	}
	if op == realtime.OpCount && (q.m.Op != realtime.OpBroadcastAck || x.Count > maxClients) {
		return fmt.Errorf("%w: a number of answers", errNotHere)
	}
	a := fromWire(f.Node, x)
	a.Namespace = q.m.Namespace
	if q.m.Op == opAllRooms {
		roomsOf(a)
	}
	if !q.answer(a) {
		w.n.inbox.drop()
	}
	return nil
}
