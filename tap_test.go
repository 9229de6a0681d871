package realtime_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// tapInto writes down what a tap sees.
func tapInto(l *ledger, names map[string]string) *realtime.Tap {
	name := func(c *realtime.Conn) string { return names[c.ID()] }
	return &realtime.Tap{
		Connected:    func(c *realtime.Conn) { l.note("connected %s", c.Namespace().Name()) },
		Disconnected: func(c *realtime.Conn, why realtime.Disconnected) { l.note("disconnected %s %s", name(c), why.Cause) },
		Upgraded:     func(c *realtime.Conn) { l.note("upgraded %s", c.Transport()) },
		Changed:      func(c *realtime.Conn) { l.note("changed %s %s", name(c), c.Public()) },
		Joined:       func(c *realtime.Conn, room string) { l.note("joined %s %s", name(c), room) },
		Left:         func(c *realtime.Conn, room string) { l.note("left %s %s", name(c), room) },
		Received:     func(c *realtime.Conn, ev *realtime.Event) { l.note("received %s %s %s", name(c), ev.Name, ev.Raw(0)) },
		Sent: func(out realtime.Outgoing, data json.RawMessage, to []*realtime.Conn) {
			l.note("sent %s %s %t to %d", out.Event, data, out.WantAck, len(to))
		},
	}
}

func TestTap(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		l, names := &ledger{}, map[string]string{}
		early := f.connect()
		names[early.ID()] = "early"
		synctest.Wait() // its connection is told
		remove := f.Tap(tapInto(l, names))
		other := f.Tap(&realtime.Tap{Received: func(*realtime.Conn, *realtime.Event) { panic("other") }}) // harms nobody
		realtimetest.Answer(early, "ask", func(n int) int { return n })
		ann := f.host.Connect(realtimetest.Options{Transport: realtimetest.Upgrade})
		names[ann.ID()] = "ann"
		conn := f.conn(ann)
		ann.Emit("hello", 1)
		synctest.Wait()
		if err := conn.Join(f.Context(), "x"); err != nil {
			f.Error(err)
		}
		if err := conn.SetPublic(1); err != nil {
			f.Error(err)
		}
		if _, err := f.conn(early).EmitWithAck(f.Context(), "ask", 1); err != nil {
			f.Error(err)
		}
		if err := f.Server.Emit(f.Context(), "all", "a"); err != nil {
			f.Error(err)
		}
		if err := f.Server.To("x").Emit(f.Context(), "x"); err != nil {
			f.Error(err)
		}
		ann.Disconnect()
		l.expect(f.T, "",
			"changed ann 1 ×1", "connected / ×1", "disconnected ann client_disconnect ×1", "joined ann x ×1", "left ann x ×1",
			"received ann hello 1 ×1", `sent all ["all","a"] false to 2 ×1`, `sent ask ["ask",1] true to 1 ×1`, `sent x ["x"] false to 1 ×1`, "upgraded websocket ×1")
		remove()
		other()
		remove() // a second time
		early.Emit("late", 1)
		l.expect(f.T, "")
	})
}

// TestTapOfTheCluster: what other nodes send to connections of this one is seen here, of a large room a part.
func TestTapOfTheCluster(t *testing.T) {
	twoNodes(t, realtime.Config{}, func(a, b *fixture, _, _ *busNode) {
		l := &ledger{}
		defer b.Tap(tapInto(l, nil))()
		for range realtime.TapTargets + 1 {
			b.connect()
		}
		l.take()
		if err := a.Emit(a.Context(), "news", 1, realtime.Binary{1}); err != nil {
			a.Error(err)
		}
		l.expect(a.T, "", `sent news ["news",1,{"_placeholder":true,"num":0}] false to 100 ×1`)
	})
}
