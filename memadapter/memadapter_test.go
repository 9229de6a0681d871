package memadapter_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/memadapter"
)

func TestNodesHearOfEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memadapter.NewBus()
		x, y := started(t, b, "x"), started(t, b, "y")
		x.heard("+ y")
		y.heard("+ x")
		x.publish(1)
		if err := y.Close(t.Context()); err != nil {
			t.Error(err)
		}
		x.heard("- y")
		nodes, err := x.Nodes(t.Context())
		if diff := cmp.Diff([]realtime.Node{{ID: "x", Name: "x", Meta: map[string]string{"zone": "1"}}}, nodes); diff != "" || err != nil {
			t.Error(diff, err)
		}
		if err := y.Close(t.Context()); !errors.Is(err, memadapter.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
		if err := y.Start(t.Context(), y.self, y); !errors.Is(err, memadapter.ErrClosed) {
			t.Errorf("Start after Close: %v", err)
		}
		if err := x.Start(t.Context(), x.self, x); !errors.Is(err, memadapter.ErrStarted) {
			t.Errorf("second Start: %v", err)
		}
		if _, err := b.Node().Nodes(t.Context()); !errors.Is(err, memadapter.ErrNotStarted) {
			t.Errorf("Nodes before Start: %v", err)
		}
		if err := b.Node().Close(t.Context()); err != nil {
			t.Errorf("Close before Start: %v", err)
		}
	})
}

func TestNothingIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memadapter.NewBus()
		x, y, z := started(t, b, "x"), started(t, b, "y"), started(t, b, "z")
		yes := true
		sent := &realtime.Message{
			Op: realtime.OpBroadcast, Node: "x", Namespace: "/", Rooms: []string{"r"}, Except: []string{"e"}, Names: []string{"n"},
			Volatile: true, Compress: &yes, Close: true, Reason: "why", Timeout: time.Second, Conn: "c", Count: 3,
			Conns: []realtime.ConnInfo{{ID: "i", Rooms: []string{"r"}, Public: []byte(`1`), Connected: time.Unix(1, 0).UTC()}},
			Data:  []byte(`["a"]`), Attachments: [][]byte{{1}}, Meta: map[string]string{"k": "v"},
		}
		data, err := json.Marshal(sent)
		if err != nil {
			t.Fatal(err)
		}
		var want realtime.Message
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		spoil := func(m *realtime.Message) {
			m.Rooms[0], m.Except[0], m.Names[0], m.Conns[0].ID, m.Conns[0].Rooms[0], m.Meta["k"] = "", "", "", "", "", ""
			m.Data[1], m.Attachments[0][0], m.Conns[0].Public[0], *m.Compress = ' ', 0, '0', false
		}
		y.onMsg = spoil // against the contract, as a bug would be
		if err := x.Publish(t.Context(), sent); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for who, got := range map[string]*realtime.Message{"the receiver's": z.last, "the publisher's": sent} {
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("%s message (-want +got):\n%s", who, diff)
			}
		}
		if err := x.Publish(t.Context(), &realtime.Message{Op: realtime.OpBroadcast, Data: []byte(`["broken`)}); err == nil {
			t.Error("a message that does not encode: no error")
		}
	})
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memadapter.NewBus()
		x, y := started(t, b, "x"), started(t, b, "y").answering()
		x.heard("+ y")
		y.heard("+ x")
		b.Delay(time.Minute)
		x.publish(1)
		b.Delay(time.Second) // what follows does not overtake
		x.publish(2)
		pass(59 * time.Second)
		y.heard()
		pass(time.Second)
		y.heard("x:[1]", "x:[2]")

		start := time.Now()
		answers, expected, err := x.ask(realtime.OpFetch, time.Hour)
		if took := time.Since(start); took != 2*time.Second || len(answers) != 1 || expected != 1 || err != nil {
			t.Errorf("answers %v of %d after %v, %v; want one after there and back", answers, expected, took, err)
		}
	})
}

func TestCloseWaitsForCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memadapter.NewBus()
		x, y := started(t, b, "x"), started(t, b, "y")
		release := make(chan struct{})
		y.onMsg = func(*realtime.Message) { <-release }
		x.publish(1)
		x.publish(2)
		synctest.Wait() // y is in the call
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := y.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close during a call: %v", err)
		}
		close(release)
		y.heard("+ x", "x:[1]") // and not the second
	})
}

func TestRoomsThatNobodyIsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memadapter.NewBus()
		x, y := started(t, b, "x"), started(t, b, "y")
		x.publish(1, "r") // y was never told of a room: it may stand behind a wrapper
		y.heard("+ x", "x:[1]")
		y.RoomOpened("/", "r")
		x.publish(2, "r")
		x.publish(3, "s")
		x.publish(4, "s", "r")
		x.publish(5, "abcdefghijklmnopqrst") // could be a connection's id
		x.publish(6)
		y.heard("x:[2]", "x:[4]", "x:[5]", "x:[6]")
		y.RoomClosed("/", "r")
		x.publish(7, "r")
		y.heard()
	})
}

// A broadcast may follow the operation that makes somebody join its room.
func TestInterestIsThatOfTheMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memadapter.NewBus()
		x, y := started(t, b, "x"), started(t, b, "y")
		y.RoomOpened("/", "other")
		y.onMsg = func(m *realtime.Message) {
			if m.Op == realtime.OpJoin {
				y.RoomOpened("/", m.Names[0])
			}
		}
		join := x.message(1)
		join.Op, join.Names = realtime.OpJoin, []string{"r"}
		if err := x.Publish(t.Context(), join); err != nil {
			t.Fatal(err)
		}
		x.publish(2, "r")
		y.heard("+ x", "x:[1]", "x:[2]")
	})
}
