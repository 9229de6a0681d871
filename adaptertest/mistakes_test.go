package adaptertest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"

	"github.com/realtime-go/realtime"
)

// mistake is an adapter that breaks the contract in one way.
type mistake struct {
	name    string
	tamper  func(a *tampered) realtime.Adapter
	noticed map[string]string // by the rules that must notice it: part of what they say
}

// changed makes an adapter that changes what it publishes.
func changed(change func(m *realtime.Message)) func(a *tampered) realtime.Adapter {
	return func(a *tampered) realtime.Adapter {
		a.publish = func(next publishFunc, ctx context.Context, m *realtime.Message) error {
			c := *m
			change(&c)
			return next(ctx, &c)
		}
		return a
	}
}

// losing makes an adapter that does not deliver some messages.
func losing(lost func(a *tampered, m *realtime.Message) bool) func(a *tampered) realtime.Adapter {
	return func(a *tampered) realtime.Adapter {
		a.message = func(h realtime.AdapterHandler, m *realtime.Message) {
			if !lost(a, m) {
				h.OnMessage(m)
			}
		}
		return a
	}
}

// answers makes an adapter that changes what it answers.
func answers(change func(q, r *realtime.Message)) func(a *tampered) realtime.Adapter {
	return func(a *tampered) realtime.Adapter {
		a.asked = func(h realtime.AdapterHandler, m *realtime.Message, reply replyFunc) {
			h.OnAsk(m, func(r *realtime.Message) {
				c := *r
				change(m, &c)
				reply(&c)
			})
		}
		return a
	}
}

func isOp(op realtime.Op) func(*tampered, *realtime.Message) bool {
	return func(_ *tampered, m *realtime.Message) bool { return m.Op == op }
}

var mistakes = slices.Concat(mistakesOfMessages, mistakesOfOrder, mistakesOfAnswers, mistakesOfAsking, mistakesOfLife, mistakesOfNodes, mistakesOfFaults,
	mistakesOfPresence)

// mistakesOfMessages change or lose what is published.
var mistakesOfMessages = []mistake{
	{"drops the rooms", changed(func(m *realtime.Message) { m.Rooms = nil }), map[string]string{
		"BroadcastToRooms": "want 0 event", "MessagesCrossWhole": "message differs", "BroadcastToUsersAndConns": "want 0 event",
	}},
	{"drops the except list", changed(func(m *realtime.Message) { m.Except = nil }), map[string]string{
		"BroadcastExcept": "want 0 event", "MessagesCrossWhole": "message differs",
	}},
	{"drops the names", changed(func(m *realtime.Message) { m.Names = nil }), map[string]string{"JoinAllAndLeaveAll": "ann+"}},
	{"drops Meta", changed(func(m *realtime.Message) { m.Meta = nil }), map[string]string{"MessagesCrossWhole": "message differs"}},
	{"drops Close", changed(func(m *realtime.Message) { m.Close = false }), map[string]string{"CloseAll": "WaitClosed"}},
	{"drops attachments", changed(func(m *realtime.Message) { m.Attachments = nil }), map[string]string{
		"BroadcastBinary": "Expect n", "MessagesCrossWhole": "message differs",
	}},
	{"rounds numbers", changed(func(m *realtime.Message) {
		var v any
		if json.Unmarshal(m.Data, &v) == nil { // as float64
			m.Data = encoded(v)
		}
	}), map[string]string{"BroadcastKeepsData": "9007199254740993"}},
	{"mixes namespaces up", func(a *tampered) realtime.Adapter {
		a.publish = func(next publishFunc, ctx context.Context, m *realtime.Message) error {
			c := *m
			c.Namespace = "/a"
			return errors.Join(next(ctx, &c), next(ctx, m))
		}
		return a
	}, map[string]string{"NamespacesAreApart": "a client of /a got"}},
	{"publishes everything twice", func(a *tampered) realtime.Adapter {
		a.publish = func(next publishFunc, ctx context.Context, m *realtime.Message) error {
			return errors.Join(next(ctx, m), next(ctx, m))
		}
		return a
	}, map[string]string{
		"BroadcastToEveryone": "want 1 event", "OrderOfPublisherAndRoom": "number 0 of", "ServerSideEmit": "want [0 1 2]",
		"ConcurrentUse": "messages, want 120",
	}},
	{"loses broadcasts", losing(isOp(realtime.OpBroadcast)), map[string]string{
		"BroadcastLocal": "Expect fence", "BroadcastToEveryone": "Expect fence", "ConcurrentUse": "hears 120 messages",
	}},
	{"loses volatile messages", losing(func(_ *tampered, m *realtime.Message) bool { return m.Volatile }), map[string]string{
		"BroadcastVolatile": "got one",
	}},
	{"loses OpDisconnect", losing(isOp(realtime.OpDisconnect)), map[string]string{"DisconnectAll": "WaitClosed", "CloseAll": "WaitClosed"}},
	{"loses OpReconnect", losing(isOp(realtime.OpReconnect)), map[string]string{"ReconnectAll": "WaitClosed"}},
	{"loses OpRevoke", losing(isOp(realtime.OpRevoke)), map[string]string{"RevokeOnAllNodes": "WaitClosed", "MessagesCrossWhole": "arrives at"}},
	{"loses OpReplace", losing(isOp(realtime.OpReplace)), map[string]string{"MessagesCrossWhole": "arrives at"}},
	{"loses OpServerSide", losing(isOp(realtime.OpServerSide)), map[string]string{"ServerSideEmit": "every other server hears"}},
	{"serves one namespace", losing(func(_ *tampered, m *realtime.Message) bool { return m.Namespace != "/" }), map[string]string{
		"NamespaceOpenedLate": "Expect n",
	}},
	{"closes namespaces for good", func(a *tampered) realtime.Adapter {
		var mu sync.Mutex
		closed := map[string]bool{}
		a.shut = func(next nameFunc, ctx context.Context, namespace string) error {
			mu.Lock()
			defer mu.Unlock()
			closed[namespace] = true
			return next(ctx, namespace)
		}
		return losing(func(_ *tampered, m *realtime.Message) bool {
			mu.Lock()
			defer mu.Unlock()
			return closed[m.Namespace]
		})(a)
	}, map[string]string{"NamespaceClosedAndOpenedAgain": "Expect n"}},
	{"knows of no connection's own room", func(a *tampered) realtime.Adapter {
		var mu sync.Mutex
		rooms := map[string]bool{}
		losing(func(_ *tampered, m *realtime.Message) bool {
			mu.Lock()
			defer mu.Unlock()
			return len(m.Rooms) > 0 && !slices.ContainsFunc(m.Rooms, func(room string) bool { return rooms[room] })
		})(a)
		return &interested{a, func(_ *tampered, _, room string) {
			mu.Lock()
			defer mu.Unlock()
			rooms[room] = true
		}, func(*tampered, string, string) {}}
	}, map[string]string{"RoomInterest": "messages to one", "BroadcastToUsersAndConns": "Expect fence"}},
	{"hears itself", func(a *tampered) realtime.Adapter {
		var hear realtime.AdapterHandler
		a.start = func(next startFunc, ctx context.Context, self realtime.Node, h realtime.AdapterHandler) error {
			hear = h
			return next(ctx, self, h)
		}
		a.publish = func(next publishFunc, ctx context.Context, m *realtime.Message) error {
			hear.OnMessage(m)
			return next(ctx, m)
		}
		return a
	}, map[string]string{"NoEcho": "hears itself"}},
	{"reuses its buffer", func(a *tampered) realtime.Adapter {
		var buffer *realtime.Message // of the one goroutine that delivers
		a.message = func(h realtime.AdapterHandler, m *realtime.Message) {
			if buffer == nil {
				buffer = new(realtime.Message)
			}
			*buffer = *m
			h.OnMessage(buffer)
		}
		return a
	}, map[string]string{"MessagesStayAsTheyAre": "a message that arrived was changed"}},
	{"writes into what is published", func(a *tampered) realtime.Adapter {
		a.publish = func(next publishFunc, ctx context.Context, m *realtime.Message) error {
			if m.Meta != nil {
				m.Meta["sent"] = "by this adapter"
			}
			return next(ctx, m)
		}
		return a
	}, map[string]string{"MessagesStayAsTheyAre": "a message that was published was changed"}},
}

// mistakesOfOrder deliver everything, in the wrong order.
var mistakesOfOrder = []mistake{
	{"swaps messages", func(a *tampered) realtime.Adapter {
		held := map[string]*realtime.Message{} // by room, of the one goroutine that delivers
		a.message = func(h realtime.AdapterHandler, m *realtime.Message) {
			name, _ := event(m.Data)
			if name == "probe" || len(m.Rooms) != 1 {
				h.OnMessage(m)
				return
			}
			first := held[m.Rooms[0]]
			if first == nil {
				held[m.Rooms[0]] = m
				return
			}
			delete(held, m.Rooms[0])
			h.OnMessage(m)
			h.OnMessage(first)
		}
		return a
	}, map[string]string{"OrderOfPublisherAndRoom": "want 0"}},
	{"lets a broadcast overtake a join", func(a *tampered) realtime.Adapter {
		var held *realtime.Message // of the one goroutine that delivers
		a.message = func(h realtime.AdapterHandler, m *realtime.Message) {
			if m.Op == realtime.OpJoin && held == nil {
				held = m
				return
			}
			h.OnMessage(m)
			if held != nil {
				h.OnMessage(held)
				held = nil
			}
		}
		return a
	}, map[string]string{"JoinAllThenEmit": "got [], want 1 event"}},
	{"is busy in calls of the handler", func(a *tampered) realtime.Adapter {
		var mu sync.Mutex
		a.message = func(h realtime.AdapterHandler, m *realtime.Message) {
			mu.Lock()
			defer mu.Unlock()
			h.OnMessage(m)
		}
		a.publish = func(next publishFunc, ctx context.Context, m *realtime.Message) error {
			if name, _ := event(m.Data); name == "pong" && !mu.TryLock() {
				return errors.New("locked")
			}
			return next(ctx, m)
		}
		return a
	}, map[string]string{"CallsInCallsOfTheHandler": "locked"}},
}
